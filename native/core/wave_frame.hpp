// What the sum over a crystal's wave vectors depends on, as numbers (double) or with their changes (Dual).
//
// With T the grid's edges and F the charges' places in lattice coordinates, both from the centre of voxel (0, 0, 0), voxel
// c of the grid has Re sum over m of w(m) S(m) exp(2 pi i m.(c T)), S(m) = sum of q exp(-2 pi i m.F): whole numbers m stay,
// and the lattice acts through T, F and w alone. The background is the wave m = 0 of weight -pi / (V alpha^2).
#pragma once

#include <type_traits>
#include <vector>

#include "dual.hpp"
#include "tangent.hpp"
#include "wave_sum.hpp"

namespace particlegrid {

inline double value_of(double x) { return x; }
inline double value_of(const Dual& x) { return x.value; }
inline double rate_of(double) { return 0.0; }
inline double rate_of(const Dual& x) { return x.rate; }

// out = a b for three rows of three, or a transposed b.
template <bool kTransposed, class N>
void multiply(const N* a, const N* b, N* out) {
    for (int i = 0; i < 3; ++i)
        for (int j = 0; j < 3; ++j) {
            N sum = 0.0;
            for (int k = 0; k < 3; ++k) sum += a[kTransposed ? 3 * k + i : 3 * i + k] * b[3 * k + j];
            out[3 * i + j] = sum;
        }
}

// out = a b^T a: with b changes of a lattice's rows and a its duals, less the changes of the duals; and less the gradient
// by the rows where b is that by the duals.
template <class N>
void multiply_around(const N* a, const N* b, N* out) {
    N inner[9];  // (b^T a)
    multiply<true>(b, a, inner);
    multiply<false>(a, inner, out);
}

template <class N>
class WaveFrame {
public:
    static constexpr bool kChanges = std::is_same_v<N, Dual>;
    using Numbers = std::vector<double>;

    struct Entry {
        std::int64_t number;
        N place[3];     // A, from the centre of voxel (0, 0, 0)
        N fraction[3];  // lattice coordinates of the place
        N charge;
    };
    // For every element: real parts, then imaginary ones; `change` is empty where N is double.
    struct Factors {
        Numbers value, change;
        N at(std::size_t i) const {
            if constexpr (kChanges) return {value[i], change[i]};
            else return value[i];
        }
    };

    // The direction is needed where N is Dual, and null else. `job` must outlive this.
    WaveFrame(const CoulombJob& job, std::int64_t structure, const EwaldSplit& split, const Direction* direction)
        : waves(split.waves), alpha(split.alpha), channels(static_cast<std::size_t>(job.channels)), job_(job) {
        const Direction none{};
        const Direction& d = direction == nullptr ? none : *direction;
        const Basis lattice(job.lattices + 9 * structure);
        take(lattice.rows.data(), d.lattices, 9 * structure, 9, rows);
        take(job.axes + 9 * structure, d.axes, 9 * structure, 9, axes);
        set_duals(lattice);
        for (int e = 0; e < 3; ++e)
            for (int a = 0; a < 3; ++a) steps[3 * e + a] = product(axes + 3 * e, duals + 3 * a);
        weights = weigh_waves(lattice, split);
        weights[static_cast<std::size_t>(find_background())] = -0.5 * kTwoPi / (lattice.volume * alpha * alpha);
        N origin[3];
        take(job.origins + 3 * structure, d.origins, 3 * structure, 3, origin);
        for (std::int64_t e = job.entry_offsets[structure]; e < job.entry_offsets[structure + 1]; ++e) {
            Entry entry{e, {}, {}, {}};
            take(job.positions + 3 * job.entry_atoms[e], d.positions, 3 * job.entry_atoms[e], 3, entry.place);
            take(job.entry_weights + e, d.weights, e, 1, &entry.charge);
            for (int k = 0; k < 3; ++k)
                entry.place[k] = entry.place[k] - (origin[k] + 0.5 * (axes[k] + axes[3 + k] + axes[6 + k]));
            for (int a = 0; a < 3; ++a) entry.fraction[a] = product(entry.place, duals + 3 * a);
            channels[static_cast<std::size_t>(job.entry_channels[e])].push_back(entry);
        }
    }

    std::int64_t find_background() const {
        return (waves.most[0] * waves.rows() + waves.most[1]) * waves.padded_columns();
    }

