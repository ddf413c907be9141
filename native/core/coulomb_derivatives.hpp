// Derivatives of the potential of point charges: the contract between the core and whoever calls it.
#pragma once

#include "coulomb.hpp"
#include "tangent.hpp"

namespace particlegrid {

// They are of the sums as they are made: the split, the list of images and that of wave vectors stay, as changes of those
// are below the tolerance. At a voxel whose centre is at a charge, that charge counts with what is left of its potential
// without 1 / d: nothing, or the image's part of an Ewald sum. Nothing depends on widths.
// Both throw std::invalid_argument, before anything is written, where draw_coulomb does, or if job.out is not one block of
// float32 or float64. The bits of the result do not depend on the number of threads.

// Write the gradient of sum(g values), g = job.out, or with a direction (else null) that of sum(g changes along it).
void pull_back_coulomb(const CoulombJob& job, const Gradient& gradient, const Direction* direction);

// Write to job.out how fast the values change along a direction.
void push_forward_coulomb(const CoulombJob& job, const Direction& direction);

}  // namespace particlegrid
