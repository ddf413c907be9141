#include "floor.hpp"

#include <cstdint>
#include <cstring>

#if defined(__x86_64__)
#include <emmintrin.h>
#endif

namespace particlegrid {

void stream_zeros(void* data, std::size_t bytes) {
#if defined(__x86_64__)
    char* to = static_cast<char*>(data);
    const std::size_t off = (64 - reinterpret_cast<std::uintptr_t>(to) % 64) % 64;
    const std::size_t head = off < bytes ? off : bytes;
    std::memset(to, 0, head);
    std::size_t i = head;
    const __m128i zero = _mm_setzero_si128();
    for (; i + 64 <= bytes; i += 64)
        for (std::size_t k = 0; k < 64; k += 16) _mm_stream_si128(reinterpret_cast<__m128i*>(to + i + k), zero);
    std::memset(to + i, 0, bytes - i);
    _mm_sfence();
#else
    std::memset(data, 0, bytes);
#endif
}

}  // namespace particlegrid
