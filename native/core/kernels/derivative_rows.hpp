// Sums over windows of values times a Gaussian's derivatives, and the adjoint, on orthogonal voxels.
// Part of kernels.cpp, which is compiled once for each instruction set; nothing here has external linkage.
#pragma once

#include <cstring>

#include "kernels/line_orders.hpp"

namespace particlegrid {
namespace {

template <class T>
[[gnu::always_inline]] inline typename VectorOf<T>::type load_some(const T* from, std::int64_t count) {
    typename VectorOf<T>::type vector{};
    for (std::int64_t i = 0; i < count; ++i) vector[i] = from[i];
    return vector;
}

template <class T>
[[gnu::always_inline]] inline double sum_lanes(typename VectorOf<T>::type vector) {
    double sum = 0.0;
    for (std::size_t i = 0; i < kRowBytes / sizeof(T); ++i) sum += static_cast<double>(vector[i]);
    return sum;
}

// Sums over rows first, then over planes, with the columns in registers: nothing is added up across a register until all
// are through. kWide registers of columns, from column z.
template <class T, int kOrders, int kWide, bool kWhole>
void collect_columns(const DerivativeWindow<T>& w, const T* values, std::int64_t z, DerivativeMoments& moments) {
    using Vector = typename VectorOf<T>::type;
    constexpr std::int64_t kUnit = kRowBytes / static_cast<std::int64_t>(sizeof(T));
    Vector sums[kOrders + 1][kOrders + 1][kWide] = {};
    for (std::int64_t x = 0; x < w.planes; ++x) {
        Vector rows[kOrders + 1][kWide] = {};
        const T* from = values + x * w.plane_stride + z;
        for (std::int64_t y = 0; y < w.rows; ++y, from += w.row_stride) {
            // planes lie on other pages, where no processor looks ahead by itself; past the end this asks for nothing
            __builtin_prefetch(from + 2 * w.plane_stride);
            if (kWide > 2) __builtin_prefetch(from + 2 * w.plane_stride + kWide * kUnit / 2);
            __builtin_prefetch(from + 2 * w.plane_stride + kWide * kUnit - 1);
            for (int v = 0; v < kWide; ++v) {
                const Vector value = kWhole ? *reinterpret_cast<const Vector*>(from + v * kUnit)
                                            : load_some(from + v * kUnit, w.readable - z - v * kUnit);
                for (int j = 0; j <= kOrders; ++j) rows[j][v] += w.y[j * w.y_stride + y] * value;
            }
        }
        for (int i = 0; i <= kOrders; ++i) {
            const T weight = w.x[i * w.x_stride + x];
            for (int j = 0; i + j <= kOrders; ++j)
                for (int v = 0; v < kWide; ++v) sums[i][j][v] += weight * rows[j][v];
        }
    }
    for (int i = 0; i <= kOrders; ++i)
        for (int j = 0; i + j <= kOrders; ++j)
            for (int k = 0; i + j + k <= kOrders; ++k) {
                Vector sum{};
                for (int v = 0; v < kWide; ++v)
                    sum += sums[i][j][v] * *reinterpret_cast<const Vector*>(w.z + k * w.z_stride + z + v * kUnit);
                moments[i][j][k] += sum_lanes<T>(sum);
            }
}

template <class T, int kOrders>
void collect_window(const DerivativeWindow<T>& w, const T* values, DerivativeMoments& moments) {
    constexpr std::int64_t kUnit = kRowBytes / static_cast<std::int64_t>(sizeof(T));
    for (int i = 0; i <= kOrders; ++i)
        for (int j = 0; i + j <= kOrders; ++j)
            for (int k = 0; i + j + k <= kOrders; ++k) moments[i][j][k] = 0.0;
    if (w.readable < w.columns) {
        for (std::int64_t z = 0; z < w.columns; z += kUnit) {
            DerivativeWindow<T> part = w;
            part.readable = w.readable - z < kUnit ? w.readable : z + kUnit;
            collect_columns<T, kOrders, 1, false>(part, values, z, moments);
        }
        return;
    }
    std::int64_t z = 0;
    if constexpr (kOrders == 1)  // more of them would not fit the registers
        for (; z + 3 * kUnit <= w.columns; z += 3 * kUnit) collect_columns<T, kOrders, 3, true>(w, values, z, moments);
    for (; z + 2 * kUnit <= w.columns; z += 2 * kUnit) collect_columns<T, kOrders, 2, true>(w, values, z, moments);
    for (; z < w.columns; z += kUnit) collect_columns<T, kOrders, 1, true>(w, values, z, moments);
}

template <class T>
void collect_derivatives(const DerivativeWindow<T>& w, const T* values, DerivativeMoments& moments) {
    switch (w.orders) {
        case 1: collect_window<T, 1>(w, values, moments); break;
        case 2: collect_window<T, 2>(w, values, moments); break;
        case 3: collect_window<T, 3>(w, values, moments); break;
        default: collect_window<T, 4>(w, values, moments);
    }
}

template <class T>
void spread_derivatives(const DerivativeWindow<T>& w, const Factors& factors, T* values) {
    using Vector = typename VectorOf<T>::type;
    constexpr std::int64_t kUnit = kRowBytes / static_cast<std::int64_t>(sizeof(T));
    constexpr int n = kMostSpread;
    for (std::int64_t x = 0; x < w.planes; ++x) {
        double plane[n + 1][n + 1] = {};
        for (int i = 0; i <= n; ++i)
            for (int j = 0; i + j <= n; ++j)
                for (int k = 0; i + j + k <= n; ++k)
                    plane[j][k] += factors[i][j][k] * static_cast<double>(w.x[i * w.x_stride + x]);
        for (std::int64_t y = 0; y < w.rows; ++y) {
            T row[n + 1];
            for (int k = 0; k <= n; ++k) {
                double sum = 0.0;
                for (int j = 0; j + k <= n; ++j) sum += plane[j][k] * static_cast<double>(w.y[j * w.y_stride + y]);
                row[k] = static_cast<T>(sum);
            }
            T* const to = values + x * w.plane_stride + y * w.row_stride;
            for (std::int64_t z = 0; z < w.columns; z += kUnit) {
                Vector sum{};
                for (int k = 0; k <= n; ++k) sum += row[k] * *reinterpret_cast<const Vector*>(w.z + k * w.z_stride + z);
                if (w.readable - z >= kUnit)
                    *reinterpret_cast<Vector*>(to + z) += sum;
                else
                    for (std::int64_t l = 0; l < w.readable - z; ++l) to[z + l] += sum[l];
            }
        }
    }
}

}  // namespace
}  // namespace particlegrid
