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

// sum over m of Re(X(m) exp(-2 pi i m.F)) for the fields X, and their derivatives by F, for kEntries entries at a time.
template <class N>
class EntryAdder {
public:
    static constexpr std::int64_t kEntries = 16;

    EntryAdder(const WaveFrame<N>& frame, const WaveFields& fields, const Kernels& kernels)
        : frame_(frame), fields_(fields), kernels_(kernels) {
        const std::size_t columns = static_cast<std::size_t>(frame.waves.padded_columns());
        with_real_.resize(columns * kWidth);
        with_imaginary_.resize(columns * kWidth);
        along_rows_.resize(static_cast<std::size_t>(2 * frame.waves.rows() * kEntries));
        columns_.resize(static_cast<std::size_t>(frame.waves.rows() * (kWidth + kChangeWidth)));
    }

    // Of no more than kEntries entries of one channel.
    void sum(const typename WaveFrame<N>::Entry* entries, std::int64_t count, EntrySums<N>* out) {
        fill_phases(entries, count);
        Sums sums;
        for (std::int64_t i = 0; i < frame_.waves.planes(); ++i) add_plane(i, entries, count, sums);
        for (std::size_t n = 0; n < static_cast<std::size_t>(count); ++n) out[n] = finish(entries[n], sums, n);
    }

private:
    static constexpr bool kChanges = WaveFrame<N>::kChanges;
    static constexpr std::int64_t kPowers = kChanges ? 3 : 2;  // of the last index: 0, 1, ..
    static constexpr std::int64_t kWidth = 2 * kPowers * kEntries, kChangeWidth = kChanges ? 4 * kEntries : 0;

    // Of z = X exp(-2 pi i m.F): Re z, m_a Im z, m_a m_b Re z (xx, xy, xz, yy, yz, zz); of the changes of X the first two.
    struct Sums {
        double real[kEntries] = {}, slope[3][kEntries] = {}, curvature[6][kEntries] = {};
        double real_change[kEntries] = {}, slope_change[3][kEntries] = {};
    };

    static Phase find_phase(const typename WaveFrame<N>::Entry& entry, std::size_t a, std::int64_t m) {
        const double fraction = value_of(entry.fraction[a]);
        return Phase(-static_cast<double>(m) * (fraction - std::floor(fraction)));
    }

    // exp(-2 pi i m F) along the rows' index, and along the columns' with powers of it: for each a row of all entries' real
    // and one of imaginary parts, and those of i times it.
    void fill_phases(const typename WaveFrame<N>::Entry* entries, std::int64_t count) {
        const WaveRange& waves = frame_.waves;
        for (std::int64_t n = 0; n < count; ++n) {
            for (std::int64_t j = 0; j < waves.rows(); ++j) {
                const Phase phase = find_phase(entries[n], 1, j - waves.most[1]);
                double* at = &along_rows_[static_cast<std::size_t>(2 * j * kEntries + n)];
                at[0] = phase.real;
                at[kEntries] = phase.imaginary;
            }
            for (std::int64_t k = 0; k < waves.padded_columns(); ++k) {
                const Phase phase = find_phase(entries[n], 2, k);
                double scale = 1.0;
                for (std::int64_t p = 0; p < kPowers; ++p, scale *= static_cast<double>(k)) {
                    const std::size_t at = static_cast<std::size_t>(k * kWidth + 2 * p * kEntries + n);
                    with_real_[at] = scale * phase.real;
                    with_real_[at + kEntries] = scale * phase.imaginary;
                    with_imaginary_[at] = -scale * phase.imaginary;
                    with_imaginary_[at + kEntries] = scale * phase.real;
                }
            }
        }
    }

