// Draws slabs of planes of one structure's grid; what gaussian.cpp runs on each thread.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "dispatch.hpp"
#include "gaussian.hpp"

namespace particlegrid {

// Voxels [first, last) along one axis that lie within reach of an atom at `offset` from the grid's lower face.
struct Range {
    std::int64_t first, last;
};

inline Range find_range(double offset, double sigma, double spacing, std::int64_t voxels, double cut, bool point) {
    const double x = offset / spacing, reach = cut * sigma / spacing;
    double low, high;
    if (point) {
        // values fall off from the nearest voxel centre, which may itself be many sigmas away from the atom
        const double gap = (x - std::floor(x)) - 0.5;
        const double radius = std::sqrt(gap * gap + reach * reach);
        low = std::ceil(x - 0.5 - radius);
        high = std::floor(x - 0.5 + radius) + 1.0;
    } else {
        low = std::floor(x - reach);
        high = std::ceil(x + reach);
    }
    // clamped while still double: far atoms and wide Gaussians overflow an integer
    const double n = static_cast<double>(voxels);
    if (!(low < high)) return {0, 0};  // also when positions so far away overflow that both are infinite
    return {static_cast<std::int64_t>(std::clamp(low, 0.0, n)), static_cast<std::int64_t>(std::clamp(high, 0.0, n))};
}

inline std::int64_t round_up(std::int64_t n, std::int64_t unit) { return (n + unit - 1) / unit * unit; }

// What the product of three axis weights is multiplied by.
inline double density_scale(const GaussianJob& job, double sigma) {
    switch (job.value) {
        case Value::mean: return 1.0 / (job.spacing[0] * job.spacing[1] * job.spacing[2]);
        case Value::point: return std::pow(2.0 * 3.14159265358979323846 * sigma * sigma, -1.5);
        default: return 1.0;
    }
}

// Slabs of planes along x: one for each structure where structures keep all threads busy, else a few each.
struct Slabs {
    std::int64_t each;       // slabs of one structure
    std::int64_t thickness;  // planes

    Slabs(const GaussianJob& job) {
        const std::int64_t wanted = job.threads == 1 ? 1 : (std::int64_t{4} * job.threads + job.structures - 1) / std::max<std::int64_t>(job.structures, 1);
        // entries that straddle two slabs have their weights made twice, so slabs are not thinner than a usual support
        thickness = std::max<std::int64_t>((job.shape[0] + wanted - 1) / wanted, std::min<std::int64_t>(job.shape[0], 12));
        each = (job.shape[0] + thickness - 1) / thickness;
    }
};

// Draws slabs; holds the memory it reuses from one to the next.
template <class T>
class SlabDrawer {
public:
    SlabDrawer(const GaussianJob& job, const Slabs& slabs, const Accumulator<T>& kernels, bool bypass_cache)
        : job_(job), slabs_(slabs), kernels_(kernels), bypass_cache_(bypass_cache) {
        tile_.assign(static_cast<std::size_t>(job.shape[1] * job.shape[2] + kUnit), T(0));
        by_channel_.resize(static_cast<std::size_t>(job.channels) + 1);
    }

    void operator()(std::int64_t task) {
        const std::int64_t structure = task / slabs_.each;
        first_plane_ = task % slabs_.each * slabs_.thickness;
        last_plane_ = std::min(first_plane_ + slabs_.thickness, job_.shape[0]);
        find_windows(structure);
        for (std::int64_t channel = 0; channel < job_.channels; ++channel) draw_channel(structure, channel);
        active_finish();
    }

private:
    static constexpr std::int64_t kUnit = kRowBytes / static_cast<std::int64_t>(sizeof(T));

    // Windows and axis weights of the structure's entries that touch the slab, grouped by channel in drawing order.
    void find_windows(std::int64_t structure) {
        windows_.clear();
        channels_.clear();
        weights_used_ = 0;
        std::fill(by_channel_.begin(), by_channel_.end(), 0);
        const double* origin = job_.origins + 3 * structure;
        for (std::int64_t e = job_.entry_offsets[structure]; e < job_.entry_offsets[structure + 1]; ++e) {
            const double weight = job_.entry_weights[e];
            if (weight == 0.0) continue;
            const double sigma = job_.entry_sigmas[e];
            const double* position = job_.positions + 3 * job_.entry_atoms[e];
            Window window;
            double offset[3];
            bool touches = true;
            for (int d = 0; d < 3 && touches; ++d) {
                offset[d] = position[d] - origin[d];
                const Range range = find_range(offset[d], sigma, job_.spacing[d], job_.shape[d], job_.cut, is_point());
                window.first[d] = range.first;
                window.count[d] = range.last - range.first;
                touches = window.count[d] > 0;
            }
            if (!touches || window.first[0] >= last_plane_ || window.first[0] + window.count[0] <= first_plane_) continue;
            weigh(window, offset, sigma, weight * density_scale(job_, sigma));
            windows_.push_back(window);
            channels_.push_back(static_cast<std::int32_t>(job_.entry_channels[e]));
            ++by_channel_[static_cast<std::size_t>(job_.entry_channels[e]) + 1];
        }
        for (std::size_t c = 1; c < by_channel_.size(); ++c) by_channel_[c] += by_channel_[c - 1];
        order_.resize(windows_.size());
        std::vector<std::int32_t>& next = cursor_;
        next.assign(by_channel_.begin(), by_channel_.end() - 1);
        for (std::size_t w = 0; w < windows_.size(); ++w)
            order_[static_cast<std::size_t>(next[static_cast<std::size_t>(channels_[w])]++)] = static_cast<std::int32_t>(w);
    }

