#include "kernels.hpp"

#include <cstring>

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#define PG_X86 1
#endif

#include "gaussian.hpp"

namespace particlegrid {
namespace {

// erf by a Taylor step of at most 1/32 from the nearest tabulated node: the remainder stays below 3e-16. Differences of
// single-precision erf lose up to 1e-5 of a weight where voxels are fine, so weights are made in double throughout.
inline double erf_by_table(double x) {
    double a = x < 0.0 ? -x : x;
    a = a < 5.999 ? a : 5.999;
    const int node = static_cast<int>(a * 16.0 + 0.5);
    const double c = node * 0.0625;
    const double d = a - c;
    // erf(c + d) = erf(c) + erf'(c) d sum_n p_n / (n + 1)!, p_n = (-d)^n H_n(c), H the Hermite polynomials
    const double u = -2.0 * c * d, v = -2.0 * d * d;
    const double p1 = u;
    const double p2 = u * p1 + v;
    const double p3 = u * p2 + 2.0 * v * p1;
    const double p4 = u * p3 + 3.0 * v * p2;
    const double p5 = u * p4 + 4.0 * v * p3;
    const double p6 = u * p5 + 5.0 * v * p4;
    const double p7 = u * p6 + 6.0 * v * p5;
    const double sum = 1.0 + p1 * (1.0 / 2) + p2 * (1.0 / 6) + p3 * (1.0 / 24) + p4 * (1.0 / 120) + p5 * (1.0 / 720) +
                       p6 * (1.0 / 5040) + p7 * (1.0 / 40320);
    const double y = erf_table.value[node] + erf_table.slope[node] * d * sum;
    return x < 0.0 ? -y : y;
}

// exp(-u) for u >= 0, relative error below 4e-16; 0 beyond 700.
inline double exp_of_minus(double u) {
    const double t = u < 700.0 ? u : 700.0;
    const double n = static_cast<double>(static_cast<int>(t * 1.4426950408889634 + 0.5));
    const double r = (n * 0.693147180369123816490 - t) + n * 1.90821492927058770002e-10;
    double y = 1.0 / 6227020800.0;
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
    const std::int64_t bits = (1023 - static_cast<std::int64_t>(static_cast<int>(n))) << 52;
    double power;
    std::memcpy(&power, &bits, sizeof power);
    return u < 700.0 ? y * power : 0.0;
}

template <class T>
void weigh_axis(const AxisJob& job, double* scratch, T* weights) {
    // whole groups of 8, so that the loops have no scalar remainder
    const int groups = static_cast<int>((job.count + 8) / 8);
    const double start = job.first * job.spacing - job.offset;
    if (job.point) {
        const double scale = 1.0 / (1.4142135623730951 * job.sigma);
        const double low = (start + 0.5 * job.spacing) * scale, step = job.spacing * scale;
        for (int i = 0; i < groups * 8; ++i) {
            const double t = low + i * step;
            scratch[i] = exp_of_minus(t * t);
        }
        for (std::int64_t i = 0; i < job.count; ++i) weights[i] = static_cast<T>(job.scale * scratch[i]);
    } else {
        const double scale = 1.0 / (1.4142135623730951 * job.sigma);
        const double low = start * scale, step = job.spacing * scale;
        for (int i = 0; i < groups * 8; ++i) scratch[i] = erf_by_table(low + i * step);
        const double half = 0.5 * job.scale;
        for (std::int64_t i = 0; i < job.count; ++i) weights[i] = static_cast<T>(half * (scratch[i + 1] - scratch[i]));
    }
    for (std::int64_t i = job.count; i < job.padded; ++i) weights[i] = T(0);
}

// A row of weights stays in registers while it is added to one row of the tile after another.
template <class T, int kLanes>
void add_rows(T* __restrict tile, std::int64_t stride, const T* __restrict wy, std::int64_t rows, T wx,
              const T* __restrict wz) {
    T row[kLanes];
    for (int k = 0; k < kLanes; ++k) row[k] = wz[k];
    for (std::int64_t j = 0; j < rows; ++j) {
        const T c = wx * wy[j];
        T* __restrict to = tile + j * stride;
        for (int k = 0; k < kLanes; ++k) to[k] += c * row[k];
    }
}

template <class T>
void add_long_rows(T* __restrict tile, std::int64_t stride, const T* __restrict wy, std::int64_t rows, T wx,
                   const T* __restrict wz, std::int64_t padded) {
    for (std::int64_t j = 0; j < rows; ++j) {
        const T c = wx * wy[j];
        T* __restrict to = tile + j * stride;
        for (std::int64_t k = 0; k < padded; ++k) to[k] += c * wz[k];
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
            case 1: add_rows<T, kUnit>(to, job.columns, wy, w.count[1], wx, wz); break;
            case 2: add_rows<T, 2 * kUnit>(to, job.columns, wy, w.count[1], wx, wz); break;
            case 3: add_rows<T, 3 * kUnit>(to, job.columns, wy, w.count[1], wx, wz); break;
            case 4: add_rows<T, 4 * kUnit>(to, job.columns, wy, w.count[1], wx, wz); break;
            default: add_long_rows<T>(to, job.columns, wy, w.count[1], wx, wz, w.padded_z);
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
