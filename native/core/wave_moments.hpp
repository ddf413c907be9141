// Sums over the voxels of a grid for every wave vector: what WavePhases does, backwards.
#pragma once

#include <array>
#include <vector>

#include "structure_factors.hpp"

namespace particlegrid {

// Powers of a voxel's three indices: moments up to the first order are the first four.
inline constexpr std::array<std::array<int, 3>, 10> kIndexPowers{{{0, 0, 0}, {1, 0, 0}, {0, 1, 0}, {0, 0, 1}, {2, 0, 0},
                                                                  {1, 1, 0}, {1, 0, 1}, {0, 2, 0}, {0, 1, 1}, {0, 0, 2}}};
// Which of them is the product of indices c and d.
inline constexpr std::size_t kSecondMoment[3][3] = {{4, 5, 6}, {5, 7, 8}, {6, 8, 9}};

// sum over voxels of g x^a y^b z^c exp(i k r), r from voxel (0, 0, 0), for every element of (planes, rows, padded columns)
// of the waves: real parts, then imaginary ones.
class WaveMoments {
public:
    using Numbers = std::vector<double>;

    // Moments up to `order`, 1 or 2, of those waves whose weights are not 0; other elements hold anything finite.
    // `job` must outlive this.
    WaveMoments(const CoulombJob& job, std::int64_t structure, const WaveRange& waves, const Numbers& weights, int order,
                const Kernels& kernels);

    // Of the values g in job.out, one block of float32 or float64. The bits do not depend on job.threads.
    std::vector<Numbers> sum(std::int64_t channel) const;

private:
    // cos, sin and -sin of (index, voxel), times powers of the voxel's number.
    struct Tables {
        std::array<Numbers, 3> real, imaginary, minus;
    };

    Tables make_tables(int d, std::int64_t count, std::int64_t first) const;
    void load_plane(std::int64_t channel, std::int64_t x, double* plane) const;
    void sum_separable(std::int64_t channel, std::vector<Numbers>& sums) const;
    void sum_general(std::int64_t channel, std::vector<Numbers>& sums) const;
    double step(int a, int d) const { return steps_[static_cast<std::size_t>(3 * a + d)]; }
    std::size_t count() const { return order_ == 1 ? 4 : 10; }

    const CoulombJob& job_;
    const std::int64_t structure_;
    const WaveRange waves_;
    const Kernels& kernels_;
    const int order_;
    std::array<double, 9> steps_{};  // lattice coordinate a of the grid's edge d
    bool separable_;
    std::int64_t columns_, depth_;  // padded: of the waves' last index, voxels along z
    Tables x_, y_;                  // separable phases
    Numbers z_;  // ... along z: for each voxel, a row of real and one of imaginary parts, for each power of its number
    std::vector<std::int64_t> inside_;  // general phases: elements within the radius
};

}  // namespace particlegrid
