// Draws slabs of separable Gaussians straight into memory: rows are summed in registers and written around the cache. A
// tile is added to in memory, read, cleared and written; where output is larger than the cache, all these stores waited
// for those to memory, and took a third of a molecule's time.
#pragma once

#include <algorithm>

#include "channel_order.hpp"
#include "drawer.hpp"
#include "separable_brush.hpp"

namespace particlegrid {

// Whether the processor's kernels, the voxels, and the output as it lies in memory allow that.
inline bool allows_rows(const GaussianJob& job, const Kernels& kernels) {
    const std::int64_t size = element_bytes(job.output), columns = job.shape[2];
    const std::int64_t packed[3] = {size * columns * job.shape[1], size * columns, size};
    if (!(kernels.stream_rows[static_cast<int>(job.output)] != nullptr && job.sink == nullptr &&
          is_larger_than_cache(job) && columns % (32 / size) == 0 && columns > 0 && columns <= 64 &&
          std::equal(packed, packed + 3, job.strides.begin() + 2) &&
          reinterpret_cast<std::uintptr_t>(job.out) % 16 == 0 && job.strides[0] % 16 == 0 && job.strides[1] % 16 == 0))
        return false;
    for (std::int64_t s = 0; s < job.structures; ++s)
        if (!Basis(job.axes + 9 * s).is_orthogonal()) return false;
    return true;
}

// Whether that takes less time. Each entry that reaches a row takes all of the row's vectors, half a cycle each; in a tile
// it takes those that its support covers, a cycle each, and each vector of the tile two more.
inline bool is_faster_by_rows(const GaussianJob& job) {
    const double vectors = static_cast<double>(job.shape[2]) / 8.0;
    const std::int64_t step = 1 + job.entries / 256;  // some entries stand for all
    double by_rows = 0.0, by_tile = 0.0;
    std::int64_t e = 0;
    for (std::int64_t s = 0; s < job.structures; ++s) {
        if (e >= job.entry_offsets[s + 1]) continue;
        const Site site(job, s);
        double reach_of_width[3];
        for (int d = 0; d < 3; ++d) reach_of_width[d] = job.cut / norm(site.grid.row(d));
        for (; e < job.entry_offsets[s + 1]; e += step) {
            double index[3], count[3];  // of voxels along an axis
            site.to_index(job.positions + 3 * job.entry_atoms[e], index);
            for (std::size_t d = 0; d < 3; ++d) {
                const double n = static_cast<double>(job.shape[d]), reach = reach_of_width[d] * job.entry_widths[e] + 0.5;
                const double within = std::min(index[d] + reach, n) - std::max(index[d] - reach, 0.0);
                count[d] = site.repeats() ? std::min(2.0 * reach, n) : std::max(within, 0.0);
            }
            if (!(count[0] * count[1] * count[2] > 0.0)) continue;
            by_rows += 0.5 * vectors * count[0] * count[1];
            by_tile += (count[2] / 8.0 + 0.5) * count[0] * count[1];
        }
    }
    const double rows = static_cast<double>(job.structures * job.channels * job.shape[0] * job.shape[1]);
    return static_cast<double>(step) * (by_rows - by_tile) < 2.0 * vectors * rows;
}

class RowDrawer {
public:
    RowDrawer(const GaussianJob& job, const Slabs& slabs, const Kernels& kernels)
        : job_(job), slabs_(slabs), kernels_(kernels), brush_(job, kernels.single) {}

    void operator()(std::int64_t task) {
        slab_ = slabs_.find(job_, task);
        brush_.prepare(slab_.structure, slab_.first_plane, slab_.last_plane);
        order_.sort(brush_.strokes(), job_.channels);
        RowStream stream;
        for (std::int64_t channel = 0; channel < job_.channels; ++channel) {
            if (job_.touched != nullptr) renew_channel(channel, stream);
            else draw_channel(channel, stream);
        }
        kernels_.end_rows(stream);
        kernels_.finish_stores();
    }

private:
    char* plane_at(std::int64_t channel, std::int64_t x) const {
        return static_cast<char*>(job_.out) + slab_.structure * job_.strides[0] + channel * job_.strides[1] +
               x * job_.strides[2];
    }

    const Window& entry(std::int64_t channel, std::int64_t e) const {
        return brush_.strokes()[static_cast<std::size_t>(order_.numbers(channel)[e])];
    }

    void draw_channel(std::int64_t channel, RowStream& stream) {
        if (order_.count(channel) == 0) return clear_channel(channel, stream);
        RowPlane rows = list_entries(channel);
        rows.last_row = job_.shape[1];
        for (rows.plane = slab_.first_plane; rows.plane < slab_.last_plane; ++rows.plane)
            stream_plane(rows, channel, stream);
    }

    void clear_channel(std::int64_t channel, RowStream& stream) {
        RowPlane rows{};  // all planes as one
        rows.columns = job_.shape[2];
        rows.last_row = (slab_.last_plane - slab_.first_plane) * job_.shape[1];
        rows.out = plane_at(channel, slab_.first_plane);
        stream_rows(rows, stream);
    }

