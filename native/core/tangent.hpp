// What a drawing is differentiated by.
#pragma once

#include "grid_job.hpp"

namespace particlegrid {

// A number for every number that a GridJob's values depend on: a direction in which they change, or a gradient. Arrays
// belong to the caller.
template <class Number>
struct Tangent {
    Number* positions = nullptr;  // (atoms, 3)
    Number* weights = nullptr;    // (entries,)
    Number* widths = nullptr;     // (entries,)
    Number* axes = nullptr;       // (structures, 3, 3)
    Number* origins = nullptr;    // (structures, 3)
    Number* lattices = nullptr;   // (structures, 3, 3); the rows are independent of `axes`
};

using Direction = Tangent<const double>;

// `widths` and `axes` may be null together, which is not to compute either: positions alone take half the time.
using Gradient = Tangent<double>;

}  // namespace particlegrid
