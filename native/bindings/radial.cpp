#include "radial.hpp"

#include <optional>
#include <string>

#include <nanobind/stl/optional.h>

#include "drawing.hpp"

namespace nb = nanobind;

namespace {

using Table = nb::ndarray<nb::numpy, const double, nb::shape<-1, 4>, nb::c_contig>;

particlegrid::Profile profile_of(const std::string& name) {
    using particlegrid::Profile;
    if (name == "gaussian") return Profile::gaussian;
    if (name == "quadratic") return Profile::quadratic;
    if (name == "occupancy") return Profile::occupancy;
    if (name == "binary") return Profile::binary;
    pg_bindings::require(name == "table", "profile must be gaussian, quadratic, occupancy, binary or table");
    return Profile::table;
}

void draw(nb::handle drawing, const char* profile, bool maximum, double multiple, double scale, double cutoff,
          const std::optional<Table>& table, double cut, bool normalize) {
    const pg_bindings::DrawingArrays arrays(drawing);
    particlegrid::RadialJob job;
    arrays.fill(job);
    job.form.profile = profile_of(profile);
    job.form.maximum = maximum;
    job.form.multiple = multiple;
    job.form.scale = scale;
    job.form.cutoff = cutoff;
    if (table) {
        job.form.table = table->data();
        job.form.intervals = static_cast<std::int64_t>(table->shape(0));
    }
    job.cut = cut;
    job.normalize = normalize;
    // `arrays` and `table` hold the memory; no Python object is touched below
    nb::gil_scoped_release release;
    particlegrid::draw_radial(job);
}

}  // namespace

void bind_radial(nb::module_& module) {
    module.def("draw_radial", &draw, nb::arg("drawing"), nb::arg("profile"), nb::kw_only(), nb::arg("maximum") = false,
               nb::arg("multiple") = 1.0, nb::arg("scale") = 1.0, nb::arg("cutoff") = 1.0,
               nb::arg("table").noconvert() = nb::none(), nb::arg("cut") = 0.0, nb::arg("normalize") = false,
               "Draw densities of the distance alone into `drawing.out` (structures, channels, x, y, z).");
}
