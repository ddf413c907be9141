// Values of one grid at the voxel centres of another: the contract between the core and whoever calls it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace particlegrid {

// Linear: 2 values along each axis. Cubic: 4, weighed by Keys' kernel with a = -1/2 (Catmull-Rom), which goes through
// the values and is exact for quadratics (IEEE Trans. ASSP 29, 1153 (1981), doi:10.1109/TASSP.1981.1163711).
enum class Interpolation { linear, cubic };

// Where the voxels of two grids lie in one another, and how the arrays with their values lie in memory.
struct ResampleJob {
    std::int64_t structures = 0;
    std::int64_t channels = 0;
    std::array<std::int64_t, 3> source_shape{};
    std::array<std::int64_t, 3> target_shape{};

    // The centre of target voxel (i, j, k) in the source's index coordinates, in which its voxels' centres are whole:
    // start + i steps[0] + j steps[1] + k steps[2].
    std::array<double, 3> start{};
    std::array<std::array<double, 3>, 3> steps{};
    std::array<bool, 3> periodic{};  // axes along which the source repeats; beyond the others its values are zero

    Interpolation method = Interpolation::linear;
    bool twice = false;  // both arrays hold double, else float

    // bytes, of (structures, channels, x, y, z); may be negative, must not make elements of what is written overlap
    std::array<std::ptrdiff_t, 5> source_strides{};
    std::array<std::ptrdiff_t, 5> target_strides{};
    int threads = 1;
};

// target = A source: write every voxel of `target`. Both are the first elements of arrays that belong to the caller and
// do not overlap. Throws std::invalid_argument, before anything is written, if a shape or a coordinate is out of range.
// The bits of the result do not depend on the number of threads, nor on how many structures and channels there are.
// A source voxel of weight zero is not read: infinite values stay where they are.
void resample(const ResampleJob& job, const void* source, void* target);

// source = A^T target, with the A of `resample`: write every voxel of `source`. Threads share out structures and
// channels, since the voxels of one may all fall into one place.
void resample_adjoint(const ResampleJob& job, const void* target, void* source);

}  // namespace particlegrid
