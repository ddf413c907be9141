// The potential of point charges: the contract between the core and whoever calls it.
#pragma once

#include "grid_job.hpp"

namespace particlegrid {

// Weights are charges times the Coulomb constant; widths have no effect.
struct CoulombJob : GridJob {
    double tol = 1e-6;   // of a periodic value, in units of the largest charge over the charges' mean distance
    double split = 0.0;  // 1/A: alpha of the screening erfc(alpha d); 0: the fastest
};

// Write every voxel of `job.out`: sums of charge / d where nothing repeats, Ewald sums with a neutralising background
// where all three vectors do. Throws std::invalid_argument, before anything is written, if the job is not valid or a
// structure repeats along one or two vectors. The bits of the result do not depend on the number of threads, nor on what
// other structures are in the job.
void draw_coulomb(const CoulombJob& job);

}  // namespace particlegrid
