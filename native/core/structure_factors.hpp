// Structure factors: sums of charges times their phases, one for every wave vector.
#pragma once

#include <array>
#include <cmath>
#include <vector>

#include "ewald_split.hpp"
#include "kernels.hpp"

namespace particlegrid {

inline constexpr double kTwoPi = 6.28318530717958647692;

// exp(2 pi i turns)
struct Phase {
    double real, imaginary;
    explicit Phase(double turns) {
        turns -= std::round(turns);
        real = std::cos(kTwoPi * turns);
        imaginary = std::sin(kTwoPi * turns);
    }
};

struct WaveCharge {
    std::array<double, 3> fraction;  // lattice coordinates
    double charge;
};

// S(k) = sum of charge exp(-i k r) for all elements of (planes, rows, padded columns) of the waves: real parts, then
// imaginary ones.
std::vector<double> sum_structure_factors(const std::vector<WaveCharge>& charges, const WaveRange& waves, int threads,
                                          const Kernels& kernels);

}  // namespace particlegrid
