// What a Python `Tangent` holds, as the core's.
#pragma once

#include "drawing.hpp"
#include "tangent.hpp"

namespace pg_bindings {

// Holds the arrays of a Tangent while a job reads or writes them. Number is `const double` for a direction and `double`
// for a gradient, whose widths and axes may be None together.
template <class Number>
class TangentArrays {
public:
    TangentArrays(nb::handle tangent, const particlegrid::GridJob& job) {
        const std::int64_t n = job.structures;
        numbers.positions = take<Number>(tangent, "positions", {job.atoms, 3});
        numbers.weights = take<Number>(tangent, "weights", {job.entries});
        numbers.origins = take<Number>(tangent, "origins", {n, 3});
        numbers.lattices = take<Number>(tangent, "lattices", {n, 3, 3});
        if (!std::is_const_v<Number> && tangent.attr("widths").is_none() && tangent.attr("axes").is_none()) return;
        numbers.widths = take<Number>(tangent, "widths", {job.entries});
        numbers.axes = take<Number>(tangent, "axes", {n, 3, 3});
    }

    particlegrid::Tangent<Number> numbers;

private:
    template <class T>
    T* take(nb::handle tangent, const char* name, std::initializer_list<std::int64_t> shape) {
        nb::ndarray<nb::numpy, T, nb::c_contig> array;
        bool fits = nb::try_cast(tangent.attr(name), array, false) && array.ndim() == shape.size();
        for (std::size_t d = 0; fits && d < shape.size(); ++d)
            fits = static_cast<std::int64_t>(array.shape(d)) == *(shape.begin() + static_cast<std::ptrdiff_t>(d));
        if (!fits) throw std::invalid_argument(std::string("tangent.") + name + " has another type or shape than it must have");
        return array.data();  // the Python object, which outlives the call, holds it
    }
};

using DirectionArrays = TangentArrays<const double>;
using GradientArrays = TangentArrays<double>;

}  // namespace pg_bindings
