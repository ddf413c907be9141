#include "sphere_overlap.hpp"

#include <cmath>
#include <string>

#include "dispatch.hpp"
#include "drawer.hpp"
#include "lattice.hpp"
#include "overlap_brush.hpp"
#include "require.hpp"

namespace particlegrid {

void check_overlaps(const SphereOverlapJob& job) {
    check(job);
    // a share is off by up to 2e-14 of the cube of the radius, which must not show in a voxel
    constexpr double kLargestRatio = 1e8;
    const double largest = job.output == OutputType::float64 ? 1e300 : 1e38;
    for (std::int64_t s = 0; s < job.structures; ++s) {
        const Basis grid(job.axes + 9 * s);
        for (std::int64_t e = job.entry_offsets[s]; e < job.entry_offsets[s + 1]; ++e) {
            const double radius = job.entry_widths[e];
            require(radius * radius * radius <= kLargestRatio * grid.volume, [&] {
                return "entry " + std::to_string(e) + ": the radius " + std::to_string(radius) +
                       " A is more than 464 times the edge of a voxel";
            });
            require(std::fabs(job.entry_weights[e]) * overlap_scale(job.per, grid.volume, radius) <= largest, [&] {
                return "entry " + std::to_string(e) + ": weight times share overflows the type of the sums; the weight is " +
                       std::to_string(job.entry_weights[e]);
            });
        }
    }
    check_images(job, [&](const Site&, std::int64_t e) { return job.entry_widths[e]; });
}

void draw_sphere_overlaps(const SphereOverlapJob& job) {
    check_overlaps(job);
    const Kernels& kernels = active_kernels();
    if (job.output == OutputType::float64) draw_slabs<double>(job, kernels.twice, [&] { return OverlapBrush<double>(job); });
    else draw_slabs<float>(job, kernels.single, [&] { return OverlapBrush<float>(job); });
}

}  // namespace particlegrid
