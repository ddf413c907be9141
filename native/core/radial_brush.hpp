// Radial densities on any grid: one stroke for each image of an entry.
#pragma once

#include <cmath>
#include <vector>

#include "drawer.hpp"
#include "radial_support.hpp"

namespace particlegrid {

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
        return enclose_sphere(site.grid, job_.shape, index, stroke);
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
