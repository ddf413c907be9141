// Entries added into the tile of one plane.
// Part of kernels.cpp, which is compiled once for each instruction set; nothing here has external linkage.
#pragma once

#include "kernels/vectors.hpp"

namespace particlegrid {
namespace {

// A row of weights stays in registers while it is added to one row of the tile after another.
template <class T, int kVectors>
void add_rows(T* tile, std::int64_t stride, const T* wy, std::int64_t rows, T wx, const T* wz) {
    using Vector = typename VectorOf<T>::type;
    Vector row[kVectors];
    for (int k = 0; k < kVectors; ++k) row[k] = reinterpret_cast<const Vector*>(wz)[k];
    for (std::int64_t j = 0; j < rows; ++j) {
        const T c = wx * wy[j];
        Vector* to = reinterpret_cast<Vector*>(tile + j * stride);
        for (int k = 0; k < kVectors; ++k) to[k] += c * row[k];
    }
}

template <class T>
void add_long_rows(T* tile, std::int64_t stride, const T* wy, std::int64_t rows, T wx, const T* wz,
                   std::int64_t vectors) {
    using Vector = typename VectorOf<T>::type;
    const Vector* row = reinterpret_cast<const Vector*>(wz);
    for (std::int64_t j = 0; j < rows; ++j) {
        const T c = wx * wy[j];
        Vector* to = reinterpret_cast<Vector*>(tile + j * stride);
        for (std::int64_t k = 0; k < vectors; ++k) to[k] += c * row[k];
    }
}

template <class T>
void add_windows(const PlaneWindows& job, const T* weights, T* tile) {
    constexpr int kUnit = static_cast<int>(kRowBytes / sizeof(T));
    for (std::int64_t e = 0; e < job.count; ++e) {
        const Window& w = job.windows[job.numbers[e]];
        const T wx = weights[w.weights[0] + job.x - w.first[0]];
        const T* wy = weights + w.weights[1];
        const T* wz = weights + w.weights[2];
        T* to = tile + w.first[1] * job.columns + w.first[2];
        switch (w.padded_z / kUnit) {
            case 1: add_rows<T, 1>(to, job.columns, wy, w.count[1], wx, wz); break;
            case 2: add_rows<T, 2>(to, job.columns, wy, w.count[1], wx, wz); break;
            case 3: add_rows<T, 3>(to, job.columns, wy, w.count[1], wx, wz); break;
            case 4: add_rows<T, 4>(to, job.columns, wy, w.count[1], wx, wz); break;
            default: add_long_rows<T>(to, job.columns, wy, w.count[1], wx, wz, w.padded_z / kUnit);
        }
    }
}

}  // namespace
}  // namespace particlegrid
