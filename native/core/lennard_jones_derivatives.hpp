// Derivatives of Lennard-Jones energies.
#pragma once

#include "lennard_jones.hpp"
#include "tangent.hpp"

namespace particlegrid {

// Write to `gradient` that of sum(g values), g = job.out, or with a direction that of sum(g push_forward(direction)).
// What is at the cutoff stays; (s / d)^12 - (s / d)^6 of an entry within 1e-16 A of a voxel, where it is infinite, has
// no derivatives.
// Throws std::invalid_argument, before anything is written, if anything is out of range or job.out no block of float32
// or float64. The bits do not depend on the number of threads.
void pull_back_lennard_jones(const LennardJonesJob& job, const Gradient& gradient, const Direction* direction);

// Write to job.out how fast the values change along a direction; throws likewise.
void push_forward_lennard_jones(const LennardJonesJob& job, const Direction& direction);

}  // namespace particlegrid
