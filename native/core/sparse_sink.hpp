// Where a drawing's values go when it is sparse: one list for all structures, in their order, without gaps.
#pragma once

#include <atomic>
#include <cstdint>

#include "kernels.hpp"

namespace particlegrid {

enum class SparseLayout { values, blocks };

// An item is one value, or the 8^3 values of a block in the order x, y, z; values beyond the grid are zero. Its place is
// the flat index of the voxel in its structure's (channel, x, y, z), or of the block in (channel, x / 8, y / 8, z / 8).
// All arrays belong to the caller. Structures are drawn in any order by many threads and written in their own.
class SparseSink {
public:
    SparseSink(SparseLayout layout, std::int64_t structures, std::int64_t value_bytes, void* values,
               std::int32_t* places, std::int64_t capacity, std::int64_t* counts)
        : layout_(layout), structures_(structures), value_bytes_(value_bytes), values_(values), places_(places),
          capacity_(capacity), counts_(counts) {}

    SparseLayout layout() const { return layout_; }
    bool fits(std::int64_t structures, std::int64_t value_bytes) const {
        return structures == structures_ && value_bytes == value_bytes_ && turn_.load() == 0;
    }

    // Items that all structures together have. Where there are more than the capacity, those that do not fit are
    // counted and not written: call again with more memory.
    std::int64_t needed() const { return needed_; }
    // Whether every structure was written; false where a kernel knows nothing of sparse output.
    bool is_complete() const { return turn_.load() == structures_; }

    // Write a structure's items; waits for the structures before it. items[i] says which of `values` and `places` is
    // item i; null stands for 0, 1, 2, ...
    void write(std::int64_t structure, std::int64_t count, const void* values, const std::int32_t* places,
               const std::int32_t* items);

    // A structure failed: those that wait for it fail as well.
    void abandon();

private:
    static constexpr std::int64_t kAbandoned = -1;

    const SparseLayout layout_;
    const std::int64_t structures_, value_bytes_;
    void* const values_;
    std::int32_t* const places_;
    const std::int64_t capacity_;
    std::int64_t* const counts_;  // (structures,): items of each
    std::int64_t needed_ = 0;      // changed by the thread whose turn it is
    std::atomic<std::int64_t> turn_{0};
};

}  // namespace particlegrid
