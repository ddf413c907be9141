#include "sphere_overlap_derivatives.hpp"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "ball_gradient.hpp"
#include "dual.hpp"
#include "overlap_winners.hpp"

namespace particlegrid {

namespace {

// How the grid's points move as an image's centre sees them, in A: a point at x by x strain - shift.
struct Flow {
    double strain[9], shift[3], stretch;  // trace(strain)

    // The image stands at index coordinates `index`.
    Flow(const Basis& grid, const double* index, const ImageChange& change) : stretch(0.0) {
        for (int k = 0; k < 3; ++k) {
            shift[k] = change.position[k];
            for (int a = 0; a < 3; ++a) shift[k] -= index[a] * change.axes[3 * a + k];
            for (int b = 0; b < 3; ++b) {
                strain[3 * b + k] = 0.0;
                for (int a = 0; a < 3; ++a) strain[3 * b + k] += grid.duals.data()[3 * a + b] * change.axes[3 * a + k];
            }
            stretch += strain[3 * k + k];
        }
    }

    // The same in radii, of which the sphere keeps one.
    CornerMotion scale(double radius, double width_rate) const {
        CornerMotion motion;
        std::copy_n(strain, 9, motion.strain);
        for (int k = 0; k < 3; ++k) {
            motion.strain[3 * k + k] -= width_rate / radius;
            motion.shift[k] = shift[k] / radius;
        }
        return motion;
    }
};

// A number that may have a rate: Number is double or Dual.
template <class Number>
Number join(double value, double rate) {
    if constexpr (std::is_same_v<Number, Dual>) return {value, rate};
    else return value;
}
double pick(double x) { return x; }
double pick(const Dual& x) { return x.rate; }

template <class T>
class OverlapDifferential {
public:
    OverlapDifferential(const SphereOverlapJob& job, const std::vector<Winner>& winners) : job_(job), winners_(winners) {}

    double reach(const Site&, std::int64_t e) const { return job_.entry_widths[e]; }

    void begin(std::int64_t structure, const Site& site) {
        structure_ = structure;
        grid_ = site.grid;
        cells_.set_grid(grid_);
        rates_.set_grid(grid_);
        gradient_.set_grid(grid_);
        counter_ = ImageCounter();
    }

    void push_forward(const Image& image, const ImageChange& direction, const Planes& planes) {
        const Winner name = counter_.name(image.entry);
        VoxelIndex first, last;
        if (!find_voxels(image, planes, first, last)) return;
        const double radius = image.width, growth = direction.width / radius;
        const Flow flow(grid_, image.index, direction);
        const double divided = overlap_scale(job_.per, grid_.volume, radius) / grid_.volume;
        const double thinning = job_.per == Per::voxel ? -flow.stretch : job_.per == Per::atom ? -3.0 * growth : 0.0;
        const double scale = image.weight * divided, by_weight = direction.weight * divided;
        const double whole = (by_weight + scale * (thinning + flow.stretch)) * grid_.volume;
        const double by_share = (by_weight + scale * (thinning + 3.0 * growth)) * grid_.volume;
        const double by_rate = scale * radius * radius * radius;
        cells_.place(image.index, radius, first, last);
        rates_.place(image.index, radius, first, last, flow.scale(radius, direction.width));
        T* const channel = find_channel<T>(job_, structure_, image.channel);
        const Winner* const owners = find_owners(image);
        cells_.for_rows([&](const BallCells::Row& row) {
            const std::int64_t at = (row.x * job_.shape[1] + row.y) * job_.shape[2];
            const double* const rate = rates_.find_row(row.x, row.y) - first[2];
            for_changing(row, owners, at, name, [&](std::int64_t z, double share, bool is_whole) {
                if (is_whole) channel[at + z] += static_cast<T>(whole);
                else if (share > 0.0) channel[at + z] += static_cast<T>(by_share * share + by_rate * rate[z]);
            });
        });
    }

    void pull_back(const Image& image, const ImageChange* direction, ImageChange& slope) {
        const Winner name = counter_.name(image.entry);
        VoxelIndex first, last;
        if (!find_voxels(image, {0, job_.shape[0]}, first, last)) return;
        cells_.place(image.index, image.width, first, last);
        gradient_.place(image.index, image.width, first, last);
        const T* const channel = find_channel<const T>(job_, structure_, image.channel);
        const Winner* const owners = find_owners(image);
        double shares = 0.0, whole = 0.0;  // sums of job.out times shares that change, and over whole voxels
        cells_.for_rows([&](const BallCells::Row& row) {
            const std::int64_t at = (row.x * job_.shape[1] + row.y) * job_.shape[2];
            double* const factors = gradient_.find_row(row.x, row.y) - first[2];
            for_changing(row, owners, at, name, [&](std::int64_t z, double share, bool is_whole) {
                const double factor = static_cast<double>(channel[at + z]);
                if (is_whole) {
                    whole += factor;
                } else if (share > 0.0) {
                    shares += factor * share;
                    factors[z] = factor;
                }
            });
        });
        if (direction == nullptr) {
            finish<double>(image, ImageChange{}, shares, whole, gradient_.sum(nullptr), slope);
        } else {
            const CornerMotion motion = Flow(grid_, image.index, *direction).scale(image.width, direction->width);
            finish<Dual>(image, *direction, shares, whole, gradient_.sum(&motion), slope);
        }
    }

private:
    bool find_voxels(const Image& image, const Planes& planes, VoxelIndex& first, VoxelIndex& last) const {
        return find_ball_voxels(grid_, image.index, image.width, {planes.first, 0, 0},
                                {planes.last, job_.shape[1], job_.shape[2]}, first, last);
    }

