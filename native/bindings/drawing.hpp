// What a Python `Drawing` holds, as a GridJob.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <algorithm>
#include <stdexcept>
#include <string>

#include "bound_sink.hpp"
#include "exchange.hpp"
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

// Where the arrays of a Drawing, which outlives the call, lie. Lengths are checked here, values in the core.
class DrawingArrays {
public:
    explicit DrawingArrays(nb::handle drawing) : out_(get<Output>(drawing, "out")), threads_(nb::cast<int>(drawing.attr("threads"))) {
        const nb::object tensors = drawing.attr("tensors");
        if (tensors.is_none()) take_arrays(drawing);
        else take_tensors(nb::cast<nb::sequence>(tensors));
        check_counts();
        if (!drawing.attr("touched").is_none()) {
            marks_ = get<Marks>(drawing, "touched");
            touched_ = touched_of(marks_, out_.shape(0), out_.shape(1), out_.shape(2));
        }
        if (!drawing.attr("sink").is_none()) sink_ = &nb::cast<BoundSink&>(drawing.attr("sink")).sink;
        const auto bytes = static_cast<std::uintptr_t>(out_.itemsize());
        require(reinterpret_cast<std::uintptr_t>(out_.data()) % bytes == 0, "out must be aligned to its elements");
    }

    void fill(particlegrid::GridJob& job) const {
        job.structures = static_cast<std::int64_t>(out_.shape(0));
        job.channels = static_cast<std::int64_t>(out_.shape(1));
        job.positions = at<double>(kPositions);
        job.atoms = static_cast<std::int64_t>(counts_[kPositions] / 3);
        job.entry_weights = at<double>(kWeights);
        job.entry_widths = at<double>(kWidths);
        job.axes = at<double>(kAxes);
        job.origins = at<double>(kOrigins);
        job.entry_atoms = at<std::int64_t>(kAtoms);
        job.entry_channels = at<std::int64_t>(kChannels);
        job.entry_offsets = at<std::int64_t>(kOffsets);
        job.entries = static_cast<std::int64_t>(counts_[kAtoms]);
        const std::uint8_t* periodic = at<std::uint8_t>(kPeriodic);
        if (std::any_of(periodic, periodic + counts_[kPeriodic], [](std::uint8_t flag) { return flag != 0; })) {
            job.lattices = at<double>(kLattices);
            job.periodic = periodic;
        }
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
    // In the order of a Drawing's tensors.
    enum Name { kPositions, kWeights, kWidths, kAxes, kOrigins, kLattices, kAtoms, kChannels, kOffsets, kPeriodic, kNames };

    template <class Array>
    static Array get(nb::handle drawing, const char* name) {
        Array array;
        if (!nb::try_cast<Array>(drawing.attr(name), array, false))
            throw std::invalid_argument(std::string("drawing.") + name + " has another type or shape than it must have");
        return array;
    }

    template <class Array>
    void take(nb::handle drawing, const char* text, Name name) {
        const Array array = get<Array>(drawing, text);
        data_[name] = array.data();
        counts_[name] = array.size();
    }

    void take_arrays(nb::handle drawing) {
        take<Points>(drawing, "positions", kPositions);
        take<Vector>(drawing, "weights", kWeights);
        take<Vector>(drawing, "widths", kWidths);
        take<Matrices>(drawing, "axes", kAxes);
        take<Points>(drawing, "origins", kOrigins);
        take<Indices>(drawing, "atoms", kAtoms);
        take<Indices>(drawing, "channels", kChannels);
        take<Indices>(drawing, "offsets", kOffsets);
        if (drawing.attr("lattices").is_none()) return;
        take<Matrices>(drawing, "lattices", kLattices);
        take<Flags>(drawing, "periodic", kPeriodic);
        check_lattices();
    }

    void take_tensors(const nb::sequence& tensors) {
        require(nb::len(tensors) == kNames, "a Drawing has ten tensors");
        const auto take = [&](Name name, const char* text, ExchangedType type, std::initializer_list<std::int64_t> shape) {
            data_[name] = find_memory(tensors[static_cast<std::size_t>(name)], text, type, shape, counts_[name]);
        };
        take(kPositions, "positions", ExchangedType::float64, {-1, 3});
        take(kWeights, "weights", ExchangedType::float64, {-1});
        take(kWidths, "widths", ExchangedType::float64, {-1});
        take(kAxes, "axes", ExchangedType::float64, {-1, 3, 3});
        take(kOrigins, "origins", ExchangedType::float64, {-1, 3});
        take(kLattices, "lattices", ExchangedType::float64, {-1, 3, 3});
        take(kAtoms, "atoms", ExchangedType::int64, {-1});
        take(kChannels, "channels", ExchangedType::int64, {-1});
        take(kOffsets, "offsets", ExchangedType::int64, {-1});
        take(kPeriodic, "periodic", ExchangedType::boolean, {-1, 3});
        check_lattices();
    }

    void check_lattices() const {
        require(counts_[kLattices] == 9 * out_.shape(0) && counts_[kPeriodic] == 3 * out_.shape(0),
                "there must be a lattice for each structure");
    }

    void check_counts() const {
        const std::size_t structures = out_.shape(0), entries = counts_[kAtoms];
        require(counts_[kPositions] % 3 == 0, "positions must have three coordinates each");
        require(counts_[kChannels] == entries && counts_[kWeights] == entries && counts_[kWidths] == entries,
                "entry arrays must have one length");
        require(counts_[kOffsets] == structures + 1, "offsets must have one element more than structures");
        require(counts_[kOrigins] == 3 * structures && counts_[kAxes] == 9 * structures,
                "there must be axes and an origin for each structure");
    }

    template <class T>
    const T* at(Name name) const {
        return static_cast<const T*>(data_[name]);
    }

    const void* data_[kNames] = {};
    std::size_t counts_[kNames] = {};  // elements
    Output out_;
    Marks marks_;
    particlegrid::Touched* touched_ = nullptr;
    particlegrid::SparseSink* sink_ = nullptr;
    int threads_;
};

}  // namespace pg_bindings
