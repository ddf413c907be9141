// The part of an Ewald sum over wave vectors, plane by plane of a grid.
#pragma once

#include <vector>

#include "ewald_split.hpp"
#include "kernels.hpp"

namespace particlegrid {

// 4 pi / V sum over k != 0 of exp(-k^2 / 4 alpha^2) / k^2 Re(S(k) exp(i k r)), S(k) = sum q exp(-i k r_n), and the
// background -pi Q / (V alpha^2), for every channel of one structure.
//
// Along an axis of n voxels exp(i k r) is a table of n phases. Where the grid's edges lie along the cell's, that of axis
// d depends on m_d alone, so the sum over k is three short sums after each other, each a product of matrices; else every
// k has its three phases, and one product of matrices over all k is left.
class WaveSum {
public:
    // Makes the coefficients on so many threads; `job` must outlive this.
    WaveSum(const CoulombJob& job, std::int64_t structure, const EwaldSplit& split, const Kernels& kernels);

    // Memory that paint() uses; each thread has its own.
    struct Scratch {
        std::vector<double> plane_factors, row_factors;
    };

    // Add the sum to plane x of a channel that has charges, in rows padded to a multiple of kRowBytes.
    void paint(std::int64_t channel, std::int64_t x, Scratch& scratch, double* plane) const;

private:
    using Numbers = std::vector<double>;

    struct Entry {
        std::array<double, 3> fraction;  // lattice coordinates from the centre of voxel (0, 0, 0)
        double charge;
    };
    struct Channel {
        double background = 0.0;
        // real parts, then imaginary ones: (planes, rows, columns) of the waves, or those within the radius
        Numbers coefficients;
    };

    std::vector<std::vector<Entry>> sort_entries(std::int64_t structure) const;
    Channel make_channel(const std::vector<Entry>& entries, const Numbers& weights) const;
    Numbers add_up(const std::vector<Entry>& entries) const;
    Numbers weigh_waves() const;
    void make_separable_phases();
    void make_general_phases();
    void paint_separable(const Channel& channel, std::int64_t x, Scratch& scratch, double* plane) const;
    void paint_general(const Channel& channel, std::int64_t x, Scratch& scratch, double* plane) const;
    double step(int a, int d) const { return steps_[static_cast<std::size_t>(3 * a + d)]; }

    const CoulombJob& job_;
    const EwaldSplit split_;
    const Kernels& kernels_;
    const Basis lattice_;
    std::array<double, 9> steps_{};  // lattice coordinate a of the grid's edge d
    bool separable_;
    std::int64_t columns_;         // of the waves' last index, padded to kRowBytes
    std::int64_t depth_;           // voxels along z, padded
    std::vector<Channel> channels_;
    std::vector<std::int64_t> inside_;  // general phases: elements of (planes, rows, columns) within the radius
    // phases along x and y: for each voxel as (real, -imaginary; imaginary, real) rows in the separable case, as real and
    // imaginary rows in the general one; along z, for each wave, a row of all voxels' real and one of -imaginary parts
    Numbers x_phases_, y_phases_, z_real_, z_imaginary_;
};

}  // namespace particlegrid
