// Spheres of uniform density, exact for each voxel: the contract between the core and whoever calls it.
#pragma once

#include "grid_job.hpp"

namespace particlegrid {

// What the volume of sphere and voxel in common is divided by; `volume`: nothing, A^3.
enum class Per { voxel, atom, volume };

// Widths are radii.
struct SphereOverlapJob : GridJob {
    Per per = Per::voxel;
    bool maximum = false;  // a voxel takes the largest of 0 and its entries instead of their sum
};

// Throws std::invalid_argument if an index, a width or a shape is out of range.
void check_overlaps(const SphereOverlapJob& job);

// Write every voxel of `job.out`. Throws std::invalid_argument, before anything is written, if
// check_overlaps does. The bits of the result do not depend on the number of threads, nor on what else is in the job.
void draw_sphere_overlaps(const SphereOverlapJob& job);

}  // namespace particlegrid
