// The volume that a ball has in common with each voxel of an affine grid, in closed form.
#pragma once

#include <cstdint>
#include <vector>

#include "ball_corners.hpp"

namespace particlegrid {

// How it is computed. Let v be a corner of voxels, seen from the ball's centre in units of its radius. The pyramids from
// the centre over a voxel's faces are split at the feet of the perpendiculars onto faces and edges, into 48
// tetrahedra centre - foot on face i - foot on edge (i, j) - corner, with right angles between their steps
//
//     d = d_i,  e = e_ij,  t = t_k                        (see ball_corners.hpp)
//
// The volume that such a tetrahedron shares with the ball, odd in d, e and t, is for a corner inside the ball d e t / 6,
// and else, with c^2 = 1 - d^2 - e^2 where that is positive, and p = d (3 - d^2) / 6 (1/3 from d = 1 on),
//
//     d e c / 6 - p atan(c / e) + atan(d c / e) / 3   +   p atan(t / e) - atan(d t / (e |v|)) / 3
//
// (the integral over the angle about the foot on the face of what lies between centre and face up to the sphere, and
// of the spherical sector beyond). A voxel is the difference, over its eight corners, of T(v), the sum of the six
// tetrahedra of the orders (i, j, k). In T the last two terms add up to constants: at the face i, atan(t_k / e_ij) +
// atan(t_j / e_ik) is the angle between m_ij and m_ik, less pi where e_ij and e_ik differ in sign, and the six
// atan(d t / (e |v|)) are pi times kTurns of the six signs of e, for every cell (the six orders tile the polar cone of
// the corner, whose solid angle is the sum of the angles less pi). So arc tangents are needed for the edges alone, which are
// lines of corners, and the corners cost additions.
class BallCells : public BallCorners {
public:
    void place(const double* center, double radius, const VoxelIndex& first, const VoxelIndex& last);

    // A row of voxels along z: shares of a voxel's volume, 0 .. 1, and those that the ball holds whole.
    struct Row {
        std::int64_t x, y;
        std::int64_t first, last;                // voxels with a share
        std::int64_t whole_first, whole_last;    // those of share 1
        const double* shares;                    // of voxel `first` and on
    };

    // Call visit(row) for every row with a share, x and y rising.
    template <class Visit>
    void for_rows(const Visit& visit) {
        std::int64_t x = first_[0];
        fill_plane(x, planes_[0], inside_[0]);
        for (; x < last_[0]; ++x) {
            const std::size_t low = static_cast<std::size_t>(x - first_[0]) % 2, high = 1 - low;
            fill_plane(x + 1, planes_[high], inside_[high]);
            for (std::int64_t y = first_[1]; y < last_[1]; ++y) {
                const Row row = subtract(x, y, low, high);
                if (row.first < row.last) visit(row);
            }
        }
    }

private:
    // Lines along axis k, where the planes i and j meet.
    struct Line {
        double inside;       // (d_i e_ij + d_j e_ji) / 6
        double outside;      // the part of T that needs arc tangents, for t > 0
        std::uint8_t signs;  // bits of e_ij < 0 and e_ji < 0
    };

    void fill_lines(int k);
    void fill_plane(std::int64_t x, std::vector<double>& values, std::vector<std::uint8_t>& inside) const;
    Row subtract(std::int64_t x, std::int64_t y, std::size_t low, std::size_t high);

    double scale_ = 1.0;
    std::vector<double> cap_[3];           // p of the planes
    std::vector<Line> line_[3];
    std::vector<double> planes_[2];        // T at the corners of two planes of x
    std::vector<std::uint8_t> inside_[2];  // whether they lie in the ball
    std::vector<double> shares_;
};

}  // namespace particlegrid
