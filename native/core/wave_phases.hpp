// Sums over wave vectors at the voxels of a grid, plane by plane.
#pragma once

#include <vector>

#include "structure_factors.hpp"

namespace particlegrid {

// The factors of waves: for every element of (planes, rows, padded columns) real parts, then imaginary ones, or for those
// within the radius alone, as WavePhases::select makes them.
using WaveFactors = std::vector<double>;

// sum over k of Re((c + x d_x + y d_y + z d_z) exp(i k r)) at voxel (x, y, z), r from voxel (0, 0, 0).
//
// Along an axis of n voxels exp(i k r) is a table of n phases. Where the grid's edges lie along the cell's, that of axis
// d depends on m_d alone, so the sum over k is three short sums after each other, each a product of matrices; else every
// k has its three phases, and one product of matrices over all k is left.
class WavePhases {
public:
    // Of those waves whose weights are not 0. `job` must outlive this.
    WavePhases(const CoulombJob& job, std::int64_t structure, const WaveRange& waves, const std::vector<double>& weights,
               const Kernels& kernels);

    // Factors of all elements as add() takes them.
    WaveFactors select(WaveFactors all) const;

    struct Factors {
        const double* constant;
        const double* slopes[3];  // all null where there are none
    };

    // Memory that add() uses; each thread has its own.
    struct Scratch {
        std::vector<double> plane_factors, row_factors, slopes;
    };

    // Add the sum to plane x, in rows padded to a multiple of kRowBytes.
    void add(const Factors& factors, std::int64_t x, Scratch& scratch, double* plane) const;

private:
    using Numbers = std::vector<double>;

    void make_separable_phases();
    void make_general_phases();
    void add_separable(const Factors& factors, std::int64_t x, Scratch& scratch, double* plane) const;
    void add_general(const Factors& factors, std::int64_t x, Scratch& scratch, double* plane) const;
    double step(int a, int d) const { return steps_[static_cast<std::size_t>(3 * a + d)]; }

    const CoulombJob& job_;
    const WaveRange waves_;
    const Kernels& kernels_;
    std::array<double, 9> steps_{};  // lattice coordinate a of the grid's edge d
    bool separable_;
    std::int64_t columns_;  // of the waves' last index, padded to kRowBytes
    std::int64_t depth_;    // voxels along z, padded
    std::vector<std::int64_t> inside_;  // general phases: elements within the radius
    // phases along x and y: for each voxel as (real, -imaginary; imaginary, real) rows in the separable case, as real and
    // imaginary rows in the general one; along z, for each wave, a row of all voxels' real and one of -imaginary parts
    Numbers x_phases_, y_phases_, z_real_, z_imaginary_;
};

}  // namespace particlegrid
