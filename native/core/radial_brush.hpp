// Radial densities on any grid: one stroke for each image of an entry.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "drawer.hpp"
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

template <class T>
class RadialBrush {
public:
    using Stroke = RadialStroke;

    RadialBrush(const RadialJob& job, const Accumulator<T>& kernels) : job_(job), kernels_(kernels) {}

    const std::vector<RadialStroke>& strokes() const { return strokes_; }

    void prepare(std::int64_t structure, std::int64_t first_plane, std::int64_t last_plane) {
        strokes_.clear();
        const Site site(job_, structure);
        frame_ = find_frame(site.grid);
        for (std::int64_t e = job_.entry_offsets[structure]; e < job_.entry_offsets[structure + 1]; ++e) {
            if (job_.entry_weights[e] == 0.0) continue;
            const double width = job_.entry_widths[e];
            RadialStroke stroke;
            stroke.channel = static_cast<std::int32_t>(job_.entry_channels[e]);
            stroke.width = width;
            stroke.weight = job_.entry_weights[e] * profile_scale(job_, width);
            const double step = frame_.e3 / width;
            stroke.in_double = 0.5 * step * step > 3.0;
            site.for_images(job_.positions + 3 * job_.entry_atoms[e], reach_of(job_, site.grid, width),
                            [&](const double* index) {
                                if (place(site, index, width, stroke) && stroke.first[0] < last_plane &&
                                    stroke.first[0] + stroke.count[0] > first_plane)
                                    strokes_.push_back(stroke);
                            });
        }
    }

    void paint(std::int64_t x, const std::int32_t* strokes, std::int64_t count, T* tile) const {
        kernels_.paint_radial({x, job_.shape[2], strokes_.data(), strokes, count, &frame_, &job_.form}, tile);
    }

private:
    // Find the voxels around an image; false if there are none in the grid.
    bool place(const Site& site, const double* index, double width, RadialStroke& stroke) const {
        const double radius = support_radius(job_, width);
        stroke.radius2 = radius * radius;
        if (job_.form.profile == Profile::gaussian) stroke.radius2 += find_gap2(site.grid, index);
        const double reach = std::sqrt(stroke.radius2);
        for (int d = 0; d < 3; ++d) {
            const double margin = reach / site.grid.plane_spacing[static_cast<std::size_t>(d)] + 1e-9;
            const double n = static_cast<double>(job_.shape[static_cast<std::size_t>(d)]);
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

    // Square of the distance to a voxel centre near the atom, in A^2: a narrow Gaussian's values fall off from there.
    static double find_gap2(const Basis& grid, const double* index) {
        double gap[3] = {0, 0, 0};
        for (int d = 0; d < 3; ++d) {
            const double x = (index[d] - std::floor(index[d])) - 0.5;
            for (int k = 0; k < 3; ++k) gap[k] += x * grid.row(d)[k];
        }
        return dot(gap, gap);
    }

    const RadialJob& job_;
    const Accumulator<T>& kernels_;
    RowFrame frame_{};
    std::vector<RadialStroke> strokes_;
};

}  // namespace particlegrid
