// Weights of one Gaussian along a line and their derivatives.
// Part of kernels.cpp, which is compiled once for each instruction set; nothing here has external linkage.
#pragma once

#include "derivative_jobs.hpp"
#include "kernels/axis_weights.hpp"

namespace particlegrid {
namespace {

// (-1)^k He_k(t), the factor of exp(-t^2 / 2) in its k-th derivative.
[[gnu::always_inline]] inline Doubles hermite(int k, Doubles t) {
    switch (k) {
        case 0: return Doubles{} + 1.0;
        case 1: return -t;
        case 2: return t * t - 1.0;
        case 3: return t * (3.0 - t * t);
        default: return (t * t - 6.0) * (t * t) + 3.0;
    }
}

// With t = x / sigma, orders k of an integral are differences between a voxel's ends: of erf(t / sqrt 2) / 2, and from
// k = 1 on of the (k - 1)-th derivative of the density; those of a point value are its derivatives at the centre.
template <class T>
void weigh_line(const LineJob& job, double* scratch, T* weights) {
    const double step = job.spacing / job.sigma;
    const double corner = job.start / job.sigma + (job.point ? 0.5 * step : 0.0);
    const std::int64_t values = job.point ? job.count : job.count + 1;
    const std::int64_t row = (values + kDoubles - 1) / kDoubles * kDoubles;
    double scale[kMostDerivatives + 1];
    scale[0] = 1.0;
    if (!job.point && job.orders > 0) scale[1] = 0.35355339059327373 / job.sigma;  // of the slope of erf: 1 / sqrt 8
    for (int k = job.point ? 1 : 2; k <= job.orders; ++k) scale[k] = scale[k - 1] / job.sigma;
    const Doubles lanes = {0.0, 1.0, 2.0, 3.0};
    for (std::int64_t i = 0; i < values; i += kDoubles) {
        const Doubles t = corner + (static_cast<double>(i) + lanes) * step;
        Doubles part;
        if (job.point) part = exp_of_minus(0.5 * (t * t));
        else *reinterpret_cast<Doubles*>(scratch + i) = 0.5 * step_from_node<true>(0.7071067811865476 * t, part);
        for (int k = job.point ? 0 : 1; k <= job.orders; ++k)
            *reinterpret_cast<Doubles*>(scratch + k * row + i) = scale[k] * (hermite(job.point ? k : k - 1, t) * part);
    }
    for (int k = 0; k <= job.orders; ++k) {
        T* const to = weights + k * job.stride;
        const double* const from = scratch + k * row;
        for (std::int64_t i = 0; i < job.lead; ++i) to[i] = T(0);
        if (job.point)
            for (std::int64_t i = 0; i < job.count; ++i) to[job.lead + i] = static_cast<T>(from[i]);
        else
            for (std::int64_t i = 0; i < job.count; ++i) to[job.lead + i] = static_cast<T>(from[i + 1] - from[i]);
        for (std::int64_t i = job.lead + job.count; i < job.stride; ++i) to[i] = T(0);
    }
}

}  // namespace
}  // namespace particlegrid
