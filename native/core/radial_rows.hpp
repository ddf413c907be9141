// Radial densities as the kernels see them: where an atom's sphere touches the grid, and its profile along the radius.
#pragma once

#include <cstdint>

namespace particlegrid {

enum class Profile { gaussian, quadratic, occupancy, binary, table, lennard_jones };

// A density as a function of the distance d from the atom, for an entry of width s. It is 0 at the support's radius
// and beyond.
//     gaussian    exp(-d^2 / 2 s^2)
//     quadratic   with R = scale s, G = abs(multiple): exp(-2 d^2 / R^2) up to d = G R; beyond it the parabola that
//                 continues value and slope and touches 0, or nothing if multiple < 0
//     occupancy   1 - exp(-(s / d)^12)
//     binary      1
//     table       cubic pieces of equal length, cutoff / intervals; four coefficients each, of powers of the fraction
//     lennard_jones  (s / d)^12 - (s / d)^6; only its derivatives are taken as a radial density's
struct RadialForm {
    Profile profile = Profile::gaussian;
    bool maximum = false;   // entries combine by their maximum, else by their sum
    double multiple = 1.0;  // quadratic
    double scale = 1.0;     // quadratic
    double cutoff = 1.0;    // occupancy and table: radius of the support, A
    const double* table = nullptr;  // (intervals, 4)
    std::int64_t intervals = 0;
};

// The edge vectors of a voxel in a frame turned so that e3 lies along its third axis and e2 in the plane of the second
// and third: a row of voxels then runs along the third axis at a fixed distance from any atom's.
struct RowFrame {
    double e1[3], e2[2], e3;  // A; e2 lacks its first component, which is 0, and e3 has only the third
};

// One image of one entry.
struct RadialStroke {
    std::int64_t first[3];  // the voxels of a box around the sphere, cut to the grid
    std::int64_t count[3];
    std::int32_t channel;
    bool in_double;    // single precision would not do for this one
    double index[3];   // index coordinates of the atom: voxel i covers [i, i + 1)
    double radius2;    // A^2, of the support
    double width;      // A
    double weight;
};

// The strokes to paint into the tile (y, z) of plane x.
struct RadialPlane {
    std::int64_t x;
    std::int64_t columns;  // Z
    const RadialStroke* strokes;
    const std::int32_t* numbers;  // which strokes, in drawing order
    std::int64_t count;
    const RowFrame* frame;
    const RadialForm* form;
};

}  // namespace particlegrid
