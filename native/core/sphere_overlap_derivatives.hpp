// Derivatives of spheres' shares of voxels, of first and second order.
#pragma once

#include "sphere_overlap.hpp"
#include "tangent.hpp"

namespace particlegrid {

// job.out is one block, z fastest, of float32 or float64. Derivatives are those of the values as drawn: what is drawn as 0
// or as a whole voxel has none but those of the divisor and of the voxel's size. With job.maximum a voxel follows the image
// that gives its value, the first one of the first entry where they agree to rounding, and none where the value is 0. All
// throw std::invalid_argument, before anything is written, if anything is out of range; no bits depend on the number of
// threads.

// Write to job.out how fast the values change along a direction.
void push_forward_sphere_overlaps(const SphereOverlapJob& job, const Direction& direction);

// Write the gradient of the sum of job.out times the values, or with a direction (else null) that of the sum of job.out
// times push_forward_sphere_overlaps of it.
void pull_back_sphere_overlaps(const SphereOverlapJob& job, const Gradient& gradient, const Direction* direction);

}  // namespace particlegrid
