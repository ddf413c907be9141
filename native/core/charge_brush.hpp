// The brush of point charges: images within the reach, and the sum over wave vectors where they repeat.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "drawer.hpp"
#include "lattice.hpp"
#include "turned_grid.hpp"
#include "wave_sum.hpp"

namespace particlegrid {

template <class T>
class ChargeBrush {
public:
    static constexpr bool kCostly = true;

    struct Stroke {
        std::int64_t first[3], count[3];
        std::int64_t channel;
        bool whole;        // stands for the sum over wave vectors, on the whole grid
        bool at_a_centre;  // lies at the centre of a voxel, which is then infinite
    };

    // `job` has one structure; `waves` is null where nothing repeats.
    ChargeBrush(const CoulombJob& job, const EwaldSplit& split, const WaveSum* waves, const Kernels& kernels)
        : job_(job), split_(split), waves_(waves), kernels_(kernels), site_(job, 0) {
        constexpr std::int64_t kUnit = kRowBytes / static_cast<std::int64_t>(sizeof(double));
        stride_ = round_up(job.shape[2], kUnit);
        plane_.resize(static_cast<std::size_t>(job.shape[1] * stride_));
        static_cast<TurnedPlane&>(geometry_) = turn_grid(job, site_.grid, split, stride_);
    }

    void prepare(std::int64_t, std::int64_t first_plane, std::int64_t last_plane) {
        strokes_.clear();
        charges_.clear();
        std::vector<bool> charged(static_cast<std::size_t>(job_.channels));
        for (std::int64_t e = job_.entry_offsets[0]; e < job_.entry_offsets[1]; ++e) {
            const double charge = job_.entry_weights[e];
            if (charge == 0.0) continue;
            charged[static_cast<std::size_t>(job_.entry_channels[e])] = true;
            site_.for_images(job_.positions + 3 * job_.entry_atoms[e], split_.reach, [&](const double* image) {
                add_stroke(image, charge, job_.entry_channels[e], first_plane, last_plane);
            });
        }
        for (std::int64_t c = 0; waves_ != nullptr && c < job_.channels; ++c) {
            if (!charged[static_cast<std::size_t>(c)]) continue;
            strokes_.push_back({{0, 0, 0}, {job_.shape[0], job_.shape[1], job_.shape[2]}, c, true, false});
            charges_.push_back({});
        }
    }

    const std::vector<Stroke>& strokes() const { return strokes_; }

    void paint(std::int64_t x, const std::int32_t* numbers, std::int64_t count, T* tile) {
        std::fill(plane_.begin(), plane_.end(), 0.0);
        const bool waves = strokes_[static_cast<std::size_t>(numbers[count - 1])].whole;
        ChargedPlane plane = geometry_;
        plane.x = x;
        plane.charges = charges_.data();
        plane.numbers = numbers;
        plane.count = count - (waves ? 1 : 0);
        kernels_.add_charges(plane, plane_.data());
        if (waves) {
            const std::int64_t channel = strokes_[static_cast<std::size_t>(numbers[count - 1])].channel;
            waves_->paint(channel, x, scratch_, plane_.data());
        }
        mark_charges(x, numbers, plane.count);
        for (std::int64_t y = 0; y < job_.shape[1]; ++y)
            for (std::int64_t z = 0; z < job_.shape[2]; ++z)
                tile[y * job_.shape[2] + z] += static_cast<T>(plane_[static_cast<std::size_t>(y * stride_ + z)]);
    }

private:
    void add_stroke(const double* image, double charge, std::int64_t channel, std::int64_t first_plane,
                    std::int64_t last_plane) {
        PointCharge point{{image[0] - 0.5, image[1] - 0.5, image[2] - 0.5}, charge};
        const double planes = split_.reach / geometry_.across[0];
        const double low = std::max(std::ceil(point.index[0] - planes), static_cast<double>(first_plane));
        const double high = std::min(std::floor(point.index[0] + planes), static_cast<double>(last_plane - 1));
        if (!(low <= high)) return;
        const std::int64_t first = static_cast<std::int64_t>(low), last = static_cast<std::int64_t>(high);
        strokes_.push_back({{first, 0, 0}, {last - first + 1, job_.shape[1], job_.shape[2]}, channel, false,
                            lies_at_a_centre(point)});
        charges_.push_back(point);
    }

    bool lies_at_a_centre(const PointCharge& point) const {
        double gap[3] = {0, 0, 0};
        for (int d = 0; d < 3; ++d) {
            const double nearest = std::round(point.index[d]);
            if (!(nearest >= 0.0 && nearest < static_cast<double>(job_.shape[static_cast<std::size_t>(d)]))) return false;
            for (int k = 0; k < 3; ++k) gap[k] += (point.index[d] - nearest) * site_.grid.row(d)[k];
        }
        return norm(gap) <= kAtACharge;
    }

    // Voxels of plane x whose centres bear a charge are infinite, unless the charges there cancel.
    void mark_charges(std::int64_t x, const std::int32_t* numbers, std::int64_t count) {
        here_.clear();
        for (std::int64_t n = 0; n < count; ++n) {
            const std::size_t number = static_cast<std::size_t>(numbers[n]);
            if (!strokes_[number].at_a_centre) continue;
            const PointCharge& point = charges_[number];
            if (static_cast<std::int64_t>(std::round(point.index[0])) != x) continue;
            const auto voxel = static_cast<std::size_t>(std::round(point.index[1]) * static_cast<double>(stride_) +
                                                        std::round(point.index[2]));
            const auto known = std::find_if(here_.begin(), here_.end(), [&](const Here& h) { return h.voxel == voxel; });
            Here& here = known != here_.end() ? *known : here_.emplace_back(Here{voxel, 0.0, 0.0});
            here.charge += point.charge;
            here.magnitude += std::fabs(point.charge);
        }
        for (const Here& here : here_)
            if (std::fabs(here.charge) > 1e-12 * here.magnitude)
                plane_[here.voxel] = std::copysign(std::numeric_limits<double>::infinity(), here.charge);
    }

    struct Here {
        std::size_t voxel;  // of the padded plane
        double charge, magnitude;
    };

    const CoulombJob& job_;
    const EwaldSplit split_;
    const WaveSum* waves_;
    const Kernels& kernels_;
    Site site_;
    std::int64_t stride_;
    ChargedPlane geometry_{};
    std::vector<Stroke> strokes_;
    std::vector<PointCharge> charges_;
    std::vector<double> plane_;
    std::vector<Here> here_;
    WaveSum::Scratch scratch_;
};

}  // namespace particlegrid
