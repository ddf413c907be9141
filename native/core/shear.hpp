// How sheared voxels cut a Gaussian: which axis stands apart, and the constants and tables of the kernel.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "drawer.hpp"
#include "kernels.hpp"
#include "lattice.hpp"
#include "quadrature.hpp"

namespace particlegrid {

// Voxels are integrated in pieces that are at most this long, in sigmas; then 4 nodes reach 1e-6, and 9 reach 1e-15.
inline constexpr double kLongestPiece = 1.25;

inline double count_pieces(double length) { return std::max(1.0, std::ceil(length / kLongestPiece)); }

// Whether axis d is perpendicular to the other two.
inline bool stands_apart(const Basis& grid, int d) {
    return !grid.is_oblique(d, (d + 1) % 3) && !grid.is_oblique(d, (d + 2) % 3);
}

inline void set_nodes(double edge, double pieces, double tol, int& nodes, double* x, double* w) {
    // an eighth: with two axes, a series and what lies beyond the cut, the errors stay below tol
    const Rule& rule = legendre_rule(count_nodes(edge / pieces, tol / 8));
    nodes = rule.nodes;
    for (int a = 0; a < nodes; ++a) {
        x[a] = rule.x[a] / pieces;
        w[a] = rule.w[a] / pieces;
    }
}

// The middle and inner axes: all that a voxel has whose outer edge is perpendicular to them. Its plane is at -1/2.
inline Shear make_pair(const double* middle, const double* inner, double sigma, double cut, double tol) {
    Shear s{};
    s.cut = cut;
    const double length = norm(inner), edge = norm(middle) / sigma;
    double normal[3];
    cross(middle, inner, normal);
    s.middle = norm(normal) / (length * sigma);
    s.inner = length / sigma;
    s.beta = dot(middle, inner) / (length * length);
    s.middle_pieces = count_pieces(edge);
    set_nodes(edge, s.middle_pieces, tol, s.middle_nodes, s.middle_x, s.middle_w);
    s.inner_pieces = std::ceil(0.5 * s.inner);
    s.outer = 1.0;
    s.outer_pieces = 1.0;
    s.outer_nodes = 1;
    s.outer_w[0] = 2.5066282746310002;  // times the normal density at 0
    return s;
}

// All three.
inline Shear make_shear(const Basis& grid, double sigma, double cut, double tol) {
    const double *e1 = grid.row(0), *e2 = grid.row(1), *e3 = grid.row(2);
    Shear s = make_pair(e2, e3, sigma, cut, tol);
    s.alpha = dot(e1, e3) / dot(e3, e3);
    double upright[3];  // e2 less its part along e3
    for (int k = 0; k < 3; ++k) upright[k] = e2[k] - s.beta * e3[k];
    s.gamma = dot(e1, upright) / dot(upright, upright);
    s.outer = grid.plane_spacing[0] / sigma;
    const double edge = norm(e1) / sigma;
    s.outer_pieces = count_pieces(edge);
    set_nodes(edge, s.outer_pieces, tol, s.outer_nodes, s.outer_x, s.outer_w);
    return s;
}

// Choose the number of orders and append what the kernel needs for each pair of nodes.
inline void append_nodes(Shear& s, double tol, std::vector<double>& nodes) {
    const double step = s.inner / s.inner_pieces, row_step = s.middle / s.middle_pieces;
    const double shift = 0.5 * step / kPhases +
                         0.5 * s.inner * (std::fabs(s.alpha) / s.outer_pieces + std::fabs(s.beta) / s.middle_pieces);
    s.orders = count_orders(shift, step, tol / 8);
    s.reach = static_cast<std::int64_t>(std::ceil((s.cut + shift) / step)) + 1;
    s.nodes = static_cast<std::int64_t>(nodes.size());
    std::vector<double> shifts;
    for (int a = 0; a < s.outer_nodes; ++a)
        for (int b = 0; b < s.middle_nodes; ++b) {
            const double eps = s.middle * (s.middle_x[b] + s.gamma * s.outer_x[a]);
            shifts.push_back(s.inner * (s.alpha * s.outer_x[a] + s.beta * s.middle_x[b]));
            nodes.insert(nodes.end(), {eps, std::exp(-4.0 * eps * row_step)});
            for (int l = 0; l < 4; ++l) nodes.push_back(std::exp(-l * eps * row_step));
        }
    for (int m = 0; m < s.orders; m += kOrderBlock)
        for (const double d : shifts)
            for (int k = m; k < m + kOrderBlock; ++k) nodes.push_back(std::pow(d, k));
}

// Append the table of a Shear: normal probabilities of steps and their derivatives by place, in sigmas, / order!.
template <class T>
void append_table(Shear& s, Scratch<T>& tables) {
    constexpr std::int64_t kUnit = kRowBytes / static_cast<std::int64_t>(sizeof(T));
    const std::int64_t steps = 2 * s.reach + 1;
    s.row = round_up(steps + kUnit - 1, kUnit);
    s.table = static_cast<std::int64_t>(tables.size());
    tables.resize(tables.size() + static_cast<std::size_t>(kPhases * s.orders * s.row), T(0));
    const double step = s.inner / s.inner_pieces;
    double below[kMostOrders] = {}, above[kMostOrders] = {};
    for (std::int64_t phase = 0; phase < kPhases; ++phase) {
        T* terms = tables.data() + s.table + phase * s.orders * s.row;
        for (std::int64_t i = 0; i <= steps; ++i) {
            const double z = step * (static_cast<double>(i - s.reach) + static_cast<double>(phase) / kPhases);
            above[0] = 0.5 * std::erf(z / 1.4142135623730951);
            // a[m] = He'_(m-1) exp(-z^2 / 2) / m!, by the recurrence of the Hermite polynomials
            if (s.orders > 1) above[1] = 0.3989422804014327 * std::exp(-0.5 * z * z);
            for (int m = 1; m + 1 < s.orders; ++m)
                above[m + 1] = (-z * above[m] - (m - 1) * above[m - 1] / m) / (m + 1);
            if (i > 0)
                for (int m = 0; m < s.orders; ++m) terms[m * s.row + i - 1] = static_cast<T>(above[m] - below[m]);
            std::copy(above, above + s.orders, below);
        }
    }
}

// Widths beyond this, in A, leave nothing but the mean of a lattice: the harmonic of planes that lie d apart is
// 2 exp(-2 (pi sigma / d)^2), at 1.5 d that is 1e-19, and no planes lie farther apart than the longest edge.
inline double find_uniform_width(const Basis& lattice) {
    return 1.5 * std::max({norm(lattice.row(0)), norm(lattice.row(1)), norm(lattice.row(2))});
}

}  // namespace particlegrid
