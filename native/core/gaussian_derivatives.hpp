// Derivatives of Gaussians' values on any grid, of first and second order.
#pragma once

#include "gaussian.hpp"
#include "tangent.hpp"

namespace particlegrid {

// job.out is one block, z fastest, of float32 or float64. Sums are over the same voxels as in the drawing, but for what is
// below `tol` there: on sheared voxels supports are cut along other directions. All throw std::invalid_argument, before
// anything is written, if anything is out of range; no bits depend on the number of threads.

// Write to job.out how fast the values change along a direction.
void push_forward_gaussians(const GaussianJob& job, const Direction& direction);

// Write the gradient of the sum of job.out times the values, or with a direction (else null) that of the sum of job.out
// times push_forward_gaussians of it.
void pull_back_gaussians(const GaussianJob& job, const Gradient& gradient, const Direction* direction);

}  // namespace particlegrid
