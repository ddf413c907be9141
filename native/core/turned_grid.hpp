// A grid's voxels in a frame in which their rows are easily followed.
#pragma once

#include "ewald_split.hpp"

namespace particlegrid {

// The voxels' edges in a frame in which the third lies along z and the second in the plane of y and z; plane 0.
inline TurnedPlane turn_grid(const CoulombJob& job, const Basis& grid, const EwaldSplit& split, std::int64_t stride) {
    TurnedPlane plane{};
    const double length = norm(grid.row(2));
    const double middle = dot(grid.row(1), grid.row(2)) / length, first = dot(grid.row(0), grid.row(2)) / length;
    double second[3];  // the second edge across the third
    for (int k = 0; k < 3; ++k) second[k] = grid.row(1)[k] - middle / length * grid.row(2)[k];
    const double along = norm(second);
    plane.across[0] = grid.plane_spacing[0];
    plane.across[1] = dot(grid.row(0), second) / along;
    plane.across[2] = first;
    plane.along[0] = along;
    plane.along[1] = middle;
    plane.length = length;
    plane.rows = job.shape[1];
    plane.columns = job.shape[2];
    plane.stride = stride;
    plane.alpha = split.alpha;
    plane.reach = split.reach;
    return plane;
}

}  // namespace particlegrid