    // 1/A; k = 2 pi m B.
    void find_wave(const std::array<std::int64_t, 3>& m, N* wave) const {
        for (std::size_t k = 0; k < 3; ++k) {
            wave[k] = 0.0;
            for (std::size_t a = 0; a < 3; ++a) wave[k] += N(kTwoPi * static_cast<double>(m[a])) * duals[3 * a + k];
        }
    }

    // 1 / k^2 + 1 / (4 alpha^2), by which less the logarithm of a weight changes with k^2; 0 of the background.
    N find_fall(const N* wave) const {
        const N square = product(wave, wave);
        if (value_of(square) == 0.0) return 0.0;
        return N(1.0) / square + N(0.25 / (alpha * alpha));
    }

    // Of one wave, whose vector and fall are given.
    N weigh(std::size_t element, const N* wave, const N& fall) const {
        if constexpr (kChanges) {
            const double weight = weights[element], square_change = product(wave, wave).rate;
            return {weight, -weight * (volume.rate / volume.value + fall.value * square_change)};
        } else {
            return weights[element];
        }
    }

    // How many turns of the phase an edge of the voxel adds to its change.
    double turn(const std::array<std::int64_t, 3>& m, int edge) const {
        double sum = 0.0;
        for (std::size_t a = 0; a < 3; ++a)
            sum += static_cast<double>(m[a]) * rate_of(steps[static_cast<std::size_t>(3 * edge) + a]);
        return sum;
    }

    // S(k) of a channel.
    Factors sum_factors(const std::vector<Entry>& entries, const Kernels& kernels) const {
        std::vector<WaveCharge> charges;
        for (const Entry& entry : entries) {
            WaveCharge charge{{}, value_of(entry.charge)};
            for (std::size_t a = 0; a < 3; ++a)
                charge.fraction[a] = value_of(entry.fraction[a]) - std::floor(value_of(entry.fraction[a]));
            charges.push_back(charge);
        }
        const auto sum = [&](const auto& charge_of) {
            for (std::size_t n = 0; n < charges.size(); ++n) charges[n].charge = charge_of(entries[n]);
            return sum_structure_factors(charges, waves, job_.threads, kernels);
        };
        Factors factors;
        factors.value = sum([](const Entry& e) { return value_of(e.charge); });
        if constexpr (kChanges) {
            factors.change = sum([](const Entry& e) { return e.charge.rate; });
            const std::size_t size = static_cast<std::size_t>(waves.elements());
            for (std::size_t a = 0; a < 3; ++a) {
                const Numbers moved = sum([&](const Entry& e) { return e.charge.value * e.fraction[a].rate; });
                for (std::size_t i = 0; i < size; ++i) {  // times -2 pi i m_a
                    const double turns = kTwoPi * static_cast<double>(waves.indices(static_cast<std::int64_t>(i))[a]);
                    factors.change[i] += turns * moved[size + i];
                    factors.change[size + i] -= turns * moved[i];
                }
            }
        }
        return factors;
    }

    static N product(const N* a, const N* b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

    const WaveRange waves;
    const double alpha;
    N rows[9], duals[9];  // of the lattice
    N axes[9];            // edges of the grid's voxels
    N steps[9];           // T: of edge e, lattice coordinate a
    N volume;
    Numbers weights;  // w(m), the background's among them
    std::vector<std::vector<Entry>> channels;

private:
    void take(const double* values, const double* changes, std::int64_t first, int count, N* to) const {
        for (int i = 0; i < count; ++i) {
            if constexpr (kChanges) to[i] = {values[i], changes[first + i]};
            else to[i] = values[i];
        }
    }

    void set_duals(const Basis& lattice) {
        volume = lattice.volume;
        for (std::size_t i = 0; i < 9; ++i) duals[i] = lattice.duals[i];
        if constexpr (kChanges) {
            double changes[9], moved[9], growth = 0.0;
            for (std::size_t i = 0; i < 9; ++i) {
                changes[i] = rows[i].rate;
                growth += lattice.duals[i] * changes[i];
            }
            multiply_around(lattice.duals.data(), changes, moved);
            for (std::size_t i = 0; i < 9; ++i) duals[i].rate = -moved[i];
            volume.rate = lattice.volume * growth;
        }
    }

    const CoulombJob& job_;
};

}  // namespace particlegrid
