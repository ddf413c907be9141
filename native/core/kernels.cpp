#include "kernels.hpp"

#include <cstring>

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#define PG_X86 1
#endif

#include "gaussian.hpp"

namespace particlegrid {
namespace {

// kRowBytes of T, loaded and stored at any address. Written as vectors because plain loops over a short constant length
// are unrolled into scalars before GCC's vectoriser sees them (8 times slower).
template <class T>
struct VectorOf {
    typedef T type __attribute__((vector_size(kRowBytes), aligned(sizeof(T)), may_alias));
};

using Doubles = VectorOf<double>::type;
constexpr int kDoubles = static_cast<int>(kRowBytes / sizeof(double));
typedef std::int32_t Ints __attribute__((vector_size(kRowBytes / 2)));
typedef std::int64_t Longs __attribute__((vector_size(kRowBytes)));

// erf by a Taylor step of at most 1/32 from the nearest tabulated node: the remainder stays below 3e-16. Differences of
// single-precision erf lose up to 1e-5 of a weight where voxels are fine, so weights are made in double throughout.
inline Doubles erf_by_table(Doubles x) {
    Doubles a = x < 0.0 ? -x : x;
    a = a < 5.999 ? a : Doubles{} + 5.999;
    const Ints node = __builtin_convertvector(a * 16.0 + 0.5, Ints);
    const Doubles c = __builtin_convertvector(node, Doubles) * 0.0625;
    Doubles value, slope;
    for (int k = 0; k < kDoubles; ++k) {
        value[k] = erf_table.value[node[k]];
        slope[k] = erf_table.slope[node[k]];
    }
    const Doubles d = a - c;
    // erf(c + d) = erf(c) + erf'(c) d sum_n p_n / (n + 1)!, p_n = (-d)^n H_n(c), H the Hermite polynomials
    const Doubles u = -2.0 * c * d, v = -2.0 * d * d;
    const Doubles p1 = u;
    const Doubles p2 = u * p1 + v;
    const Doubles p3 = u * p2 + 2.0 * v * p1;
    const Doubles p4 = u * p3 + 3.0 * v * p2;
    const Doubles p5 = u * p4 + 4.0 * v * p3;
    const Doubles p6 = u * p5 + 5.0 * v * p4;
    const Doubles p7 = u * p6 + 6.0 * v * p5;
    const Doubles sum = 1.0 + p1 * (1.0 / 2) + p2 * (1.0 / 6) + p3 * (1.0 / 24) + p4 * (1.0 / 120) +
                        p5 * (1.0 / 720) + p6 * (1.0 / 5040) + p7 * (1.0 / 40320);
    const Doubles y = value + slope * d * sum;
    return x < 0.0 ? -y : y;
}

// exp(-u) for u >= 0, relative error below 4e-16; 0 beyond 700.
inline Doubles exp_of_minus(Doubles u) {
    const Doubles t = u < 700.0 ? u : Doubles{} + 700.0;
    const Ints whole = __builtin_convertvector(t * 1.4426950408889634 + 0.5, Ints);
    const Doubles n = __builtin_convertvector(whole, Doubles);
    const Doubles r = (n * 0.693147180369123816490 - t) + n * 1.90821492927058770002e-10;
    Doubles y = Doubles{} + 1.0 / 6227020800.0;
    y = y * r + 1.0 / 479001600.0;
    y = y * r + 1.0 / 39916800.0;
    y = y * r + 1.0 / 3628800.0;
    y = y * r + 1.0 / 362880.0;
    y = y * r + 1.0 / 40320.0;
    y = y * r + 1.0 / 5040.0;
    y = y * r + 1.0 / 720.0;
    y = y * r + 1.0 / 120.0;
    y = y * r + 1.0 / 24.0;
    y = y * r + 1.0 / 6.0;
    y = y * r + 0.5;
    y = y * r + 1.0;
    y = y * r + 1.0;
    const Longs bits = (1023 - __builtin_convertvector(whole, Longs)) << 52;
    Doubles power;
    std::memcpy(&power, &bits, sizeof power);
    return u < 700.0 ? y * power : Doubles{};
}

template <class T>
void weigh_axis(const AxisJob& job, double* scratch, T* weights) {
    const double scale = 1.0 / (1.4142135623730951 * job.sigma);
    const double step = job.spacing * scale;
    const double corner = (job.first * job.spacing - job.offset) * scale;
    const Doubles lanes = {0.0, 1.0, 2.0, 3.0};
    static_assert(kDoubles == 4);
    if (job.point) {
        for (std::int64_t i = 0; i < job.count; i += kDoubles) {
            const Doubles t = corner + (static_cast<double>(i) + 0.5 + lanes) * step;
            *reinterpret_cast<Doubles*>(scratch + i) = exp_of_minus(t * t);
        }
        for (std::int64_t i = 0; i < job.count; ++i) weights[i] = static_cast<T>(job.scale * scratch[i]);
    } else {
        for (std::int64_t i = 0; i < job.count + 1; i += kDoubles) {
            const Doubles t = corner + (static_cast<double>(i) + lanes) * step;
            *reinterpret_cast<Doubles*>(scratch + i) = erf_by_table(t);
        }
        const double half = 0.5 * job.scale;
        for (std::int64_t i = 0; i < job.count; ++i) weights[i] = static_cast<T>(half * (scratch[i + 1] - scratch[i]));
    }
    for (std::int64_t i = job.count; i < job.padded; ++i) weights[i] = T(0);
}

// A row of weights stays in registers while it is added to one row of the tile after another.
template <class T, int kVectors>
void add_rows(T* tile, std::int64_t stride, const T* wy, std::int64_t rows, T wx, const T* wz) {
    using Vector = typename VectorOf<T>::type;
    Vector row[kVectors];
    for (int k = 0; k < kVectors; ++k) row[k] = reinterpret_cast<const Vector*>(wz)[k];
    for (std::int64_t j = 0; j < rows; ++j) {
        const T c = wx * wy[j];
        Vector* to = reinterpret_cast<Vector*>(tile + j * stride);
        for (int k = 0; k < kVectors; ++k) to[k] += c * row[k];
    }
}

template <class T>
void add_long_rows(T* tile, std::int64_t stride, const T* wy, std::int64_t rows, T wx, const T* wz,
                   std::int64_t vectors) {
    using Vector = typename VectorOf<T>::type;
    const Vector* row = reinterpret_cast<const Vector*>(wz);
    for (std::int64_t j = 0; j < rows; ++j) {
        const T c = wx * wy[j];
        Vector* to = reinterpret_cast<Vector*>(tile + j * stride);
        for (std::int64_t k = 0; k < vectors; ++k) to[k] += c * row[k];
    }
}

template <class T>
void accumulate(const PlaneJob& job, const T* weights, T* tile) {
    constexpr int kUnit = static_cast<int>(kRowBytes / sizeof(T));
    for (std::int64_t e = 0; e < job.entry_count; ++e) {
        const Window& w = job.windows[job.entries[e]];
        const T wx = weights[w.weights[0] + job.x - w.first[0]];
        const T* wy = weights + w.weights[1];
        const T* wz = weights + w.weights[2];
        T* to = tile + w.first[1] * job.columns + w.first[2];
        switch (w.padded_z / kUnit) {
            case 1: add_rows<T, 1>(to, job.columns, wy, w.count[1], wx, wz); break;
            case 2: add_rows<T, 2>(to, job.columns, wy, w.count[1], wx, wz); break;
            case 3: add_rows<T, 3>(to, job.columns, wy, w.count[1], wx, wz); break;
            case 4: add_rows<T, 4>(to, job.columns, wy, w.count[1], wx, wz); break;
            default: add_long_rows<T>(to, job.columns, wy, w.count[1], wx, wz, w.padded_z / kUnit);
        }
    }
}

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
    static constexpr int kGroup = 8;
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
    static constexpr int kGroup = 4;
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
    static constexpr int kGroup = 16;
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

// Elements before `to` is aligned for a streaming store of one group.
template <class Out>
std::int64_t ragged_head(const Out* to, std::int64_t n) {
    constexpr std::uintptr_t kBytes = Mover<Out>::kGroup * sizeof(Out);
    const std::uintptr_t off = reinterpret_cast<std::uintptr_t>(to) % kBytes;
    const std::int64_t head = off == 0 ? 0 : static_cast<std::int64_t>((kBytes - off) / sizeof(Out));
    return head < n ? head : n;
}

template <bool kStream, class T, class Out>
void move_run(T* from, Out* to, std::int64_t n) {
    constexpr int kGroup = Mover<Out>::kGroup;
    std::int64_t i = 0;
    if constexpr (kStream)
        for (const std::int64_t head = ragged_head(to, n); i < head; ++i) move_one(from + i, to + i);
    for (; i + kGroup <= n; i += kGroup) Mover<Out>::template move<kStream>(from + i, to + i);
    for (; i < n; ++i) move_one(from + i, to + i);
}

template <bool kStream, class Out>
void clear_run(Out* to, std::int64_t n) {
    constexpr int kGroup = Mover<Out>::kGroup;
    std::int64_t i = 0;
    if constexpr (kStream)
        for (const std::int64_t head = ragged_head(to, n); i < head; ++i) to[i] = Out{};
    for (; i + kGroup <= n; i += kGroup) Mover<Out>::template clear<kStream>(to + i);
    for (; i < n; ++i) to[i] = Out{};
}

template <bool kStream, class T, class Out>
void write_plane(const PlaneJob& job, T* tile) {
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

template <class T, class Out>
void draw_plane(const PlaneJob& job, const T* weights, T* tile) {
    accumulate(job, weights, tile);
    if (job.bypass_cache) write_plane<true, T, Out>(job, tile);
    else write_plane<false, T, Out>(job, tile);
}

void finish_stores() {
#if defined(PG_X86)
    _mm_sfence();
#endif
}

}  // namespace

#define PG_JOIN_(a, b) a##b
#define PG_JOIN(a, b) PG_JOIN_(a, b)
#define PG_TEXT_(a) #a
#define PG_TEXT(a) PG_TEXT_(a)

extern const Kernels PG_JOIN(kernels_, PG_TARGET);
const Kernels PG_JOIN(kernels_, PG_TARGET) = {
    PG_TEXT(PG_TARGET),
    {weigh_axis<float>, {draw_plane<float, Half>, draw_plane<float, float>, nullptr}},
    {weigh_axis<double>, {nullptr, nullptr, draw_plane<double, double>}},
    finish_stores,
};

}  // namespace particlegrid
