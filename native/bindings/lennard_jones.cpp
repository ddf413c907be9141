#include "lennard_jones.hpp"

#include "drawing.hpp"

namespace nb = nanobind;

namespace {

void draw(nb::handle drawing, double probe_width, double cutoff, bool shift) {
    const pg_bindings::DrawingArrays arrays(drawing);
    particlegrid::LennardJonesJob job;
    arrays.fill(job);
    job.probe_width = probe_width;
    job.cutoff = cutoff;
    job.shift = shift;
    // `arrays` holds the memory; no Python object is touched below
    nb::gil_scoped_release release;
    particlegrid::draw_lennard_jones(job);
}

}  // namespace

void bind_lennard_jones(nb::module_& module) {
    module.def("draw_lennard_jones", &draw, nb::arg("drawing"), nb::arg("probe_width"), nb::arg("cutoff"),
               nb::arg("shift"), "Draw Lennard-Jones energies into `drawing.out` (structures, channels, x, y, z).");
}
