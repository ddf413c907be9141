// Gaussians on orthogonal grids: the contract between the core and whoever calls it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace particlegrid {

enum class Value { integral, mean, point, peak };  // peak: point values without normalisation, 1 at the centre
enum class OutputType { float16, float32, float64 };

// What to draw, and where to. All arrays belong to the caller and outlive the call; lengths are in elements.
struct GaussianJob {
    std::int64_t structures = 0;
    std::int64_t channels = 0;
    std::array<std::int64_t, 3> shape{};  // voxels along x, y, z; the same for every structure
    std::array<double, 3> spacing{};      // A

    const double* positions = nullptr;  // (atoms, 3), A, in the frame of the grid's axes
    std::int64_t atoms = 0;
    const double* origins = nullptr;  // (structures, 3), A: lower corner of each structure's grid

    const std::int64_t* entry_atoms = nullptr;     // (entries,)
    const std::int64_t* entry_channels = nullptr;  // (entries,)
    const double* entry_weights = nullptr;         // (entries,)
    const double* entry_sigmas = nullptr;          // (entries,), A
    std::int64_t entries = 0;
    const std::int64_t* entry_offsets = nullptr;  // (structures + 1,): entries of structure s, in drawing order

    Value value = Value::integral;
    double cut = 0.0;  // half-width of the support along each axis, in sigmas

    void* out = nullptr;                          // first element of (structures, channels, x, y, z)
    OutputType output = OutputType::float32;
    std::array<std::ptrdiff_t, 5> strides{};      // bytes; may be negative, must not make elements overlap
    int threads = 1;
};

// Write every voxel of `job.out`. Throws std::invalid_argument, before anything is written, if an index, a width or a
// shape is out of range. The bits of the result do not depend on the number of threads, nor on what else is in the job.
void draw_gaussians(const GaussianJob& job);

}  // namespace particlegrid
