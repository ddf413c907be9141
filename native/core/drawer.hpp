// Draws slabs of planes of one structure's grid: what every density that is drawn entry by entry runs on each thread.
//
// A brush says what an entry looks like:
//     typename Stroke                                 with first[3], count[3] (the voxels it touches) and channel
//     prepare(structure, first_plane, last_plane)     lists strokes() that touch these planes, in drawing order
//     paint(x, strokes, count, tile)                  adds the numbered strokes to the tile of plane x
//     kCostly = true                                  if painting takes far longer than writing; may be left out
// The tile has rows * columns elements and kRowBytes to spare behind them; it is zero before the first stroke. A taker
// takes what was painted, channel by channel and plane by plane, and leaves the tile zero.
#pragma once

#include <algorithm>
#include <string>

#include "channel_order.hpp"
#include "dispatch.hpp"
#include "grid_job.hpp"
#include "parallel.hpp"
#include "require.hpp"
#include "scratch.hpp"
#include "sparse_takers.hpp"

namespace particlegrid {

inline std::int64_t round_up(std::int64_t n, std::int64_t unit) { return (n + unit - 1) / unit * unit; }

inline std::int64_t element_bytes(OutputType type) {
    return type == OutputType::float64 ? 8 : type == OutputType::float32 ? 4 : 2;
}

inline std::int64_t count_bytes(const GridJob& job) {
    return job.structures * job.channels * job.shape[0] * job.shape[1] * job.shape[2] * element_bytes(job.output);
}

inline bool is_larger_than_cache(const GridJob& job) { return count_bytes(job) > job.cache_bytes; }

// Entries that straddle two slabs have their weights made twice, so slabs are not thinner than a usual support, unless
// weights are the lesser part.
inline constexpr std::int64_t kUsualSupport = 12;  // planes

// Slabs of planes along x: one for each structure where structures keep all threads busy, else a few each.
struct Slabs {
    std::int64_t each;       // slabs of one structure
    std::int64_t thickness;  // planes

    Slabs(const GridJob& job, std::int64_t thinnest) {
        const std::int64_t structures = std::max<std::int64_t>(job.structures, 1);
        std::int64_t wanted = job.threads == 1 ? 1 : (std::int64_t{4} * job.threads + structures - 1) / structures;
        // of one structure as many for each thread, or some wait for the last; two supports thick where there are planes
        // enough, as what straddles two slabs is prepared twice
        if (structures == 1 && job.threads > 1)
            wanted = job.threads * std::clamp<std::int64_t>(job.shape[0] / (2 * thinnest * job.threads), 1, 4);
        thickness = std::max((job.shape[0] + wanted - 1) / wanted, std::min(job.shape[0], thinnest));
        each = (job.shape[0] + thickness - 1) / thickness;
    }

    struct Slab {
        std::int64_t structure, first_plane, last_plane;
    };
    Slab find(const GridJob& job, std::int64_t task) const {
        const std::int64_t first = task % each * thickness;
        return {task / each, first, std::min(first + thickness, job.shape[0])};
    }

    static Slabs one_each(const GridJob& job) { return Slabs(1, job.shape[0]); }

private:
    Slabs(std::int64_t each_, std::int64_t thickness_) : each(each_), thickness(thickness_) {}
};

inline Touched unite(const Touched& a, const Touched& b) {
    if (a.first_row >= a.last_row) return b;
    if (b.first_row >= b.last_row) return a;
    return {std::min(a.first_row, b.first_row), std::max(a.last_row, b.last_row),
            std::min(a.first_column, b.first_column), std::max(a.last_column, b.last_column)};
}

// The part of a plane that a stroke touches.
template <class Stroke>
Touched find_part(const Stroke& s) {
    const auto narrow = [](std::int64_t n) { return static_cast<std::int32_t>(n); };
    return {narrow(s.first[1]), narrow(s.first[1] + s.count[1]), narrow(s.first[2]), narrow(s.first[2] + s.count[2])};
}

// Writes to job.out: all of it, or with job.touched what was touched before or is now.
template <class T>
class DenseTaker {
public:
    DenseTaker(const GridJob& job, const Writer<T>& writer, bool bypass_cache)
        : job_(job), writer_(writer), bypass_cache_(bypass_cache) {}