    void weigh(Window& window, const double* offset, double sigma, double scale) {
        window.padded_z = round_up(window.count[2], kUnit);
        const std::int64_t sizes[3] = {window.count[0], window.count[1], window.padded_z};
        const std::int64_t needed = weights_used_ + sizes[0] + sizes[1] + sizes[2];
        if (needed > static_cast<std::int64_t>(weights_.size()))
            weights_.resize(static_cast<std::size_t>(std::max(needed, 2 * weights_used_)));
        for (int d = 0; d < 3; ++d) {
            const std::size_t scratch = static_cast<std::size_t>(round_up(window.count[d] + 1, 8));
            if (scratch_.size() < scratch) scratch_.resize(scratch);
            window.weights[d] = weights_used_;
            // the scale goes into x alone, where it costs one multiplication a plane
            const AxisJob axis{offset[d], sigma,           job_.spacing[d], d == 0 ? scale : 1.0, window.first[d],
                               window.count[d], sizes[d], is_point()};
            kernels_.weigh_axis(axis, scratch_.data(), weights_.data() + weights_used_);
            weights_used_ += sizes[d];
        }
    }

    void draw_channel(std::int64_t structure, std::int64_t channel) {
        const std::int32_t* entries = order_.data() + by_channel_[static_cast<std::size_t>(channel)];
        const std::int64_t count = by_channel_[static_cast<std::size_t>(channel) + 1] - by_channel_[static_cast<std::size_t>(channel)];
        list_by_plane(entries, count);
        char* base = static_cast<char*>(job_.out) + structure * job_.strides[0] + channel * job_.strides[1];
        for (std::int64_t x = first_plane_; x < last_plane_; ++x) {
            const std::size_t p = static_cast<std::size_t>(x - first_plane_);
            const PlaneJob plane{x,
                                 job_.shape[1],
                                 job_.shape[2],
                                 windows_.data(),
                                 plane_entries_.data() + plane_offsets_[p],
                                 plane_offsets_[p + 1] - plane_offsets_[p],
                                 row_first_[p],
                                 std::max(row_first_[p], row_last_[p]),
                                 base + x * job_.strides[2],
                                 job_.strides[3],
                                 job_.strides[4],
                                 bypass_cache_};
            kernels_.draw_plane[static_cast<int>(job_.output)](plane, weights_.data(), tile_.data());
        }
    }

    // For each plane of the slab, the entries that touch it, in drawing order, and the rows they touch.
    void list_by_plane(const std::int32_t* entries, std::int64_t count) {
        const std::size_t planes = static_cast<std::size_t>(last_plane_ - first_plane_);
        plane_offsets_.assign(planes + 1, 0);
        row_first_.assign(planes, job_.shape[1]);
        row_last_.assign(planes, 0);
        const auto visit = [&](auto&& visitor) {
            for (std::int64_t i = 0; i < count; ++i) {
                const Window& w = windows_[static_cast<std::size_t>(entries[i])];
                const std::int64_t first = std::max(w.first[0], first_plane_) - first_plane_;
                const std::int64_t last = std::min(w.first[0] + w.count[0], last_plane_) - first_plane_;
                visitor(entries[i], w, static_cast<std::size_t>(first), static_cast<std::size_t>(last));
            }
        };
        visit([&](std::int32_t, const Window& w, std::size_t first, std::size_t last) {
            for (std::size_t p = first; p < last; ++p) {
                ++plane_offsets_[p + 1];
                row_first_[p] = std::min(row_first_[p], w.first[1]);
                row_last_[p] = std::max(row_last_[p], w.first[1] + w.count[1]);
            }
        });
        for (std::size_t p = 0; p < planes; ++p) {
            plane_offsets_[p + 1] += plane_offsets_[p];
            row_first_[p] = std::min(row_first_[p], row_last_[p]);
        }
        plane_entries_.resize(static_cast<std::size_t>(plane_offsets_[planes]));
        cursor_64_.assign(plane_offsets_.begin(), plane_offsets_.end() - 1);
        visit([&](std::int32_t entry, const Window&, std::size_t first, std::size_t last) {
            for (std::size_t p = first; p < last; ++p) plane_entries_[static_cast<std::size_t>(cursor_64_[p]++)] = entry;
        });
    }

    bool is_point() const { return job_.value == Value::point || job_.value == Value::peak; }

    void active_finish() const {
        if (bypass_cache_) active_kernels().finish_stores();
    }

    const GaussianJob& job_;
    const Slabs& slabs_;
    const Accumulator<T>& kernels_;
    const bool bypass_cache_;
    std::int64_t first_plane_ = 0, last_plane_ = 0;
    std::vector<T> tile_;
    std::vector<T> weights_;
    std::int64_t weights_used_ = 0;
    std::vector<double> scratch_;
    std::vector<Window> windows_;
    std::vector<std::int32_t> channels_, by_channel_, order_, cursor_, plane_entries_;
    std::vector<std::int64_t> plane_offsets_, row_first_, row_last_, cursor_64_;
};

}  // namespace particlegrid
