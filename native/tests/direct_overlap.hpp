// The volume that a sphere shares with parallelepipeds, tetrahedron by tetrahedron: what the formulas in ball_cells.hpp
// come from, without sums over lines and without a table.
#pragma once

#include <algorithm>
#include <cmath>

#include "lattice.hpp"

namespace particlegrid {

// What the ball of radius 1 about the origin shares with the tetrahedron origin - foot on a plane at distance d - foot on
// a line in that plane at e from there - point at t along the line; odd in each.
inline double tetrahedron_in_ball(double d, double e, double t) {
    const double sign = std::copysign(1.0, d) * std::copysign(1.0, e) * std::copysign(1.0, t);
    d = std::fabs(d), e = std::fabs(e), t = std::fabs(t);
    const double length = std::sqrt(d * d + e * e + t * t), c2 = 1.0 - d * d - e * e;
    if (length <= 1.0) return sign * d * e * t / 6.0;
    const double cap = d < 1.0 ? d * (3.0 - d * d) / 6.0 : 1.0 / 3.0;
    double volume = cap * std::atan2(t, e) - std::atan2(d * t, e * length) / 3.0;
    if (c2 > 0.0) {
        const double c = std::sqrt(c2);
        volume += d * e * c / 6.0 - cap * std::atan2(c, e) + std::atan2(d * c, e) / 3.0;
    }
    return sign * volume;
}

// The share, 0 .. 1, of the voxel whose first corner lies at `corner` from the ball's centre, A.
inline double share_directly(const Basis& grid, const double* corner, double radius) {
    double middle[3], half = 0.0;
    for (int a = 0; a < 3; ++a) middle[a] = corner[a] + 0.5 * (grid.row(0)[a] + grid.row(1)[a] + grid.row(2)[a]);
    for (int d = 0; d < 3; ++d) {
        half += 0.5 * norm(grid.row(d));
        const double low = grid.coordinate(d, corner);
        if (std::max(low, -(low + 1.0)) * grid.plane_spacing[static_cast<std::size_t>(d)] >= radius) return 0.0;
    }
    if (norm(middle) >= radius + half) return 0.0;
    if (norm(middle) <= radius - half) return 1.0;
    bool holds = true;
    double sum = 0.0;
    for (int bits = 0; bits < 8; ++bits) {
        double v[3];
        int upper = 0;
        for (int a = 0; a < 3; ++a) v[a] = corner[a] / radius;
        for (int d = 0; d < 3; ++d)
            if (bits >> d & 1) {
                ++upper;
                for (int a = 0; a < 3; ++a) v[a] += grid.row(d)[a] / radius;
            }
        holds &= norm(v) <= 1.0;
        for (int i = 0; i < 3; ++i)
            for (int j = 0; j < 3; ++j) {
                if (j == i) continue;
                const int k = 3 - i - j;
                const std::size_t si = static_cast<std::size_t>(i), sj = static_cast<std::size_t>(j);
                double ni[3], nj[3], m[3];
                for (int a = 0; a < 3; ++a) {
                    ni[a] = grid.duals[3 * si + static_cast<std::size_t>(a)] * grid.plane_spacing[si];
                    nj[a] = grid.duals[3 * sj + static_cast<std::size_t>(a)] * grid.plane_spacing[sj];
                }
                const double cosine = dot(ni, nj);
                for (int a = 0; a < 3; ++a) m[a] = nj[a] - cosine * ni[a];
                const double term = tetrahedron_in_ball(dot(v, ni), dot(v, m) / norm(m), dot(v, grid.row(k)) / norm(grid.row(k)));
                sum += upper % 2 ? term : -term;
            }
    }
    if (holds) return 1.0;
    return std::max(0.0, sum * radius / grid.volume * radius * radius);
}

// The same by counting: chords through the sphere along z of the voxel, exact, over steps * steps lines.
inline double share_by_chords(const Basis& grid, const double* corner, double radius, int steps) {
    const double* edge = grid.row(2);
    const double length2 = dot(edge, edge);
    double sum = 0.0;
    for (int i = 0; i < steps; ++i)
        for (int j = 0; j < steps; ++j) {
            double p[3];
            for (int a = 0; a < 3; ++a) p[a] = corner[a] + ((i + 0.5) * grid.row(0)[a] + (j + 0.5) * grid.row(1)[a]) / steps;
            const double half = dot(p, edge) / length2, square = half * half - (dot(p, p) - radius * radius) / length2;
            if (square <= 0.0) continue;
            const double root = std::sqrt(square);
            sum += std::max(0.0, std::min(1.0, -half + root) - std::max(0.0, -half - root));
        }
    return sum / (static_cast<double>(steps) * steps);
}

}  // namespace particlegrid
