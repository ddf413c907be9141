#include "ball_gradient.hpp"

#include <algorithm>
#include <utility>

namespace particlegrid {

void BallGradient::place(const double* center, double radius, const VoxelIndex& first, const VoxelIndex& last) {
    BallCorners::place(center, radius, first, last);
    for (int k = 0; k < 3; ++k) {
        line_[k].assign(count_lines(k), LineSums{});
        signs_[k].resize(count_lines(k));
        for_lines(k, [&](std::size_t number, std::size_t, std::size_t, double eij, double eji) {
            signs_[k][number] = find_signs(k, eij, eji);
        });
        plane_sums_[k].assign(plane_[k].size(), PlaneSums{});
    }
    const std::size_t voxels = (plane_[1].size() + 1) * (plane_[2].size() + 1);
    below_.assign(voxels, 0.0);
    above_.assign(voxels, 0.0);
    has_below_ = has_above_ = false;
    at_ = 0;
}

double* BallGradient::find_row(std::int64_t x, std::int64_t y) {
    while (at_ < static_cast<std::size_t>(x - first_[0])) finish_plane();
    has_above_ = true;
    return above_.data() + static_cast<std::size_t>(y - first_[1] + 1) * (plane_[2].size() + 1) + 1;
}

void BallGradient::finish_plane() {
    if (has_below_ || has_above_) sum_corners();
    std::swap(below_, above_);
    if (has_below_) std::fill(above_.begin(), above_.end(), 0.0);
    has_below_ = std::exchange(has_above_, false);
    ++at_;
}

void BallGradient::sum_corners() {
    const std::size_t ny = plane_[1].size(), nz = plane_[2].size(), ix = at_;
    LineSums* const along_x = line_[0].data();
    LineSums* const along_y = line_[1].data() + ix * nz;
    LineSums* const along_z = line_[2].data() + ix * ny;
    const std::uint8_t* const x_signs = signs_[0].data();
    const std::uint8_t* const y_signs = signs_[1].data() + ix * nz;
    const std::uint8_t* const z_signs = signs_[2].data() + ix * ny;
    for_corners(ix, [&](std::size_t iy, std::size_t iz, const double* t, bool is_inside) {
        const double *below = below_.data() + iy * (nz + 1) + iz, *above = above_.data() + iy * (nz + 1) + iz;
        const auto difference = [&](std::size_t v) { return below[v] - above[v]; };
        const double factor = (difference(0) - difference(1)) - (difference(nz + 1) - difference(nz + 2));
        if (factor == 0.0) return;
        LineSums* const lines[3] = {along_x + iy * nz + iz, along_y + iz, along_z + iy};
        if (is_inside) {
            for (int k = 0; k < 3; ++k) {
                const double first = factor * t[k], second = first * t[k];
                lines[k]->t += first;
                lines[k]->t2 += second / 2.0;
                lines[k]->t3 += second * t[k] / 3.0;
            }
        } else {
            for (int k = 0; k < 3; ++k) {
                lines[k]->outside += factor;
                lines[k]->outside_signs += std::copysign(factor, factor * t[k]);
            }
            const double* turns = turns_[x_signs[iy * nz + iz] | y_signs[iz] | z_signs[iy]];
            plane_sums_[0][ix].turn += factor * turns[0];
            plane_sums_[1][iy].turn += factor * turns[1];
            plane_sums_[2][iz].turn += factor * turns[2];
        }
    });
}

BallGradient::Sums BallGradient::sum(const CornerMotion* motion) {
    while (has_below_ || has_above_) finish_plane();
    Sums sums;
    for (int k = 0; k < 3; ++k) sum_lines(k, motion);
    for (int i = 0; i < 3; ++i) add_planes(i, motion, sums);
    return sums;
}

void BallGradient::sum_lines(int k, const CornerMotion* motion) {
    const int axes[2] = {(k + 1) % 3, (k + 2) % 3};
    Edge edges[2];  // in planes i, in planes j
    for (int side = 0; side < 2; ++side) {
        Edge& edge = edges[side];
        const double* n = normal(axes[side]);
        edge.u = units_ + 3 * k;
        find_side(axes[side], axes[1 - side], edge.m);
        if (motion == nullptr) continue;
        edge.from_d = stretch_along(n, motion->strain, edge.m);
        edge.from_e = stretch_along(edge.m, motion->strain, edge.m);
        edge.from_t = stretch_along(edge.u, motion->strain, edge.m);
        edge.from_shift = dot(motion->shift, edge.m);
        edge.tilt = stretch_along(edge.m, motion->strain, n);
    }
    for_lines(k, [&](std::size_t number, std::size_t i, std::size_t j, double eij, double eji) {
        const LineSums& line = line_[k][number];
        const double di = plane_[axes[0]][i].distance, c2 = 1.0 - di * di - eij * eij;
        // without a chord there are no corners in the ball, but for rounding
        const bool has_ends = c2 > 0.0 && (line.outside != 0.0 || line.outside_signs != 0.0);
        if (!has_ends && line.t == 0.0 && line.t2 == 0.0 && line.t3 == 0.0) return;
        add_edges(axes[0], i, eij, c2, edges[0], line, motion != nullptr);
        add_edges(axes[1], j, eji, c2, edges[1], line, motion != nullptr);
    });
}

void BallGradient::add_edges(int i, std::size_t number, double e, double c2, const Edge& edge, const LineSums& line,
                             bool moves) {
    PlaneSums& plane = plane_sums_[i][number];
    double s1 = line.t, s2 = line.t2, s3 = line.t3;
    if (c2 > 0.0) {
        const double c = std::sqrt(c2);
        s1 += c * line.outside_signs;
        s2 += c2 / 2.0 * line.outside;
        s3 += c * c2 / 3.0 * line.outside_signs;
        plane.turn -= std::atan(c / e) * line.outside_signs;
    }
    plane.twice_area += e * s1;
    for (int a = 0; a < 3; ++a) plane.moment[a] += edge.m[a] * 0.5 * (s3 - c2 * s1);
    if (!moves) return;
    const double d = plane_[i][number].distance, speed = d * edge.from_d + e * edge.from_e - edge.from_shift;
    const double swept = speed * s1 + edge.from_t * s2, swept_t = speed * s2 + edge.from_t * s3;
    plane.swept += swept;
    for (int a = 0; a < 3; ++a) {
        plane.swept_moment[a] += (d * normal(i)[a] + e * edge.m[a]) * swept + edge.u[a] * swept_t;
        plane.normal[a] -= edge.m[a] * s1;
        plane.spread[a] += (edge.m[a] * e * s1 + edge.u[a] * s2) * edge.tilt;
    }
}

void BallGradient::add_planes(int i, const CornerMotion* motion, Sums& sums) const {
    const double* n = normal(i);
    double tilted[3] = {0, 0, 0}, turned[3] = {0, 0, 0}, stretch = 0.0, shift = 0.0;  // eps n; n'; n . eps n; q . n
    if (motion != nullptr) {
        for (int b = 0; b < 3; ++b) tilted[b] = dot(motion->strain + 3 * b, n);
        stretch = dot(n, tilted);
        shift = dot(motion->shift, n);
        for (int b = 0; b < 3; ++b) turned[b] = n[b] * stretch - tilted[b];
    }
    for (std::size_t number = 0; number < plane_[i].size(); ++number) {
        const PlaneSums& plane = plane_sums_[i][number];
        const double d = plane_[i][number].distance, square = (1.0 - d) * (1.0 + d);
        if (!has_disk(d)) continue;
        const double area = 0.5 * (plane.twice_area + square * plane.turn);
        double moment[3];
        for (int b = 0; b < 3; ++b) {
            moment[b] = d * area * n[b] + plane.moment[b];
            sums.push[b] -= area * n[b];
            for (int a = 0; a < 3; ++a) sums.moment[3 * b + a] += moment[b] * n[a];
        }
        if (motion == nullptr) continue;
        const double recess = -d * (d * stretch - shift);  // half the change of `square`
        const double arcs = recess * plane.turn - d * dot(tilted, plane.normal);
        const double area_rate = plane.swept + arcs, risen = dot(moment, tilted) - area * shift;
        for (int b = 0; b < 3; ++b) {
            const double moment_rate = plane.swept_moment[b] + d * n[b] * arcs + recess * plane.normal[b] +
                                       d * (area * turned[b] + plane.spread[b]) + n[b] * risen;
            sums.push_rate[b] -= area_rate * n[b] + area * turned[b];
            for (int a = 0; a < 3; ++a) sums.moment_rate[3 * b + a] += moment_rate * n[a] + moment[b] * turned[a];
        }
    }
}

}  // namespace particlegrid
