#include "molecules.hpp"

#include <nanobind/stl/array.h>
#include <nanobind/stl/optional.h>

#include <algorithm>
#include <optional>

#include "drawing.hpp"
#include "values.hpp"

namespace nb = nanobind;

namespace {

using Numbers = nb::ndarray<nb::numpy, const std::uint8_t, nb::ndim<1>, nb::c_contig>;

particlegrid::MoleculeStyle make_style(std::array<std::int64_t, 3> shape, std::array<double, 3> spacing, bool on_centroid,
                                       std::array<double, 3> center, std::int64_t channels,
                                       const pg_bindings::Indices& channel, const pg_bindings::Vector& sigma,
                                       const char* value, double cut) {
    pg_bindings::require(channel.shape(0) == particlegrid::kElements && sigma.shape(0) == particlegrid::kElements,
                         "the tables must have 119 elements");
    particlegrid::MoleculeStyle style;
    style.shape = shape;
    style.spacing = spacing;
    style.on_centroid = on_centroid;
    style.center = center;
    style.channels = channels;
    std::copy(channel.data(), channel.data() + particlegrid::kElements, style.channel.begin());
    std::copy(sigma.data(), sigma.data() + particlegrid::kElements, style.sigma.begin());
    style.value = pg_bindings::value_of(value);
    style.cut = cut;
    return style;
}

// One structure into (channels, x, y, z) without offsets, or many into (structures, channels, x, y, z).
std::int64_t draw(const particlegrid::MoleculeStyle& style, const pg_bindings::Points& positions, const Numbers& numbers,
                  std::optional<pg_bindings::Indices> offsets, nb::ndarray<nb::numpy> out, int threads,
                  std::optional<pg_bindings::Marks> touched, pg_bindings::BoundSink* sink) {
    particlegrid::Molecules molecules;
    molecules.atoms = static_cast<std::int64_t>(positions.shape(0));
    pg_bindings::require(static_cast<std::int64_t>(numbers.shape(0)) == molecules.atoms,
                         "there must be a number for each position");
    const std::int64_t all[2] = {0, molecules.atoms};
    const std::size_t axes = offsets ? 5 : 4;
    pg_bindings::require(out.ndim() == axes, "out must have 5 axes with offsets and 4 without");
    molecules.structures = offsets ? static_cast<std::int64_t>(offsets->shape(0)) - 1 : 1;
    molecules.offsets = offsets ? offsets->data() : all;
    const std::int64_t expected[5] = {molecules.structures, style.channels, style.shape[0], style.shape[1], style.shape[2]};
    for (std::size_t d = 0; d < axes; ++d) {
        pg_bindings::require(static_cast<std::int64_t>(out.shape(d)) == expected[d + 5 - axes], "out has another shape");
        molecules.strides[d + 5 - axes] = static_cast<std::ptrdiff_t>(out.stride(d)) * static_cast<std::ptrdiff_t>(out.itemsize());
    }
    molecules.numbers = numbers.data();
    molecules.positions = positions.data();
    molecules.out = out.data();
    molecules.output = pg_bindings::output_type(out);
    molecules.threads = threads;
    if (touched)
        molecules.touched = pg_bindings::touched_of(*touched, static_cast<std::size_t>(molecules.structures), out.shape(axes - 4),
                                                    out.shape(axes - 3));
    if (sink != nullptr) molecules.sink = &sink->sink;
    nb::gil_scoped_release release;
    return particlegrid::draw_molecules(style, molecules);
}

}  // namespace

void bind_molecules(nb::module_& module) {
    nb::class_<particlegrid::MoleculeStyle>(module, "MoleculeStyle", "What does not change from call to call.")
        .def("draw", &draw, nb::arg("positions").noconvert(), nb::arg("numbers").noconvert(),
             nb::arg("offsets").noconvert().none(), nb::arg("out").noconvert(), nb::arg("threads"),
             nb::arg("touched").noconvert() = nb::none(),
             nb::arg("sink").none() = nb::none(),
             "Draw molecules; returns how many atoms lie outside, or -1 if one has no channel or width.");
    module.def("make_style", &make_style, nb::arg("shape"), nb::arg("spacing"), nb::arg("on_centroid"), nb::arg("center"),
               nb::arg("channels"), nb::arg("channel").noconvert(), nb::arg("sigma").noconvert(), nb::arg("value"),
               nb::arg("cut"));
}
