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

// A weight and its derivative by the voxel's place from one exponential: with P the series, exp(-s^2 / 2) P(s^2) has the
// derivative s exp(-s^2 / 2) (2 P' - P).
inline void weigh_line_by_series(const LineJob& job, const float* series, int terms, float* weights) {
    const double step = job.spacing / job.sigma;
    const double center = job.start / job.sigma + (0.5 - static_cast<double>(job.lead)) * step;
    const WideDoubles lanes = {0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0};
    const WideInts numbers = {0, 1, 2, 3, 4, 5, 6, 7};
    const float per_sigma = static_cast<float>(1.0 / job.sigma);
    const std::int64_t end = job.lead + job.count;
    for (std::int64_t i = 0; i < job.stride; i += 8) {
        const WideDoubles s = center + (static_cast<double>(i) + lanes) * step;
        const WideDoubles square = s * s;
        const Floats y = __builtin_convertvector(square, Floats);
        Floats sum = Floats{} + series[terms - 1], slope{};
        for (int k = terms - 2; k >= 0; --k) {
            slope = slope * y + sum;
            sum = sum * y + series[k];
        }
        const Floats density = exp_of_minus(0.5 * square);
        const Floats value = sum * density;
        const Floats change = (per_sigma * __builtin_convertvector(s, Floats)) * (2.0f * slope - sum) * density;
        const WideInts at = numbers + static_cast<std::int32_t>(i);
        const WideInts inside = (at >= static_cast<std::int32_t>(job.lead)) & (at < static_cast<std::int32_t>(end));
        *reinterpret_cast<Floats*>(weights + i) = inside ? value : Floats{};
        if (job.orders > 0) *reinterpret_cast<Floats*>(weights + job.stride + i) = inside ? change : Floats{};
    }
}

// With t = x / sigma, orders k of an integral are differences between a voxel's ends: of erf(t / sqrt 2) / 2, and from
// k = 1 on of the (k - 1)-th derivative of the density; those of a point value are its derivatives at the centre.
template <class T>
void weigh_line(const LineJob& job, double* scratch, T* weights) {
    if constexpr (sizeof(T) == sizeof(float)) {
        constexpr float kOne[1] = {1.0f};
        if (job.orders <= 1 && job.point) return weigh_line_by_series(job, kOne, 1, weights);
        if (job.orders <= 1 && job.series != nullptr) return weigh_line_by_series(job, job.series, kSeriesTerms, weights);
    }
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
