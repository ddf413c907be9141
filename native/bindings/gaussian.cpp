#include "gaussian.hpp"

#include "drawing.hpp"
#include "values.hpp"

namespace nb = nanobind;

namespace {

void draw(nb::handle drawing, const char* value, double cut) {
    const pg_bindings::DrawingArrays arrays(drawing);
    particlegrid::GaussianJob job;
    arrays.fill(job);
    job.value = pg_bindings::value_of(value);
    job.cut = cut;
    job.tol = nb::cast<double>(drawing.attr("tol"));
    // `arrays` holds the memory; no Python object is touched below
    nb::gil_scoped_release release;
    particlegrid::draw_gaussians(job);
}

}  // namespace

void bind_gaussian(nb::module_& module) {
    module.def("draw_gaussians", &draw, nb::arg("drawing"), nb::arg("value"), nb::arg("cut"),
               "Draw Gaussians into `drawing.out` (structures, channels, x, y, z).");
}
