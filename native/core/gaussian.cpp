#include "gaussian.hpp"

#include <string>

#include "dispatch.hpp"
#include "drawer.hpp"
#include "lattice.hpp"
#include "require.hpp"
#include "separable_brush.hpp"

namespace particlegrid {

namespace {

void check_gaussians(const GaussianJob& job) {
    check(job);
    require(job.cut > 0 && job.cut < 100, [] { return std::string("cut must lie between 0 and 100 sigmas"); });
    // an infinite product would turn the zeros that pad a row into NaN, in the tile that the next structure uses
    const double largest = job.output == OutputType::float64 ? 1e300 : 1e38;
    for (std::int64_t s = 0; s < job.structures; ++s) {
        const Basis grid(job.axes + 9 * s);
        require(grid.is_orthogonal(), [] { return std::string("the voxels must be orthogonal"); });
        const double spacing[3] = {norm(grid.row(0)), norm(grid.row(1)), norm(grid.row(2))};
        for (std::int64_t e = job.entry_offsets[s]; e < job.entry_offsets[s + 1]; ++e)
            require(std::fabs(job.entry_weights[e]) * density_scale(job, spacing, job.entry_widths[e]) <= largest, [&] {
                return "entry " + std::to_string(e) + ": weight times density overflows the type of the sums; the weight is " +
                       std::to_string(job.entry_weights[e]);
            });
    }
    check_images(job, [&](const Site& site, std::int64_t e) {
        return site.fills_lattice() ? 0.0 : job.cut * job.entry_widths[e];  // one that fills its cell folds its images
    });
}

template <class T>
void draw(const GaussianJob& job, const Accumulator<T>& kernels) {
    draw_slabs<T>(job, kernels, [&] { return SeparableBrush<T>(job, kernels); });
}

}  // namespace

void draw_gaussians(const GaussianJob& job) {
    check_gaussians(job);
    const Kernels& kernels = active_kernels();
    if (job.output == OutputType::float64) draw(job, kernels.twice);
    else draw(job, kernels.single);
}

}  // namespace particlegrid
