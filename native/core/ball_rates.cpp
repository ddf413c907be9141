#include "ball_rates.hpp"

namespace particlegrid {

void BallRates::place(const double* center, double radius, const VoxelIndex& first, const VoxelIndex& last,
                      const CornerMotion& motion) {
    BallCorners::place(center, radius, first, last);
    for (int i = 0; i < 3; ++i) {
        const double stretch = stretch_along(normal(i), motion.strain, normal(i)), shift = dot(motion.shift, normal(i));
        distance_rate_[i].clear();
        sweep_[i].clear();
        for (const Plane& plane : plane_[i]) {
            const double rate = has_disk(plane.distance) ? plane.distance * stretch - shift : 0.0;
            distance_rate_[i].push_back(rate);
            sweep_[i].push_back(0.5 * (1.0 - plane.distance) * (1.0 + plane.distance) * rate);
        }
    }
    for (int k = 0; k < 3; ++k) fill_lines(k, motion);
    for (std::vector<double>& plane : planes_) plane.resize(plane_[1].size() * plane_[2].size());
    filled_ = 0;
    row_.resize(plane_[2].size() - 1);
}

void BallRates::fill_lines(int k, const CornerMotion& motion) {
    const int axis_i = (k + 1) % 3, axis_j = (k + 2) % 3;
    double mij[3], mji[3];
    find_side(axis_i, axis_j, mij);
    find_side(axis_j, axis_i, mji);
    const double tilt_i = stretch_along(mij, motion.strain, normal(axis_i));
    const double tilt_j = stretch_along(mji, motion.strain, normal(axis_j));
    line_[k].resize(count_lines(k));
    for_lines(k, [&](std::size_t number, std::size_t i, std::size_t j, double eij, double eji) {
        const double di = plane_[axis_i][i].distance, dj = plane_[axis_j][j].distance;
        const double c2 = 1.0 - di * di - eij * eij;
        const double cubic = 0.5 * ((has_disk(di) ? tilt_i : 0.0) + (has_disk(dj) ? tilt_j : 0.0));
        Line& line = line_[k][number];
        line.signs = find_signs(k, eij, eji);
        line.linear = 0.5 * (eij * distance_rate_[axis_i][i] + eji * distance_rate_[axis_j][j]) - c2 * cubic;
        line.cubic = cubic / 3.0;
        line.outside = 0.0;
        if (c2 > 0.0) {
            const double c = std::sqrt(c2);
            line.outside = c * (line.linear + c2 * line.cubic) - sweep_[axis_i][i] * std::atan(c / eij) -
                           sweep_[axis_j][j] * std::atan(c / eji);
        }
    });
}

void BallRates::fill_plane(std::size_t ix, std::vector<double>& values) const {
    const std::size_t ny = plane_[1].size(), nz = plane_[2].size();
    const Line *along_x = line_[0].data(), *along_y = line_[1].data() + ix * nz, *along_z = line_[2].data() + ix * ny;
    const double x_sweep = sweep_[0][ix], *y_sweep = sweep_[1].data(), *z_sweep = sweep_[2].data();
    double* const value_of = values.data();
    for_corners(ix, [=, this](std::size_t iy, std::size_t iz, const double* t, bool is_inside) {
        const Line* lines[3] = {along_x + iy * nz + iz, along_y + iz, along_z + iy};
        double value = 0.0;
        if (is_inside) {
            for (int k = 0; k < 3; ++k) value += t[k] * (lines[k]->linear + t[k] * t[k] * lines[k]->cubic);
        } else {
            for (int k = 0; k < 3; ++k) value += std::copysign(lines[k]->outside, lines[k]->outside * t[k]);
            const double* turns = turns_[lines[0]->signs | lines[1]->signs | lines[2]->signs];
            value += x_sweep * turns[0] + y_sweep[iy] * turns[1] + z_sweep[iz] * turns[2];
        }
        value_of[iy * nz + iz] = value;
    });
}

const double* BallRates::find_row(std::int64_t x, std::int64_t y) {
    const std::size_t ix = static_cast<std::size_t>(x - first_[0]), nz = plane_[2].size();
    for (filled_ = std::max(filled_, ix); filled_ <= ix + 1; ++filled_) fill_plane(filled_, planes_[filled_ % 2]);
    const std::size_t at = static_cast<std::size_t>(y - first_[1]) * nz;
    const double *low = planes_[ix % 2].data() + at, *high = planes_[(ix + 1) % 2].data() + at;
    const auto column = [&](std::size_t z) { return (high[z + nz] - high[z]) - (low[z + nz] - low[z]); };
    double below = column(0);
    for (std::size_t z = 0; z + 1 < nz; ++z) {
        const double above = column(z + 1);
        row_[z] = above - below;
        below = above;
    }
    return row_.data();
}

}  // namespace particlegrid
