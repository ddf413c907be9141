#include "coulomb.hpp"

#include "drawing.hpp"

namespace nb = nanobind;

namespace {

void draw(nb::handle drawing, double split) {
    const pg_bindings::DrawingArrays arrays(drawing);
    particlegrid::CoulombJob job;
    arrays.fill(job);
    job.tol = nb::cast<double>(drawing.attr("tol"));
    job.split = split;
    // `arrays` holds the memory; no Python object is touched below
    nb::gil_scoped_release release;
    particlegrid::draw_coulomb(job);
}

}  // namespace

void bind_coulomb(nb::module_& module) {
    module.def("draw_coulomb", &draw, nb::arg("drawing"), nb::arg("split"),
               "Draw the potential of point charges into `drawing.out` (structures, channels, x, y, z).");
}
