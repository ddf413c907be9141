// The gradient of the volumes that a ball has in common with voxels, each times a factor, by the corners' places; and how
// it changes when the corners move: a product with second derivatives. In closed form.
//
// As in ball_rates.hpp, summed over all faces of a plane, whose factors are differences of voxels' ones. A motion changes A
// and F by what their boundary sweeps in the plane: edges move by v . (eps m) - q . m, arcs so that they stay on the sphere
// and the plane, whose normal changes by -eps n + n (n . eps n) and whose distance by d' = d n . eps n - q . n. With
//
//     s_1, s_2 = integrals over an edge of this speed, and of t times it      (it is linear in t: S_1, S_2, S_3 give both)
//     N = -sum m S_1                                     (the normals over all arcs: over a closed curve they add up to 0)
//     K = A P - sum (e S_1 m + S_2 u) m     (likewise the places from the foot times the normals; P projects onto the plane)
//     w = -d d' Theta - d (eps n) . N                    (what arcs sweep)
//
//     A' = sum s_1 + w
//     F' = sum ((d n + e m) s_1 + u s_2) + d n w - d d' N - d K (eps n) + n (F . eps n - A q . n).
//
// Nothing here grows without bounds. Theta jumps where the sphere touches a face; where it touches an edge, N and Theta
// change like the square root of the distance.
#pragma once

#include <cstdint>
#include <vector>

#include "ball_rates.hpp"

namespace particlegrid {

class BallGradient : public BallCorners {
public:
    // The volumes times their factors change by moment : strain + push . shift.
    struct Sums {
        double push[3] = {}, moment[9] = {};
        double push_rate[3] = {}, moment_rate[9] = {};  // along a motion
    };

    void place(const double* center, double radius, const VoxelIndex& first, const VoxelIndex& last);

    // Zeros that become the factors of a row of voxels along z, from the first placed one on. Ask once, x and y rising, for
    // every row that has other factors than 0.
    double* find_row(std::int64_t x, std::int64_t y);

    // After the last row. Without a motion (null) rates stay 0.
    Sums sum(const CornerMotion* motion);

private:
    // Sums over the corners of a line, each times the mixed difference of the eight factors around it.
    struct LineSums {
        double t, t2, t3;               // t, t^2 / 2, t^3 / 3 of corners in the ball
        double outside, outside_signs;  // 1 and the sign of t of the others
    };
    // Of the faces of a plane, each times the difference of the two factors beside it.
    struct PlaneSums {
        double turn = 0.0;         // Theta
        double twice_area = 0.0;   // what edges give to 2 A
        double moment[3] = {};     // F - d n A
        double swept = 0.0, swept_moment[3] = {};  // what edges give to A' and F'
        double normal[3] = {};                     // N
        double spread[3] = {};                     // (A P - K) (eps n)
    };
    // Of the edges along lines k in planes i, along a motion.
    struct Edge {
        const double* u;
        double m[3];
        double from_d, from_e, from_t, from_shift;  // the speed is d from_d + e from_e + t from_t - from_shift
        double tilt;                                // m . eps n
    };

    void finish_plane();
    void sum_corners();
    void sum_lines(int k, const CornerMotion* motion);
    void add_edges(int i, std::size_t number, double e, double c2, const Edge& edge, const LineSums& line, bool moves);
    void add_planes(int i, const CornerMotion* motion, Sums& sums) const;

    std::vector<std::uint8_t> signs_[3];
    std::vector<LineSums> line_[3];
    std::vector<PlaneSums> plane_sums_[3];
    // factors of the voxels below and above the corners' plane `at_` of x, with zeros around them
    std::vector<double> below_, above_;
    bool has_below_ = false, has_above_ = false;
    std::size_t at_ = 0;
};

}  // namespace particlegrid
