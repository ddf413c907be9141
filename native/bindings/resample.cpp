#include "resample.hpp"

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>

#include <stdexcept>
#include <string>

namespace nb = nanobind;

namespace {

using Source = nb::ndarray<nb::numpy, nb::ndim<5>, nb::ro>;
using Output = nb::ndarray<nb::numpy, nb::ndim<5>>;
using Matrix = nb::ndarray<nb::numpy, const double, nb::shape<4, 3>, nb::c_contig>;
using Axes = nb::ndarray<nb::numpy, const bool, nb::shape<3>, nb::c_contig>;

void require(bool condition, const char* message) {
    if (!condition) throw std::invalid_argument(message);
}

template <class Array>
std::array<std::ptrdiff_t, 5> strides_of(const Array& array) {
    const std::int64_t bytes = static_cast<std::int64_t>(array.itemsize());
    require(reinterpret_cast<std::uintptr_t>(array.data()) % static_cast<std::uintptr_t>(bytes) == 0,
            "arrays must be aligned to their elements");
    std::array<std::ptrdiff_t, 5> strides;
    for (std::size_t d = 0; d < 5; ++d) strides[d] = static_cast<std::ptrdiff_t>(array.stride(d) * bytes);
    return strides;
}

template <class Array>
std::array<std::int64_t, 3> shape_of(const Array& array) {
    return {static_cast<std::int64_t>(array.shape(2)), static_cast<std::int64_t>(array.shape(3)),
            static_cast<std::int64_t>(array.shape(4))};
}

// The job of a source and a target, one of which is written.
template <class From, class To>
particlegrid::ResampleJob make_job(const From& source, const To& target, const Matrix& map, const Axes& periodic,
                                   const std::string& method, int threads) {
    require(source.dtype() == target.dtype(), "both arrays must have one dtype");
    require(source.shape(0) == target.shape(0) && source.shape(1) == target.shape(1),
            "both arrays must have the same structures and channels");
    particlegrid::ResampleJob job;
    job.twice = source.dtype() == nb::dtype<double>();
    require(job.twice || source.dtype() == nb::dtype<float>(), "arrays must be float32 or float64");
    require(method == "linear" || method == "cubic", "method must be linear or cubic");
    job.method = method == "cubic" ? particlegrid::Interpolation::cubic : particlegrid::Interpolation::linear;
    job.structures = static_cast<std::int64_t>(source.shape(0));
    job.channels = static_cast<std::int64_t>(source.shape(1));
    job.source_shape = shape_of(source);
    job.target_shape = shape_of(target);
    for (std::size_t d = 0; d < 3; ++d) {
        job.start[d] = map.data()[d];
        for (std::size_t axis = 0; axis < 3; ++axis) job.steps[axis][d] = map.data()[3 * (axis + 1) + d];
        job.periodic[d] = periodic.data()[d];
    }
    job.source_strides = strides_of(source);
    job.target_strides = strides_of(target);
    job.threads = threads;
    return job;
}

void resample(const Source& source, const Matrix& map, const Axes& periodic, const std::string& method, Output target,
              int threads) {
    const particlegrid::ResampleJob job = make_job(source, target, map, periodic, method, threads);
    const void* from = source.data();
    void* to = target.data();
    // arrays are held by the arguments; no Python object is touched below
    nb::gil_scoped_release release;
    particlegrid::resample(job, from, to);
}

void resample_adjoint(const Source& target, const Matrix& map, const Axes& periodic, const std::string& method,
                      Output source, int threads) {
    const particlegrid::ResampleJob job = make_job(source, target, map, periodic, method, threads);
    const void* from = target.data();
    void* to = source.data();
    nb::gil_scoped_release release;
    particlegrid::resample_adjoint(job, from, to);
}

}  // namespace

void bind_resample(nb::module_& module) {
    module.def("resample", &resample, nb::arg("source").noconvert(), nb::arg("map").noconvert(),
               nb::arg("periodic").noconvert(), nb::arg("method"), nb::arg("target").noconvert(), nb::arg("threads"),
               "Interpolate `source` (structures, channels, x, y, z) at the voxel centres of `target`.");
    module.def("resample_adjoint", &resample_adjoint, nb::arg("target").noconvert(), nb::arg("map").noconvert(),
               nb::arg("periodic").noconvert(), nb::arg("method"), nb::arg("source").noconvert(), nb::arg("threads"),
               "The transpose of `resample`, from `target` to `source`.");
}
