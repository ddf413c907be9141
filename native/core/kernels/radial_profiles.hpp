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

// 1 - exp(-u) for u >= 0, relative error below 1e-15.
[[gnu::always_inline]] inline Doubles one_minus_exp(Doubles u) {
    const Doubles t = u < 50.0 ? u : Doubles{} + 50.0;
    const Ints whole = __builtin_convertvector(t * 1.4426950408889634 + 0.5, Ints);
    const Doubles n = __builtin_convertvector(whole, Doubles);
    const Doubles r = (n * 0.693147180369123816490 - t) + n * 1.90821492927058770002e-10;
    Doubles y = Doubles{} + 1.0 / 6227020800.0;
    y = y * r + 1.0 / 479001600.0;
    y = y * r + 1.0 / 39916800.0;
    y = y * r + 1.0 / 3628800.0;
    y = y * r + 1.0 / 362880.0;
    y = y * r + 1.0 / 40320.0;
    y = y * r + 1.0 / 5040.0;
    y = y * r + 1.0 / 720.0;
    y = y * r + 1.0 / 120.0;
    y = y * r + 1.0 / 24.0;
    y = y * r + 1.0 / 6.0;
    y = y * r + 0.5;
    y = y * r + 1.0;
    const Longs bits = (1023 - __builtin_convertvector(whole, Longs)) << 52;
    Doubles power;
    std::memcpy(&power, &bits, sizeof power);
    // exp(-u) is power (1 + r y); where u is small, power is 1 and nothing cancels
    return (1.0 - power) - power * (r * y);
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
        const Doubles ratio = radius2 / distance2;  // infinite at the atom, where this gives 1
        const Doubles cube = ratio * ratio * ratio;
        return one_minus_exp(cube * cube);
    }
};

struct BinaryProfile {
    BinaryProfile(const RadialForm&, const RadialStroke&) {}
    Doubles operator()(Doubles) const { return Doubles{} + 1.0; }
};

// The cubic pieces that some distances fall into, and how far into them.
struct TablePieces {
    Doubles c0, c1, c2, c3, fraction;
};

struct TableProfile {
    const double* table;
    double last, per_length;

    TableProfile(const RadialForm& form, const RadialStroke&)
        : table(form.table), last(static_cast<double>(form.intervals - 1)),
          per_length(static_cast<double>(form.intervals) / form.cutoff) {}

    TablePieces look_up(Doubles distance) const {
        const Doubles place = distance * per_length;
        const Doubles clipped = place < last ? place : Doubles{} + last;
        const Ints piece = __builtin_convertvector(clipped, Ints);
        TablePieces found;
        found.fraction = place - __builtin_convertvector(piece, Doubles);
        for (int k = 0; k < kDoubles; ++k) {
            const double* c = table + 4 * static_cast<std::int64_t>(piece[k]);
            found.c0[k] = c[0];
            found.c1[k] = c[1];
            found.c2[k] = c[2];
            found.c3[k] = c[3];
        }
        return found;
    }

    Doubles operator()(Doubles distance2) const {
        const TablePieces p = look_up(square_root(distance2));
        return p.c0 + p.fraction * (p.c1 + p.fraction * (p.c2 + p.fraction * p.c3));
    }
};

}  // namespace
}  // namespace particlegrid
