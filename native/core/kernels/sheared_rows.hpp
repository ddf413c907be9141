// Gaussians on voxels of which no edge is perpendicular to the other two, added into the tile of one plane.
// Part of kernels.cpp, which is compiled once for each instruction set; nothing here has external linkage.
#pragma once

#include "kernels/axis_weights.hpp"

namespace particlegrid {
namespace {

inline std::int64_t divide_down(std::int64_t a, std::int64_t b) {
    const std::int64_t quotient = a / b;
    return a % b < 0 ? quotient - 1 : quotient;
}

// to[i] += sum over orders of c[m] terms[m * row + i], for 0 <= i < count. Where `may_overrun`, up to a register's worth
// of zeros behind the terms is added too.
template <class T>
void add_terms(T* to, std::int64_t count, const T* terms, std::int64_t row, const T* c, int orders, bool may_overrun) {
    using Vector = typename VectorOf<T>::type;
    constexpr std::int64_t kUnit = kRowBytes / static_cast<std::int64_t>(sizeof(T));
    const std::int64_t whole = may_overrun ? (count + kUnit - 1) / kUnit * kUnit : count / kUnit * kUnit;
    std::int64_t i = 0;
    for (; i + 2 * kUnit <= whole; i += 2 * kUnit) {
        Vector sum[2] = {};
        for (int m = 0; m < orders; ++m)
            for (int v = 0; v < 2; ++v)
                sum[v] += c[m] * *reinterpret_cast<const Vector*>(terms + m * row + i + v * kUnit);
        for (int v = 0; v < 2; ++v) *reinterpret_cast<Vector*>(to + i + v * kUnit) += sum[v];
    }
    if (i < whole) {
        Vector sum = {};
        for (int m = 0; m < orders; ++m) sum += c[m] * *reinterpret_cast<const Vector*>(terms + m * row + i);
        *reinterpret_cast<Vector*>(to + i) += sum;
        i += kUnit;
    }
    for (; i < count; ++i) {
        T sum = 0;
        for (int m = 0; m < orders; ++m) sum += c[m] * terms[m * row + i];
        to[i] += sum;
    }
}

// One row of pieces into a row of voxels of which each is `pieces` steps long; step 0 of the table is step `first`.
template <class T>
void add_row(T* to, std::int64_t columns, std::int64_t first, const Shear& shear, const T* terms, const T* c) {
    const std::int64_t steps = 2 * shear.reach + 1;
    if (shear.inner_pieces == 1.0) {
        const std::int64_t low = first < 0 ? -first : 0;
        const std::int64_t high = steps < columns - first ? steps : columns - first;
        if (low < high)
            add_terms(to + first + low, high - low, terms + low, shear.row, c, shear.orders, high == steps);
        return;
    }
    const std::int64_t pieces = static_cast<std::int64_t>(shear.inner_pieces);
    for (std::int64_t i = 0; i < steps; ++i) {
        const std::int64_t k = divide_down(first + i, pieces);
        if (k < 0 || k >= columns) continue;
        T sum = 0;
        for (int m = 0; m < shear.orders; ++m) sum += c[m] * terms[m * shear.row + i];
        to[k] += sum;
    }
}

// sums[m] = sum over nodes of values[n] d_n^m, for blocks of orders that stay in registers.
inline void add_moments(const Doubles* values, int nodes, const double* powers, int orders, Doubles* sums) {
    for (int m = 0; m < orders; m += kOrderBlock, powers += nodes * kOrderBlock) {
        Doubles block[kOrderBlock] = {};
        for (int n = 0; n < nodes; ++n)
            for (int k = 0; k < kOrderBlock; ++k) block[k] += values[n] * powers[n * kOrderBlock + k];
        for (int k = 0; k < kOrderBlock; ++k) sums[m + k] = block[k];
    }
}

// From sums of d^m to sums of (d + by)^m: Pascal's triangle.
inline void move_moments(Doubles* sums, int orders, Doubles by) {
    for (int i = 1; i < orders; ++i)
        for (int m = orders - 1; m >= i; --m) sums[m] += by * sums[m - 1];
}

// Pieces [first, last) of an axis, counted from the voxel `home` of the atom, that lie within its extent of `count` voxels.
struct PieceRange {
    std::int64_t first, last;
};
inline PieceRange find_pieces(double low, double high, double pieces, std::int64_t home, std::int64_t count) {
    const double bottom = -static_cast<double>(home) * pieces, top = static_cast<double>(count - home) * pieces;
    low = __builtin_floor(low * pieces);
    high = __builtin_ceil(high * pieces);
    low = low < bottom ? bottom : low;
    high = high > top ? top : high;
    return {static_cast<std::int64_t>(low), static_cast<std::int64_t>(low < high ? high : low)};
}

// The inner axis is exact: as the atom's place on it moves with t1 and t2 by `shift` about the middle of a piece, its row
// of probabilities is a Taylor series in `shift`, and the nodes of the other two axes only add up its coefficients,
// sums of exp(-(z + eps)^2 / 2) d^m. There z is the place of the row, and eps and d belong to the node, so that
// exp(-z eps) is a power of exp(-eps) from one row to the next and no exponential is left in the loop over nodes.
template <class T>
void add_sheared(const ShearedStroke& job, const double* nodes, const T* tables, T* tile) {
    const Shear& s = *job.shear;
    constexpr double kDensity = 0.3989422804014327;  // 1 / sqrt(2 pi)
    const std::int64_t middle_pieces = static_cast<std::int64_t>(s.middle_pieces);
    const std::int64_t inner_pieces = static_cast<std::int64_t>(s.inner_pieces);
    const int pairs = s.outer_nodes * s.middle_nodes;
    const ShearNode* node = reinterpret_cast<const ShearNode*>(nodes + s.nodes);
    const double* powers = nodes + s.nodes + pairs * static_cast<std::int64_t>(sizeof(ShearNode) / sizeof(double));
    const double step = s.inner / s.inner_pieces, row_step = s.middle / s.middle_pieces;  // in sigmas
    const Doubles lanes = {0.0, 1.0, 2.0, 3.0};
    const double reach1 = s.cut / s.outer, reach2 = s.cut / s.middle;
    const double low1 = job.plane > -reach1 ? 0.0 : (-reach1 - job.plane) * s.outer_pieces;
    const double high1 = job.plane + 1.0 < reach1 ? s.outer_pieces : (reach1 - job.plane) * s.outer_pieces;
    const std::int64_t last1 = static_cast<std::int64_t>(__builtin_ceil(high1));
    Doubles values[kMostNodes * kMostNodes], sums[kMostOrders + kOrderBlock];
    T c[kDoubles][kMostOrders];
    for (std::int64_t p1 = static_cast<std::int64_t>(low1); p1 < last1; ++p1) {
        const double center1 = job.plane + (static_cast<double>(p1) + 0.5) / s.outer_pieces;
        const double slant = __builtin_fabs(s.gamma) * 0.5 / s.outer_pieces;
        const double middle = job.offset[0] - s.gamma * center1;
        const PieceRange range =
            find_pieces(middle - slant - reach2, middle + slant + reach2, s.middle_pieces, job.home[0], job.rows);
        if (range.first >= range.last) continue;
        const double z0 = s.middle * ((static_cast<double>(range.first) + 0.5) / s.middle_pieces - middle);
        for (int a = 0, n = 0; a < s.outer_nodes; ++a) {
            const double z1 = s.outer * (center1 + s.outer_x[a]);
            const double mass = job.scale * s.outer_w[a] * s.outer * s.middle * kDensity * kDensity;
            for (int b = 0; b < s.middle_nodes; ++b, ++n) {
                const double eps = node[n].eps;
                const double first = mass * s.middle_w[b] * __builtin_exp(-0.5 * z1 * z1 - (z0 + 0.5 * eps) * eps);
                for (int l = 0; l < kDoubles; ++l) values[n][l] = first * node[n].lanes[l];
            }
        }
        for (std::int64_t p2 = range.first; p2 < range.last; p2 += kDoubles) {
            const Doubles rows = static_cast<double>(p2 - range.first) + lanes;
            const Doubles z = z0 + rows * row_step;
            const Doubles center2 = (rows + (static_cast<double>(range.first) + 0.5)) / s.middle_pieces - job.offset[0];
            const Doubles place = (s.alpha * center1 - job.offset[1] + s.beta * center2) * (s.inner_pieces * kPhases);
            Doubles nearest;
            for (int l = 0; l < kDoubles; ++l) nearest[l] = __builtin_floor(place[l] + 0.5);
            const Doubles rest = (place - nearest) * (step / kPhases);
            add_moments(values, pairs, powers, s.orders, sums);
            for (int n = 0; n < pairs; ++n) values[n] *= node[n].next;
            move_moments(sums, s.orders, rest);
            const Doubles common = exp_of_minus(0.5 * z * z);
            for (int m = 0; m < s.orders; ++m) {
                const Doubles sum = sums[m] * common;
                for (int l = 0; l < kDoubles; ++l) c[l][m] = static_cast<T>(sum[l]);
            }
            for (int l = 0; l < kDoubles && p2 + l < range.last; ++l) {
                // beyond any grid, and beyond what an integer holds
                if (!(__builtin_fabs(nearest[l]) < 4e18)) continue;
                const std::int64_t at = static_cast<std::int64_t>(nearest[l]);
                const std::int64_t whole = divide_down(at, kPhases), phase = at - whole * kPhases;
                const std::int64_t j = job.home[0] + divide_down(p2 + l, middle_pieces);
                add_row(tile + j * job.row_stride, job.columns, job.home[1] * inner_pieces - whole - s.reach, s,
                        tables + s.table + phase * s.orders * s.row, c[l]);
            }
        }
    }
}

}  // namespace
}  // namespace particlegrid
