// Rows of voxels summed in registers and written around the cache, without a tile between.
// Part of kernels.cpp, which is compiled once for each instruction set; nothing here has external linkage.
#pragma once

#include "kernels/formats.hpp"
#include "kernels/vectors.hpp"

namespace particlegrid {
namespace {

#if defined(__AVX2__) && defined(__F16C__)

// Registers as they come out of the sums, written in the order of memory. Whole registers go to whole 32 bytes of memory;
// numpy's large arrays begin 16 bytes off, so there each is written as the half kept from the one before and its own first
// half.
class RegisterStream {
public:
    RegisterStream(RowStream& state, void* out) : state_(state), to_(static_cast<char*>(out)) {
        if (state.next != to_) {
            end(state);
            state.shifted = reinterpret_cast<std::uintptr_t>(to_) % 32 != 0;
        }
        shifted_ = state.shifted;
        begun_ = state.begun;
        kept_ = _mm_load_si128(reinterpret_cast<const __m128i*>(state.kept));
    }
    RegisterStream(const RegisterStream&) = delete;
    RegisterStream& operator=(const RegisterStream&) = delete;
    ~RegisterStream() {
        state_.next = to_;
        state_.begun = begun_;
        _mm_store_si128(reinterpret_cast<__m128i*>(state_.kept), kept_);
    }

    // What was kept is written without what would follow.
    static void end(RowStream& state) {
        if (state.begun)
            _mm_store_si128(reinterpret_cast<__m128i*>(state.next - 16), _mm_load_si128(reinterpret_cast<const __m128i*>(state.kept)));
        state.begun = false;
        state.next = nullptr;
    }

    // So many registers of zeros.
    void put_zeros(std::int64_t count) {
        if (count == 0) return;
        const __m256i zero = _mm256_setzero_si256();
        __m256i* const to = reinterpret_cast<__m256i*>(shifted_ ? to_ - 16 : to_);
        if (!shifted_) _mm256_stream_si256(to, zero);
        else if (begun_) _mm256_stream_si256(to, _mm256_zextsi128_si256(kept_));
        else _mm_store_si128(reinterpret_cast<__m128i*>(to_), _mm_setzero_si128());
        __m256i* at = to + 1;
        __m256i* const end = to + count;
        for (; end - at >= 4; at += 4)
            for (int k = 0; k < 4; ++k) _mm256_stream_si256(at + k, zero);
        for (; at < end; ++at) _mm256_stream_si256(at, zero);
        kept_ = _mm_setzero_si128();
        begun_ = shifted_;
        to_ += 32 * count;
    }

    template <std::size_t kCount>
    [[gnu::always_inline]] void put(const __m256i (&values)[kCount]) {
        if (!shifted_) {
            for (std::size_t k = 0; k < kCount; ++k) _mm256_stream_si256(reinterpret_cast<__m256i*>(to_) + k, values[k]);
        } else {
            __m256i* const to = reinterpret_cast<__m256i*>(to_ - 16);
            if (begun_) _mm256_stream_si256(to, _mm256_permute2x128_si256(_mm256_castsi128_si256(kept_), values[0], 0x20));
            else _mm_store_si128(reinterpret_cast<__m128i*>(to_), _mm256_castsi256_si128(values[0]));
            for (std::size_t k = 1; k < kCount; ++k) _mm256_stream_si256(to + k, _mm256_permute2x128_si256(values[k - 1], values[k], 0x21));
            kept_ = _mm256_extracti128_si256(values[kCount - 1], 1);
            begun_ = true;
        }
        to_ += 32 * kCount;
    }

private:
    RowStream& state_;
    char* to_;
    __m128i kept_;
    bool shifted_, begun_;
};

void end_rows(RowStream& state) { RegisterStream::end(state); }

inline __m128i to_half(__m256 v) { return _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }

// Sums as registers of the output's type, in the order of memory.
template <std::size_t kVectors>
[[gnu::always_inline]] inline void put_sums(const Floats (&sums)[kVectors], float*, RegisterStream& stream) {
    __m256i values[kVectors];
    for (std::size_t k = 0; k < kVectors; ++k) values[k] = reinterpret_cast<__m256i>(sums[k]);
    stream.put(values);
}
template <std::size_t kVectors>
[[gnu::always_inline]] inline void put_sums(const Floats (&sums)[kVectors], Half*, RegisterStream& stream) {
    __m256i values[kVectors / 2];
    for (std::size_t k = 0; k < kVectors / 2; ++k)
        values[k] = _mm256_set_m128i(to_half(reinterpret_cast<__m256>(sums[2 * k + 1])), to_half(reinterpret_cast<__m256>(sums[2 * k])));
    stream.put(values);
}
template <std::size_t kVectors>
[[gnu::always_inline]] inline void put_sums(const Floats (&sums)[kVectors], Brain*, RegisterStream& stream) {
    __m256i values[kVectors / 2];
    for (std::size_t k = 0; k < kVectors / 2; ++k) {
        const __m256i low = round_to_brain(reinterpret_cast<__m256>(sums[2 * k]));
        const __m256i high = round_to_brain(reinterpret_cast<__m256>(sums[2 * k + 1]));
        values[k] = _mm256_permute4x64_epi64(_mm256_packus_epi32(low, high), 0xd8);
    }
    stream.put(values);
}

// The entries that reach some rows of a plane, one after another.
class EntryBits {
public:
    EntryBits(const std::uint64_t* in_plane, const std::uint64_t* in_rows, std::int64_t words)
        : in_plane_(in_plane), in_rows_(in_rows), words_(words), bits_(words > 0 ? in_plane[0] & in_rows[0] : 0) {
        skip_empty();
    }
    bool any() const { return bits_ != 0; }
    std::int64_t number() const { return 64 * word_ + __builtin_ctzll(bits_); }
    void advance() {
        bits_ &= bits_ - 1;
        skip_empty();
    }

private:
    void skip_empty() {
        while (__builtin_expect(bits_ == 0, 0) && ++word_ < words_) bits_ = in_plane_[word_] & in_rows_[word_];
    }

