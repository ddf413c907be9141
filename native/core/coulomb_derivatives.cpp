#include "coulomb_derivatives.hpp"

#include <cmath>
#include <optional>
#include <vector>

#include "coulomb_plan.hpp"
#include "differentiate.hpp"
#include "turned_grid.hpp"
#include "wave_derivatives.hpp"

namespace particlegrid {

namespace {

// How delta, from an image to a voxel, changes: as u times the axes' changes, and by the same for all voxels.
struct Motion {
    double shift[3];  // A
    ChargeDrift drift;

    Motion(const Basis& grid, const Image& image, const ImageChange& along) {
        for (int k = 0; k < 3; ++k) {
            shift[k] = -along.position[k];
            for (int d = 0; d < 3; ++d) shift[k] += image.index[d] * along.axes[3 * d + k];
        }
        int n = 0;
        for (int c = 0; c < 3; ++c) {
            drift.linear[c] = dot(grid.row(c), shift);
            for (int d = c; d < 3; ++d, ++n)
                drift.square[n] = dot(grid.row(c), along.axes + 3 * d) +
                                  (d > c ? dot(grid.row(d), along.axes + 3 * c) : 0.0);
        }
    }
};

PointCharge find_place(const Image& image) {
    return {{image.index[0] - 0.5, image.index[1] - 0.5, image.index[2] - 0.5}, image.weight};
}

// Planes whose voxels an image may reach.
Planes find_planes(const TurnedPlane& plane, const PointCharge& charge, const Planes& within) {
    const double planes = plane.reach / plane.across[0];
    const double low = std::max(std::ceil(charge.index[0] - planes), static_cast<double>(within.first));
    const double high = std::min(std::floor(charge.index[0] + planes), static_cast<double>(within.last - 1));
    if (!(low <= high)) return {0, 0};
    return {static_cast<std::int64_t>(low), static_cast<std::int64_t>(high) + 1};
}

// Of the sum over images; see differentiate.hpp.
template <class T>
class ChargeDifferential {
public:
    ChargeDifferential(const CoulombJob& job, const std::vector<EwaldSplit>& splits, const Accumulator<T>& kernels)
        : job_(job), splits_(splits), kernels_(kernels) {}

    double reach(const Site&, std::int64_t) const { return plane_.reach; }

    void begin(std::int64_t structure, const Site& site) {
        structure_ = structure;
        grid_ = site.grid;
        plane_ = turn_grid(job_, grid_, splits_[static_cast<std::size_t>(structure)], job_.shape[2]);
    }

    void pull_back(const Image& image, const ImageChange* along, ImageChange& gradient) const {
        const PointCharge charge = find_place(image);
        std::optional<Motion> motion;
        if (along != nullptr) motion.emplace(grid_, image, *along);
        ChargeMoments sums{};
        TurnedPlane plane = plane_;
        const Planes planes = find_planes(plane_, charge, {0, job_.shape[0]});
        const T* values = find_channel<T>(job_, structure_, image.channel);
        for (plane.x = planes.first; plane.x < planes.last; ++plane.x)
            kernels_.add_moments(plane, charge.index, motion ? &motion->drift : nullptr,
                                 values + plane.x * job_.shape[1] * job_.shape[2], sums);
        if (along == nullptr) {
            gradient.weight = sums.potential;
            for (double& moment : sums.slope) moment *= image.weight;
            add_slopes(image, sums.slope, grid_.rows.data(), nullptr, gradient);
            return;
        }
        for (int c = 0; c < 3; ++c) gradient.weight += motion->drift.linear[c] * sums.slope[1 + c];
        for (int n = 0; n < 6; ++n) gradient.weight += motion->drift.square[n] * sums.slope[4 + n];
        double parts[10];
        for (int n = 0; n < 10; ++n) parts[n] = along->weight * sums.slope[n] + image.weight * sums.second[n];
        add_slopes(image, parts, grid_.rows.data(), nullptr, gradient);
        for (double& moment : sums.slope) moment *= image.weight;
        add_slopes(image, sums.slope, along->axes, motion->shift, gradient);
    }

private:
    // The gradient whose derivative by every delta is a scalar times (u edges + shift), from the scalars' moments.
    void add_slopes(const Image& image, const double* moments, const double* edges, const double* shift,
                    ImageChange& gradient) const {
        constexpr int kProduct[3][3] = {{4, 5, 6}, {5, 7, 8}, {6, 8, 9}};
        for (int k = 0; k < 3; ++k) {
            double sum = shift == nullptr ? 0.0 : moments[0] * shift[k];
            for (int d = 0; d < 3; ++d) sum += moments[1 + d] * edges[3 * d + k];
            gradient.position[k] -= sum;
            for (int c = 0; c < 3; ++c) {
                double along = image.index[c] * sum + (shift == nullptr ? 0.0 : moments[1 + c] * shift[k]);
                for (int d = 0; d < 3; ++d) along += moments[kProduct[c][d]] * edges[3 * d + k];
                gradient.axes[3 * c + k] += along;
            }
        }
    }

