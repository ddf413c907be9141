// A ball among the corners of an affine grid's voxels: planes, lines and corners as the ball's centre sees them.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

#include "lattice.hpp"

namespace particlegrid {

using VoxelIndex = std::array<std::int64_t, 3>;

// The voxels [first, last) that a ball may touch, within [low, high). False if there are none.
inline bool find_ball_voxels(const Basis& grid, const double* center, double radius, const VoxelIndex& low,
                             const VoxelIndex& high, VoxelIndex& first, VoxelIndex& last) {
    for (std::size_t d = 0; d < 3; ++d) {
        // clamped while still double: far atoms and large radii overflow an integer
        const double reach = radius / grid.plane_spacing[d];
        const double from = std::max(static_cast<double>(low[d]), std::floor(center[d] - reach));
        const double to = std::min(static_cast<double>(high[d]), std::ceil(center[d] + reach));
        if (!(from < to)) return false;
        first[d] = static_cast<std::int64_t>(from);
        last[d] = static_cast<std::int64_t>(to);
    }
    return true;
}

// What the formulas in ball_cells.hpp and ball_slopes.hpp are made of, in units of the radius:
//
//     d_i = v . n_i,  e_ij = v . m_ij,  t_k = v . u_k        (v a corner from the centre; n_i normal of the planes i; u_k
//                                                             direction of the lines k, where planes i and j meet; m_ij
//                                                             normal of that line in plane i)
class BallCorners {
public:
    void set_grid(const Basis& grid);

    // Put the centre at index coordinates `center` and prepare the corners of the voxels [first, last), by axis.
    void place(const double* center, double radius, const VoxelIndex& first, const VoxelIndex& last);

protected:
    // Planes i = const of corners, by axis.
    struct Plane {
        double distance, step;  // from the centre: in radii, in voxels
    };

    // visit(number, plane on i, plane on j, e_ij, e_ji) for every line along k, i = k + 1 and j = k + 2 modulo 3. Numbers
    // rise from 0, the later axis fastest: (y, z), (x, z), (x, y).
    template <class Visit>
    void for_lines(int k, const Visit& visit) const {
        const int slow = k == 0 ? 1 : 0, fast = k == 2 ? 1 : 2;
        const bool swapped = slow != (k + 1) % 3;
        const Plane *planes_i = plane_[(k + 1) % 3].data(), *planes_j = plane_[(k + 2) % 3].data();
        const double cosine = cosine_[k], sine = sine_[k];
        std::size_t number = 0;
        for (std::size_t a = 0; a < plane_[slow].size(); ++a)
            for (std::size_t b = 0; b < plane_[fast].size(); ++b) {
                const std::size_t i = swapped ? b : a, j = swapped ? a : b;
                const double di = planes_i[i].distance, dj = planes_j[j].distance;
                visit(number++, i, j, off_zero((dj - di * cosine) / sine, kLeastFromLine),
                      off_zero((di - dj * cosine) / sine, kLeastFromLine));
            }
    }
    std::size_t count_lines(int k) const { return plane_[k == 0 ? 1 : 0].size() * plane_[k == 2 ? 1 : 2].size(); }

    // visit(iy, iz, t, inside) for every corner of plane ix of the first axis, with t of its three lines.
    template <class Visit>
    void for_corners(std::size_t ix, const Visit& visit) const {
        const double* az = grid_.row(2);
        const double x = plane_[0][ix].step, az2 = dot(az, az) / (radius_ * radius_);
        double slope[3];  // of t along z
        for (int k = 0; k < 3; ++k) slope[k] = dot(az, units_ + 3 * k) / radius_;
        for (std::size_t iy = 0; iy < plane_[1].size(); ++iy) {
            const double y = plane_[1][iy].step;
            double v[3], at[3];  // of the row's corners at step 0 of z: vector, t
            for (int a = 0; a < 3; ++a) v[a] = (x * grid_.row(0)[a] + y * grid_.row(1)[a]) / radius_;
            for (int k = 0; k < 3; ++k) at[k] = dot(v, units_ + 3 * k);
            const double square = dot(v, v), twice = 2.0 * dot(v, az) / radius_;
            for (std::size_t iz = 0; iz < plane_[2].size(); ++iz) {
                const double s = plane_[2][iz].step;
                const double t[3] = {at[0] + s * slope[0], at[1] + s * slope[1], at[2] + s * slope[2]};
                visit(iy, iz, t, square + s * (twice + s * az2) <= 1.0);
            }
        }
    }

    const double* normal(int i) const { return normals_ + 3 * i; }

    // m_ij.
    void find_side(int i, int j, double* out) const {
        const int k = 3 - i - j;
        for (int a = 0; a < 3; ++a) out[a] = (normal(j)[a] - cosine_[k] * normal(i)[a]) / sine_[k];
    }

    // a . (strain b): how fast what lies along a moves along b.
    static double stretch_along(const double* a, const double* strain, const double* b) {
        return a[0] * dot(strain, b) + a[1] * dot(strain + 3, b) + a[2] * dot(strain + 6, b);
    }

    // Whether derivatives know the disk in a plane at this distance. A cap that is less high has a volume of less than
    // 2e-14, which is drawn as 0: with its disk, the voxel before it would lose what no other gets.
    static bool has_disk(double distance) { return std::fabs(distance) < 1.0 - 7.9e-8; }

    // Bits of e_ij < 0 and e_ji < 0 of the line along k.
    static std::uint8_t find_signs(int k, double eij, double eji) {
        return static_cast<std::uint8_t>(((eij < 0) | (eji < 0) << 1) << (2 * k));
    }

    Basis grid_;
    double normals_[9] = {}, units_[9] = {};  // n and u
    double cosine_[3] = {}, sine_[3] = {};    // of the angle between the normals of the two other axes
    // by the signs of e_ij and e_ik of all three lines: the angle from m_ij to m_ik, less pi where they differ
    double turns_[64][3] = {};
    double radius_ = 1.0;
    VoxelIndex first_{}, last_{};
    std::vector<Plane> plane_[3];

private:
    // A zero stands for a number so small that it changes nothing: every corner then has signs that some corner has. The
    // distances from planes are made larger than those from lines, which follow from them and must keep their ratios.
    static double off_zero(double x, double least) { return std::fabs(x) < least ? least : x; }
    static constexpr double kLeastFromPlane = 1e-100, kLeastFromLine = 1e-200;
};

}  // namespace particlegrid
