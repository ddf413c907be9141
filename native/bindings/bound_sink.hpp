// A SparseSink that writes to numpy arrays.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <stdexcept>

#include "sparse_sink.hpp"

namespace pg_bindings {

namespace nb = nanobind;

using SinkValues = nb::ndarray<nb::numpy, nb::c_contig>;
using SinkPlaces = nb::ndarray<nb::numpy, std::int32_t, nb::ndim<1>, nb::c_contig>;
using SinkCounts = nb::ndarray<nb::numpy, std::int64_t, nb::ndim<1>, nb::c_contig>;

// One axis of values, or four of blocks.
inline particlegrid::SparseLayout layout_of(const SinkValues& values, const SinkPlaces& places) {
    const bool blocks = values.ndim() == 4;
    if (values.dtype() != nb::dtype<float>() && values.dtype() != nb::dtype<double>())
        throw std::invalid_argument("values must be float32 or float64");
    for (std::size_t d = 1; blocks && d < 4; ++d)
        if (values.shape(d) != particlegrid::kBlockEdge) throw std::invalid_argument("blocks must be 8 x 8 x 8");
    if ((!blocks && values.ndim() != 1) || values.shape(0) != places.shape(0))
        throw std::invalid_argument("there must be a place for each value or block");
    return blocks ? particlegrid::SparseLayout::blocks : particlegrid::SparseLayout::values;
}

struct BoundSink {
    BoundSink(SinkValues values_, SinkPlaces places_, SinkCounts counts_)
        : values(std::move(values_)), places(std::move(places_)), counts(std::move(counts_)),
          sink(layout_of(values, places), static_cast<std::int64_t>(counts.shape(0)),
               static_cast<std::int64_t>(values.itemsize()), values.data(), places.data(),
               static_cast<std::int64_t>(places.shape(0)), counts.data()) {}

    SinkValues values;  // held while the sink lives
    SinkPlaces places;
    SinkCounts counts;
    particlegrid::SparseSink sink;
};

}  // namespace pg_bindings
