// The tile written to the output, row by row or in one run, through the cache or around it.
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

// Half precision is kept as raw bits: no compiler here has to know the type.
struct Half {
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

inline void convert(const float* from, float* to) { *to = *from; }
inline void convert(const double* from, double* to) { *to = *from; }
inline void convert(const float* from, Half* to) {
#if defined(__F16C__)
    to->bits = static_cast<std::uint16_t>(_cvtss_sh(*from, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
#else
    to->bits = half_bits(*from);
#endif
}

// Elements in a group, and how a group is moved out of the tile (which is left zero) and zeros are written. Streaming
// stores go around the cache; they need `to` aligned to the group's bytes.
template <class Out>
struct Mover;

#if defined(__AVX__)
inline void stream_256(void* to, __m256i v) { _mm256_stream_si256(static_cast<__m256i*>(to), v); }
template <>
struct Mover<float> {
    static constexpr int kGroup = 8, kSmall = 4;
    static void stream_small(float* from, float* to) {
        _mm_stream_ps(to, _mm_loadu_ps(from));
        _mm_storeu_ps(from, _mm_setzero_ps());
    }
    static void clear_small(float* to) { _mm_stream_ps(to, _mm_setzero_ps()); }
    template <bool kStream>
    static void move(float* from, float* to) {
        const __m256 v = _mm256_loadu_ps(from);
        _mm256_storeu_ps(from, _mm256_setzero_ps());
        if constexpr (kStream) _mm256_stream_ps(to, v);
        else _mm256_storeu_ps(to, v);
    }
    template <bool kStream>
    static void clear(float* to) {
        if constexpr (kStream) _mm256_stream_ps(to, _mm256_setzero_ps());
        else _mm256_storeu_ps(to, _mm256_setzero_ps());
    }
};
template <>
struct Mover<double> {
    static constexpr int kGroup = 4, kSmall = 2;
    static void stream_small(double* from, double* to) {
        _mm_stream_pd(to, _mm_loadu_pd(from));
        _mm_storeu_pd(from, _mm_setzero_pd());
    }
    static void clear_small(double* to) { _mm_stream_pd(to, _mm_setzero_pd()); }
    template <bool kStream>
    static void move(double* from, double* to) {
        const __m256d v = _mm256_loadu_pd(from);
        _mm256_storeu_pd(from, _mm256_setzero_pd());
        if constexpr (kStream) _mm256_stream_pd(to, v);
        else _mm256_storeu_pd(to, v);
    }
    template <bool kStream>
    static void clear(double* to) {
        if constexpr (kStream) _mm256_stream_pd(to, _mm256_setzero_pd());
        else _mm256_storeu_pd(to, _mm256_setzero_pd());
    }
};
#if defined(__F16C__)
template <>
struct Mover<Half> {
    static constexpr int kGroup = 16, kSmall = 8;
    static void stream_small(float* from, Half* to) {
        const __m256 v = _mm256_loadu_ps(from);
        _mm256_storeu_ps(from, _mm256_setzero_ps());
        _mm_stream_si128(reinterpret_cast<__m128i*>(to),
                         _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
    }
    static void clear_small(Half* to) { _mm_stream_si128(reinterpret_cast<__m128i*>(to), _mm_setzero_si128()); }
    template <bool kStream>
    static void move(float* from, Half* to) {
        constexpr int kNearest = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
        const __m128i low = _mm256_cvtps_ph(_mm256_loadu_ps(from), kNearest);
        const __m128i high = _mm256_cvtps_ph(_mm256_loadu_ps(from + 8), kNearest);
        _mm256_storeu_ps(from, _mm256_setzero_ps());
        _mm256_storeu_ps(from + 8, _mm256_setzero_ps());
        const __m256i v = _mm256_set_m128i(high, low);
        if constexpr (kStream) stream_256(to, v);
        else _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), v);
    }
    template <bool kStream>
    static void clear(Half* to) {
        if constexpr (kStream) stream_256(to, _mm256_setzero_si256());
        else _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm256_setzero_si256());
    }
};
#define PG_HAS_HALF_MOVER 1
#endif
#elif defined(PG_X86)
template <>
struct Mover<float> {
    static constexpr int kGroup = 4;
    template <bool kStream>
    static void move(float* from, float* to) {
        const __m128 v = _mm_loadu_ps(from);
        _mm_storeu_ps(from, _mm_setzero_ps());
        if constexpr (kStream) _mm_stream_ps(to, v);
        else _mm_storeu_ps(to, v);
    }
    template <bool kStream>
    static void clear(float* to) {
        if constexpr (kStream) _mm_stream_ps(to, _mm_setzero_ps());
        else _mm_storeu_ps(to, _mm_setzero_ps());
    }
};
template <>
struct Mover<double> {
    static constexpr int kGroup = 2;
    template <bool kStream>
    static void move(double* from, double* to) {
        const __m128d v = _mm_loadu_pd(from);
        _mm_storeu_pd(from, _mm_setzero_pd());
        if constexpr (kStream) _mm_stream_pd(to, v);
        else _mm_storeu_pd(to, v);
    }
    template <bool kStream>
    static void clear(double* to) {
        if constexpr (kStream) _mm_stream_pd(to, _mm_setzero_pd());
        else _mm_storeu_pd(to, _mm_setzero_pd());
    }
};
#else
template <class T>
struct PlainMover {
    static constexpr int kGroup = static_cast<int>(16 / sizeof(T));
    template <bool>
    static void move(T* from, T* to) {
        for (int k = 0; k < kGroup; ++k) {
            to[k] = from[k];
            from[k] = T(0);
        }
    }
    template <bool>
    static void clear(T* to) {
        for (int k = 0; k < kGroup; ++k) to[k] = T(0);
    }
};
template <>
struct Mover<float> : PlainMover<float> {};
template <>
struct Mover<double> : PlainMover<double> {};
#endif
#if !defined(PG_HAS_HALF_MOVER)
template <>
struct Mover<Half> {
    static constexpr int kGroup = 8;
    template <bool>
    static void move(float* from, Half* to) {
        for (int k = 0; k < kGroup; ++k) {
            convert(from + k, to + k);
            from[k] = 0.0f;
        }
    }
    template <bool>
    static void clear(Half* to) {
        for (int k = 0; k < kGroup; ++k) to[k].bits = 0;
    }
};
#endif

template <class T, class Out>
inline void move_one(T* from, Out* to) {
    convert(from, to);
    *from = T(0);
}

template <class Out>
std::int64_t offset_from(const Out* to, std::uintptr_t bytes) {
    return static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(to) % bytes);
}

