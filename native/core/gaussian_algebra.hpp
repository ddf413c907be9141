// Gradients of a Gaussian's values from their derivatives by place alone.
//
// With rho the value of a voxel and D its derivatives by the voxel's place (the place less the image's), all in one frame of
// perpendicular directions, Gaussians obey
//     d rho / d position = -D_a,        d rho / d sigma = sigma (D_11 + D_22 + D_33)        (the heat equation)
// and when the edges E change by E eps while the image stays at p (from the grid's origin)
//     d rho = (p eps)_a D_a - sigma^2 eps_ab D_ab - m trace(eps) rho
// because delta_a rho = -sigma^2 D_a for a Gaussian; m is 0 for an integral, whose voxel grows as its density thins, and 1
// for a mean and for point values. Without normalisation the value has the factor sigma^3 more.
#pragma once

#include "derivative_jobs.hpp"

namespace particlegrid {

// A change of one image in the frame; `strain` is eps, or the gradient by it.
struct FrameChange {
    double weight = 0.0, width = 0.0;
    double position[3] = {0, 0, 0};
    double strain[3][3] = {{0, 0, 0}, {0, 0, 0}, {0, 0, 0}};
};

struct GaussianImage {
    double weight, width;
    double sigma;        // the width; where that is wider than a crystal tells apart, a lesser one
    double position[3];  // in the frame, from the grid's origin
    bool thins;          // m = 1
    bool peak;           // without normalisation
};

// How often is differentiated along each direction.
struct Order {
    int times[3];
    Order along(int a) const {
        Order next = *this;
        ++next.times[a];
        return next;
    }
    template <class Array>
    auto& of(Array& array) const {
        return array[times[0]][times[1]][times[2]];
    }
};

inline constexpr Order kNone{{0, 0, 0}};

// The change of rho along a direction, but for its weight's, is the sum of factors times derivatives.
inline void find_factors(const GaussianImage& g, const FrameChange& change, Factors& factors) {
    for (auto& plane : factors)
        for (auto& row : plane)
            for (double& factor : row) factor = 0.0;
    double& rate = kNone.of(factors);
    if (g.thins) rate -= change.strain[0][0] + change.strain[1][1] + change.strain[2][2];
    if (g.peak) rate += 3.0 * change.width / g.width;
    for (int a = 0; a < 3; ++a) {
        double& shift = kNone.along(a).of(factors);
        shift -= change.position[a];
        for (int b = 0; b < 3; ++b) shift += g.position[b] * change.strain[b][a];
        for (int b = 0; b < 3; ++b) kNone.along(a).along(b).of(factors) -= g.sigma * g.sigma * change.strain[a][b];
        kNone.along(a).along(a).of(factors) += g.sigma * change.width;
    }
}

// Adds `factor` times the gradient of the moment of one order.
inline void add_slope(const GaussianImage& g, const DerivativeMoments& moments, Order order, double factor, FrameChange& slope) {
    const double moment = order.of(moments), variance = g.sigma * g.sigma;
    if (g.peak) slope.width += factor * 3.0 / g.width * moment;
    for (int a = 0; a < 3; ++a) {
        const Order once = order.along(a);
        slope.position[a] -= factor * once.of(moments);
        slope.width += factor * g.sigma * once.along(a).of(moments);
        if (g.thins) slope.strain[a][a] -= factor * moment;
        for (int b = 0; b < 3; ++b) {
            slope.strain[a][b] += factor * (g.position[a] * order.along(b).of(moments) - variance * once.along(b).of(moments));
            // directions are strained themselves: d(D_a) has -eps_ab D_b more for each a that the order has
            if (order.times[a] > 0) {
                Order turned = order.along(b);
                --turned.times[a];
                slope.strain[a][b] -= factor * order.times[a] * turned.of(moments);
            }
        }
    }
}

// The same for positions alone, from moments of one order more than `order`.
inline void add_position_slope(const DerivativeMoments& moments, Order order, double factor, FrameChange& slope) {
    for (int a = 0; a < 3; ++a) slope.position[a] -= factor * order.along(a).of(moments);
}

// What the factors change by themselves: eps is E^-1 dE, so that it changes by -eps' eps where the edges do by E eps'.
inline void add_slope_of_factors(const GaussianImage& g, const FrameChange& change, const DerivativeMoments& moments, FrameChange& slope) {
    const double moment = kNone.of(moments), variance = g.sigma * g.sigma;
    if (g.peak) slope.width -= g.weight * 3.0 * change.width / (g.width * g.width) * moment;
    for (int a = 0; a < 3; ++a) {
        slope.width += g.weight * change.width * kNone.along(a).along(a).of(moments);
        for (int b = 0; b < 3; ++b) {
            slope.position[a] += g.weight * change.strain[a][b] * kNone.along(b).of(moments);
            slope.width -= 2.0 * g.weight * g.sigma * change.strain[a][b] * kNone.along(a).along(b).of(moments);
            double sum = g.thins ? change.strain[b][a] * moment : 0.0;
            for (int c = 0; c < 3; ++c)
                sum += change.strain[b][c] * (variance * kNone.along(a).along(c).of(moments) - g.position[a] * kNone.along(c).of(moments));
            slope.strain[a][b] += g.weight * sum;
        }
    }
}

// The gradient of the sum of upstream values times their change along a direction. DerivativeMoments are of order 4, or of order 2
// where neither the direction nor what is wanted goes beyond positions and weights.
inline void find_second_slope(const GaussianImage& g, const FrameChange& change, const DerivativeMoments& moments, bool positions_alone,
                              FrameChange& slope) {
    Factors factors;
    find_factors(g, change, factors);
    const int orders = positions_alone ? 1 : 2;
    for (int i = 0; i <= orders; ++i)
        for (int j = 0; i + j <= orders; ++j)
            for (int k = 0; i + j + k <= orders; ++k) {
                slope.weight += factors[i][j][k] * moments[i][j][k];
                const double factor = g.weight * factors[i][j][k] + (i + j + k == 0 ? change.weight : 0.0);
                if (positions_alone) add_position_slope(moments, {{i, j, k}}, factor, slope);
                else add_slope(g, moments, {{i, j, k}}, factor, slope);
            }
    if (!positions_alone) add_slope_of_factors(g, change, moments, slope);
}

}  // namespace particlegrid
