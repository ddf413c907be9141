#include "memory.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <mutex>
#include <new>
#include <vector>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace particlegrid {

namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;

// Whole pages, and of eight pages and more a multiple of an eighth of the size or more: crystals of a thousand sizes
// would keep a thousand blocks, of which none fits the next.
std::size_t round_to_pages(std::size_t bytes) {
    const std::size_t pages = (bytes + kHugePage - 1) / kHugePage;
    const std::size_t step = pages < 8 ? 1 : std::bit_floor(pages) / 4;
    return (pages + step - 1) / step * step * kHugePage;
}

void* map_block(std::size_t size) {
    void* block = ::operator new(size, std::align_val_t{kHugePage});
#if defined(__linux__)
    madvise(block, size, MADV_HUGEPAGE);  // if refused, the pages are small and nothing else changes
#endif
    return block;
}

void unmap_block(void* block) noexcept { ::operator delete(block, std::align_val_t{kHugePage}); }

struct Kept {
    void* block;
    std::size_t size;
};

// Never destroyed: arrays may outlive every static object. Nobody waits for the lock: a child that was forked while another
// thread held it would wait for ever.
struct Pool {
    std::mutex lock;
    std::vector<Kept> kept;  // from the longest unused to the latest
    std::size_t bytes = 0;
    std::atomic<std::size_t> in_use = 0;
    std::atomic<std::size_t> most_in_use = 0;
};
Pool& pool() {
    static Pool* const one = new Pool;
    return *one;
}

void count_taken(Pool& p, std::size_t size) noexcept {
    const std::size_t now = p.in_use += size;
    std::size_t most = p.most_in_use;
    while (most < now && !p.most_in_use.compare_exchange_weak(most, now)) {
    }
}

}  // namespace

void* take_block(std::size_t bytes) {
    const std::size_t size = round_to_pages(bytes);
    Pool& p = pool();
    {
        const std::unique_lock<std::mutex> guard(p.lock, std::try_to_lock);
        // the latest one of this size is the likeliest to be in a cache
        for (std::size_t i = guard ? p.kept.size() : 0; i-- > 0;) {
            if (p.kept[i].size != size) continue;
            void* const block = p.kept[i].block;
            p.kept.erase(p.kept.begin() + static_cast<std::ptrdiff_t>(i));
            p.bytes -= size;
            count_taken(p, size);
            return block;
        }
    }
    void* const block = map_block(size);
    count_taken(p, size);
    return block;
}

void give_block(void* block, std::size_t bytes) noexcept {
    const std::size_t size = round_to_pages(bytes);
    Pool& p = pool();
    p.in_use -= size;
    const std::size_t most_kept = std::min<std::size_t>(kKeptBytes, p.most_in_use);
    const std::unique_lock<std::mutex> guard(p.lock, std::try_to_lock);
    if (!guard || size > most_kept) {
        unmap_block(block);
        return;
    }
    try {
        p.kept.push_back({block, size});
    } catch (const std::bad_alloc&) {
        unmap_block(block);
        return;
    }
    p.bytes += size;
    while (p.bytes > most_kept) {
        p.bytes -= p.kept.front().size;
        unmap_block(p.kept.front().block);
        p.kept.erase(p.kept.begin());
    }
}

}  // namespace particlegrid
