#include "scratch.hpp"

#include <mutex>
#include <new>

namespace particlegrid {

namespace {

// Smaller blocks malloc serves as fast, if it need not align them; larger ones are too much to keep. A drawing of one atom
// takes some twenty small ones: aligned by malloc, they were a third of its time.
constexpr std::size_t kSmallest = std::size_t{1} << 10, kLargest = std::size_t{1} << 25;
constexpr std::size_t kClasses = 16;  // 2^10 .. 2^25 bytes
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
    if (bytes < kSmallest) return ::operator new(bytes);
    if (is_kept(bytes)) {
        Shelf& s = shelf();
        const std::size_t k = class_of(bytes);
        const std::unique_lock<std::mutex> guard(s.lock, std::try_to_lock);
        if (guard && s.counts[k] > 0) return s.blocks[k][--s.counts[k]];
    }
    return ::operator new(bytes, std::align_val_t{64});
}

void give_scratch(void* block, std::size_t bytes) noexcept {
    if (bytes < kSmallest) return ::operator delete(block);
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
