// Derivatives of radial densities as the kernels see them. An atom's profile is f(q), q = d^2 the squared distance of a
// voxel, and u the voxel's place in voxels from the atom: q is a quadratic form of u, and so is all that positions and
// axes do to q. Sums over an image's voxels of f' and f'' times products of u are therefore all that gradients need.
#pragma once

#include <cstdint>

#include "radial_rows.hpp"

namespace particlegrid {

// Sums of c, of c u and of c times the products xx, yy, zz, yz, zx, xy of u.
struct Moments {
    double one, linear[3], square[6];
};

// The function of u with these coefficients of x, y, z and of xx, yy, zz, yz, zx, xy.
struct Quadric {
    double linear[3], square[6];
};

// The voxels of one image of an entry, in a grid of (planes, rows, columns) voxels, z fastest.
struct RadialImage {
    const RadialStroke* stroke;  // where; its planes, of which there may be none, may be fewer than the sphere's
    const RowFrame* frame;
    const RadialForm* form;
    std::int64_t rows, columns;
    const std::int32_t* winners = nullptr;  // of each voxel, or null; kRowBytes more can be read behind them
    std::int32_t number = 0;                // only voxels with this winner count
};

// Elements of a grid.
struct GridValues {
    void* first;
    std::int64_t count;
    bool in_double;  // else float
};

// Over the voxels v of an image, with g the values of a grid.
struct RadialSums {
    double total;   // g
    double value;   // g f
    Moments slope;  // c = g f'
    Moments bend;   // c = g f'' lambda, lambda a quadric
};

// How an image's voxels change: value f + f' quadric + constant.
struct RadialChange {
    double value, constant;
    Quadric quadric;
};

// Voxels of some planes that look for the image with the largest value.
struct RadialContest {
    std::int64_t first_plane;
    double* best;           // of each voxel from that plane on; not a number where no image was yet
    std::int32_t* winners;  // likewise, -1 where nothing is above 0; any where no image was yet
};

struct RadialDerivatives {
    RadialSums (*sum)(const RadialImage&, const GridValues&);
    RadialSums (*sum_twice)(const RadialImage&, const GridValues&, const Quadric& lambda);
    void (*add)(const RadialImage&, const RadialChange&, const GridValues&);
    // The image wins where weight times profile is larger than the best.
    void (*contend)(const RadialImage&, const RadialContest&);
};

}  // namespace particlegrid