    void begin(std::int64_t structure) { structure_ = structure; }

    void take(std::int64_t channel, std::int64_t x, const Touched& now, T* tile) {
        PlaneOutput plane{};
        plane.rows = job_.shape[1];
        plane.columns = job_.shape[2];
        plane.first_row = now.first_row;
        plane.last_row = now.last_row;
        plane.out = static_cast<char*>(job_.out) + structure_ * job_.strides[0] + channel * job_.strides[1] +
                    x * job_.strides[2];
        plane.row_stride = job_.strides[3];
        plane.column_stride = job_.strides[4];
        plane.bypass_cache = bypass_cache_;
        const int type = static_cast<int>(job_.output);
        if (job_.touched == nullptr) {
            writer_.write_plane[type](plane, tile);
            return;
        }
        Touched& before = job_.touched[(structure_ * job_.channels + channel) * job_.shape[0] + x];
        const Touched both = unite(before, now);
        plane.first_row = both.first_row;
        plane.last_row = both.last_row;
        plane.first_column = both.first_column;
        plane.last_column = both.last_column;
        writer_.write_box[type](plane, tile);
        before = now;
    }

    void end() {
        if (bypass_cache_) active_kernels().finish_stores();
    }

private:
    const GridJob& job_;
    const Writer<T>& writer_;
    const bool bypass_cache_;
    std::int64_t structure_ = 0;
};

// Holds the memory it reuses from one slab to the next.
template <class T, class Brush, class Taker>
class SlabDrawer {
public:
    SlabDrawer(const GridJob& job, const Slabs& slabs, Brush brush, Taker taker)
        : job_(job), slabs_(slabs), brush_(std::move(brush)), taker_(std::move(taker)) {
        // kernels run over the end: brushes and writers by kRowBytes, collectors by 2 kCollected values
        tile_.assign(static_cast<std::size_t>(job.shape[1] * job.shape[2] + 2 * kCollected), T(0));
    }

    void operator()(std::int64_t task) {
        const auto [structure, first_plane, last_plane] = slabs_.find(job_, task);
        first_plane_ = first_plane;
        last_plane_ = last_plane;
        brush_.prepare(structure, first_plane, last_plane);
        order_.sort(brush_.strokes(), job_.channels);
        taker_.begin(structure);
        for (std::int64_t channel = 0; channel < job_.channels; ++channel) draw_channel(channel);
        taker_.end();
    }

private:
    using Stroke = typename Brush::Stroke;

    void draw_channel(std::int64_t channel) {
        list_by_plane(order_.numbers(channel), order_.count(channel));
        for (std::int64_t x = first_plane_; x < last_plane_; ++x) {
            const std::size_t p = static_cast<std::size_t>(x - first_plane_);
            const std::int64_t count = plane_offsets_[p + 1] - plane_offsets_[p];
            if (count > 0) brush_.paint(x, plane_strokes_.data() + plane_offsets_[p], count, tile_.data());
            taker_.take(channel, x, touched_[p], tile_.data());
        }
    }

