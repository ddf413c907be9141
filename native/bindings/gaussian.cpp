#include "gaussian.hpp"

#include <string>

#include "drawing.hpp"

namespace nb = nanobind;

namespace {

particlegrid::Value value_of(const std::string& name) {
    if (name == "integral") return particlegrid::Value::integral;
    if (name == "mean") return particlegrid::Value::mean;
    if (name == "point") return particlegrid::Value::point;
    pg_bindings::require(name == "peak", "value must be integral, mean, point or peak");
    return particlegrid::Value::peak;
}

void draw(nb::handle drawing, const char* value, double cut) {
    const pg_bindings::DrawingArrays arrays(drawing);
    particlegrid::GaussianJob job;
    arrays.fill(job);
    job.value = value_of(value);
    job.cut = cut;
    // `arrays` holds the memory; no Python object is touched below
    nb::gil_scoped_release release;
    particlegrid::draw_gaussians(job);
}

}  // namespace

void bind_gaussian(nb::module_& module) {
    module.def("draw_gaussians", &draw, nb::arg("drawing"), nb::arg("value"), nb::arg("cut"),
               "Draw Gaussians into `drawing.out` (structures, channels, x, y, z).");
}
