// Memory for results: large blocks in huge pages, kept for the next result when they are given back. A fresh 42 MB costs
// 20 times its fill in page faults; a loop that draws batch after batch gets the same few blocks again.
#pragma once

#include <cstddef>

namespace particlegrid {

// At least `bytes` bytes at an address that is a multiple of 64; what they hold is anything. Throws std::bad_alloc.
void* take_block(std::size_t bytes);

// Give a block back that take_block gave for `bytes` bytes. As many bytes as were ever in use at once, and kKeptBytes at
// most, are kept for reuse: a loop over crystals of a thousand sizes keeps what two of them need.
void give_block(void* block, std::size_t bytes) noexcept;

inline constexpr std::size_t kKeptBytes = std::size_t{512} << 20;

}  // namespace particlegrid