    const Winner* find_owners(const Image& image) const {
        const std::int64_t channel = structure_ * job_.channels + image.channel;
        return winners_.empty() ? nullptr : winners_.data() + channel * count_voxels(job_);
    }

    // visit(z, share, is_whole) for the voxels of a row, which begins at voxel `at` of the channel, whose value is this image's
    // or has it as a term.
    template <class Visit>
    static void for_changing(const BallCells::Row& row, const Winner* owners, std::int64_t at, const Winner& name,
                             const Visit& visit) {
        for (std::int64_t z = row.first; z < row.last; ++z)
            if (owners == nullptr || owners[at + z] == name)
                visit(z, row.shares[z - row.first], z >= row.whole_first && z < row.whole_last);
    }

    // The gradient, or with Dual its change along a direction, of what the image adds to the sum: weight / divisor (the
    // volumes of partly filled voxels times their factors + `whole` times the volume of a voxel).
    template <class Number>
    void finish(const Image& image, const ImageChange& along, double shares, double whole, const BallGradient::Sums& sums,
                ImageChange& slope) const {
        const Flow flow(grid_, image.index, along);
        const CornerMotion motion = flow.scale(image.width, along.width);
        const double size = image.width * image.width * image.width;
        const Number weight = join<Number>(image.weight, along.weight), radius = join<Number>(image.width, along.width);
        const Number voxel = join<Number>(grid_.volume, grid_.volume * flow.stretch);
        double change = 3.0 * along.width / image.width * shares * grid_.volume;  // of the partial volumes
        for (int b = 0; b < 9; ++b) change += size * sums.moment[b] * motion.strain[b];
        for (int b = 0; b < 3; ++b) change += size * sums.push[b] * motion.shift[b];
        const Number partial = join<Number>(shares * grid_.volume, change);
        const Number total = partial + Number(whole) * voxel;
        const Number divided = job_.per == Per::voxel  ? Number(1.0) / voxel
                               : job_.per == Per::atom ? Number(1.0 / sphere_volume(1.0)) / (radius * radius * radius)
                                                       : Number(1.0);
        slope.weight = pick(divided * total);
        const Number scale = weight * divided, area = scale * radius * radius, cube = area * radius;
        // by the radius: everything grows like the cube of it, but for the grid, which shrinks in radii
        Number width = scale * Number(job_.per == Per::atom ? 0.0 : 3.0) * partial / radius;
        if (job_.per == Per::atom) width -= Number(3.0 * whole) * scale * voxel / radius;
        Number push[3], moment[9];
        for (int b = 0; b < 3; ++b) {
            push[b] = area * join<Number>(sums.push[b], sums.push_rate[b]);
            slope.position[b] = pick(push[b]);
            for (int m = 3 * b; m < 3 * b + 3; ++m) moment[m] = cube * join<Number>(sums.moment[m], sums.moment_rate[m]);
            width -= moment[4 * b] / radius;
        }
        slope.width = pick(width);
        // a whole voxel's size, and the divisor where that is it
        const Number growth = job_.per == Per::voxel ? -(scale * partial) : Number(whole) * scale * voxel;
        for (int a = 0; a < 3; ++a) {
            Number dual[3], index(0.0);
            for (int b = 0; b < 3; ++b) {
                const double* const duals = grid_.duals.data();
                double rate = 0.0;  // E^-1 changes by -strain E^-1
                for (int c = 0; c < 3; ++c) rate -= flow.strain[3 * b + c] * duals[3 * a + c];
                dual[b] = join<Number>(duals[3 * a + b], rate);
                index += dual[b] * join<Number>(image.position[b], along.position[b]);
            }
            for (int k = 0; k < 3; ++k) {
                Number sum = growth * dual[k] - index * push[k];
                for (int b = 0; b < 3; ++b) sum += dual[b] * moment[3 * b + k];
                slope.axes[3 * a + k] = pick(sum);
            }
        }
    }

    const SphereOverlapJob& job_;
    const std::vector<Winner>& winners_;
    std::int64_t structure_ = 0;
    Basis grid_;
    BallCells cells_;
    BallRates rates_;
    BallGradient gradient_;
    ImageCounter counter_;
};

template <class Run>
void run(const SphereOverlapJob& job, const Run& run_typed) {
    check_overlaps(job);
    check_block(job);
    const std::vector<Winner> winners = find_winners(job);
    if (job.output == OutputType::float64) run_typed([&] { return OverlapDifferential<double>(job, winners); });
    else run_typed([&] { return OverlapDifferential<float>(job, winners); });
}

}  // namespace

void push_forward_sphere_overlaps(const SphereOverlapJob& job, const Direction& direction) {
    run(job, [&](const auto& make_differential) { push_forward_entries(job, direction, make_differential); });
}

void pull_back_sphere_overlaps(const SphereOverlapJob& job, const Gradient& gradient, const Direction* direction) {
    run(job, [&](const auto& make_differential) { pull_back_entries(job, gradient, direction, make_differential); });
}

}  // namespace particlegrid
