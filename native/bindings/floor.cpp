#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include "floor.hpp"

namespace nb = nanobind;

void bind_floor(nb::module_& module) {
    module.def(
        "stream_zeros",
        [](const nb::ndarray<nb::numpy, nb::c_contig>& out) {
            void* data = out.data();
            const std::size_t bytes = out.nbytes();
            nb::gil_scoped_release release;
            particlegrid::stream_zeros(data, bytes);
        },
        nb::arg("out").noconvert(), "Zero a contiguous array with stores that go around the cache.");
}
