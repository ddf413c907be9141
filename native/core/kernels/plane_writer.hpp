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

constexpr std::uintptr_t kLineBytes = 64;
constexpr std::int64_t kLineRegisters = static_cast<std::int64_t>(kLineBytes) / kRegisterBytes;
template <class Out>
constexpr std::int64_t kRegister = kRegisterBytes / static_cast<std::int64_t>(sizeof(Out));  // elements
template <class Out>
constexpr std::int64_t kLine = kRegister<Out> * kLineRegisters;

// Elements from the last line's boundary to `to`.
template <class Out>
std::int64_t past_line(const Out* to) {
    return static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(to) % kLineBytes / sizeof(Out));
}

// Write the elements [i, end): whole(i) writes a register of them, one(i) writes one.
template <class Out, class Whole, class One>
void write_part(std::int64_t i, std::int64_t end, Whole whole, One one) {
    for (; i + kRegister<Out> <= end; i += kRegister<Out>) whole(i);
    for (; i < end; ++i) one(i);
}

// Write n elements; stream(i) writes a line of them around the cache. Only whole lines go there: memory would have to
// complete part of one. numpy's memory starts 16 bytes off a line, so that each plane of a molecule ends in the middle
// of one.
// Functions by value: behind references their pointers would be read again after every store.
template <bool kStream, class Out, class Stream, class Whole, class One>
void write_run(Out* to, std::int64_t n, Stream stream, Whole whole, One one) {
    if constexpr (kStream) {
        const std::int64_t past = past_line(to), ragged = past == 0 ? 0 : kLine<Out> - past;
        const std::int64_t head = ragged < n ? ragged : n, lines = head + (n - head) / kLine<Out> * kLine<Out>;
        write_part<Out>(0, head, whole, one);
        for (std::int64_t i = head; i < lines; i += kLine<Out>) stream(i);
        write_part<Out>(lines, n, whole, one);
    } else {
        write_part<Out>(0, n, whole, one);
    }
}

template <bool kStream, class T, class Out>
void move_run(T* from, Out* to, std::int64_t n) {
    write_run<kStream>(
        to, n,
        [=](std::int64_t i) {
            Register line[kLineRegisters];  // read first: nothing comes between the stores of a line
            for (std::int64_t k = 0; k < kLineRegisters; ++k) line[k] = take(from + i + k * kRegister<Out>, to);
            for (std::int64_t k = 0; k < kLineRegisters; ++k) put<true>(to + i + k * kRegister<Out>, line[k]);
        },
        [=](std::int64_t i) { put<false>(to + i, take(from + i, to)); },
        [=](std::int64_t i) { move_one(from + i, to + i); });
}

template <bool kStream, class Out>
void clear_run(Out* to, std::int64_t n) {
    write_run<kStream>(
        to, n,
        [=](std::int64_t i) {
            for (std::int64_t k = 0; k < kLineRegisters; ++k) put<true>(to + i + k * kRegister<Out>, zero_register());
        },
        [=](std::int64_t i) { put<false>(to + i, zero_register()); }, [=](std::int64_t i) { to[i] = Out{}; });
}

// Elements [first, last) of a plane, widened to whole lines where the plane has them.
struct Span {
    std::int64_t first, last;
};
template <class Out>
Span widen_to_lines(const Out* plane, std::int64_t all, Span span) {
    const std::int64_t before = past_line(plane + span.first), behind = past_line(plane + span.last);
    const std::int64_t last = behind == 0 ? span.last : span.last + kLine<Out> - behind;
    return {before < span.first ? span.first - before : 0, last < all ? last : all};
}

template <bool kStream, class T, class Out>
void write_tile(const PlaneOutput& job, T* tile) {
    char* plane = static_cast<char*>(job.out);
    const std::int64_t columns = job.columns;
    const std::int64_t size = static_cast<std::int64_t>(sizeof(Out));
    const bool rows_joined = job.column_stride == size && job.row_stride == columns * size;
    if (rows_joined) {
        Out* to = reinterpret_cast<Out*>(plane);
        const std::int64_t all = job.rows * columns;
        Span touched{job.first_row * columns, job.last_row * columns};
        if constexpr (kStream) {
            // the line in whose middle a plane to come begins; a whole one must not be in the cache
            if (past_line(to + 4 * all) != 0) __builtin_prefetch(to + 4 * all, 1);
            touched = widen_to_lines(to, all, touched);  // what lies around it is zero in the tile too
        }
        clear_run<kStream>(to, touched.first);
        move_run<kStream>(tile + touched.first, to + touched.first, touched.last - touched.first);
        clear_run<kStream>(to + touched.last, all - touched.last);
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
        Out* const to = reinterpret_cast<Out*>(job.out);
        const Span span = widen_to_lines(to, job.rows * job.columns, {job.first_row * job.columns, job.last_row * job.columns});
        move_run<true>(tile + span.first, to + span.first, span.last - span.first);
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
