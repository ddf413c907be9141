// Sums over wave vectors at the charges of a crystal, and how they change with a charge's place.
#pragma once

#include "parallel.hpp"
#include "wave_frame.hpp"

namespace particlegrid {

// For every element of the waves a number that stands for both k and -k: real parts, then imaginary ones, and their
// changes where there is a direction.
struct WaveFields {
    std::vector<double> value, change;
};

// Of one charge: the derivative of sum(g values) by it, and by its lattice coordinates F.
template <class N>
struct EntrySums {
    N potential, fraction[3];
};

// sum over m of Re(X(m) exp(-2 pi i m.F)) for the fields X, and their derivatives by F, for entries of one channel.
template <class N>
class EntryAdder {
public:
    EntryAdder(const WaveFrame<N>& frame, const WaveFields& fields) : frame_(frame), fields_(fields) {
        const WaveRange& waves = frame.waves;
        const std::int64_t counts[3] = {waves.planes(), waves.rows(), waves.padded_columns()};
        for (std::size_t a = 0; a < 3; ++a) phases_[a].assign(static_cast<std::size_t>(2 * counts[a]), 0.0);
    }

    EntrySums<N> sum(const typename WaveFrame<N>::Entry& entry) {
        fill_phases(entry);
        Sums sums;
        const WaveRange& waves = frame_.waves;
        for (std::int64_t i = 0; i < waves.planes(); ++i)
            for (std::int64_t j = 0; j < waves.rows(); ++j) add_row(i, j, sums);
        EntrySums<N> out;
        if constexpr (WaveFrame<N>::kChanges) {
            out.potential = {sums.real, sums.real_change};
            for (std::size_t a = 0; a < 3; ++a) {
                const double moved = entry.fraction[a].rate * kTwoPi;
                out.potential.rate += moved * sums.slope[a];
                Dual slope(sums.slope[a], sums.slope_change[a]);
                for (std::size_t b = 0; b < 3; ++b)
                    slope.rate -= kTwoPi * entry.fraction[b].rate * sums.curvature[3 * a + b];
                out.fraction[a] = Dual(kTwoPi) * entry.charge * slope;
            }
        } else {
            out.potential = sums.real;
            for (std::size_t a = 0; a < 3; ++a) out.fraction[a] = kTwoPi * entry.charge * sums.slope[a];
        }
        return out;
    }

private:
    // Of z = X exp(-2 pi i m.F): Re z, m_a Im z, m_a m_b Re z; and of the changes of X alone the first two.
    struct Sums {
        double real = 0.0, slope[3] = {}, curvature[9] = {}, real_change = 0.0, slope_change[3] = {};
    };

    // exp(-2 pi i m F) along each axis: real parts, then imaginary ones.
    void fill_phases(const typename WaveFrame<N>::Entry& entry) {
        for (std::size_t a = 0; a < 3; ++a) {
            const double fraction = value_of(entry.fraction[a]) - std::floor(value_of(entry.fraction[a]));
            const std::size_t count = phases_[a].size() / 2;
            const std::int64_t first = a == 2 ? 0 : -frame_.waves.most[a];
            for (std::size_t i = 0; i < count; ++i) {
                const Phase phase(-static_cast<double>(first + static_cast<std::int64_t>(i)) * fraction);
                phases_[a][i] = phase.real;
                phases_[a][count + i] = phase.imaginary;
            }
        }
    }

    void add_row(std::int64_t i, std::int64_t j, Sums& sums) const {
        constexpr int kPowers = WaveFrame<N>::kChanges ? 3 : 2;
        const WaveRange& waves = frame_.waves;
        const std::int64_t columns = waves.padded_columns(), row = (i * waves.rows() + j) * columns;
        const double *x_real = fields_.value.data() + row, *x_imaginary = x_real + waves.elements();
        const double *c_real = phases_[2].data(), *c_imaginary = c_real + columns;
        double real[kPowers] = {}, imaginary[kPowers] = {}, change_real[2] = {}, change_imaginary[2] = {};
        for (std::int64_t k = 0; k < columns; ++k) {
            const double m = static_cast<double>(k);
            const double re = x_real[k] * c_real[k] - x_imaginary[k] * c_imaginary[k];
            const double im = x_real[k] * c_imaginary[k] + x_imaginary[k] * c_real[k];
            double scale = 1.0;
            for (int p = 0; p < kPowers; ++p, scale *= m) {
                real[p] += scale * re;
                imaginary[p] += scale * im;
            }
            if constexpr (WaveFrame<N>::kChanges) {
                const double *y_real = fields_.change.data() + row, *y_imaginary = y_real + waves.elements();
                const double dre = y_real[k] * c_real[k] - y_imaginary[k] * c_imaginary[k];
                const double dim = y_real[k] * c_imaginary[k] + y_imaginary[k] * c_real[k];
                change_real[0] += dre;
                change_real[1] += m * dre;
                change_imaginary[0] += dim;
                change_imaginary[1] += m * dim;
            }
        }
        // times the phases along the first two axes
        const std::size_t at_i = static_cast<std::size_t>(i), at_j = static_cast<std::size_t>(j);
        const double a = phases_[0][at_i], b = phases_[0][phases_[0].size() / 2 + at_i];
        const double c = phases_[1][at_j], d = phases_[1][phases_[1].size() / 2 + at_j];
        const double p_real = a * c - b * d, p_imaginary = a * d + b * c;
        const auto turn = [&](double& re, double& im) {
            const double turned = re * p_real - im * p_imaginary;
            im = re * p_imaginary + im * p_real;
            re = turned;
        };
        for (int p = 0; p < kPowers; ++p) turn(real[p], imaginary[p]);
        const double m[2] = {static_cast<double>(i - waves.most[0]), static_cast<double>(j - waves.most[1])};
        sums.real += real[0];
        sums.slope[0] += m[0] * imaginary[0];
        sums.slope[1] += m[1] * imaginary[0];
        sums.slope[2] += imaginary[1];
        if constexpr (WaveFrame<N>::kChanges) {
            for (int p = 0; p < 2; ++p) turn(change_real[p], change_imaginary[p]);
            const double products[9] = {m[0] * m[0] * real[0], m[0] * m[1] * real[0], m[0] * real[1],
                                        m[0] * m[1] * real[0], m[1] * m[1] * real[0], m[1] * real[1],
                                        m[0] * real[1],        m[1] * real[1],        real[2]};
            for (int n = 0; n < 9; ++n) sums.curvature[n] += products[n];
            sums.real_change += change_real[0];
            sums.slope_change[0] += m[0] * change_imaginary[0];
            sums.slope_change[1] += m[1] * change_imaginary[0];
            sums.slope_change[2] += change_imaginary[1];
        }
    }

    const WaveFrame<N>& frame_;
    const WaveFields& fields_;
    std::vector<double> phases_[3];
};

// On so many threads; each charge's sums are made in one order.
template <class N>
std::vector<EntrySums<N>> sum_entries(const WaveFrame<N>& frame, const std::vector<typename WaveFrame<N>::Entry>& entries,
                                      const WaveFields& fields, int threads) {
    std::vector<EntrySums<N>> sums(entries.size());
    run_tasks(static_cast<std::int64_t>(entries.size()), threads, [&] {
        return [&, adder = EntryAdder<N>(frame, fields)](std::int64_t n) mutable {
            sums[static_cast<std::size_t>(n)] = adder.sum(entries[static_cast<std::size_t>(n)]);
        };
    });
    return sums;
}

}  // namespace particlegrid
