// Products of matrices and of complex numbers in double precision.
// Part of kernels.cpp, which is compiled once for each instruction set; nothing here has external linkage.
#pragma once

#include "kernels/axis_weights.hpp"

namespace particlegrid {
namespace {

// A block of c of kRows rows and kVectors vectors stays in registers while `inner` is summed, always in the same order.
template <int kRows, int kVectors>
void add_block(const MatrixProduct& job, std::int64_t row, std::int64_t column) {
    Doubles sums[kRows][kVectors] = {};
    const double* a = job.a + row * job.a_stride;
    const double* b = job.b + column;
    for (std::int64_t i = 0; i < job.inner; ++i, b += job.b_stride) {
        Doubles values[kVectors];
        for (int v = 0; v < kVectors; ++v) values[v] = reinterpret_cast<const Doubles*>(b)[v];
        for (int r = 0; r < kRows; ++r) {
            const double factor = a[r * job.a_stride + i];
            for (int v = 0; v < kVectors; ++v) sums[r][v] += factor * values[v];
        }
    }
    for (int r = 0; r < kRows; ++r) {
        Doubles* to = reinterpret_cast<Doubles*>(job.c + (row + r) * job.c_stride + column);
        for (int v = 0; v < kVectors; ++v) to[v] += sums[r][v];
    }
}

template <int kVectors>
void add_columns(const MatrixProduct& job, std::int64_t column) {
    std::int64_t row = 0;
    for (; row + 4 <= job.rows; row += 4) add_block<4, kVectors>(job, row, column);
    for (; row < job.rows; ++row) add_block<1, kVectors>(job, row, column);
}

void add_product(const MatrixProduct& job) {
    std::int64_t column = 0;
    for (; column + 2 * kDoubles <= job.columns; column += 2 * kDoubles) add_columns<2>(job, column);
    for (; column < job.columns; column += kDoubles) add_columns<1>(job, column);
}

void multiply_complex(const ComplexProduct& job) {
    std::int64_t i = 0;
    for (; i + kDoubles <= job.count; i += kDoubles) {
        const auto at = [&](const double* p) { return *reinterpret_cast<const Doubles*>(p + i); };
        const Doubles a = at(job.a_real), b = at(job.a_imaginary), c = at(job.b_real), d = at(job.b_imaginary);
        *reinterpret_cast<Doubles*>(job.real + i) = a * c - b * d;
        *reinterpret_cast<Doubles*>(job.imaginary + i) = a * d + b * c;
    }
    for (; i < job.count; ++i) {
        const double a = job.a_real[i], b = job.a_imaginary[i], c = job.b_real[i], d = job.b_imaginary[i];
        job.real[i] = a * c - b * d;
        job.imaginary[i] = a * d + b * c;
    }
}

}  // namespace
}  // namespace particlegrid
