// Point charges, bare or screened by a Gaussian, added to one plane.
// Part of kernels.cpp, which is compiled once for each instruction set; nothing here has external linkage.
#pragma once

#include <cmath>

#include "kernels/axis_weights.hpp"

namespace particlegrid {
namespace {

// First and last whole number in [low, high], kept within [0, n - 1]; first > last if there is none.
struct WholeRange {
    std::int64_t first, last;
    WholeRange(double low, double high, std::int64_t n) {
        const double end = static_cast<double>(n - 1);
        low = low > 0.0 ? low : 0.0;
        high = high < end ? high : end;
        const bool any = low <= high;  // of neither if one is NaN
        first = any ? static_cast<std::int64_t>(std::ceil(low)) : 1;
        last = any ? static_cast<std::int64_t>(std::floor(high)) : 0;
    }
};

// charge / d or charge erfc(alpha d) / d of four squared distances.
template <bool kScreened>
Doubles potential_of(Doubles squared, double charge, double alpha) {
    constexpr double kNearest = kAtACharge * kAtACharge;
    const Doubles safe = squared > kNearest ? squared : Doubles{} + 1.0;
    Doubles distance;
    for (int k = 0; k < kDoubles; ++k) distance[k] = __builtin_sqrt(safe[k]);
    if constexpr (kScreened) {
        const Doubles there = Doubles{} - 1.1283791670955126 * alpha * charge;
        const Doubles value = charge * (1.0 - erf_by_table(alpha * distance)) / distance;
        return squared > kNearest ? value : there;
    } else {
        return squared > kNearest ? charge / distance : Doubles{};
    }
}

// visit(j, k, squared) for the rows of a plane that a charge reaches and for every vector of voxels k, k + 1, .. there,
// with their squared distances. Whole vectors from a multiple of four on: a few voxels beyond the reach get what belongs
// to them all the same.
template <class Begin, class Visit, class End>
[[gnu::always_inline]] inline void for_reached(const TurnedPlane& job, const double* index, const Begin& begin,
                                               const Visit& visit, const End& end) {
    const double dx = static_cast<double>(job.x) - index[0];
    const double x = dx * job.across[0], y_start = dx * job.across[1] - index[1] * job.along[0];
    const double left = job.reach * job.reach - x * x;
    if (!(left >= 0.0)) return;
    const double y_reach = std::sqrt(left);
    const WholeRange rows((-y_reach - y_start) / job.along[0], (y_reach - y_start) / job.along[0], job.rows);
    const Doubles lanes = {0.0, 1.0, 2.0, 3.0};
    static_assert(kDoubles == 4);
    for (std::int64_t j = rows.first; j <= rows.last; ++j) {
        const double y = y_start + static_cast<double>(j) * job.along[0];
        const double across = x * x + y * y;
        const double rest = job.reach * job.reach - across;
        if (!(rest >= 0.0)) continue;
        const double z_reach = std::sqrt(rest);
        const double z_start = dx * job.across[2] + (static_cast<double>(j) - index[1]) * job.along[1] - index[2] * job.length;
        const WholeRange columns((-z_reach - z_start) / job.length, (z_reach - z_start) / job.length, job.columns);
        begin(j);
        for (std::int64_t k = columns.first / kDoubles * kDoubles; k <= columns.last; k += kDoubles) {
            const Doubles z = z_start + (static_cast<double>(k) + lanes) * job.length;
            visit(j, k, across + z * z);
        }
        end(j);
    }
}

template <bool kScreened>
void add_charge(const ChargedPlane& job, const PointCharge& charge, double* plane) {
    const auto nothing = [](std::int64_t) {};
    for_reached(job, charge.index, nothing, [&](std::int64_t j, std::int64_t k, Doubles squared) {
        *reinterpret_cast<VectorOf<double>::type*>(plane + j * job.stride + k) +=
            potential_of<kScreened>(squared, charge.charge, job.alpha);
    }, nothing);
}

void add_charges(const ChargedPlane& job, double* plane) {
    for (std::int64_t n = 0; n < job.count; ++n) {
        const PointCharge& charge = job.charges[job.numbers[n]];
        if (job.alpha > 0.0) add_charge<true>(job, charge, plane);
        else add_charge<false>(job, charge, plane);
    }
}

}  // namespace
}  // namespace particlegrid
