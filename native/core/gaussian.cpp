#include "gaussian.hpp"

#include <algorithm>
#include <string>

#include "dispatch.hpp"
#include "drawer.hpp"
#include "lattice.hpp"
#include "require.hpp"
#include "row_drawer.hpp"
#include "separable_brush.hpp"
#include "sheared_brush.hpp"

namespace particlegrid {

namespace {

double longest_edge(const Basis& grid) { return std::max({norm(grid.row(0)), norm(grid.row(1)), norm(grid.row(2))}); }

void check_shear(const GaussianJob& job, const Basis& grid, bool any_points) {
    require(any_points || !is_point(job) || stands_apart(grid, 0) || stands_apart(grid, 1) || stands_apart(grid, 2),
            [] { return std::string("point values need a voxel's edge that is perpendicular to the other two"); });
    require(grid.volume > 1e-4 * norm(grid.row(0)) * norm(grid.row(1)) * norm(grid.row(2)),
            [] { return std::string("the voxels are too flat: their volume is less than 1e-4 of their edges' product"); });
}

}  // namespace

void check_gaussians(const GaussianJob& job, bool any_points) {
    check(job);
    require(job.cut > 0 && job.cut <= 30, [] { return std::string("cut must lie between 0 and 30 sigmas"); });
    require(job.tol >= 1e-16 && job.tol <= 1.0, [] { return std::string("tol must lie between 1e-16 and 1"); });
    // an infinite product would turn the zeros that pad a row into NaN, in the tile that the next structure uses
    const double largest = job.output == OutputType::float64 ? 1e300 : 1e38;
    for (std::int64_t s = 0; s < job.structures; ++s) {
        const Basis grid(job.axes + 9 * s);
        const bool orthogonal = grid.is_orthogonal();
        if (!orthogonal) check_shear(job, grid, any_points);
        for (std::int64_t e = job.entry_offsets[s]; e < job.entry_offsets[s + 1]; ++e) {
            require(std::fabs(job.entry_weights[e]) * density_scale(job, grid.volume, job.entry_widths[e]) <= largest, [&] {
                return "entry " + std::to_string(e) + ": weight times density overflows the type of the sums; the weight is " +
                       std::to_string(job.entry_weights[e]);
            });
            require(orthogonal || job.entry_widths[e] >= 1e-6 * longest_edge(grid), [&] {
                return "entry " + std::to_string(e) + ": the width is less than a millionth of a sheared voxel's edge; it is " +
                       std::to_string(job.entry_widths[e]) + " A";
            });
        }
    }
    check_images(job, [&](const Site& site, std::int64_t e) {
        if (!site.grid.is_orthogonal()) return find_reach(site, job, job.entry_widths[e]);
        return site.fills_lattice() ? 0.0 : job.cut * job.entry_widths[e];  // one that fills its cell folds its images
    });
}

namespace {

// Draws each structure with the brush that its voxels need.
template <class T>
class GaussianBrush {
public:
    using Stroke = Window;

    GaussianBrush(const GaussianJob& job, const Accumulator<T>& kernels)
        : job_(job), separable_(job, kernels), sheared_(job, kernels) {}

    const Scratch<Window>& strokes() const { return is_sheared_ ? sheared_.strokes() : separable_.strokes(); }

    void prepare(std::int64_t structure, std::int64_t first_plane, std::int64_t last_plane) {
        is_sheared_ = !Basis(job_.axes + 9 * structure).is_orthogonal();
        if (is_sheared_) sheared_.prepare(structure, first_plane, last_plane);
        else separable_.prepare(structure, first_plane, last_plane);
    }

    void paint(std::int64_t x, const std::int32_t* strokes, std::int64_t count, T* tile) const {
        if (is_sheared_) sheared_.paint(x, strokes, count, tile);
        else separable_.paint(x, strokes, count, tile);
    }

private:
    const GaussianJob& job_;
    SeparableBrush<T> separable_;
    ShearedBrush<T> sheared_;
    bool is_sheared_ = false;
};

template <class T>
void draw_by_tiles(const GaussianJob& job, const Accumulator<T>& kernels) {
    draw_slabs<T>(job, kernels, [&] { return GaussianBrush<T>(job, kernels); });
}

}  // namespace

void draw_gaussians(const GaussianJob& job) {
    check_gaussians(job, false);
    const Kernels& kernels = active_kernels();
    // the same bits either way: each voxel's terms are added in the same order
    if (allows_rows(job, kernels) && is_faster_by_rows(job)) draw_by_rows(job, kernels);
    else if (job.output == OutputType::float64) draw_by_tiles(job, kernels.twice);
    else draw_by_tiles(job, kernels.single);
}

}  // namespace particlegrid
