#include "bound_sink.hpp"

namespace nb = nanobind;

void bind_sparse(nb::module_& module) {
    using pg_bindings::BoundSink;
    nb::class_<BoundSink>(module, "SparseSink")
        .def(nb::init<pg_bindings::SinkValues, pg_bindings::SinkPlaces, pg_bindings::SinkCounts>(),
             nb::arg("values").noconvert(), nb::arg("places").noconvert(), nb::arg("counts").noconvert())
        .def_prop_ro("needed", [](const BoundSink& bound) { return bound.sink.needed(); })
        .def_prop_ro("is_complete", [](const BoundSink& bound) { return bound.sink.is_complete(); });
}
