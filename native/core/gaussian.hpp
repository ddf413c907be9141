// Gaussians: the contract between the core and whoever calls it.
#pragma once

#include <cmath>

#include "grid_job.hpp"

namespace particlegrid {

enum class Value { integral, mean, point, peak };  // peak: point values without normalisation, 1 at the centre

struct GaussianJob : GridJob {
    Value value = Value::integral;
    double cut = 0.0;  // half-width of the support along each axis, in sigmas
};

// What the product of three axis weights is multiplied by.
inline double density_scale(const GaussianJob& job, const double* spacing, double sigma) {
    switch (job.value) {
        case Value::mean: return 1.0 / (spacing[0] * spacing[1] * spacing[2]);
        case Value::point: return std::pow(2.0 * 3.14159265358979323846 * sigma * sigma, -1.5);
        default: return 1.0;
    }
}

// Write every voxel of `job.out`. Throws std::invalid_argument, before anything is written, if an index, a width or a
// shape is out of range. The bits of the result do not depend on the number of threads, nor on what else is in the job.
void draw_gaussians(const GaussianJob& job);

}  // namespace particlegrid
