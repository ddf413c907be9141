// Radial profiles, four distances at a time. All but the Gaussian are made in double: at the end of their support they
// are differences of nearly equal numbers, and they may be all that reaches a grid.
// Part of kernels.cpp, which is compiled once for each instruction set; nothing here has external linkage.
#pragma once

#include "kernels/axis_weights.hpp"
#include "radial_rows.hpp"

namespace particlegrid {
namespace {

inline Doubles square_root(Doubles x) {
    Doubles y;
    for (int k = 0; k < kDoubles; ++k) y[k] = __builtin_sqrt(x[k]);
    return y;
}

// Each profile gives its values at four squared distances, all inside the support.

struct QuadraticProfile {
    double exponent, edge2, end, curvature;

    QuadraticProfile(const RadialForm& form, const RadialStroke& stroke) {
        const double g = form.multiple < 0 ? -form.multiple : form.multiple;
        const double radius = form.scale * stroke.width;
        exponent = 2.0 / (radius * radius);
        edge2 = form.multiple < 0 ? stroke.radius2 : g * radius * (g * radius);
        end = radius * (1.0 + 2.0 * g * g) / (2.0 * g);
        // exp(-2 G^2) [4 G^2 q^2 - (4 G + 8 G^3) q + (1 + 2 G^2)^2] is this square, q = d / R
        curvature = exp_of_minus(Doubles{} + 2.0 * g * g)[0] * 4.0 * g * g / (radius * radius);
    }

    Doubles operator()(Doubles distance2) const {
        const Doubles gap = end - square_root(distance2);
        return distance2 <= edge2 ? exp_of_minus(exponent * distance2) : curvature * gap * gap;
    }
};

struct OccupancyProfile {
    double radius2;

    OccupancyProfile(const RadialForm&, const RadialStroke& stroke) : radius2(stroke.width * stroke.width) {}

    Doubles operator()(Doubles distance2) const {
        const Doubles ratio = radius2 / distance2;  // infinite at the atom, where exp_of_minus gives 0
        const Doubles cube = ratio * ratio * ratio;
        const Doubles u = cube * cube;
        // 1 - exp(-u) by its series where u is small
        Doubles sum = Doubles{} + 1.0;
        for (int n = 14; n > 1; --n) sum = 1.0 - u * sum * (1.0 / n);
        return u < 0.5 ? u * sum : 1.0 - exp_of_minus(u);
    }
};

struct BinaryProfile {
    BinaryProfile(const RadialForm&, const RadialStroke&) {}
    Doubles operator()(Doubles) const { return Doubles{} + 1.0; }
};

struct TableProfile {
    const double* table;
    double last, per_length;

    TableProfile(const RadialForm& form, const RadialStroke&)
        : table(form.table), last(static_cast<double>(form.intervals - 1)),
          per_length(static_cast<double>(form.intervals) / form.cutoff) {}

    Doubles operator()(Doubles distance2) const {
        const Doubles place = square_root(distance2) * per_length;
        const Doubles clipped = place < last ? place : Doubles{} + last;
        const Ints piece = __builtin_convertvector(clipped, Ints);
        const Doubles f = place - __builtin_convertvector(piece, Doubles);
        Doubles c0, c1, c2, c3;
        for (int k = 0; k < kDoubles; ++k) {
            const double* c = table + 4 * static_cast<std::int64_t>(piece[k]);
            c0[k] = c[0];
            c1[k] = c[1];
            c2[k] = c[2];
            c3[k] = c[3];
        }
        return c0 + f * (c1 + f * (c2 + f * c3));
    }
};

}  // namespace
}  // namespace particlegrid
