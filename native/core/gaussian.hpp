// Gaussians: the contract between the core and whoever calls it.
#pragma once

#include <cmath>

#include "grid_job.hpp"

namespace particlegrid {

enum class Value { integral, mean, point, peak };  // peak: point values without normalisation, 1 at the centre

struct GaussianJob : GridJob {
    Value value = Value::integral;
    double cut = 0.0;   // half-width of the support along each axis, in sigmas
    double sheared_cut = 0.0;  // the same on sheared voxels; derivatives alone heed it
    double tol = 1e-6;  // of integrals over sheared voxels, relative to the largest
};

// The value at the centre of a Gaussian, in 1 / A^3. Not by std::pow, which took 4 % of a crystal's time.
inline double point_peak(double sigma) {
    const double area = 2.0 * 3.14159265358979323846 * sigma * sigma;
    return 1.0 / (area * std::sqrt(area));
}

// What an integral, or the product of three exponentials, is multiplied by.
inline double density_scale(const GaussianJob& job, double voxel_volume, double sigma) {
    switch (job.value) {
        case Value::mean: return 1.0 / voxel_volume;
        case Value::point: return point_peak(sigma);
        default: return 1.0;
    }
}

// Throws std::invalid_argument if an index, a width or a shape is out of range, or, unless `any_points`, for point values on
// voxels without an edge that is perpendicular to the other two, which draw_gaussians cannot draw.
void check_gaussians(const GaussianJob& job, bool any_points);

// Write every voxel of `job.out`. Throws std::invalid_argument, before anything is written, if an index, a width or a
// shape is out of range. The bits of the result do not depend on the number of threads, nor on what else is in the job.
void draw_gaussians(const GaussianJob& job);

}  // namespace particlegrid
