#include "lennard_jones_derivatives.hpp"

#include <optional>

#include "drawing.hpp"
#include "tangent.hpp"

namespace nb = nanobind;

namespace {

particlegrid::LennardJonesJob make_job(const pg_bindings::DrawingArrays& arrays, double probe_width, double cutoff, bool shift) {
    particlegrid::LennardJonesJob job;
    arrays.fill(job);
    job.probe_width = probe_width;
    job.cutoff = cutoff;
    job.shift = shift;
    return job;
}

void draw(nb::handle drawing, double probe_width, double cutoff, bool shift) {
    const pg_bindings::DrawingArrays arrays(drawing);
    const particlegrid::LennardJonesJob job = make_job(arrays, probe_width, cutoff, shift);
    // `arrays` holds the memory; no Python object is touched below
    nb::gil_scoped_release release;
    particlegrid::draw_lennard_jones(job);
}

void pull_back(nb::handle drawing, double probe_width, double cutoff, bool shift, nb::handle gradient, nb::handle direction) {
    const pg_bindings::DrawingArrays arrays(drawing);
    const particlegrid::LennardJonesJob job = make_job(arrays, probe_width, cutoff, shift);
    const pg_bindings::GradientArrays to(gradient, job);
    std::optional<pg_bindings::DirectionArrays> along;
    if (!direction.is_none()) along.emplace(direction, job);
    nb::gil_scoped_release release;
    particlegrid::pull_back_lennard_jones(job, to.numbers, along ? &along->numbers : nullptr);
}

void push_forward(nb::handle drawing, double probe_width, double cutoff, bool shift, nb::handle direction) {
    const pg_bindings::DrawingArrays arrays(drawing);
    const particlegrid::LennardJonesJob job = make_job(arrays, probe_width, cutoff, shift);
    const pg_bindings::DirectionArrays along(direction, job);
    nb::gil_scoped_release release;
    particlegrid::push_forward_lennard_jones(job, along.numbers);
}

}  // namespace

void bind_lennard_jones(nb::module_& module) {
    module.def("draw_lennard_jones", &draw, nb::arg("drawing"), nb::arg("probe_width"), nb::arg("cutoff"),
               nb::arg("shift"), "Draw Lennard-Jones energies into `drawing.out` (structures, channels, x, y, z).");
    module.def("pull_back_lennard_jones", &pull_back, nb::arg("drawing"), nb::arg("probe_width"), nb::arg("cutoff"),
               nb::arg("shift"), nb::arg("gradient"), nb::arg("direction") = nb::none(),
               "Write the gradient of the sum of `drawing.out` times the energies, or times their change along a direction.");
    module.def("push_forward_lennard_jones", &push_forward, nb::arg("drawing"), nb::arg("probe_width"), nb::arg("cutoff"),
               nb::arg("shift"), nb::arg("direction"),
               "Write to `drawing.out` how fast the energies change along a direction.");
}