    // Of each plane, the rows that were touched before or are now.
    void renew_channel(std::int64_t channel, RowStream& stream) {
        const std::int64_t together = rows_together();
        RowPlane rows = list_entries(channel);
        find_touched(channel);
        for (rows.plane = slab_.first_plane; rows.plane < slab_.last_plane; ++rows.plane) {
            const Touched& now = touched_[static_cast<std::size_t>(rows.plane - slab_.first_plane)];
            Touched& before = job_.touched[(slab_.structure * job_.channels + channel) * job_.shape[0] + rows.plane];
            const Touched both = unite(before, now);
            before = now;
            if (both.first_row >= both.last_row) continue;
            rows.first_row = both.first_row / together * together;
            rows.last_row = both.last_row;
            stream_plane(rows, channel, stream);
        }
    }

    void find_touched(std::int64_t channel) {
        touched_.assign(static_cast<std::size_t>(slab_.last_plane - slab_.first_plane), Touched{0, 0, 0, 0});
        for (std::int64_t e = 0; e < order_.count(channel); ++e) {
            const Window& w = entry(channel, e);
            const std::int64_t last = std::min(w.first[0] + w.count[0], slab_.last_plane);
            for (std::int64_t x = std::max(w.first[0], slab_.first_plane); x < last; ++x) {
                Touched& touched = touched_[static_cast<std::size_t>(x - slab_.first_plane)];
                touched = unite(touched, find_part(w));
            }
        }
    }

    void stream_plane(RowPlane& rows, std::int64_t channel, RowStream& stream) const {
        rows.in_plane = in_planes_.data() + (rows.plane - slab_.first_plane) * rows.words;
        rows.out = plane_at(channel, rows.plane) + rows.first_row * job_.strides[3];
        stream_rows(rows, stream);
    }

    void stream_rows(const RowPlane& rows, RowStream& stream) const {
        kernels_.stream_rows[static_cast<int>(job_.output)](rows, stream);
    }

    // The weights of a channel's entries as whole columns and rows, and which of them reach which planes and rows.
    RowPlane list_entries(std::int64_t channel) {
        const std::int64_t count = order_.count(channel), together = rows_together();
        const std::int64_t blocks = (job_.shape[1] + together - 1) / together;
        RowPlane rows{};
        rows.columns = job_.shape[2];
        rows.words = (count + 63) / 64;
        rows.y_stride = blocks * together;
        x_places_.resize(static_cast<std::size_t>(count));
        y_.resize(static_cast<std::size_t>(count * rows.y_stride));
        std::fill(y_.begin(), y_.end(), 0.0f);
        z_.resize(static_cast<std::size_t>(count * rows.columns));
        std::fill(z_.begin(), z_.end(), 0.0f);
        in_planes_.assign(static_cast<std::size_t>((slab_.last_plane - slab_.first_plane) * rows.words), 0);
        in_rows_.assign(static_cast<std::size_t>(blocks * rows.words), 0);
        for (std::int64_t e = 0; e < count; ++e) {
            const Window& w = entry(channel, e);
            x_places_[static_cast<std::size_t>(e)] = w.weights[0] - w.first[0];
            std::copy_n(brush_.weights() + w.weights[1], w.count[1], y_.data() + e * rows.y_stride + w.first[1]);
            std::copy_n(brush_.weights() + w.weights[2], w.count[2], z_.data() + e * rows.columns + w.first[2]);
            const auto mark = [&](Scratch<std::uint64_t>& masks, std::int64_t first, std::int64_t last) {
                for (std::int64_t i = first; i < last; ++i)
                    masks[static_cast<std::size_t>(i * rows.words + e / 64)] |= std::uint64_t{1} << (e % 64);
            };
            mark(in_planes_, std::max(w.first[0], slab_.first_plane) - slab_.first_plane,
                 std::min(w.first[0] + w.count[0], slab_.last_plane) - slab_.first_plane);
            mark(in_rows_, w.first[1] / together, (w.first[1] + w.count[1] - 1) / together + 1);
        }
        rows.x = brush_.weights();
        rows.y = y_.data();
        rows.z = z_.data();
        rows.x_places = x_places_.data();
        rows.in_rows = in_rows_.data();
        return rows;
    }

    std::int64_t rows_together() const { return particlegrid::rows_together(static_cast<int>(job_.shape[2] / 8)); }

    const GaussianJob& job_;
    const Slabs& slabs_;
    const Kernels& kernels_;
    SeparableBrush<float> brush_;
    Slabs::Slab slab_{};
    ChannelOrder order_;
    Scratch<std::int64_t> x_places_;
    Scratch<float> y_, z_;
    Scratch<std::uint64_t> in_planes_, in_rows_;
    Scratch<Touched> touched_;
};

inline void draw_by_rows(const GaussianJob& job, const Kernels& kernels) {
    const Slabs slabs(job, kUsualSupport);
    run_tasks(job.structures * slabs.each, job.threads, [&] { return RowDrawer(job, slabs, kernels); });
}

}  // namespace particlegrid
