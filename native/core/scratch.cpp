#include "scratch.hpp"

#include <mutex>
#include <new>

namespace particlegrid {

namespace {

// Smaller blocks malloc serves as fast; larger ones are too much to keep.
constexpr std::size_t kSmallest = std::size_t{1} << 14, kLargest = std::size_t{1} << 25;
constexpr std::size_t kClasses = 12;  // 2^14 .. 2^25 bytes
constexpr std::size_t kKept = 4;      // blocks of each

// Nobody waits for the lock: a child that was forked while another thread held it would wait for ever.
struct Shelf {
    std::mutex lock;
    void* blocks[kClasses][kKept] = {};
    std::size_t counts[kClasses] = {};
};
// Never destroyed, as threads may end after static objects do.
Shelf& shelf() {
    static Shelf* const one = new Shelf;
    return *one;
}

bool is_kept(std::size_t bytes) { return bytes >= kSmallest && bytes <= kLargest; }
std::size_t class_of(std::size_t bytes) { return static_cast<std::size_t>(std::countr_zero(bytes / kSmallest)); }

}  // namespace

void* take_scratch(std::size_t bytes) {
    if (is_kept(bytes)) {
        Shelf& s = shelf();
        const std::size_t k = class_of(bytes);
        const std::unique_lock<std::mutex> guard(s.lock, std::try_to_lock);
        if (guard && s.counts[k] > 0) return s.blocks[k][--s.counts[k]];
    }
    return ::operator new(bytes, std::align_val_t{64});
}

void give_scratch(void* block, std::size_t bytes) noexcept {
    if (is_kept(bytes)) {
        Shelf& s = shelf();
        const std::size_t k = class_of(bytes);
        const std::unique_lock<std::mutex> guard(s.lock, std::try_to_lock);
        if (guard && s.counts[k] < kKept) {
            s.blocks[k][s.counts[k]++] = block;
            return;
        }
    }
    ::operator delete(block, std::align_val_t{64});
}

}  // namespace particlegrid
