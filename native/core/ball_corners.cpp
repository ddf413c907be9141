#include "ball_corners.hpp"

namespace particlegrid {

void BallCorners::set_grid(const Basis& grid) {
    constexpr double kPi = 3.14159265358979323846;
    grid_ = grid;
    for (int i = 0; i < 3; ++i)
        for (int a = 0; a < 3; ++a) {
            const std::size_t axis = static_cast<std::size_t>(i), at = static_cast<std::size_t>(3 * i + a);
            normals_[3 * i + a] = grid.duals[at] * grid.plane_spacing[axis];
            units_[3 * i + a] = grid.row(i)[a] / norm(grid.row(i));
        }
    for (int k = 0; k < 3; ++k) {
        cosine_[k] = dot(normals_ + 3 * ((k + 1) % 3), normals_ + 3 * ((k + 2) % 3));
        sine_[k] = std::sqrt(1.0 - cosine_[k] * cosine_[k]);
    }
    for (unsigned signs = 0; signs < 64; ++signs)
        for (int i = 0; i < 3; ++i) {
            const int j = (i + 1) % 3, k = (i + 2) % 3;
            const double angle = std::acos((cosine_[i] - cosine_[j] * cosine_[k]) / (sine_[j] * sine_[k]));
            const bool same = (signs >> (2 * k) & 1) == (signs >> (2 * j + 1) & 1);
            turns_[signs][i] = same ? angle : angle - kPi;
        }
}

void BallCorners::place(const double* center, double radius, const VoxelIndex& first, const VoxelIndex& last) {
    radius_ = radius;
    first_ = first;
    last_ = last;
    for (std::size_t d = 0; d < 3; ++d) {
        plane_[d].resize(static_cast<std::size_t>(last[d] - first[d] + 1));
        for (std::size_t n = 0; n < plane_[d].size(); ++n) {
            Plane& plane = plane_[d][n];
            plane.step = static_cast<double>(first[d] + static_cast<std::int64_t>(n)) - center[d];
            plane.distance = off_zero(plane.step * (grid_.plane_spacing[d] / radius), kLeastFromPlane);
        }
    }
}

}  // namespace particlegrid
