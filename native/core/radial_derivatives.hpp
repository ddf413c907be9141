// Derivatives of radial densities, but for Gaussians.
#pragma once

#include "radial.hpp"
#include "tangent.hpp"

namespace particlegrid {

// Write to `gradient` that of sum(g values), g = job.out, or with a direction that of sum(g push_forward(direction)).
// Supports stand still: what a width or a position lets in or out does not count. Where the largest value counts, only
// the winning image changes. Throws std::invalid_argument, before anything is written, if anything is out of range, the
// profile is a Gaussian or job.out no block of float32 or float64. The bits do not depend on the number of threads.
void pull_back_radial(const RadialJob& job, const Gradient& gradient, const Direction* direction);

// Write to job.out how fast the values change along a direction; throws likewise.
void push_forward_radial(const RadialJob& job, const Direction& direction);

}  // namespace particlegrid
