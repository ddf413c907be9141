#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <stdexcept>
#include <string>

#include "gaussian.hpp"

namespace nb = nanobind;

namespace {

using Vector = nb::ndarray<nb::numpy, const double, nb::ndim<1>, nb::c_contig>;
using Indices = nb::ndarray<nb::numpy, const std::int64_t, nb::ndim<1>, nb::c_contig>;
using Points = nb::ndarray<nb::numpy, const double, nb::shape<-1, 3>, nb::c_contig>;
using Output = nb::ndarray<nb::numpy, nb::ndim<5>>;

void require(bool condition, const char* message) {
    if (!condition) throw std::invalid_argument(message);
}

particlegrid::OutputType output_type(const Output& out) {
    if (out.dtype() == nb::dtype<double>()) return particlegrid::OutputType::float64;
    if (out.dtype() == nb::dtype<float>()) return particlegrid::OutputType::float32;
    require(out.dtype().code == static_cast<std::uint8_t>(nb::dlpack::dtype_code::Float) && out.dtype().bits == 16,
            "out must be float16, float32 or float64");
    return particlegrid::OutputType::float16;
}

particlegrid::Value value_of(const std::string& name) {
    if (name == "integral") return particlegrid::Value::integral;
    if (name == "mean") return particlegrid::Value::mean;
    if (name == "point") return particlegrid::Value::point;
    require(name == "peak", "value must be integral, mean, point or peak");
    return particlegrid::Value::peak;
}

void draw(const Points& positions, const Indices& entry_atoms, const Indices& entry_channels,
          const Vector& entry_weights, const Vector& entry_sigmas, const Indices& entry_offsets, const Points& origins,
          const Points& spacing, const char* value, double cut, Output out, int threads) {
    particlegrid::GaussianJob job;
    job.structures = static_cast<std::int64_t>(out.shape(0));
    job.channels = static_cast<std::int64_t>(out.shape(1));
    require(spacing.shape(0) == 1, "spacing must have one row");
    for (std::size_t d = 0; d < 3; ++d) {
        job.shape[d] = static_cast<std::int64_t>(out.shape(d + 2));
        job.spacing[d] = spacing.data()[d];
    }
    const std::size_t entries = entry_atoms.shape(0);
    require(entry_channels.shape(0) == entries && entry_weights.shape(0) == entries && entry_sigmas.shape(0) == entries,
            "entry arrays must have one length");
    require(entry_offsets.shape(0) == out.shape(0) + 1, "entry_offsets must have one element more than structures");
    require(origins.shape(0) == out.shape(0), "there must be an origin for each structure");
    job.positions = positions.data();
    job.atoms = static_cast<std::int64_t>(positions.shape(0));
    job.origins = origins.data();
    job.entry_atoms = entry_atoms.data();
    job.entry_channels = entry_channels.data();
    job.entry_weights = entry_weights.data();
    job.entry_sigmas = entry_sigmas.data();
    job.entries = static_cast<std::int64_t>(entries);
    job.entry_offsets = entry_offsets.data();
    job.value = value_of(value);
    job.cut = cut;
    job.out = out.data();
    job.output = output_type(out);
    const std::int64_t bytes = static_cast<std::int64_t>(out.itemsize());
    for (std::size_t d = 0; d < 5; ++d) job.strides[d] = static_cast<std::ptrdiff_t>(out.stride(d) * bytes);
    job.threads = threads;
    bool whole = reinterpret_cast<std::uintptr_t>(job.out) % static_cast<std::uintptr_t>(bytes) == 0;
    require(whole, "out must be aligned to its elements");
    // arrays are held by the arguments; no Python object is touched below
    nb::gil_scoped_release release;
    particlegrid::draw_gaussians(job);
}

}  // namespace

void bind_gaussian(nb::module_& module) {
    module.def("draw_gaussians", &draw, nb::arg("positions").noconvert(), nb::arg("entry_atoms").noconvert(),
               nb::arg("entry_channels").noconvert(), nb::arg("entry_weights").noconvert(),
               nb::arg("entry_sigmas").noconvert(), nb::arg("entry_offsets").noconvert(), nb::arg("origins").noconvert(),
               nb::arg("spacing").noconvert(), nb::arg("value"), nb::arg("cut"), nb::arg("out").noconvert(),
               nb::arg("threads"), "Draw Gaussians into `out` (structures, channels, x, y, z).");
}