// Elements before `to` is aligned to 16 bytes, which is where numpy's memory starts.
template <class Out>
std::int64_t ragged_head(const Out* to, std::int64_t n) {
    const std::int64_t off = offset_from(to, 16);
    const std::int64_t head = off == 0 ? 0 : (16 - off) / static_cast<std::int64_t>(sizeof(Out));
    return head < n ? head : n;
}

// Whether groups can be streamed in halves of 16 bytes too. A run that starts or ends inside a group does so with
// streaming stores: an ordinary store beside them would fetch the line that they are about to write.
template <class Out>
concept HasSmall = requires { Mover<Out>::kSmall; };

template <bool kStream, class T, class Out>
void move_run(T* from, Out* to, std::int64_t n) {
    constexpr int kGroup = Mover<Out>::kGroup;
    std::int64_t i = 0;
    if constexpr (kStream) {
        for (const std::int64_t head = ragged_head(to, n); i < head; ++i) move_one(from + i, to + i);
        if constexpr (HasSmall<Out>)
            if (i + Mover<Out>::kSmall <= n && offset_from(to + i, 32) != 0) {
                Mover<Out>::stream_small(from + i, to + i);
                i += Mover<Out>::kSmall;
            }
    }
    for (; i + kGroup <= n; i += kGroup) Mover<Out>::template move<kStream>(from + i, to + i);
    if constexpr (kStream && HasSmall<Out>)
        if (i + Mover<Out>::kSmall <= n) {
            Mover<Out>::stream_small(from + i, to + i);
            i += Mover<Out>::kSmall;
        }
    for (; i < n; ++i) move_one(from + i, to + i);
}

template <bool kStream, class Out>
void clear_run(Out* to, std::int64_t n) {
    constexpr int kGroup = Mover<Out>::kGroup;
    std::int64_t i = 0;
    if constexpr (kStream) {
        for (const std::int64_t head = ragged_head(to, n); i < head; ++i) to[i] = Out{};
        if constexpr (HasSmall<Out>)
            if (i + Mover<Out>::kSmall <= n && offset_from(to + i, 32) != 0) {
                Mover<Out>::clear_small(to + i);
                i += Mover<Out>::kSmall;
            }
    }
    for (; i + kGroup <= n; i += kGroup) Mover<Out>::template clear<kStream>(to + i);
    if constexpr (kStream && HasSmall<Out>)
        if (i + Mover<Out>::kSmall <= n) {
            Mover<Out>::clear_small(to + i);
            i += Mover<Out>::kSmall;
        }
    for (; i < n; ++i) to[i] = Out{};
}

template <bool kStream, class T, class Out>
void write_tile(const PlaneOutput& job, T* tile) {
    char* plane = static_cast<char*>(job.out);
    const std::int64_t columns = job.columns;
    const std::int64_t size = static_cast<std::int64_t>(sizeof(Out));
    const bool rows_joined = job.column_stride == size && job.row_stride == columns * size;
    if (rows_joined) {
        Out* to = reinterpret_cast<Out*>(plane);
        const std::int64_t first = job.first_row * columns, last = job.last_row * columns;
        clear_run<kStream>(to, first);
        move_run<kStream>(tile + first, to + first, last - first);
        clear_run<kStream>(to + last, job.rows * columns - last);
        return;
    }
    for (std::int64_t y = 0; y < job.rows; ++y) {
        T* from = tile + y * columns;
        const bool touched = y >= job.first_row && y < job.last_row;
        char* row = plane + y * job.row_stride;
        if (job.column_stride == size) {
            if (touched) move_run<kStream>(from, reinterpret_cast<Out*>(row), columns);
            else clear_run<kStream>(reinterpret_cast<Out*>(row), columns);
        } else {
            for (std::int64_t z = 0; z < columns; ++z)
                move_one(from + z, reinterpret_cast<Out*>(row + z * job.column_stride));
        }
    }
}

}  // namespace
}  // namespace particlegrid
