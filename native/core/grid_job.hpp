// What every drawing has: the grids of a batch, their atoms, and memory for the result.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace particlegrid {

class SparseSink;

enum class OutputType { float16, float32, float64, bfloat16 };

// Lengths beyond these are no atoms' and would make densities (1 / A^3) overflow single precision.
inline constexpr double kSmallestLength = 1e-6, kLargestLength = 1e6;  // A

// The part of one plane of one channel that may hold anything but zero: rows and columns [first, last).
struct Touched {
    std::int32_t first_row, last_row, first_column, last_column;
};

// All arrays belong to the caller and outlive the call; lengths are in elements. Matrices are rows, end to end.
struct GridJob {
    std::int64_t structures = 0;
    std::int64_t channels = 0;
    std::array<std::int64_t, 3> shape{};  // voxels along the grid's three axes; the same for every structure

    const double* axes = nullptr;     // (structures, 3, 3), A: edge vectors of one voxel
    const double* origins = nullptr;  // (structures, 3), A: corner of voxel (0, 0, 0)
    const double* lattices = nullptr;          // (structures, 3, 3), A: the vectors along which atoms repeat
    const std::uint8_t* periodic = nullptr;    // (structures, 3): which of them do; null if none does anywhere

    const double* positions = nullptr;  // (atoms, 3), A
    std::int64_t atoms = 0;

    const std::int64_t* entry_atoms = nullptr;     // (entries,)
    const std::int64_t* entry_channels = nullptr;  // (entries,)
    const double* entry_weights = nullptr;         // (entries,)
    const double* entry_widths = nullptr;          // (entries,), A
    std::int64_t entries = 0;
    const std::int64_t* entry_offsets = nullptr;  // (structures + 1,): entries of structure s, in drawing order

    void* out = nullptr;  // first element of (structures, channels, x, y, z)
    OutputType output = OutputType::float32;
    std::array<std::ptrdiff_t, 5> strides{};  // bytes; may be negative, must not make elements overlap
    // (structures, channels, x), or null: what earlier drawings left in `out`, which is zero elsewhere. Only that and what
    // is drawn now is written, and this is brought up to date.
    Touched* touched = nullptr;
    SparseSink* sink = nullptr;  // if there is one, draw_slabs writes to it and not to `out`
    int threads = 1;
    // Output that is larger is written around the cache. In one that is not, a reader finds it in the cache; of a larger
    // one, this saves reading each line before it is written.
    std::int64_t cache_bytes = std::int64_t{4} << 20;
};

// Throws std::invalid_argument if a count, an index, a length or a vector is out of range.
void check(const GridJob& job);

}  // namespace particlegrid
