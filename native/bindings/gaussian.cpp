#include "gaussian.hpp"

#include <optional>

#include "drawing.hpp"
#include "gaussian_derivatives.hpp"
#include "tangent.hpp"
#include "values.hpp"

namespace nb = nanobind;

namespace {

particlegrid::GaussianJob make_job(const pg_bindings::DrawingArrays& arrays, nb::handle drawing, const char* value, double cut,
                                   double sheared_cut = 0.0) {
    particlegrid::GaussianJob job;
    arrays.fill(job);
    job.value = pg_bindings::value_of(value);
    job.cut = cut;
    job.sheared_cut = sheared_cut;
    job.tol = nb::cast<double>(drawing.attr("tol"));
    return job;
}

// `arrays` holds the memory; no Python object is touched where the lock is released
void draw(nb::handle drawing, const char* value, double cut) {
    const pg_bindings::DrawingArrays arrays(drawing);
    const particlegrid::GaussianJob job = make_job(arrays, drawing, value, cut);
    nb::gil_scoped_release release;
    particlegrid::draw_gaussians(job);
}

void push_forward(nb::handle drawing, nb::handle direction, const char* value, double cut, double sheared_cut) {
    const pg_bindings::DrawingArrays arrays(drawing);
    const particlegrid::GaussianJob job = make_job(arrays, drawing, value, cut, sheared_cut);
    const pg_bindings::DirectionArrays along(direction, job);
    nb::gil_scoped_release release;
    particlegrid::push_forward_gaussians(job, along.numbers);
}

void pull_back(nb::handle drawing, nb::handle gradient, nb::handle direction, const char* value, double cut,
               double sheared_cut) {
    const pg_bindings::DrawingArrays arrays(drawing);
    const particlegrid::GaussianJob job = make_job(arrays, drawing, value, cut, sheared_cut);
    const pg_bindings::GradientArrays slope(gradient, job);
    std::optional<pg_bindings::DirectionArrays> along;
    if (!direction.is_none()) along.emplace(direction, job);
    nb::gil_scoped_release release;
    particlegrid::pull_back_gaussians(job, slope.numbers, along ? &along->numbers : nullptr);
}

}  // namespace

void bind_gaussian(nb::module_& module) {
    module.def("draw_gaussians", &draw, nb::arg("drawing"), nb::arg("value"), nb::arg("cut"),
               "Draw Gaussians into `drawing.out` (structures, channels, x, y, z).");
    module.def("push_forward_gaussians", &push_forward, nb::arg("drawing"), nb::arg("direction"), nb::arg("value"),
               nb::arg("cut"), nb::arg("sheared_cut"), "Write to `drawing.out` how fast the values change along a Tangent.");
    module.def("pull_back_gaussians", &pull_back, nb::arg("drawing"), nb::arg("gradient"), nb::arg("direction").none(),
               nb::arg("value"), nb::arg("cut"), nb::arg("sheared_cut"),
               "Write the gradient of the sum of `drawing.out` times the values, or times their change along a direction.");
}
