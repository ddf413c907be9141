// Derivatives of radial profiles by the squared distance q, four distances at a time; beyond the support they are
// finite, and mean nothing.
// Part of kernels.cpp, which is compiled once for each instruction set; nothing here has external linkage.
#pragma once

#include "kernels/radial_profiles.hpp"

namespace particlegrid {
namespace {

// f, df/dq and d^2f/dq^2.
struct Slopes {
    Doubles value, first, second;
};

struct QuadraticSlopes : QuadraticProfile {
    using QuadraticProfile::QuadraticProfile;

    [[gnu::always_inline]] Slopes differentiate(Doubles q) const {
        const Doubles d = square_root(q), gap = end - d;
        const Doubles bell = exp_of_minus(exponent * q);
        const Doubles per_d = 1.0 / d;  // infinite at the atom, which the bell covers
        const auto is_bell = q <= edge2;
        return {is_bell ? bell : curvature * gap * gap, is_bell ? -exponent * bell : -curvature * gap * per_d,
                is_bell ? exponent * exponent * bell : (0.5 * curvature * end) * per_d * per_d * per_d};
    }
};

struct OccupancySlopes : OccupancyProfile {
    double per_radius2;

    OccupancySlopes(const RadialForm& form, const RadialStroke& stroke)
        : OccupancyProfile(form, stroke), per_radius2(1.0 / radius2) {}

    // With u = (s / d)^12, f' = -6 u exp(-u) / q and f'' = (42 - 36 u) u exp(-u) / q^2. Both are nothing at the atom,
    // where f is 1 to the last bit.
    [[gnu::always_inline]] Slopes differentiate(Doubles q) const {
        const Doubles ratio = radius2 / q, cube = ratio * ratio * ratio, u = cube * cube;
        const Doubles value = one_minus_exp(u), per_q = ratio * per_radius2;
        const Doubles first = -6.0 * (u * (1.0 - value)) * per_q, second = (6.0 * u - 7.0) * first * per_q;
        const auto counts = u < 50.0;
        return {value, counts ? first : Doubles{}, counts ? second : Doubles{}};
    }
};

struct BinarySlopes : BinaryProfile {
    using BinaryProfile::BinaryProfile;
    Slopes differentiate(Doubles) const { return {Doubles{} + 1.0, Doubles{}, Doubles{}}; }
};

struct TableSlopes : TableProfile {
    using TableProfile::TableProfile;

    [[gnu::always_inline]] Slopes differentiate(Doubles q) const {
        const Doubles d = square_root(q);
        const TablePieces p = look_up(d);
        const Doubles t = p.fraction;
        const Doubles by_d = per_length * (p.c1 + t * (2.0 * p.c2 + t * (3.0 * p.c3)));
        const Doubles twice = (per_length * per_length) * (2.0 * p.c2 + t * (6.0 * p.c3));
        const Doubles first = 0.5 * by_d / d, second = (0.25 * twice - 0.5 * first) / q;
        // at the atom, a slope has no direction; what is even in d stays
        const auto counts = q > 1e-30;
        return {p.c0 + t * (p.c1 + t * (p.c2 + t * p.c3)), counts ? first : 0.5 * twice, counts ? second : Doubles{}};
    }
};

struct LennardJonesSlopes {
    double width2;

    LennardJonesSlopes(const RadialForm&, const RadialStroke& stroke) : width2(stroke.width * stroke.width) {}

    // Nothing changes what is infinite: all are 0 where f passes 1e200, 1e-16 A from the atom.
    [[gnu::always_inline]] Slopes differentiate(Doubles q) const {
        const Doubles per_q = 1.0 / q, ratio = width2 * per_q, u = ratio * ratio * ratio;
        const auto counts = u < 1e100;
        const Doubles value = u * (u - 1.0), first = u * (3.0 - 6.0 * u) * per_q;
        const Doubles second = u * (42.0 * u - 12.0) * (per_q * per_q);
        return {counts ? value : Doubles{}, counts ? first : Doubles{}, counts ? second : Doubles{}};
    }
};

}  // namespace
}  // namespace particlegrid
