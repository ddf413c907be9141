// The write floor: how fast this memory takes zeros. Benchmarks print their ratios to it.
#pragma once

#include <cstddef>

namespace particlegrid {

// Zero `bytes` bytes at `data` with stores that go around the cache where the processor has them.
void stream_zeros(void* data, std::size_t bytes);

}  // namespace particlegrid
