// How fast the volume that a ball has in common with each voxel changes when the voxels' corners move, in closed form.
//
// Notation of ball_corners.hpp, lengths in radii. The ball stays, the corners move from v to v + dt (v eps - q). A voxel's
// volume in the ball then changes by what its faces sweep there,
//
//     dV = sum over faces of  sign (F . eps n_i - A q . n_i),      A = integral dA,  F = integral v dA  over face and disk,
//
// (eps n)_b = eps_bk n_k, the sign + for the face towards higher i. By the divergence theorem in the face, with the disk's
// r^2 = 1 - d_i^2, Theta the angle of its arcs in the face, and edges, of which t runs over what lies in the ball,
//
//     2 A = r^2 Theta + sum over edges of  sign e S_1,     F = d_i n_i A + sum over edges of  sign m (S_3 - c^2 S_1) / 2,
//     S_1 = integral dt,   S_3 = integral t^2 dt,        c^2 = 1 - d_i^2 - e^2  (half the chord along the line, squared).
//
// Theta is a sum over the face's corners with the signs of t e: 0 for a corner in the ball, else the turn from m_ij to m_ik
// (BallCorners::turns_) less sign(t) atan(c / e) for each of the face's lines there that have a chord. So dV, like the
// volume (ball_cells.hpp), is a difference over eight corners of sums of which only lines need arc tangents.
#pragma once

#include <cstdint>
#include <vector>

#include "ball_corners.hpp"

namespace particlegrid {

// Corners at v from the ball's centre move by v strain - shift; lengths in radii.
struct CornerMotion {
    double strain[9];  // row b: where component b of v leads
    double shift[3];
};

class BallRates : public BallCorners {
public:
    void place(const double* center, double radius, const VoxelIndex& first, const VoxelIndex& last,
               const CornerMotion& motion);

    // dV of the voxels of a row along z, from the first placed one on. From call to call x must not fall.
    const double* find_row(std::int64_t x, std::int64_t y);

private:
    // Lines along axis k. A corner in the ball gives t (linear + cubic t^2), one outside sign(t) outside.
    struct Line {
        double linear, cubic, outside;
        std::uint8_t signs;
    };

    void fill_lines(int k, const CornerMotion& motion);
    void fill_plane(std::size_t ix, std::vector<double>& values) const;

    std::vector<double> distance_rate_[3], sweep_[3];  // of planes: F . eps n - A q . n for A = 1; that of Theta = 1
    std::vector<Line> line_[3];
    std::vector<double> planes_[2];  // the corners' sums for two planes of x
    std::size_t filled_ = 0;         // planes before this one are or were there
    std::vector<double> row_;
};

}  // namespace particlegrid
