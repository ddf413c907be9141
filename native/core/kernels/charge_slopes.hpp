// How the potentials of point charges change: moments over one plane, and changes added to one.
// Part of kernels.cpp, which is compiled once for each instruction set; nothing here has external linkage.
#pragma once

#include <cstring>

#include "kernels/charges.hpp"

namespace particlegrid {
namespace {

// A potential f of d^2, and its derivatives.
struct PairSlopes {
    Doubles value, slope, second;  // f, 2 f', 4 f''
};

// 1 / d or erfc(alpha d) / d. At a charge what is left of either without 1 / d, as add_charges has it.
template <bool kScreened, bool kSecond>
[[gnu::always_inline]] inline PairSlopes slopes_of(Doubles squared, double alpha) {
    constexpr double kNearest = kAtACharge * kAtACharge;
    const auto away = squared > kNearest;
    const Doubles safe = away ? squared : Doubles{} + 1.0, zero = {};
    Doubles distance;
    for (int k = 0; k < kDoubles; ++k) distance[k] = __builtin_sqrt(safe[k]);
    const Doubles inverse = 1.0 / distance, cube = inverse * inverse * inverse;
    PairSlopes pair;
    if constexpr (kScreened) {
        const Doubles t = alpha * distance, square = t * t;
        const Doubles screened = 1.0 - erf_by_table(t);
        const Doubles charge = 1.1283791670955126 * t * exp_of_minus(square);  // of the Gaussian within d
        const Doubles sum = screened + charge;
        pair.value = away ? screened * inverse : zero - 1.1283791670955126 * alpha;
        pair.slope = away ? -sum * cube : zero + 1.1283791670955126 * (2.0 / 3.0) * alpha * alpha * alpha;
        if constexpr (kSecond) pair.second = away ? (3.0 * sum + 2.0 * square * charge) * cube * inverse * inverse : zero;
    } else {
        pair.value = away ? inverse : zero;
        pair.slope = away ? -cube : zero;
        if constexpr (kSecond) pair.second = away ? 3.0 * cube * inverse * inverse : zero;
    }
    return pair;
}

// The drift along one row, as a polynomial in u_z.
struct RowDrift {
    double constant, linear, square;
    RowDrift(const ChargeDrift& drift, double x, double y)
        : constant((drift.linear[0] + drift.square[0] * x + drift.square[1] * y) * x +
                   (drift.linear[1] + drift.square[3] * y) * y),
          linear(drift.linear[2] + drift.square[2] * x + drift.square[4] * y),
          square(drift.square[5]) {}
    Doubles at(Doubles z) const { return constant + (linear + square * z) * z; }
};

// Values of a row from k on as doubles, 0 beyond its end.
template <class T>
[[gnu::always_inline]] inline Doubles load_values(const T* row, std::int64_t k, std::int64_t columns) {
    typedef T Four __attribute__((vector_size(kDoubles * sizeof(T)), aligned(sizeof(T)), may_alias));
    Four four = {};
    if (k + kDoubles <= columns) four = *reinterpret_cast<const Four*>(row + k);
    else std::memcpy(&four, row + k, static_cast<std::size_t>(columns - k) * sizeof(T));
    return __builtin_convertvector(four, Doubles);
}


// Moments of one quantity: sums along a row, from which those of the plane follow.
struct PlaneMoments {
    Doubles row[3] = {}, plane[6] = {};  // powers of u_z; 1, u_y, u_z, u_y^2, u_y u_z, u_z^2

    void add(Doubles value, Doubles z) {
        row[0] += value;
        row[1] += value * z;
        row[2] += value * z * z;
    }
    void end_row(double y) {
        plane[0] += row[0];
        plane[1] += y * row[0];
        plane[2] += row[1];
        plane[3] += y * y * row[0];
        plane[4] += y * row[1];
        plane[5] += row[2];
        for (Doubles& sum : row) sum = Doubles{};
    }
    void end_plane(double x, double* moments) const {
        double sums[6];
        for (int i = 0; i < 6; ++i) sums[i] = add_lanes(plane[i]);
        const double all[10] = {sums[0],     x * sums[0], sums[1], sums[2], x * x * sums[0],
                                x * sums[1], x * sums[2], sums[3], sums[4], sums[5]};
        for (int i = 0; i < 10; ++i) moments[i] += all[i];
    }
};

template <bool kScreened, bool kSecond, class T>
void add_plane_moments(const TurnedPlane& job, const double* index, const ChargeDrift* drift, const T* values,
                       ChargeMoments& sums) {
    const double x = static_cast<double>(job.x) - index[0];
    const Doubles lanes = {0.0, 1.0, 2.0, 3.0};
    Doubles potential = {};
    PlaneMoments slope, second;
    RowDrift along(kSecond ? *drift : ChargeDrift{}, 0.0, 0.0);
    for_reached(
        job, index,
        [&](std::int64_t j) {
            if constexpr (kSecond) along = RowDrift(*drift, x, static_cast<double>(j) - index[1]);
        },
        [&](std::int64_t j, std::int64_t k, Doubles squared) {
            const Doubles z = (static_cast<double>(k) - index[2]) + lanes;
            const Doubles value = load_values(values + j * job.columns, k, job.columns);
            const PairSlopes pair = slopes_of<kScreened, kSecond>(squared, job.alpha);
            potential += value * pair.value;
            slope.add(value * pair.slope, z);
            if constexpr (kSecond) second.add(value * pair.second * along.at(z), z);
        },
        [&](std::int64_t j) {
            slope.end_row(static_cast<double>(j) - index[1]);
            if constexpr (kSecond) second.end_row(static_cast<double>(j) - index[1]);
        });
    sums.potential += add_lanes(potential);
    slope.end_plane(x, sums.slope);
    if constexpr (kSecond) second.end_plane(x, sums.second);
}

template <class T>
void add_moments(const TurnedPlane& job, const double* index, const ChargeDrift* drift, const T* values,
                 ChargeMoments& sums) {
    if (job.alpha > 0.0 && drift != nullptr) add_plane_moments<true, true>(job, index, drift, values, sums);
    else if (job.alpha > 0.0) add_plane_moments<true, false>(job, index, drift, values, sums);
    else if (drift != nullptr) add_plane_moments<false, true>(job, index, drift, values, sums);
    else add_plane_moments<false, false>(job, index, drift, values, sums);
}

template <bool kScreened>
void add_plane_drift(const TurnedPlane& job, const PointCharge& charge, double change, const ChargeDrift& drift,
                     double* plane) {
    const double x = static_cast<double>(job.x) - charge.index[0];
    const Doubles lanes = {0.0, 1.0, 2.0, 3.0};
    RowDrift along(drift, 0.0, 0.0);
    for_reached(
        job, charge.index, [&](std::int64_t j) { along = RowDrift(drift, x, static_cast<double>(j) - charge.index[1]); },
        [&](std::int64_t j, std::int64_t k, Doubles squared) {
            const Doubles z = (static_cast<double>(k) - charge.index[2]) + lanes;
            const PairSlopes pair = slopes_of<kScreened, false>(squared, job.alpha);
            *reinterpret_cast<Doubles*>(plane + j * job.stride + k) +=
                change * pair.value + charge.charge * (pair.slope * along.at(z));
        },
        [](std::int64_t) {});
}

void add_charge_drift(const TurnedPlane& job, const PointCharge& charge, double change, const ChargeDrift& drift,
                      double* plane) {
    if (job.alpha > 0.0) add_plane_drift<true>(job, charge, change, drift, plane);
    else add_plane_drift<false>(job, charge, change, drift, plane);
}

}  // namespace
}  // namespace particlegrid