    const CoulombJob& job_;
    const std::vector<EwaldSplit>& splits_;
    const Accumulator<T>& kernels_;
    std::int64_t structure_ = 0;
    Basis grid_;
    TurnedPlane plane_{};
};

// The changes of one structure, slab by slab; sums are in double, whatever the type of job.out.
template <class T>
class ChargePusher {
public:
    ChargePusher(const CoulombJob& job, std::int64_t structure, const EwaldSplit& split, const Direction& direction,
                 const WaveDrift* waves)
        : job_(job), direction_(direction), waves_(waves), structure_(structure), site_(job, structure) {
        plane_ = turn_grid(job, site_.grid, split, round_up(job.shape[2], kRowVoxels));
    }

    void push(std::int64_t channel, const Planes& planes) {
        const std::int64_t size = job_.shape[1] * plane_.stride;
        sums_.assign(static_cast<std::size_t>((planes.last - planes.first) * size), 0.0);
        const auto at = [&](std::int64_t x) { return sums_.data() + (x - planes.first) * size; };
        for (std::int64_t e = job_.entry_offsets[structure_]; e < job_.entry_offsets[structure_ + 1]; ++e) {
            if (job_.entry_channels[e] != channel) continue;
            for_entry_images(job_, site_, e, plane_.reach, [&](const Image& image, const double* translations) {
                const PointCharge charge = find_place(image);
                const Planes own = find_planes(plane_, charge, planes);
                if (own.first >= own.last) return;
                const ImageChange change = find_change(job_, direction_, structure_, e, translations);
                const Motion motion(site_.grid, image, change);
                for (plane_.x = own.first; plane_.x < own.last; ++plane_.x)
                    active_kernels().add_charge_drift(plane_, charge, change.weight, motion.drift, at(plane_.x));
            });
        }
        for (std::int64_t x = planes.first; x < planes.last; ++x) {
            if (waves_ != nullptr) waves_->add(channel, x, scratch_, at(x));
            T* out = find_channel<T>(job_, structure_, channel) + x * job_.shape[1] * job_.shape[2];
            for (std::int64_t y = 0; y < job_.shape[1]; ++y)
                for (std::int64_t z = 0; z < job_.shape[2]; ++z)
                    out[y * job_.shape[2] + z] = static_cast<T>(at(x)[y * plane_.stride + z]);
        }
    }

private:
    const CoulombJob& job_;
    const Direction& direction_;
    const WaveDrift* waves_;
    const std::int64_t structure_;
    const Site site_;
    TurnedPlane plane_{};
    std::vector<double> sums_;
    WavePhases::Scratch scratch_;
};

}  // namespace

void pull_back_coulomb(const CoulombJob& job, const Gradient& gradient, const Direction* direction) {
    check_block(job);
    const std::vector<EwaldSplit> splits = plan_coulomb(job);
    const Kernels& kernels = active_kernels();
    const auto pull = [&]<class T>(const Accumulator<T>& own) {
        pull_back_entries(job, gradient, direction, [&] { return ChargeDifferential<T>(job, splits, own); });
    };
    if (job.output == OutputType::float64) pull(kernels.twice);
    else pull(kernels.single);
    for (std::int64_t s = 0; s < job.structures; ++s)
        if (count_periodic(job, s) == 3) pull_back_waves(job, s, splits[static_cast<std::size_t>(s)], gradient, direction);
}

void push_forward_coulomb(const CoulombJob& job, const Direction& direction) {
    check_block(job);
    const std::vector<EwaldSplit> splits = plan_coulomb(job);
    if (job.channels == 0) return;
    CoulombJob one = job;  // slabs are of one structure, whose waves they share
    one.structures = 1;
    const Slabs slabs(one, 1);
    for (std::int64_t s = 0; s < job.structures; ++s) {
        const EwaldSplit& split = splits[static_cast<std::size_t>(s)];
        std::optional<WaveDrift> waves;
        if (count_periodic(job, s) == 3) waves.emplace(job, s, split, direction, active_kernels());
        const auto push = [&]<class T>(T) {
            run_tasks(slabs.each * job.channels, job.threads, [&] {
                using Pusher = ChargePusher<T>;
                const WaveDrift* drift = waves ? &*waves : nullptr;
                return [&, pusher = Pusher(job, s, split, direction, drift)](std::int64_t task) mutable {
                    const std::int64_t first = task % slabs.each * slabs.thickness;
                    pusher.push(task / slabs.each, {first, std::min(first + slabs.thickness, job.shape[0])});
                };
            });
        };
        if (job.output == OutputType::float64) push(0.0);
        else push(0.0f);
    }
}

}  // namespace particlegrid
