// Lennard-Jones energies: the contract between the core and whoever calls it.
#pragma once

#include "grid_job.hpp"

namespace particlegrid {

// A voxel gets the sum over entries and images with d < cutoff of w [(s / d)^12 - (s / d)^6], s half the sum of the
// entry's width and the probe's, w the entry's weight (which carries 4 epsilon), d the distance of the voxel's centre.
struct LennardJonesJob : GridJob {
    double probe_width = 0.0;  // A
    double cutoff = 0.0;       // A
    bool shift = false;        // subtract from each term its value at the cutoff
};

// Throws std::invalid_argument if anything is out of range.
void check_lennard_jones(const LennardJonesJob& job);

// Write every voxel of `job.out`: infinite where an entry lies at the voxel's centre, not a number where entries with
// weights of both signs do. Throws std::invalid_argument, before anything is written, if an index, a length or a shape
// is out of range. Sums are made in double. The bits of the result do not depend on the number of threads, nor on what
// else is in the job.
void draw_lennard_jones(const LennardJonesJob& job);

}  // namespace particlegrid
