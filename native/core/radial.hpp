// Densities that depend on the distance from the atom alone, on any grid: the contract between the core and its caller.
#pragma once

#include "grid_job.hpp"
#include "radial_rows.hpp"

namespace particlegrid {

struct RadialJob : GridJob {
    RadialForm form;
    double cut = 0.0;        // gaussian: the support's radius beyond the nearest voxel centre, in sigmas
    bool normalize = false;  // gaussian: divide by (2 pi sigma^2)^(3/2)
};

// Throws std::invalid_argument if anything is out of range.
void check_radial(const RadialJob& job);

// Write every voxel of `job.out`. Throws std::invalid_argument, before anything is written, if anything is out of range.
// The bits of the result do not depend on the number of threads, nor on what else is in the job.
void draw_radial(const RadialJob& job);

}  // namespace particlegrid
