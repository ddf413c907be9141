// Gauss-Legendre rules, and how many nodes and orders a Gaussian needs.
#pragma once

#include "kernels.hpp"

namespace particlegrid {

// Nodes on [-1/2, 1/2] and weights that add up to 1.
struct Rule {
    int nodes = 1;
    double x[kMostNodes] = {0.0};
    double w[kMostNodes] = {1.0};
};

// The rule of 1 to kMostNodes nodes.
const Rule& legendre_rule(int nodes);

// Nodes that integrate exp(-(t + c)^2 / 2) over an interval of `length` <= 2 within tol, for every c.
int count_nodes(double length, double tol);

// Terms of the Taylor series of the normal probability of an interval of `length`, as it moves by up to `shift` <= 2,
// that leave less than tol of the largest such probability.
int count_orders(double shift, double length, double tol);

}  // namespace particlegrid
