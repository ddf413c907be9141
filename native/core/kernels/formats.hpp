// The types an output may have, and how elements of the tile become them.
// Part of kernels.cpp, which is compiled once for each instruction set; nothing here has external linkage.
#pragma once

#include <cstring>

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#define PG_X86 1
#endif

#include "kernels.hpp"

namespace particlegrid {
namespace {

// 16-bit types are kept as raw bits: no compiler here has to know them.
struct Half {
    std::uint16_t bits;
};
struct Brain {
    std::uint16_t bits;
};

#if !defined(__F16C__)
// Round to nearest even, as the hardware does.
inline std::uint16_t half_bits(float value) {
    std::uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    const std::uint32_t sign = (bits >> 16) & 0x8000u;
    const std::uint32_t magnitude = bits & 0x7fffffffu;
    std::uint32_t half;
    if (magnitude > 0x7f800000u) {
        half = 0x7e00u;
    } else if (magnitude >= 0x477ff000u) {
        half = 0x7c00u;
    } else if (magnitude < 0x38800000u) {
        // subnormal: adding 0.5 moves the wanted bits to the bottom of the float's fraction, rounded on the way
        float shifted;
        std::memcpy(&shifted, &magnitude, sizeof shifted);
        shifted += 0.5f;
        std::uint32_t moved;
        std::memcpy(&moved, &shifted, sizeof moved);
        half = moved - 0x3f000000u;
    } else {
        half = (magnitude - 0x38000000u + 0x0fffu + ((magnitude >> 13) & 1u)) >> 13;
    }
    return static_cast<std::uint16_t>(sign | half);
}
#endif

// The upper half of a float, rounded to nearest even; a NaN stays one.
inline std::uint16_t brain_bits(float value) {
    std::uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<std::uint16_t>((bits >> 16) | 0x40u);
    return static_cast<std::uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

inline void convert(const float* from, float* to) { *to = *from; }
inline void convert(const double* from, double* to) { *to = *from; }
inline void convert(const float* from, Brain* to) { to->bits = brain_bits(*from); }
inline void convert(const float* from, Half* to) {
#if defined(__F16C__)
    to->bits = static_cast<std::uint16_t>(_cvtss_sh(*from, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
#else
    to->bits = half_bits(*from);
#endif
}
// Sums in double, to what they are asked for as; beyond the range of the type, to infinity.
inline void convert(const double* from, float* to) { *to = static_cast<float>(*from); }
template <class Bits>
inline void convert(const double* from, Bits* to) {
    const float single = static_cast<float>(*from);
    convert(&single, to);
}

// A group is what one register holds. take() reads one from the tile, converts it and leaves the tile zero there.
#if defined(__AVX2__) && defined(__F16C__)
using Register = __m256i;
constexpr std::int64_t kRegisterBytes = 32;
inline __m256 take_floats(float* from) {
    const __m256 v = _mm256_loadu_ps(from);
    _mm256_storeu_ps(from, _mm256_setzero_ps());
    return v;
}
inline __m256i round_to_brain(__m256 v) {
    const __m256i bits = _mm256_castps_si256(v);
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    const __m256i rounded = _mm256_srli_epi32(_mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), odd), 16);
    const __m256i quiet = _mm256_or_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(0x40));
    const __m256i is_nan = _mm256_castps_si256(_mm256_cmp_ps(v, v, _CMP_UNORD_Q));
    return _mm256_blendv_epi8(rounded, quiet, is_nan);
}
inline Register take(float* from, float*) { return _mm256_castps_si256(take_floats(from)); }
inline Register take(double* from, double*) {
    const __m256d v = _mm256_loadu_pd(from);
    _mm256_storeu_pd(from, _mm256_setzero_pd());
    return _mm256_castpd_si256(v);
}
inline Register take(float* from, Half*) {
    constexpr int kNearest = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
    const __m128i low = _mm256_cvtps_ph(take_floats(from), kNearest);
    return _mm256_set_m128i(_mm256_cvtps_ph(take_floats(from + 8), kNearest), low);
}
inline Register take(float* from, Brain*) {
    const __m256i low = round_to_brain(take_floats(from)), high = round_to_brain(take_floats(from + 8));
    return _mm256_permute4x64_epi64(_mm256_packus_epi32(low, high), 0xd8);
}
inline Register zero_register() { return _mm256_setzero_si256(); }
template <bool kStream>
inline void put(void* to, Register v) {
    if constexpr (kStream) _mm256_stream_si256(static_cast<__m256i*>(to), v);
    else _mm256_storeu_si256(static_cast<__m256i*>(to), v);
}
#elif defined(PG_X86)
using Register = __m128i;
constexpr std::int64_t kRegisterBytes = 16;
inline Register take(float* from, float*) {
    const __m128 v = _mm_loadu_ps(from);
    _mm_storeu_ps(from, _mm_setzero_ps());
    return _mm_castps_si128(v);
}
inline Register take(double* from, double*) {
    const __m128d v = _mm_loadu_pd(from);
    _mm_storeu_pd(from, _mm_setzero_pd());
    return _mm_castpd_si128(v);
}
inline Register zero_register() { return _mm_setzero_si128(); }
template <bool kStream>
inline void put(void* to, Register v) {
    if constexpr (kStream) _mm_stream_si128(static_cast<__m128i*>(to), v);
    else _mm_storeu_si128(static_cast<__m128i*>(to), v);
}
#define PG_SCALAR_16_BIT 1
#else
struct Register {
    unsigned char bytes[16];
};
constexpr std::int64_t kRegisterBytes = 16;
template <class T>
Register take(T* from, T*) {
    Register v;
    std::memcpy(&v, from, sizeof v);
    std::memset(from, 0, sizeof v);
    return v;
}
inline Register zero_register() { return Register{}; }
template <bool>
void put(void* to, Register v) {
    std::memcpy(to, &v, sizeof v);
}
#define PG_SCALAR_16_BIT 1
#endif
#if defined(PG_SCALAR_16_BIT)
template <class Out>
Register take(float* from, Out*) {
    Out values[kRegisterBytes / sizeof(Out)];
    for (std::size_t k = 0; k < kRegisterBytes / sizeof(Out); ++k) {
        convert(from + k, values + k);
        from[k] = 0.0f;
    }
    Register v;
    std::memcpy(&v, values, sizeof v);
    return v;
}
#endif

}  // namespace
}  // namespace particlegrid
