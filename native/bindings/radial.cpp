#include "radial_derivatives.hpp"

#include <optional>
#include <string>

#include <nanobind/stl/optional.h>

#include "drawing.hpp"
#include "tangent.hpp"

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

particlegrid::RadialForm form_of(const char* profile, bool maximum, double multiple, double scale, double cutoff,
                                 const std::optional<Table>& table) {
    particlegrid::RadialForm form;
    form.profile = profile_of(profile);
    form.maximum = maximum;
    form.multiple = multiple;
    form.scale = scale;
    form.cutoff = cutoff;
    if (table) {
        form.table = table->data();
        form.intervals = static_cast<std::int64_t>(table->shape(0));
    }
    return form;
}

void draw(nb::handle drawing, const char* profile, bool maximum, double multiple, double scale, double cutoff,
          const std::optional<Table>& table, double cut, bool normalize) {
    const pg_bindings::DrawingArrays arrays(drawing);
    particlegrid::RadialJob job;
    arrays.fill(job);
    job.form = form_of(profile, maximum, multiple, scale, cutoff, table);
    job.cut = cut;
    job.normalize = normalize;
    // `arrays` and `table` hold the memory; no Python object is touched below
    nb::gil_scoped_release release;
    particlegrid::draw_radial(job);
}

void pull_back(nb::handle drawing, const char* profile, nb::handle gradient, nb::handle direction, bool maximum,
               double multiple, double scale, double cutoff, const std::optional<Table>& table) {
    const pg_bindings::DrawingArrays arrays(drawing);
    particlegrid::RadialJob job;
    arrays.fill(job);
    job.form = form_of(profile, maximum, multiple, scale, cutoff, table);
    const pg_bindings::GradientArrays to(gradient, job);
    std::optional<pg_bindings::DirectionArrays> along;
    if (!direction.is_none()) along.emplace(direction, job);
    nb::gil_scoped_release release;
    particlegrid::pull_back_radial(job, to.numbers, along ? &along->numbers : nullptr);
}

void push_forward(nb::handle drawing, const char* profile, nb::handle direction, bool maximum, double multiple,
                  double scale, double cutoff, const std::optional<Table>& table) {
    const pg_bindings::DrawingArrays arrays(drawing);
    particlegrid::RadialJob job;
    arrays.fill(job);
    job.form = form_of(profile, maximum, multiple, scale, cutoff, table);
    const pg_bindings::DirectionArrays along(direction, job);
    nb::gil_scoped_release release;
    particlegrid::push_forward_radial(job, along.numbers);
}

}  // namespace

void bind_radial(nb::module_& module) {
    module.def("draw_radial", &draw, nb::arg("drawing"), nb::arg("profile"), nb::kw_only(), nb::arg("maximum") = false,
               nb::arg("multiple") = 1.0, nb::arg("scale") = 1.0, nb::arg("cutoff") = 1.0,
               nb::arg("table").noconvert() = nb::none(), nb::arg("cut") = 0.0, nb::arg("normalize") = false,
               "Draw densities of the distance alone into `drawing.out` (structures, channels, x, y, z).");
    module.def("pull_back_radial", &pull_back, nb::arg("drawing"), nb::arg("profile"), nb::arg("gradient"),
               nb::arg("direction") = nb::none(), nb::kw_only(), nb::arg("maximum") = false, nb::arg("multiple") = 1.0,
               nb::arg("scale") = 1.0, nb::arg("cutoff") = 1.0, nb::arg("table").noconvert() = nb::none(),
               "Write the gradient of the sum of `drawing.out` times the values, or times their change along a direction.");
    module.def("push_forward_radial", &push_forward, nb::arg("drawing"), nb::arg("profile"), nb::arg("direction"),
               nb::kw_only(), nb::arg("maximum") = false, nb::arg("multiple") = 1.0, nb::arg("scale") = 1.0,
               nb::arg("cutoff") = 1.0, nb::arg("table").noconvert() = nb::none(),
               "Write to `drawing.out` how fast the values change along a direction.");
}
