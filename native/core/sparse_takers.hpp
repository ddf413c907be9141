// What takes the tiles of a sparse drawing, a structure at a time; beside DenseTaker.
#pragma once

#include <algorithm>
#include <vector>

#include "grid_job.hpp"
#include "kernels.hpp"
#include "sparse_sink.hpp"

namespace particlegrid {

inline PlaneExtent extent_of(const GridJob& job, const Touched& touched) {
    return {job.shape[1],       job.shape[2],         touched.first_row,
            touched.last_row,   touched.first_column, touched.last_column};
}

// Values that are not zero, in the order of the tiles: by channel, x, y, z.
template <class T>
class ValueTaker {
public:
    ValueTaker(const GridJob& job, const Collector<T>& kernels) : job_(job), kernels_(kernels) {}

    void begin(std::int64_t structure) { structure_ = structure; }

    void take(std::int64_t channel, std::int64_t x, const Touched& touched, T* tile) {
        if (touched.first_row == touched.last_row) return;
        const PlaneExtent plane = extent_of(job_, touched);
        // copies run over the end of what is taken
        const std::int64_t most =
            taken_ + (plane.last_row - plane.first_row) * (plane.last_column - plane.first_column) + 2 * kCollected;
        if (most > static_cast<std::int64_t>(values_.size())) {
            values_.resize(static_cast<std::size_t>(2 * most));
            places_.resize(static_cast<std::size_t>(2 * most));
        }
        const std::int64_t place = (channel * job_.shape[0] + x) * plane.rows * plane.columns;
        taken_ += kernels_.collect_values(plane, tile, static_cast<std::int32_t>(place), values_.data() + taken_,
                                          places_.data() + taken_);
    }

    void end() {
        job_.sink->write(structure_, taken_, values_.data(), places_.data(), nullptr);
        taken_ = 0;
    }

private:
    const GridJob& job_;
    const Collector<T>& kernels_;
    std::int64_t structure_ = 0, taken_ = 0;
    std::vector<T> values_;
    std::vector<std::int32_t> places_;
};

// Blocks that hold anything. Those of one layer, 8 planes of a channel, are found in any order and numbered in theirs.
template <class T>
class BlockTaker {
public:
    BlockTaker(const GridJob& job, const Collector<T>& kernels) : job_(job), kernels_(kernels) {
        for (std::size_t d = 0; d < 3; ++d) blocks_[d] = (job.shape[d] + kBlockEdge - 1) / kBlockEdge;
        slots_.assign(static_cast<std::size_t>(blocks_[1] * blocks_[2]), -1);
    }

    void begin(std::int64_t structure) { structure_ = structure; }

    void take(std::int64_t channel, std::int64_t x, const Touched& touched, T* tile) {
        if (touched.first_row == touched.last_row) return;
        const std::int64_t layer = channel * blocks_[0] + x / kBlockEdge;
        if (layer != layer_) end_layer();
        layer_ = layer;
        const std::int64_t most = (used_ + blocks_[1] * blocks_[2]) * kBlockVoxels;
        if (most > static_cast<std::int64_t>(values_.size())) {
            values_.resize(static_cast<std::size_t>(2 * most));
            written_.resize(static_cast<std::size_t>(2 * most / kBlockVoxels));
        }
        used_ = kernels_.collect_blocks(extent_of(job_, touched), tile, x, slots_.data(), static_cast<std::int32_t>(used_), written_.data(),
                                        values_.data());
    }

    void end() {
        end_layer();
        job_.sink->write(structure_, used_, values_.data(), places_.data(), items_.data());
        used_ = 0;
        items_.clear();
    }

private:
    void end_layer() {
        if (layer_ < 0) return;
        places_.resize(static_cast<std::size_t>(used_));
        for (std::size_t i = 0; i < slots_.size(); ++i) {
            if (slots_[i] < 0) continue;
            const std::size_t block = static_cast<std::size_t>(slots_[i]);
            items_.push_back(slots_[i]);
            places_[block] = static_cast<std::int32_t>(layer_ * blocks_[1] * blocks_[2] + static_cast<std::int64_t>(i));
            clear_unwritten(block);
            slots_[i] = -1;
        }
        layer_ = -1;
    }

    void clear_unwritten(std::size_t block) {
        constexpr std::size_t kPlane = kBlockEdge * kBlockEdge;
        T* plane = values_.data() + block * kBlockVoxels;
        for (int x = 0; x < kBlockEdge; ++x, plane += kPlane)
            if ((written_[block] >> x & 1) == 0) std::fill(plane, plane + kPlane, T(0));
    }

    const GridJob& job_;
    const Collector<T>& kernels_;
    std::int64_t blocks_[3];
    std::int64_t structure_ = 0, used_ = 0, layer_ = -1;
    std::vector<std::int32_t> slots_;  // of the layer's blocks; -1 where there is none
    std::vector<std::int32_t> items_, places_;
    std::vector<std::uint8_t> written_;
    std::vector<T> values_;
};

}  // namespace particlegrid
