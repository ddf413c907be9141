// Where radial densities touch a grid.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>

#include "gaussian.hpp"
#include "lattice.hpp"
#include "radial.hpp"

namespace particlegrid {

// Radius of the support of an entry, in A; of a Gaussian, beyond the nearest voxel centre.
inline double support_radius(const RadialJob& job, double width) {
    const double g = std::fabs(job.form.multiple);
    switch (job.form.profile) {
        case Profile::gaussian: return job.cut * width;
        case Profile::quadratic:
            return job.form.scale * width * (job.form.multiple < 0 ? g : (1.0 + 2.0 * g * g) / (2.0 * g));
        case Profile::binary: return width;
        default: return job.form.cutoff;
    }
}

// What multiplies the profile of an entry.
inline double profile_scale(const RadialJob& job, double width) {
    if (job.form.profile != Profile::gaussian || !job.normalize) return 1.0;
    return point_peak(width);
}

// How far from its atom an entry may count on a grid, in A.
inline double reach_of(const RadialJob& job, const Basis& grid, double width) {
    const double radius = support_radius(job, width);
    if (job.form.profile != Profile::gaussian) return radius;
    const double gap = 0.5 * (norm(grid.row(0)) + norm(grid.row(1)) + norm(grid.row(2)));
    return std::sqrt(radius * radius + gap * gap);
}

inline RowFrame find_frame(const Basis& grid) {
    const double* e1 = grid.row(0);
    const double* e2 = grid.row(1);
    const double* e3 = grid.row(2);
    RowFrame frame;
    frame.e3 = norm(e3);
    double third[3], second[3], first[3];
    for (int k = 0; k < 3; ++k) third[k] = e3[k] / frame.e3;
    frame.e2[1] = dot(e2, third);
    for (int k = 0; k < 3; ++k) second[k] = e2[k] - frame.e2[1] * third[k];
    frame.e2[0] = norm(second);
    for (int k = 0; k < 3; ++k) second[k] /= frame.e2[0];
    cross(second, third, first);
    frame.e1[0] = dot(e1, first);
    frame.e1[1] = dot(e1, second);
    frame.e1[2] = dot(e1, third);
    return frame;
}

// The voxels of a grid of so many around a sphere of stroke.radius2; false if there are none.
inline bool enclose_sphere(const Basis& grid, const std::array<std::int64_t, 3>& shape, const double* index, RadialStroke& stroke) {
    const double reach = std::sqrt(stroke.radius2);
    for (std::size_t d = 0; d < 3; ++d) {
        const double margin = reach / grid.plane_spacing[d] + 1e-9;
        const double n = static_cast<double>(shape[d]);
        // clamped while still double: far atoms and wide supports overflow an integer
        const double low = std::max(std::ceil(index[d] - 0.5 - margin), 0.0);
        const double high = std::min(std::floor(index[d] - 0.5 + margin) + 1.0, n);
        if (!(low < high)) return false;
        stroke.index[d] = index[d];
        stroke.first[d] = static_cast<std::int64_t>(low);
        stroke.count[d] = static_cast<std::int64_t>(high - low);
    }
    return true;
}

// Leave out the planes below `first` and from `last` on.
inline void cut_planes(std::int64_t first, std::int64_t last, RadialStroke& stroke) {
    const std::int64_t end = std::min(stroke.first[0] + stroke.count[0], last);
    stroke.first[0] = std::max(stroke.first[0], first);
    stroke.count[0] = end - stroke.first[0];
}

}  // namespace particlegrid
