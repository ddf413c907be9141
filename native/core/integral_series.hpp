// The integral of a Gaussian over a voxel as a series about the voxel's middle.
#pragma once

#include <cmath>

#include "kernels.hpp"

namespace particlegrid {

// Coefficients for one length of a voxel in sigmas, kept until another comes.
class IntegralSeries {
public:
    // c_j = sum over k of 2 q^(2k+1) / (2k+1)! / sqrt(2 pi) times the coefficient of s^(2j) in the Hermite polynomial He_2k,
    // q half the length; null where the voxel is too long.
    const float* find(double length) {
        if (!(length <= kSeriesLimit)) return nullptr;
        if (length_ == length) return coefficients_;
        length_ = length;
        static constexpr double kHermite[kSeriesTerms][kSeriesTerms] = {
            {1},
            {-1, 1},
            {3, -6, 1},
            {-15, 45, -15, 1},
            {105, -420, 210, -28, 1},
            {-945, 4725, -3150, 630, -45, 1},
            {10395, -62370, 51975, -13860, 1485, -66, 1},
        };
        double sums[kSeriesTerms] = {};
        double factor = length / std::sqrt(2.0 * 3.14159265358979323846);
        for (int k = 0; k < kSeriesTerms; ++k) {
            for (int j = 0; j <= k; ++j) sums[j] += factor * kHermite[k][j];
            factor *= 0.25 * length * length / ((2.0 * k + 2.0) * (2.0 * k + 3.0));
        }
        for (int j = 0; j < kSeriesTerms; ++j) coefficients_[j] = static_cast<float>(sums[j]);
        return coefficients_;
    }

private:
    double length_ = 0.0;
    float coefficients_[kSeriesTerms] = {};
};

}  // namespace particlegrid
