#include "sparse_sink.hpp"

#include <cstring>
#include <stdexcept>

#if defined(__x86_64__)
#include <emmintrin.h>
#endif

namespace particlegrid {

namespace {

// Copy around the cache: what is written here is larger than it, and reading each line before would cost as much again.
void stream_copy(char* to, const char* from, std::size_t bytes) {
#if defined(__x86_64__)
    const std::size_t off = (64 - reinterpret_cast<std::uintptr_t>(to) % 64) % 64;
    std::size_t i = off < bytes ? off : bytes;
    std::memcpy(to, from, i);
    for (; i + 64 <= bytes; i += 64)
        for (std::size_t k = i; k < i + 64; k += 16)
            _mm_stream_si128(reinterpret_cast<__m128i*>(to + k), _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + k)));
    std::memcpy(to + i, from + i, bytes - i);
#else
    std::memcpy(to, from, bytes);
#endif
}

constexpr const char* kFailed = "another structure of the batch failed";

void finish_stores() {
#if defined(__x86_64__)
    _mm_sfence();
#endif
}

}  // namespace

void SparseSink::write(std::int64_t structure, std::int64_t count, const void* values, const std::int32_t* places,
                       const std::int32_t* items) {
    std::int64_t turn;
    while ((turn = turn_.load()) != structure) {
        if (turn == kAbandoned) throw std::runtime_error(kFailed);
        turn_.wait(turn);
    }
    const std::int64_t first = needed_;
    needed_ += count;
    counts_[structure] = count;
    // the next one may write beside this one
    if (!turn_.compare_exchange_strong(turn, structure + 1)) throw std::runtime_error(kFailed);
    turn_.notify_all();
    if (count == 0 || first + count > capacity_) return;
    const std::size_t bytes =
        static_cast<std::size_t>(layout_ == SparseLayout::blocks ? kBlockVoxels * value_bytes_ : value_bytes_);
    char* to = static_cast<char*>(values_) + static_cast<std::size_t>(first) * bytes;
    const char* from = static_cast<const char*>(values);
    const std::size_t n = static_cast<std::size_t>(count);
    if (items == nullptr) {
        stream_copy(to, from, n * bytes);
        stream_copy(reinterpret_cast<char*>(places_ + first), reinterpret_cast<const char*>(places),
                    n * sizeof(std::int32_t));
    } else {
        for (std::size_t i = 0; i < n; ++i) {
            stream_copy(to + i * bytes, from + static_cast<std::size_t>(items[i]) * bytes, bytes);
            places_[first + static_cast<std::int64_t>(i)] = places[items[i]];
        }
    }
    finish_stores();
}

void SparseSink::abandon() {
    turn_.store(kAbandoned);
    turn_.notify_all();
}

}  // namespace particlegrid
