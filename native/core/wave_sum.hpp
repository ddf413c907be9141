// The part of an Ewald sum over wave vectors, plane by plane of a grid.
#pragma once

#include <vector>

#include "wave_phases.hpp"

namespace particlegrid {

// What multiplies Re(S(k) exp(i k r)), for all elements of (planes, rows, padded columns): 4 pi / V exp(-k^2 / 4 alpha^2) /
// k^2, twice that where -k is left out, and 0 beyond the radius and at k = 0.
std::vector<double> weigh_waves(const Basis& lattice, const EwaldSplit& split);

// 4 pi / V sum over k != 0 of exp(-k^2 / 4 alpha^2) / k^2 Re(S(k) exp(i k r)), S(k) = sum q exp(-i k r_n), and the
// background -pi Q / (V alpha^2), for every channel of one structure.
class WaveSum {
public:
    // Makes the factors on so many threads; `job` must outlive this.
    WaveSum(const CoulombJob& job, std::int64_t structure, const EwaldSplit& split, const Kernels& kernels);

    using Scratch = WavePhases::Scratch;

    // Add the sum to plane x of a channel that has charges, in rows padded to a multiple of kRowBytes.
    void paint(std::int64_t channel, std::int64_t x, Scratch& scratch, double* plane) const;

private:
    struct Channel {
        double background = 0.0;
        WaveFactors factors;
    };

    WaveSum(const CoulombJob& job, std::int64_t structure, const EwaldSplit& split, const Basis& lattice,
            const std::vector<double>& weights, const Kernels& kernels);

    const CoulombJob& job_;
    const WavePhases phases_;
    std::vector<Channel> channels_;
};

}  // namespace particlegrid
