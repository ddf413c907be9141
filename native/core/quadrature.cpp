#include "quadrature.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace particlegrid {

namespace {

// Newton's method on the Legendre polynomial from Chebyshev's guess.
Rule make_rule(int n) {
    Rule rule;
    rule.nodes = n;
    for (int i = 0; i < n; ++i) {
        double x = std::cos(3.14159265358979323846 * (i + 0.75) / (n + 0.5)), slope = 1.0;
        for (int step = 0; step < 20; ++step) {
            double last = 1.0, p = x;
            for (int k = 2; k <= n; ++k) {
                const double next = ((2 * k - 1) * x * p - (k - 1) * last) / k;
                last = p;
                p = next;
            }
            slope = n * (x * p - last) / (x * x - 1.0);
            x -= p / slope;
        }
        rule.x[i] = 0.5 * x;
        rule.w[i] = 1.0 / ((1.0 - x * x) * slope * slope);
    }
    return rule;
}

}  // namespace

const Rule& legendre_rule(int nodes) {
    static const std::array<Rule, kMostNodes> rules = [] {
        std::array<Rule, kMostNodes> made;
        for (int n = 1; n <= kMostNodes; ++n) made[static_cast<std::size_t>(n - 1)] = make_rule(n);
        return made;
    }();
    return rules[static_cast<std::size_t>(nodes - 1)];
}

// The remainder of the rule is length^(2n + 1) (n!)^4 / ((2n + 1) (2n)!^3) times a 2n-th derivative (Davis and
// Rabinowitz, Methods of Numerical Integration, 1984, 2.7.12), and Cramer's bound for that of a Gaussian is
// 1.0865 sqrt((2n)!) (Abramowitz and Stegun 22.14.17).
int count_nodes(double length, double tol) {
    for (int n = 1; n < kMostNodes; ++n) {
        const double even = std::tgamma(2.0 * n + 1.0);
        const double remainder = 1.0865 * std::pow(length, 2 * n) * std::pow(std::tgamma(n + 1.0), 4) /
                                 ((2 * n + 1) * std::pow(even, 2.5));
        if (remainder <= tol) return n;
    }
    return kMostNodes;
}

// The m-th derivative is a difference of two (m - 1)-th derivatives of the density, or `length` times an m-th one; each
// is at most 1.0865 / sqrt(2 pi) sqrt(m!), by Cramer's bound again. Later terms fall faster than the last one's half.
int count_orders(double shift, double length, double tol) {
    const double peak = std::erf(length / std::sqrt(8.0));
    double factorial = 1.0;
    for (int m = 1; m < kMostOrders; ++m) {
        factorial *= m;
        const double derivative = 0.4335 * std::min(2.0 * std::sqrt(factorial / m), length * std::sqrt(factorial));
        if (2.0 * derivative * std::pow(shift, m) / factorial <= tol * peak) return m;
    }
    return kMostOrders;
}

}  // namespace particlegrid
