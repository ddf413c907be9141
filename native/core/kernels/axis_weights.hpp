// Weights of one Gaussian along one axis.
// Part of kernels.cpp, which is compiled once for each instruction set; nothing here has external linkage.
#pragma once

#include <cstring>

#include "kernels/vectors.hpp"

namespace particlegrid {
namespace {

using Doubles = VectorOf<double>::type;
constexpr int kDoubles = static_cast<int>(kRowBytes / sizeof(double));
typedef std::int32_t Ints __attribute__((vector_size(kRowBytes / 2)));
typedef std::int64_t Longs __attribute__((vector_size(kRowBytes)));

inline double add_lanes(Doubles v) { return (v[0] + v[1]) + (v[2] + v[3]); }

// erf by a Taylor step of at most 1/32 from the nearest tabulated node: the remainder stays below 3e-16. Differences of
// single-precision erf lose up to 1e-5 of a weight where voxels are fine, so weights are made in double throughout.
// The slope, 2 / sqrt(pi) exp(-x^2), comes from the same terms to 7e-14, and is 0 from 6 on.
template <bool kWithSlope>
[[gnu::always_inline]] inline Doubles step_from_node(Doubles x, Doubles& density) {
    const Doubles distance = x < 0.0 ? -x : x;
    const Doubles a = distance < 5.999 ? distance : Doubles{} + 5.999;
    const Ints node = __builtin_convertvector(a * 16.0 + 0.5, Ints);
    const Doubles c = __builtin_convertvector(node, Doubles) * 0.0625;
    Doubles value, slope;
    for (int k = 0; k < kDoubles; ++k) {
        value[k] = erf_table.value[node[k]];
        slope[k] = erf_table.slope[node[k]];
    }
    const Doubles d = a - c;
    // erf(c + d) = erf(c) + erf'(c) d sum_n p_n / (n + 1)!, p_n = (-d)^n H_n(c), H the Hermite polynomials;
    // erf'(c + d) = erf'(c) sum_n p_n / n!
    const Doubles u = -2.0 * c * d, v = -2.0 * d * d;
    const Doubles p1 = u;
    const Doubles p2 = u * p1 + v;
    const Doubles p3 = u * p2 + 2.0 * v * p1;
    const Doubles p4 = u * p3 + 3.0 * v * p2;
    const Doubles p5 = u * p4 + 4.0 * v * p3;
    const Doubles p6 = u * p5 + 5.0 * v * p4;
    const Doubles p7 = u * p6 + 6.0 * v * p5;
    const Doubles sum = 1.0 + p1 * (1.0 / 2) + p2 * (1.0 / 6) + p3 * (1.0 / 24) + p4 * (1.0 / 120) +
                        p5 * (1.0 / 720) + p6 * (1.0 / 5040) + p7 * (1.0 / 40320);
    if constexpr (kWithSlope) {
        const Doubles change = 1.0 + p1 + p2 * (1.0 / 2) + p3 * (1.0 / 6) + p4 * (1.0 / 24) + p5 * (1.0 / 120) +
                               p6 * (1.0 / 720) + p7 * (1.0 / 5040);
        density = distance < 5.999 ? slope * change : Doubles{};
    }
    const Doubles y = value + slope * d * sum;
    return x < 0.0 ? -y : y;
}

inline Doubles erf_by_table(Doubles x) {
    Doubles unused{};
    return step_from_node<false>(x, unused);
}

// exp(-u) for u >= 0, relative error below 4e-16; 0 beyond 700.
[[gnu::always_inline]] inline Doubles exp_of_minus(Doubles u) {
    const Doubles t = u < 700.0 ? u : Doubles{} + 700.0;
    const Ints whole = __builtin_convertvector(t * 1.4426950408889634 + 0.5, Ints);
    const Doubles n = __builtin_convertvector(whole, Doubles);
    const Doubles r = (n * 0.693147180369123816490 - t) + n * 1.90821492927058770002e-10;
    Doubles y = Doubles{} + 1.0 / 6227020800.0;
    y = y * r + 1.0 / 479001600.0;
    y = y * r + 1.0 / 39916800.0;
    y = y * r + 1.0 / 3628800.0;
    y = y * r + 1.0 / 362880.0;
    y = y * r + 1.0 / 40320.0;
    y = y * r + 1.0 / 5040.0;
    y = y * r + 1.0 / 720.0;
    y = y * r + 1.0 / 120.0;
    y = y * r + 1.0 / 24.0;
    y = y * r + 1.0 / 6.0;
    y = y * r + 0.5;
    y = y * r + 1.0;
    y = y * r + 1.0;
    const Longs bits = (1023 - __builtin_convertvector(whole, Longs)) << 52;
    Doubles power;
    std::memcpy(&power, &bits, sizeof power);
    return u < 700.0 ? y * power : Doubles{};
}

typedef double WideDoubles __attribute__((vector_size(2 * kRowBytes)));
typedef std::int32_t WideInts __attribute__((vector_size(kRowBytes)));
using Floats = VectorOf<float>::type;

// exp(-u) for u >= 0, relative error below 2e-7; 0 beyond 87. What is left of u after the powers of 2 is small enough to be
// a float; u itself as a float would lose 6e-8 u.
inline Floats exp_of_minus(WideDoubles u) {
    const Floats about = __builtin_convertvector(u, Floats);
    const Floats t = about < 87.0f ? about : Floats{} + 87.0f;
    const WideInts whole = __builtin_convertvector(t * 1.44269504f + 0.5f, WideInts);
    const WideDoubles n = __builtin_convertvector(__builtin_convertvector(whole, Floats), WideDoubles);
    const Floats r = __builtin_convertvector(n * 0.6931471805599453 - u, Floats);
    Floats y = Floats{} + 1.0f / 720.0f;
    y = y * r + 1.0f / 120.0f;
    y = y * r + 1.0f / 24.0f;
    y = y * r + 1.0f / 6.0f;
    y = y * r + 0.5f;
    y = y * r + 1.0f;
    y = y * r + 1.0f;
    const WideInts bits = (127 - whole) << 23;
    Floats power;
    std::memcpy(&power, &bits, sizeof power);
    return about < 87.0f ? y * power : Floats{};
}

// Weights in single precision, from distances in double: a distance rounded to a float would move the atom.
inline void weigh_by_series(const AxisJob& job, const float* series, int terms, float* weights) {
    const double step = job.spacing / job.sigma;
    const double center = ((static_cast<double>(job.first) + 0.5) * job.spacing - job.offset) / job.sigma;
    const WideDoubles lanes = {0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0};
    const WideInts numbers = {0, 1, 2, 3, 4, 5, 6, 7};
    const float scale = static_cast<float>(job.scale);
    for (std::int64_t i = 0; i < job.padded; i += 8) {
        const WideDoubles s = center + (static_cast<double>(i) + lanes) * step;
        const WideDoubles square = s * s;
        const Floats y = __builtin_convertvector(square, Floats);
        Floats sum = Floats{} + series[terms - 1];
        for (int k = terms - 2; k >= 0; --k) sum = sum * y + series[k];
        const Floats w = scale * (sum * exp_of_minus(0.5 * square));
        const WideInts inside = numbers < static_cast<std::int32_t>(job.count - i);
        *reinterpret_cast<Floats*>(weights + i) = inside ? w : Floats{};
    }
}

template <class T>
void weigh_axis(const AxisJob& job, double* scratch, T* weights) {
    if constexpr (sizeof(T) == sizeof(float)) {
        constexpr float kOne[1] = {1.0f};
        if (job.point) return weigh_by_series(job, kOne, 1, weights);
        if (job.series != nullptr) return weigh_by_series(job, job.series, kSeriesTerms, weights);
    }
    const double scale = 1.0 / (1.4142135623730951 * job.sigma);
    const double step = job.spacing * scale;
    const double corner = (job.first * job.spacing - job.offset) * scale;
    const Doubles lanes = {0.0, 1.0, 2.0, 3.0};
    static_assert(kDoubles == 4);
    if (job.point) {
        for (std::int64_t i = 0; i < job.count; i += kDoubles) {
            const Doubles t = corner + (static_cast<double>(i) + 0.5 + lanes) * step;
            *reinterpret_cast<Doubles*>(scratch + i) = exp_of_minus(t * t);
        }
        for (std::int64_t i = 0; i < job.count; ++i) weights[i] = static_cast<T>(job.scale * scratch[i]);
    } else {
        for (std::int64_t i = 0; i < job.count + 1; i += kDoubles) {
            const Doubles t = corner + (static_cast<double>(i) + lanes) * step;
            *reinterpret_cast<Doubles*>(scratch + i) = erf_by_table(t);
        }
        const double half = 0.5 * job.scale;
        for (std::int64_t i = 0; i < job.count; ++i) weights[i] = static_cast<T>(half * (scratch[i + 1] - scratch[i]));
    }
    for (std::int64_t i = job.count; i < job.padded; ++i) weights[i] = T(0);
}

}  // namespace
}  // namespace particlegrid
