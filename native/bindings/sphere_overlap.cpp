#include "sphere_overlap.hpp"

#include <string>

#include "drawing.hpp"

namespace nb = nanobind;

namespace {

particlegrid::Per per_of(const std::string& name) {
    if (name == "voxel") return particlegrid::Per::voxel;
    if (name == "atom") return particlegrid::Per::atom;
    pg_bindings::require(name == "volume", "per must be voxel, atom or volume");
    return particlegrid::Per::volume;
}

void draw(nb::handle drawing, const char* per, bool maximum) {
    const pg_bindings::DrawingArrays arrays(drawing);
    particlegrid::SphereOverlapJob job;
    arrays.fill(job);
    job.per = per_of(per);
    job.maximum = maximum;
    // `arrays` holds the memory; no Python object is touched below
    nb::gil_scoped_release release;
    particlegrid::draw_sphere_overlaps(job);
}

}  // namespace

void bind_sphere_overlap(nb::module_& module) {
    module.def("draw_sphere_overlaps", &draw, nb::arg("drawing"), nb::arg("per"), nb::arg("maximum"),
               "Draw spheres' shares of voxels into `drawing.out` (structures, channels, x, y, z).");
}
