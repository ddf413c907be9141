// What the kernels of derivatives get. A Gaussian's derivatives are numbered by how often it is differentiated along each
// of three perpendicular directions: [i][j][k] is i times along the first, j along the second and k along the third.
#pragma once

#include <cstddef>
#include <cstdint>

namespace particlegrid {

// First derivatives by position take order 1, by width and axes 2; products with second derivatives twice that.
inline constexpr int kMostDerivatives = 4;
inline constexpr int kMostSpread = 2;
using DerivativeMoments = double[kMostDerivatives + 1][kMostDerivatives + 1][kMostDerivatives + 1];  // all with i + j + k <= order
using Factors = double[kMostSpread + 1][kMostSpread + 1][kMostSpread + 1];

// A Gaussian of integral 1 along a line, or its point values with peak 1, and derivatives by the voxels' place.
struct LineJob {
    double start;    // A: where voxel 0 begins, counted from the atom
    double spacing;  // A
    double sigma;    // A
    bool point;      // at the voxels' centres, else integrals over them
    int orders;      // 0 to this one
    std::int64_t count;   // voxels
    std::int64_t lead;    // zeros before them
    std::int64_t stride;  // weights of one order, with the zeros around them; a multiple of the elements in kRowBytes
    const float* series;  // of the integral, for single precision and first derivatives; null where it is not exact enough
};
// Doubles that weigh_line works in, for so many voxels.
inline std::int64_t line_scratch(std::int64_t count) { return (kMostDerivatives + 1) * (count + 8); }

// A window of a channel and its weights by axis and order.
template <class T>
struct DerivativeWindow {
    std::int64_t planes, rows;
    std::int64_t columns;   // a multiple of the elements in kRowBytes
    std::int64_t readable;  // of the columns: fewer where a row of the grid is shorter than a register
    std::ptrdiff_t plane_stride, row_stride;  // elements
    const T *x, *y, *z;                       // weights[order * stride + voxel]
    std::int64_t x_stride, y_stride, z_stride;
    int orders;
};

// A Gaussian on sheared voxels, in a frame of perpendicular directions in which the edges are (outer[0], outer[1], outer[2]),
// (0, middle[0], middle[1]) and (0, 0, inner). All lengths are in sigmas, and derivatives by places in sigmas too, the odd
// ones with the other sign. Point values have peak 1; integrals are means over a piece, of a density with that peak.
struct ShearedGaussian {
    double outer[3], middle[2], inner;  // of a piece of a voxel
    double position[3];                 // in the frame, from the corner of voxel (0, 0, 0)
    double reach;                       // along each direction
    std::int64_t pieces[3];             // of a voxel, along its edges
    std::int64_t shape[3];              // voxels
    std::int64_t first_plane, last_plane;  // of voxels
    int orders;
    // An integral's derivatives (i, j, k) are the sum of the terms times those of (i + p, j + q, k + r) at the middle of the
    // piece, for all even p + q + r up to series_orders. For each p and then each q with p + q <= series_orders there is a row
    // of the terms of r = 0 to series_orders, zero where they are not of the series, with kSeriesPadding zeros at both ends.
    int series_orders;
    const double* series;
};
inline constexpr int kSeriesPadding = 6, kMostSeriesOrders = 32, kMostOrdersAtPoints = kMostDerivatives + kMostSeriesOrders;

// Doubles that the kernels of sheared voxels work in, for so many orders at points: sums of all, and of a plane's four lanes.
inline std::int64_t sheared_scratch(int orders) {
    const std::int64_t n = orders + 4;
    return n * n * n / 2 + 4 * n * n + 64;
}

template <class T>
struct Derivatives {
    void (*weigh_line)(const LineJob&, double* scratch, T* weights);
    // sums of the window's values times derivatives
    void (*collect)(const DerivativeWindow<T>&, const T* values, DerivativeMoments& moments);
    // adds factors times derivatives
    void (*spread)(const DerivativeWindow<T>&, const Factors& factors, T* values);
    // the same on sheared voxels; `values` is the channel's first voxel, scratch holds sheared_scratch(orders at points)
    void (*collect_sheared)(const ShearedGaussian&, const T* values, double* scratch, DerivativeMoments& moments);
    void (*spread_sheared)(const ShearedGaussian&, const Factors& factors, double* scratch, T* values);
};

}  // namespace particlegrid
