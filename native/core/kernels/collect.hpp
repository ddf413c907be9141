// What is not zero in the tile of a plane, taken out as values with their places or as patches of blocks.
// Part of kernels.cpp, which is compiled once for each instruction set; nothing here has external linkage.
#pragma once

#include <cstring>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include "kernels/vectors.hpp"

namespace particlegrid {
namespace {

inline std::uint64_t keep_first(std::uint64_t bits, std::int64_t n) {
    return n < 64 ? bits & ((std::uint64_t{1} << n) - 1) : bits;
}

// Bit i is set if from[i] is not zero; n <= 64. Up to kRowBytes behind the n values are read.
template <class T>
std::uint64_t find_nonzero(const T* from, std::int64_t n) {
    std::uint64_t found = 0;
    for (std::int64_t i = 0; i < n; ++i) found |= static_cast<std::uint64_t>(from[i] != T(0)) << i;
    return found;
}

#if defined(__AVX2__)
inline std::uint64_t find_nonzero(const float* from, std::int64_t n) {
    std::uint64_t found = 0;
    for (std::int64_t i = 0; i < n; i += 8) {
        const __m256 differs = _mm256_cmp_ps(_mm256_loadu_ps(from + i), _mm256_setzero_ps(), _CMP_NEQ_UQ);
        found |= static_cast<std::uint64_t>(static_cast<unsigned>(_mm256_movemask_ps(differs))) << i;
    }
    return keep_first(found, n);
}

inline std::uint64_t find_nonzero(const double* from, std::int64_t n) {
    std::uint64_t found = 0;
    for (std::int64_t i = 0; i < n; i += 4) {
        const __m256d differs = _mm256_cmp_pd(_mm256_loadu_pd(from + i), _mm256_setzero_pd(), _CMP_NEQ_UQ);
        found |= static_cast<std::uint64_t>(static_cast<unsigned>(_mm256_movemask_pd(differs))) << i;
    }
    return keep_first(found, n);
}
#endif

// `most` or a few more values and the places from `place` on.
template <class T>
void copy_run(const T* from, std::int64_t most, std::int32_t place, T* values, std::int32_t* places) {
    using Vector = typename VectorOf<T>::type;
    using Places = typename VectorOf<std::int32_t>::type;
    constexpr std::int64_t kLanes = kRowBytes / static_cast<std::int64_t>(sizeof(T));
    for (std::int64_t i = 0; i < most; i += kLanes)
        *reinterpret_cast<Vector*>(values + i) = *reinterpret_cast<const Vector*>(from + i);
    Places numbers = Places{0, 1, 2, 3, 4, 5, 6, 7} + place;
    for (std::int64_t i = 0; i < most; i += 8, numbers += 8) *reinterpret_cast<Places*>(places + i) = numbers;
}

// Values in `left` bits of a row of `width`; returns their number. In runs, of which a row of a molecule has one. Each
// is copied as if it were as long as the row: a loop whose length changed from row to row would be mispredicted.
template <class T>
std::int64_t copy_runs(const T* row, std::uint64_t left, std::int64_t width, std::int32_t place, T* values,
                       std::int32_t* places) {
    std::int64_t taken = 0;
    while (left != 0) {
        const int start = __builtin_ctzll(left);
        copy_run(row + start, width, place + start, values + taken, places + taken);
        const std::uint64_t filled = left | ((left & -left) - 1);  // below the start as well
        const std::uint64_t rest = filled & (filled + 1);          // without the lowest run
        taken += __builtin_popcountll(left ^ rest);
        left = rest;
    }
    return taken;
}

template <class T>
void clear_row(T* row, std::int64_t width) {
    using Vector = typename VectorOf<T>::type;
    constexpr std::int64_t kLanes = kRowBytes / static_cast<std::int64_t>(sizeof(T));
    if (width < kLanes) {
        for (std::int64_t i = 0; i < width; ++i) row[i] = T(0);
        return;
    }
    for (std::int64_t i = 0; i < width - kLanes; i += kLanes) *reinterpret_cast<Vector*>(row + i) = Vector{};
    *reinterpret_cast<Vector*>(row + width - kLanes) = Vector{};
}

// kWidth: the width rounded up to vectors, known to the compiler, or 0.
template <class T, int kWidth>
std::int64_t collect_strip(const PlaneExtent& plane, std::int64_t z, std::int64_t width, T* tile, std::int32_t place,
                           T* values, std::int32_t* places) {
    std::int64_t taken = 0;
    for (std::int64_t y = plane.first_row; y < plane.last_row; ++y) {
        const std::int64_t first = y * plane.columns + z;
        const std::uint64_t found = keep_first(find_nonzero(tile + first, kWidth ? kWidth : width), width);
        taken += copy_runs(tile + first, found, kWidth ? kWidth : width, place + static_cast<std::int32_t>(first),
                           values + taken, places + taken);
        clear_row(tile + first, width);
    }
    return taken;
}

template <class T>
std::int64_t collect_values(const PlaneExtent& plane, T* tile, std::int32_t place, T* values, std::int32_t* places) {
    const std::int64_t z = plane.first_column, width = plane.last_column - z;
    switch ((width + 7) / 8) {
        case 1: return collect_strip<T, 8>(plane, z, width, tile, place, values, places);
        case 2: return collect_strip<T, 16>(plane, z, width, tile, place, values, places);
        case 3: return collect_strip<T, 24>(plane, z, width, tile, place, values, places);
        case 4: return collect_strip<T, 32>(plane, z, width, tile, place, values, places);
        default: break;
    }
    std::int64_t taken = 0;
    for (PlaneExtent row = plane; row.first_row < plane.last_row; ++row.first_row) {
        row.last_row = row.first_row + 1;
        for (std::int64_t part = z; part < plane.last_column; part += kCollected) {
            // not std::min, whose reference would give the constant a symbol
            const std::int64_t left = plane.last_column - part, width = left < kCollected ? left : kCollected;
            taken += collect_strip<T, 0>(row, part, width, tile, place, values + taken, places + taken);
        }
    }
    return taken;
}

template <class T>
void clear_rows(const PlaneExtent& plane, T* tile) {
    const std::int64_t first = plane.first_column, width = plane.last_column - first;
    for (std::int64_t y = plane.first_row; y < plane.last_row; ++y) clear_row(tile + y * plane.columns + first, width);
}

// A patch is what a plane and a block have in common: up to 8 rows of up to 8 values.
template <class T>
bool holds_anything(const T* from, std::int64_t columns, std::int64_t rows, std::int64_t width) {
    if (width == kBlockEdge) {
        using Vector = typename VectorOf<T>::type;
        constexpr std::int64_t kLanes = kRowBytes / static_cast<std::int64_t>(sizeof(T));
        auto differs = Vector{} != Vector{};  // lanes of -1 where a value is not zero
        for (std::int64_t y = 0; y < rows; ++y)
            for (std::int64_t k = 0; k < kBlockEdge; k += kLanes)
                differs |= *reinterpret_cast<const Vector*>(from + y * columns + k) != Vector{};
        std::uint64_t words[4];
        std::memcpy(words, &differs, sizeof words);
        return (words[0] | words[1] | words[2] | words[3]) != 0;
    }
    for (std::int64_t y = 0; y < rows; ++y)
        if (find_nonzero<T>(from + y * columns, width) != 0) return true;
    return false;
}

template <class T>
void copy_patch(const T* from, std::int64_t columns, std::int64_t rows, std::int64_t width, T* to) {
    if (rows < kBlockEdge || width < kBlockEdge) std::memset(to, 0, kBlockEdge * kBlockEdge * sizeof(T));
    for (std::int64_t y = 0; y < rows; ++y) {
        if (width == kBlockEdge) std::memcpy(to + y * kBlockEdge, from + y * columns, kBlockEdge * sizeof(T));
        else
            for (std::int64_t z = 0; z < width; ++z) to[y * kBlockEdge + z] = from[y * columns + z];
    }
}

template <class T>
std::int32_t collect_blocks(const PlaneExtent& plane, T* tile, std::int64_t x, std::int32_t* slots, std::int32_t used,
                            std::uint8_t* written, T* blocks) {
    const std::int64_t blocks_z = (plane.columns + kBlockEdge - 1) / kBlockEdge;
    for (std::int64_t by = plane.first_row / kBlockEdge; by * kBlockEdge < plane.last_row; ++by) {
        const std::int64_t y = by * kBlockEdge;
        const std::int64_t rows = plane.rows - y < kBlockEdge ? plane.rows - y : kBlockEdge;
        for (std::int64_t bz = plane.first_column / kBlockEdge; bz * kBlockEdge < plane.last_column; ++bz) {
            const std::int64_t z = bz * kBlockEdge;
            const std::int64_t width = plane.columns - z < kBlockEdge ? plane.columns - z : kBlockEdge;
            const T* from = tile + y * plane.columns + z;
            if (!holds_anything(from, plane.columns, rows, width)) continue;
            std::int32_t& slot = slots[by * blocks_z + bz];
            if (slot < 0) {
                slot = used++;
                written[slot] = 0;
            }
            const std::int64_t layer = x % kBlockEdge;
            written[slot] = static_cast<std::uint8_t>(written[slot] | 1u << layer);
            copy_patch(from, plane.columns, rows, width, blocks + slot * kBlockVoxels + layer * kBlockEdge * kBlockEdge);
        }
    }
    clear_rows(plane, tile);
    return used;
}

}  // namespace
}  // namespace particlegrid
