// What a Python `Drawing` holds, as a GridJob.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <stdexcept>

#include "bound_sink.hpp"
#include "grid_job.hpp"

namespace pg_bindings {

namespace nb = nanobind;

using Vector = nb::ndarray<nb::numpy, const double, nb::ndim<1>, nb::c_contig>;
using Indices = nb::ndarray<nb::numpy, const std::int64_t, nb::ndim<1>, nb::c_contig>;
using Points = nb::ndarray<nb::numpy, const double, nb::shape<-1, 3>, nb::c_contig>;
using Matrices = nb::ndarray<nb::numpy, const double, nb::shape<-1, 3, 3>, nb::c_contig>;
using Flags = nb::ndarray<nb::numpy, const bool, nb::shape<-1, 3>, nb::c_contig>;
using Output = nb::ndarray<nb::numpy, nb::ndim<5>>;

inline void require(bool condition, const char* message) {
    if (!condition) throw std::invalid_argument(message);
}

// (structures, channels, x, 4): rows and columns of each plane that may hold anything but zero.
using Marks = nb::ndarray<nb::numpy, std::int32_t, nb::shape<-1, -1, -1, 4>, nb::c_contig>;

inline particlegrid::Touched* touched_of(const Marks& marks, std::size_t structures, std::size_t channels, std::size_t planes) {
    require(marks.shape(0) >= structures && marks.shape(1) == channels && marks.shape(2) == planes,
            "touched must have a row for each plane");
    return reinterpret_cast<particlegrid::Touched*>(marks.data());
}

// bfloat16, which numpy does not know, comes as its bits.
template <class Array>
particlegrid::OutputType output_type(const Array& out) {
    if (out.dtype() == nb::dtype<double>()) return particlegrid::OutputType::float64;
    if (out.dtype() == nb::dtype<float>()) return particlegrid::OutputType::float32;
    if (out.dtype() == nb::dtype<std::uint16_t>()) return particlegrid::OutputType::bfloat16;
    require(out.dtype().code == static_cast<std::uint8_t>(nb::dlpack::dtype_code::Float) && out.dtype().bits == 16,
            "out must be float16, float32, float64 or the bits of bfloat16");
    return particlegrid::OutputType::float16;
}

// Holds the arrays of a Drawing while a job reads them. Lengths are checked here, values in the core.
class DrawingArrays {
public:
    explicit DrawingArrays(nb::handle drawing)
        : positions_(get<Points>(drawing, "positions")),
          atoms_(get<Indices>(drawing, "atoms")),
          channels_(get<Indices>(drawing, "channels")),
          weights_(get<Vector>(drawing, "weights")),
          widths_(get<Vector>(drawing, "widths")),
          offsets_(get<Indices>(drawing, "offsets")),
          axes_(get<Matrices>(drawing, "axes")),
          origins_(get<Points>(drawing, "origins")),
          out_(get<Output>(drawing, "out")),
          threads_(nb::cast<int>(drawing.attr("threads"))) {
        const std::size_t structures = out_.shape(0), entries = atoms_.shape(0);
        require(channels_.shape(0) == entries && weights_.shape(0) == entries && widths_.shape(0) == entries,
                "entry arrays must have one length");
        require(offsets_.shape(0) == structures + 1, "offsets must have one element more than structures");
        require(origins_.shape(0) == structures && axes_.shape(0) == structures,
                "there must be axes and an origin for each structure");
        if (!drawing.attr("lattices").is_none()) {
            lattices_ = get<Matrices>(drawing, "lattices");
            periodic_ = get<Flags>(drawing, "periodic");
            require(lattices_.shape(0) == structures && periodic_.shape(0) == structures,
                    "there must be a lattice for each structure");
        }
        if (!drawing.attr("touched").is_none()) {
            marks_ = get<Marks>(drawing, "touched");
            touched_ = touched_of(marks_, structures, out_.shape(1), out_.shape(2));
        }
        if (!drawing.attr("sink").is_none()) sink_ = &nb::cast<BoundSink&>(drawing.attr("sink")).sink;
        const auto bytes = static_cast<std::uintptr_t>(out_.itemsize());
        require(reinterpret_cast<std::uintptr_t>(out_.data()) % bytes == 0, "out must be aligned to its elements");
    }

    void fill(particlegrid::GridJob& job) const {
        job.structures = static_cast<std::int64_t>(out_.shape(0));
        job.channels = static_cast<std::int64_t>(out_.shape(1));
        job.axes = axes_.data();
        job.origins = origins_.data();
        if (lattices_.is_valid()) {
            job.lattices = lattices_.data();
            job.periodic = reinterpret_cast<const std::uint8_t*>(periodic_.data());
        }
        job.positions = positions_.data();
        job.atoms = static_cast<std::int64_t>(positions_.shape(0));
        job.entry_atoms = atoms_.data();
        job.entry_channels = channels_.data();
        job.entry_weights = weights_.data();
        job.entry_widths = widths_.data();
        job.entries = static_cast<std::int64_t>(atoms_.shape(0));
        job.entry_offsets = offsets_.data();
        job.out = const_cast<void*>(static_cast<const void*>(out_.data()));
        job.output = output_type(out_);
        for (std::size_t d = 0; d < 3; ++d) job.shape[d] = static_cast<std::int64_t>(out_.shape(d + 2));
        for (std::size_t d = 0; d < 5; ++d)
            job.strides[d] = static_cast<std::ptrdiff_t>(out_.stride(d)) * static_cast<std::ptrdiff_t>(out_.itemsize());
        job.touched = touched_;
        job.sink = sink_;
        job.threads = threads_;
    }

private:
    template <class Array>
    static Array get(nb::handle drawing, const char* name) {
        Array array;
        if (!nb::try_cast<Array>(drawing.attr(name), array, false))
            throw std::invalid_argument(std::string("drawing.") + name + " has another type or shape than it must have");
        return array;
    }

    Points positions_;
    Indices atoms_, channels_;
    Vector weights_, widths_;
    Indices offsets_;
    Matrices axes_;
    Points origins_;
    Matrices lattices_;
    Flags periodic_;
    Output out_;
    Marks marks_;
    particlegrid::Touched* touched_ = nullptr;
    particlegrid::SparseSink* sink_ = nullptr;  // the Drawing, which outlives the call, holds it
    int threads_;
};

}  // namespace pg_bindings
