// Sums of values times a Gaussian's derivatives, and the adjoint, on sheared voxels: row by row, for each pair of nodes.
// Part of kernels.cpp, which is compiled once for each instruction set; nothing here has external linkage.
#pragma once

#include "kernels/line_orders.hpp"

namespace particlegrid {
namespace {

inline std::int64_t round_down(double x) {
    const std::int64_t whole = static_cast<std::int64_t>(x);
    return static_cast<double>(whole) > x ? whole - 1 : whole;
}

struct VoxelSpan {
    std::int64_t first, last;
};

// Voxels [first, last) of n that lie at least in part between two coordinates.
inline VoxelSpan clip_span(double low, double high, std::int64_t n) {
    const double end = static_cast<double>(n);
    low = low > 0.0 ? low : 0.0;
    high = high < end ? high : end;
    if (!(low < high)) return {0, 0};
    const std::int64_t first = round_down(low), last = -round_down(-high);
    return {first, last};
}

// Orders of the density at distance x, or of exp(-x^2 / 2 sigma^2).
inline void weigh_node(const ShearedGaussian& g, double x, double weight, double* orders) {
    const double t = x / g.sigma;
    const Doubles part = exp_of_minus(Doubles{} + 0.5 * t * t);
    double scale = g.point ? weight : weight * 0.3989422804014327 / g.sigma;
    for (int k = 0; k <= g.orders; ++k) {
        orders[k] = scale * (hermite(k, Doubles{} + t) * part)[0];
        scale /= g.sigma;
    }
}

// visit(x, y, along, across, span, weights, stride) for each row and pair of nodes: orders along the first two directions,
// the row's voxels and their orders.
template <class Visit>
[[gnu::always_inline]] inline void for_sheared_rows(const ShearedGaussian& g, double* scratch, const Visit& visit) {
    double* const weights = scratch + line_scratch(g.shape[2]);
    for (std::int64_t x = g.first_plane; x < g.last_plane; ++x)
        for (std::int64_t a = 0; a < g.outer_nodes; ++a) {
            const double u = static_cast<double>(x) + 0.5 + g.outer_x[a];
            const double first = u * g.outer[0] - g.position[0];
            if (first > g.reach || first < -g.reach) continue;
            double along[kMostDerivatives + 1];
            weigh_node(g, first, g.outer_w[a], along);
            const double second = u * g.outer[1] - g.position[1];
            const VoxelSpan rows = clip_span((-g.reach - second) / g.middle[0], (g.reach - second) / g.middle[0], g.shape[1]);
            for (std::int64_t y = rows.first; y < rows.last; ++y)
                for (std::int64_t b = 0; b < g.middle_nodes; ++b) {
                    const double v = static_cast<double>(y) + 0.5 + g.middle_x[b];
                    const double place = second + v * g.middle[0];
                    if (place > g.reach || place < -g.reach) continue;
                    const double third = u * g.outer[2] + v * g.middle[1] - g.position[2];
                    const VoxelSpan span = clip_span((-g.reach - third) / g.inner, (g.reach - third) / g.inner, g.shape[2]);
                    if (span.first >= span.last) continue;
                    double across[kMostDerivatives + 1];
                    weigh_node(g, place, g.middle_w[b], across);
                    const std::int64_t count = span.last - span.first, stride = count;
                    weigh_line<double>({third + static_cast<double>(span.first) * g.inner, g.inner, g.sigma, g.point, g.orders,
                                        count, 0, stride},
                                       scratch, weights);
                    visit(x, y, along, across, span, weights, stride);
                }
        }
}

template <class T>
void collect_sheared(const ShearedGaussian& g, const T* values, double* scratch, DerivativeMoments& moments) {
    for (int i = 0; i <= g.orders; ++i)
        for (int j = 0; i + j <= g.orders; ++j)
            for (int k = 0; i + j + k <= g.orders; ++k) moments[i][j][k] = 0.0;
    for_sheared_rows(g, scratch, [&](std::int64_t x, std::int64_t y, const double* along, const double* across, VoxelSpan span,
                                     const double* weights, std::int64_t stride) {
        const T* const row = values + (x * g.shape[1] + y) * g.shape[2] + span.first;
        const std::int64_t count = span.last - span.first;
        double sums[kMostDerivatives + 1];
        for (int k = 0; k <= g.orders; ++k) {
            const double* const w = weights + k * stride;
            Doubles parts{};
            std::int64_t z = 0;
            for (; z + kDoubles <= count; z += kDoubles)
                for (int l = 0; l < kDoubles; ++l) parts[l] += w[z + l] * static_cast<double>(row[z + l]);
            double sum = (parts[0] + parts[1]) + (parts[2] + parts[3]);
            for (; z < count; ++z) sum += w[z] * static_cast<double>(row[z]);
            sums[k] = sum;
        }
        for (int i = 0; i <= g.orders; ++i)
            for (int j = 0; i + j <= g.orders; ++j)
                for (int k = 0; i + j + k <= g.orders; ++k) moments[i][j][k] += along[i] * across[j] * sums[k];
    });
}

template <class T>
void spread_sheared(const ShearedGaussian& g, const Factors& factors, double* scratch, T* values) {
    for_sheared_rows(g, scratch, [&](std::int64_t x, std::int64_t y, const double* along, const double* across, VoxelSpan span,
                                     const double* weights, std::int64_t stride) {
        T* const row = values + (x * g.shape[1] + y) * g.shape[2] + span.first;
        double parts[kMostSpread + 1] = {};
        for (int i = 0; i <= kMostSpread; ++i)
            for (int j = 0; i + j <= kMostSpread; ++j)
                for (int k = 0; i + j + k <= kMostSpread; ++k) parts[k] += factors[i][j][k] * along[i] * across[j];
        for (std::int64_t z = 0; z < span.last - span.first; ++z) {
            double sum = 0.0;
            for (int k = 0; k <= kMostSpread; ++k) sum += parts[k] * weights[k * stride + z];
            row[z] += static_cast<T>(sum);
        }
    });
}

}  // namespace
}  // namespace particlegrid