    const std::uint64_t *in_plane_, *in_rows_;
    const std::int64_t words_;
    std::int64_t word_ = 0;
    std::uint64_t bits_;
};

template <class Out, int kVectors>
void stream_rows_of(const RowPlane& job, RowStream& state) {
    constexpr int kRows = rows_together(kVectors);
    constexpr std::int64_t kColumns = 8 * kVectors;
    constexpr std::int64_t kRegisters = kColumns * static_cast<std::int64_t>(sizeof(Out)) / 32;  // of output, in a row
    RegisterStream stream(state, job.out);
    std::uint64_t reached = 0;
    for (std::int64_t w = 0; w < job.words; ++w) reached |= job.in_plane[w];
    if (reached == 0) return stream.put_zeros((job.last_row - job.first_row) * kRegisters);
    std::int64_t empty = 0;  // rows that nothing reaches, not written yet
    const std::uint64_t* in_rows = job.in_rows + job.first_row / kRows * job.words;
    for (std::int64_t row = job.first_row; row < job.last_row; row += kRows, in_rows += job.words) {
        const std::int64_t rows = job.last_row - row < kRows ? job.last_row - row : kRows;
        EntryBits entries(job.in_plane, in_rows, job.words);
        if (!entries.any()) {
            empty += rows;
            continue;
        }
        stream.put_zeros(empty * kRegisters);
        empty = 0;
        Floats sums[kRows * kVectors];
        for (int k = 0; k < kRows * kVectors; ++k) sums[k] = Floats{};
        do {
            const std::int64_t e = entries.number();
            const float wx = job.x[job.x_places[e] + job.plane];
            const float* wy = job.y + e * job.y_stride + row;
            const Floats* wz = reinterpret_cast<const Floats*>(job.z + e * kColumns);
            for (int r = 0; r < kRows; ++r) {
                const float c = wx * wy[r];
                const Floats scale = {c, c, c, c, c, c, c, c};
                for (int k = 0; k < kVectors; ++k) sums[r * kVectors + k] += scale * wz[k];
            }
            entries.advance();
        } while (entries.any());
        if (rows == kRows) {
            put_sums(sums, static_cast<Out*>(nullptr), stream);
            continue;
        }
        // the last rows of a plane
        alignas(32) float kept[kRows * kColumns];
        for (int k = 0; k < kRows * kVectors; ++k) reinterpret_cast<Floats*>(kept)[k] = sums[k];
        for (std::int64_t r = 0; r < rows; ++r) {
            Floats line[kVectors];
            for (int k = 0; k < kVectors; ++k) line[k] = reinterpret_cast<const Floats*>(kept + r * kColumns)[k];
            put_sums(line, static_cast<Out*>(nullptr), stream);
        }
    }
    stream.put_zeros(empty * kRegisters);
}

template <class Out>
void stream_rows(const RowPlane& job, RowStream& state) {
    switch (job.columns / 8) {
        case 2: return stream_rows_of<Out, 2>(job, state);
        case 4: return stream_rows_of<Out, 4>(job, state);
        case 6: return stream_rows_of<Out, 6>(job, state);
        case 8: return stream_rows_of<Out, 8>(job, state);
        default: break;
    }
    if constexpr (sizeof(Out) == sizeof(float)) {
        switch (job.columns / 8) {
            case 1: return stream_rows_of<Out, 1>(job, state);
            case 3: return stream_rows_of<Out, 3>(job, state);
            case 5: return stream_rows_of<Out, 5>(job, state);
            case 7: return stream_rows_of<Out, 7>(job, state);
            default: break;
        }
    }
}

#endif

}  // namespace
}  // namespace particlegrid