    void add_plane(std::int64_t i, const typename WaveFrame<N>::Entry* entries, std::int64_t count, Sums& sums) {
        const WaveRange& waves = frame_.waves;
        const std::int64_t rows = waves.rows(), columns = waves.padded_columns();
        std::fill(columns_.begin(), columns_.end(), 0.0);
        double* changes = columns_.data() + rows * kWidth;
        const auto add = [&](const std::vector<double>& field, std::int64_t width, double* to) {
            const double* real = field.data() + i * rows * columns;
            kernels_.add_product({rows, columns, width, real, with_real_.data(), to, columns, kWidth, width});
            kernels_.add_product(
                {rows, columns, width, real + waves.elements(), with_imaginary_.data(), to, columns, kWidth, width});
        };
        add(fields_.value, kWidth, columns_.data());
        if constexpr (kChanges) add(fields_.change, kChangeWidth, changes);
        double plane_real[kEntries] = {}, plane_imaginary[kEntries] = {};
        for (std::int64_t n = 0; n < count; ++n) {
            const Phase phase = find_phase(entries[n], 0, i - waves.most[0]);
            plane_real[n] = phase.real;
            plane_imaginary[n] = phase.imaginary;
        }
        for (std::int64_t j = 0; j < rows; ++j) {
            const double x = static_cast<double>(i - waves.most[0]), y = static_cast<double>(j - waves.most[1]);
            const double *row = along_rows_.data() + 2 * j * kEntries, *from = columns_.data() + j * kWidth;
            for (std::int64_t n = 0; n < kEntries; ++n) {
                const double c = plane_real[n] * row[n] - plane_imaginary[n] * row[kEntries + n];
                const double s = plane_real[n] * row[kEntries + n] + plane_imaginary[n] * row[n];
                const auto real = [&](const double* at, std::int64_t power) {
                    return at[2 * power * kEntries + n] * c - at[(2 * power + 1) * kEntries + n] * s;
                };
                const auto imaginary = [&](const double* at, std::int64_t power) {
                    return at[2 * power * kEntries + n] * s + at[(2 * power + 1) * kEntries + n] * c;
                };
                const double re = real(from, 0), im = imaginary(from, 0);
                sums.real[n] += re;
                sums.slope[0][n] += x * im;
                sums.slope[1][n] += y * im;
                sums.slope[2][n] += imaginary(from, 1);
                if constexpr (kChanges) {
                    const double* change = changes + j * kChangeWidth;
                    const double re_z = real(from, 1), change_im = imaginary(change, 0);
                    sums.curvature[0][n] += x * x * re;
                    sums.curvature[1][n] += x * y * re;
                    sums.curvature[2][n] += x * re_z;
                    sums.curvature[3][n] += y * y * re;
                    sums.curvature[4][n] += y * re_z;
                    sums.curvature[5][n] += real(from, 2);
                    sums.real_change[n] += real(change, 0);
                    sums.slope_change[0][n] += x * change_im;
                    sums.slope_change[1][n] += y * change_im;
                    sums.slope_change[2][n] += imaginary(change, 1);
                }
            }
        }
    }

    static EntrySums<N> finish(const typename WaveFrame<N>::Entry& entry, const Sums& sums, std::size_t n) {
        EntrySums<N> out;
        if constexpr (kChanges) {
            constexpr std::size_t kProduct[3][3] = {{0, 1, 2}, {1, 3, 4}, {2, 4, 5}};
            out.potential = {sums.real[n], sums.real_change[n]};
            for (std::size_t a = 0; a < 3; ++a) {
                Dual slope(sums.slope[a][n], sums.slope_change[a][n]);
                out.potential.rate += kTwoPi * entry.fraction[a].rate * slope.value;
                for (std::size_t b = 0; b < 3; ++b)
                    slope.rate -= kTwoPi * entry.fraction[b].rate * sums.curvature[kProduct[a][b]][n];
                out.fraction[a] = Dual(kTwoPi) * entry.charge * slope;
            }
        } else {
            out.potential = sums.real[n];
            for (std::size_t a = 0; a < 3; ++a) out.fraction[a] = kTwoPi * entry.charge * sums.slope[a][n];
        }
        return out;
    }

    const WaveFrame<N>& frame_;
    const WaveFields& fields_;
    const Kernels& kernels_;
    std::vector<double> with_real_, with_imaginary_;  // (columns, powers, 2, entries)
    std::vector<double> along_rows_;                  // (rows, 2, entries)
    std::vector<double> columns_;  // of one plane, the sums over columns: (rows, powers, 2, entries), then those of changes
};

// On so many threads; each charge's sums are made in one order.
template <class N>
std::vector<EntrySums<N>> sum_entries(const WaveFrame<N>& frame, const std::vector<typename WaveFrame<N>::Entry>& entries,
                                      const WaveFields& fields, int threads, const Kernels& kernels) {
    constexpr std::int64_t kEach = EntryAdder<N>::kEntries;
    const std::int64_t total = static_cast<std::int64_t>(entries.size());
    std::vector<EntrySums<N>> sums(entries.size());
    run_tasks((total + kEach - 1) / kEach, threads, [&] {
        return [&, adder = EntryAdder<N>(frame, fields, kernels)](std::int64_t task) mutable {
            const std::int64_t first = task * kEach;
            adder.sum(entries.data() + first, std::min(kEach, total - first), sums.data() + first);
        };
    });
    return sums;
}

}  // namespace particlegrid
