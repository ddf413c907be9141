#include "sphere_overlap.hpp"

#include <optional>
#include <string>

#include "drawing.hpp"
#include "sphere_overlap_derivatives.hpp"
#include "tangent.hpp"

namespace nb = nanobind;

namespace {

particlegrid::Per per_of(const std::string& name) {
    if (name == "voxel") return particlegrid::Per::voxel;
    if (name == "atom") return particlegrid::Per::atom;
    pg_bindings::require(name == "volume", "per must be voxel, atom or volume");
    return particlegrid::Per::volume;
}

particlegrid::SphereOverlapJob make_job(const pg_bindings::DrawingArrays& arrays, const char* per, bool maximum) {
    particlegrid::SphereOverlapJob job;
    arrays.fill(job);
    job.per = per_of(per);
    job.maximum = maximum;
    return job;
}

// `arrays` holds the memory; no Python object is touched where the lock is released
void draw(nb::handle drawing, const char* per, bool maximum) {
    const pg_bindings::DrawingArrays arrays(drawing);
    const particlegrid::SphereOverlapJob job = make_job(arrays, per, maximum);
    nb::gil_scoped_release release;
    particlegrid::draw_sphere_overlaps(job);
}

void push_forward(nb::handle drawing, nb::handle direction, const char* per, bool maximum) {
    const pg_bindings::DrawingArrays arrays(drawing);
    const particlegrid::SphereOverlapJob job = make_job(arrays, per, maximum);
    const pg_bindings::DirectionArrays along(direction, job);
    nb::gil_scoped_release release;
    particlegrid::push_forward_sphere_overlaps(job, along.numbers);
}

void pull_back(nb::handle drawing, nb::handle gradient, nb::handle direction, const char* per, bool maximum) {
    const pg_bindings::DrawingArrays arrays(drawing);
    const particlegrid::SphereOverlapJob job = make_job(arrays, per, maximum);
    const pg_bindings::GradientArrays slope(gradient, job);
    std::optional<pg_bindings::DirectionArrays> along;
    if (!direction.is_none()) along.emplace(direction, job);
    nb::gil_scoped_release release;
    particlegrid::pull_back_sphere_overlaps(job, slope.numbers, along ? &along->numbers : nullptr);
}

}  // namespace

void bind_sphere_overlap(nb::module_& module) {
    module.def("draw_sphere_overlaps", &draw, nb::arg("drawing"), nb::arg("per"), nb::arg("maximum"),
               "Draw spheres' shares of voxels into `drawing.out` (structures, channels, x, y, z).");
    module.def("push_forward_sphere_overlaps", &push_forward, nb::arg("drawing"), nb::arg("direction"), nb::arg("per"),
               nb::arg("maximum"), "Write to `drawing.out` how fast the values change along a Tangent.");
    module.def("pull_back_sphere_overlaps", &pull_back, nb::arg("drawing"), nb::arg("gradient"), nb::arg("direction").none(),
               nb::arg("per"), nb::arg("maximum"),
               "Write the gradient of the sum of `drawing.out` times the values, or times their change along a direction.");
}
