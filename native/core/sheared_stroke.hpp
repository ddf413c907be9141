// What the kernel of sheared voxels gets.
#pragma once

#include <cstdint>

namespace particlegrid {

inline constexpr int kMostOrders = 40, kMostNodes = 16, kOrderBlock = 6;
inline constexpr std::int64_t kPhases = 8;

// A Gaussian of one width on sheared voxels. With t the offset from the atom in voxels, the density is the product of
// three normal densities, of outer t1, middle (t2 + gamma t1) and inner (t3 + alpha t1 + beta t2).
struct Shear {
    double alpha, beta, gamma;
    double outer, middle, inner;  // lengths in sigmas
    double cut;                   // in sigmas, along each of the three
    // voxels are integrated by nodes along the outer and middle axes, in pieces
    double outer_pieces, middle_pieces;
    int outer_nodes, middle_nodes;
    double outer_x[kMostNodes], outer_w[kMostNodes];  // offsets and weights within a piece, in voxels
    double middle_x[kMostNodes], middle_w[kMostNodes];
    // For each pair of an outer and a middle node, at `nodes` of a buffer: a ShearNode each, and then the powers of the
    // shift along the inner axis, in sigmas, kOrderBlock of one node after those of the other.
    std::int64_t nodes;
    // Along the inner axis, in steps of voxel / inner_pieces, a table holds the probability of each step from `-reach` to
    // `reach` and its derivatives / order!, for atoms at 0, 1, ... kPhases - 1 parts of a step: [phase][order][step].
    // A row is followed by zeros.
    double inner_pieces;
    int orders;
    std::int64_t reach, row, table;  // row: elements from one order to the next; table: where it begins
};

struct ShearNode {
    double eps;       // shift along the middle axis, in sigmas
    double next;      // exp(-eps times a row's step in sigmas)^4
    double lanes[4];  // its powers 0 to 3
};

// A Gaussian to be added to the tile (y, z) of a plane.
struct ShearedStroke {
    const Shear* shear;
    double plane;         // of the plane, in voxels from the atom
    double scale;
    std::int64_t home[2];  // voxel along y and z that holds the atom, perhaps beyond the grid
    double offset[2];      // of the atom in it, in voxels
    std::int64_t rows, columns, row_stride;
};

}  // namespace particlegrid
