// The tile written to the output, row by row or in one run, through the cache or around it.
// Part of kernels.cpp, which is compiled once for each instruction set; nothing here has external linkage.
#pragma once

#include "kernels/formats.hpp"

namespace particlegrid {
namespace {

template <class T, class Out>
inline void move_one(T* from, Out* to) {
    convert(from, to);
    *from = T(0);
}

// Elements before `to` is aligned to `bytes`.
template <class Out>
std::int64_t ragged_head(const Out* to, std::int64_t n, std::uintptr_t bytes) {
    const std::uintptr_t off = reinterpret_cast<std::uintptr_t>(to) % bytes;
    const std::int64_t head = off == 0 ? 0 : static_cast<std::int64_t>((bytes - off) / sizeof(Out));
    return head < n ? head : n;
}

// Streaming stores go around the cache and need alignment. numpy's memory starts at 16 bytes, so a run may start and end
// inside a register's 32: an ordinary store there would fetch the line that its neighbours are about to write, so
// these halves are streamed too.
#if defined(__AVX2__) && defined(__F16C__)
template <class T, class Out>
void stream_half(T* from, Out* to) {
    Out values[16 / sizeof(Out)];
    for (std::size_t k = 0; k < 16 / sizeof(Out); ++k) move_one(from + k, values + k);
    _mm_stream_si128(reinterpret_cast<__m128i*>(to), _mm_loadu_si128(reinterpret_cast<const __m128i*>(values)));
}
template <class Out>
void stream_half_zero(Out* to) {
    _mm_stream_si128(reinterpret_cast<__m128i*>(to), _mm_setzero_si128());
}
#else
template <class T, class Out>
void stream_half(T*, Out*) {}
template <class Out>
void stream_half_zero(Out*) {}
#endif
constexpr bool kHasHalves = kRegisterBytes == 32;

// Functions by value: behind references their pointers would be read again after every store.
// Write n elements: whole(i) writes a register of them, half(i) streams 16 bytes, one(i) writes one.
template <bool kStream, class Out, class Whole, class SemiWhole, class One>
void write_run(Out* to, std::int64_t n, Whole whole, SemiWhole half, One one) {
    constexpr std::int64_t kGroup = kRegisterBytes / static_cast<std::int64_t>(sizeof(Out));
    constexpr std::int64_t kHalf = kGroup / 2;
    std::int64_t i = 0;
    if constexpr (kStream) {
        for (const std::int64_t head = ragged_head(to, n, 16); i < head; ++i) one(i);
        if constexpr (kHasHalves)
            if (i + kHalf <= n && ragged_head(to + i, n, kRegisterBytes) != 0) {
                half(i);
                i += kHalf;
            }
    }
    for (; i + kGroup <= n; i += kGroup) whole(i);
    if constexpr (kStream && kHasHalves)
        if (i + kHalf <= n) {
            half(i);
            i += kHalf;
        }
    for (; i < n; ++i) one(i);
}

template <bool kStream, class T, class Out>
void move_run(T* from, Out* to, std::int64_t n) {
    write_run<kStream>(
        to, n, [=](std::int64_t i) { put<kStream>(to + i, take(from + i, to)); },
        [=](std::int64_t i) { stream_half(from + i, to + i); }, [=](std::int64_t i) { move_one(from + i, to + i); });
}

template <bool kStream, class Out>
void clear_run(Out* to, std::int64_t n) {
    write_run<kStream>(
        to, n, [=](std::int64_t i) { put<kStream>(to + i, zero_register()); },
        [=](std::int64_t i) { stream_half_zero(to + i); }, [=](std::int64_t i) { to[i] = Out{}; });
}

template <bool kStream, class T, class Out>
void write_tile(const PlaneOutput& job, T* tile) {
    char* plane = static_cast<char*>(job.out);
    const std::int64_t columns = job.columns;
    const std::int64_t size = static_cast<std::int64_t>(sizeof(Out));
    const bool rows_joined = job.column_stride == size && job.row_stride == columns * size;
    if (rows_joined) {
        Out* to = reinterpret_cast<Out*>(plane);
        const std::int64_t first = job.first_row * columns, last = job.last_row * columns;
        clear_run<kStream>(to, first);
        move_run<kStream>(tile + first, to + first, last - first);
        clear_run<kStream>(to + last, job.rows * columns - last);
        return;
    }
    for (std::int64_t y = 0; y < job.rows; ++y) {
        T* from = tile + y * columns;
        const bool touched = y >= job.first_row && y < job.last_row;
        char* row = plane + y * job.row_stride;
        if (job.column_stride == size) {
            if (touched) move_run<kStream>(from, reinterpret_cast<Out*>(row), columns);
            else clear_run<kStream>(reinterpret_cast<Out*>(row), columns);
        } else {
            for (std::int64_t z = 0; z < columns; ++z)
                move_one(from + z, reinterpret_cast<Out*>(row + z * job.column_stride));
        }
    }
}

// Where the box takes most of its rows they are streamed whole, as one run. Where it does not, stores are ordinary ones:
// a part of a line that goes around the cache would be read back to be completed.
template <class T, class Out>
void write_box(const PlaneOutput& job, T* tile) {
    const std::int64_t width = job.last_column - job.first_column;
    const std::int64_t size = static_cast<std::int64_t>(sizeof(Out));
    if (job.bypass_cache && 2 * width >= job.columns && job.column_stride == size && job.row_stride == job.columns * size) {
        const std::int64_t first = job.first_row * job.columns;
        move_run<true>(tile + first, reinterpret_cast<Out*>(job.out) + first, job.last_row * job.columns - first);
        return;
    }
    for (std::int64_t y = job.first_row; y < job.last_row; ++y) {
        T* from = tile + y * job.columns + job.first_column;
        char* row = static_cast<char*>(job.out) + y * job.row_stride + job.first_column * job.column_stride;
        if (job.column_stride == static_cast<std::int64_t>(sizeof(Out))) {
            move_run<false>(from, reinterpret_cast<Out*>(row), width);
        } else {
            for (std::int64_t z = 0; z < width; ++z) move_one(from + z, reinterpret_cast<Out*>(row + z * job.column_stride));
        }
    }
}

}  // namespace
}  // namespace particlegrid
