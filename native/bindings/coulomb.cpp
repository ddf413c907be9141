#include "coulomb.hpp"

#include <optional>

#include "coulomb_derivatives.hpp"
#include "tangent.hpp"

namespace nb = nanobind;

namespace {

particlegrid::CoulombJob make_job(nb::handle drawing, const pg_bindings::DrawingArrays& arrays, double split) {
    particlegrid::CoulombJob job;
    arrays.fill(job);
    job.tol = nb::cast<double>(drawing.attr("tol"));
    job.split = split;
    return job;
}

// In each function the arrays hold the memory, and no Python object is touched once the lock is released.
void draw(nb::handle drawing, double split) {
    const pg_bindings::DrawingArrays arrays(drawing);
    const particlegrid::CoulombJob job = make_job(drawing, arrays, split);
    nb::gil_scoped_release release;
    particlegrid::draw_coulomb(job);
}

void pull_back(nb::handle drawing, double split, nb::handle gradient, nb::handle direction) {
    const pg_bindings::DrawingArrays arrays(drawing);
    const particlegrid::CoulombJob job = make_job(drawing, arrays, split);
    const pg_bindings::GradientArrays to(gradient, job);
    std::optional<pg_bindings::DirectionArrays> along;
    if (!direction.is_none()) along.emplace(direction, job);
    nb::gil_scoped_release release;
    particlegrid::pull_back_coulomb(job, to.numbers, along ? &along->numbers : nullptr);
}

void push_forward(nb::handle drawing, double split, nb::handle direction) {
    const pg_bindings::DrawingArrays arrays(drawing);
    const particlegrid::CoulombJob job = make_job(drawing, arrays, split);
    const pg_bindings::DirectionArrays along(direction, job);
    nb::gil_scoped_release release;
    particlegrid::push_forward_coulomb(job, along.numbers);
}

}  // namespace

void bind_coulomb(nb::module_& module) {
    module.def("draw_coulomb", &draw, nb::arg("drawing"), nb::arg("split"),
               "Draw the potential of point charges into `drawing.out` (structures, channels, x, y, z).");
    module.def("pull_back_coulomb", &pull_back, nb::arg("drawing"), nb::arg("split"), nb::arg("gradient"),
               nb::arg("direction") = nb::none(), "Write the gradient of the sum of `drawing.out` times the values.");
    module.def("push_forward_coulomb", &push_forward, nb::arg("drawing"), nb::arg("split"), nb::arg("direction"),
               "Write to `drawing.out` how fast the values change along a direction.");
}