    // For each plane of the slab, the strokes that touch it, in drawing order, and the part they touch.
    void list_by_plane(const std::int32_t* numbers, std::int64_t count) {
        const std::size_t planes = static_cast<std::size_t>(last_plane_ - first_plane_);
        plane_offsets_.assign(planes + 1, 0);
        touched_.assign(planes, Touched{0, 0, 0, 0});
        const auto visit = [&](auto&& visitor) {
            for (std::int64_t i = 0; i < count; ++i) {
                const Stroke& s = brush_.strokes()[static_cast<std::size_t>(numbers[i])];
                const std::int64_t first = std::max(s.first[0], first_plane_) - first_plane_;
                const std::int64_t last = std::min(s.first[0] + s.count[0], last_plane_) - first_plane_;
                visitor(numbers[i], s, static_cast<std::size_t>(first), static_cast<std::size_t>(last));
            }
        };
        visit([&](std::int32_t, const Stroke& s, std::size_t first, std::size_t last) {
            const Touched part = find_part(s);
            for (std::size_t p = first; p < last; ++p) {
                ++plane_offsets_[p + 1];
                touched_[p] = unite(touched_[p], part);
            }
        });
        for (std::size_t p = 0; p < planes; ++p) plane_offsets_[p + 1] += plane_offsets_[p];
        plane_strokes_.resize(static_cast<std::size_t>(plane_offsets_[planes]));
        cursor_64_.assign(plane_offsets_.begin(), plane_offsets_.end() - 1);
        visit([&](std::int32_t number, const Stroke&, std::size_t first, std::size_t last) {
            for (std::size_t p = first; p < last; ++p)
                plane_strokes_[static_cast<std::size_t>(cursor_64_[p]++)] = number;
        });
    }

    const GridJob& job_;
    const Slabs& slabs_;
    Brush brush_;
    Taker taker_;
    std::int64_t first_plane_ = 0, last_plane_ = 0;
    Scratch<T> tile_;
    ChannelOrder order_;
    Scratch<std::int32_t> plane_strokes_;
    Scratch<std::int64_t> plane_offsets_, cursor_64_;
    Scratch<Touched> touched_;
};

template <class Brush>
constexpr bool is_costly() {
    if constexpr (requires { Brush::kCostly; }) return Brush::kCostly;
    else return false;
}

// Structures are shared out among threads; one thread draws all of one.
template <class T, class Taker, class MakeBrush>
void draw_to_sink(const GridJob& job, const Collector<T>& collector, int threads, const MakeBrush& make_brush) {
    const double places = static_cast<double>(job.channels) * static_cast<double>(job.shape[0]) *
                          static_cast<double>(job.shape[1]) * static_cast<double>(job.shape[2]);
    require(places < 2147483648.0, [] { return std::string("sparse output takes less than 2^31 voxels a structure"); });
    require(job.sink->fits(job.structures, sizeof(T)), [] { return std::string("the sink is for another job"); });
    const Slabs slabs = Slabs::one_each(job);
    using Drawer = SlabDrawer<T, decltype(make_brush()), Taker>;
    run_tasks(job.structures, threads, [&] {
        return [&job, drawer = Drawer(job, slabs, make_brush(), Taker(job, collector))](std::int64_t task) mutable {
            try {
                drawer(task);
            } catch (...) {
                job.sink->abandon();
                throw;
            }
        };
    });
}

// Draw a checked job; make_brush() gives each thread its own brush.
template <class T, class MakeBrush>
void draw_slabs(const GridJob& job, const Writer<T>& writer, const MakeBrush& make_brush) {
    if (job.structures == 0 || job.channels == 0) return;
    using Brush = decltype(make_brush());
    // threads are worth their start only for more than about 0.3 ms of writing
    const int threads = count_bytes(job) < (1 << 20) && !is_costly<Brush>() ? 1 : job.threads;
    if (job.sink != nullptr) {
        if (job.sink->layout() == SparseLayout::blocks) draw_to_sink<T, BlockTaker<T>>(job, writer, threads, make_brush);
        else draw_to_sink<T, ValueTaker<T>>(job, writer, threads, make_brush);
        return;
    }
    const Slabs slabs(job, is_costly<Brush>() ? 1 : kUsualSupport);
    using Drawer = SlabDrawer<T, Brush, DenseTaker<T>>;
    run_tasks(job.structures * slabs.each, threads, [&] {
        return Drawer(job, slabs, make_brush(), DenseTaker<T>(job, writer, is_larger_than_cache(job)));
    });
}

}  // namespace particlegrid
