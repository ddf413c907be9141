// The buffers of a call from JAX, as a GridJob and Tangents. JAX without 64-bit types gives float32 and int32, which are
// widened here.
#pragma once

#include <algorithm>
#include <array>
#include <deque>
#include <optional>

#include "tangent.hpp"
#include "xla_call.hpp"

namespace pg_bindings {

inline constexpr std::int64_t kGeometry = 6, kDrawn = 10;  // operands of a drawing, of which the first are differentiated by

// Arrays of the core's types, which live as long as this.
class Widened {
public:
    const double* doubles(const xla_ffi::Buffer& buffer, const char* name) {
        if (buffer.type == xla_ffi::float64) return static_cast<const double*>(buffer.data);
        if (buffer.type != xla_ffi::float32) throw std::invalid_argument(std::string(name) + " must be float32 or float64");
        const auto* source = static_cast<const float*>(buffer.data);
        return doubles_.emplace_back(source, source + count_elements(buffer)).data();
    }

    const std::int64_t* indices(const xla_ffi::Buffer& buffer, const char* name) {
        if (buffer.type != xla_ffi::int32) throw std::invalid_argument(std::string(name) + " must be int32");
        const auto* source = static_cast<const std::int32_t*>(buffer.data);
        return indices_.emplace_back(source, source + count_elements(buffer)).data();
    }

    double* zeros(std::int64_t count) { return doubles_.emplace_back(static_cast<std::size_t>(count)).data(); }

private:
    std::deque<std::vector<double>> doubles_;
    std::deque<std::vector<std::int64_t>> indices_;
};

// A job from the operands `first` and following, and the grids that it writes or reads.
inline particlegrid::GridJob make_job(const XlaCall& call, std::int64_t first, const xla_ffi::Buffer& grids, Widened& memory) {
    if (grids.rank != 5) throw std::invalid_argument("grids must have shape (n, C, X, Y, Z)");
    const std::int64_t n = grids.shape[0], entries = call.operand(first + 6).rank == 1 ? call.operand(first + 6).shape[0] : -1;
    const xla_ffi::Buffer& positions = call.operand(first);
    const std::int64_t atoms = positions.rank == 2 ? positions.shape[0] : -1;
    require_shape(positions, "positions", {atoms, 3});
    require_shape(call.operand(first + 1), "weights", {entries});
    require_shape(call.operand(first + 2), "widths", {entries});
    require_shape(call.operand(first + 3), "axes", {n, 3, 3});
    require_shape(call.operand(first + 4), "origins", {n, 3});
    require_shape(call.operand(first + 5), "lattices", {n, 3, 3});
    require_shape(call.operand(first + 6), "atoms", {entries});
    require_shape(call.operand(first + 7), "channels", {entries});
    require_shape(call.operand(first + 8), "offsets", {n + 1});
    const xla_ffi::Buffer& periodic = call.operand(first + 9);
    require_shape(periodic, "periodic", {n, 3});
    if (periodic.type != xla_ffi::boolean) throw std::invalid_argument("periodic must be bool");
    if (grids.type != xla_ffi::float32 && grids.type != xla_ffi::float64)
        throw std::invalid_argument("grids must be float32 or float64");

    particlegrid::GridJob job;
    job.structures = n;
    job.channels = grids.shape[1];
    job.positions = memory.doubles(positions, "positions");
    job.atoms = atoms;
    job.entry_weights = memory.doubles(call.operand(first + 1), "weights");
    job.entry_widths = memory.doubles(call.operand(first + 2), "widths");
    job.axes = memory.doubles(call.operand(first + 3), "axes");
    job.origins = memory.doubles(call.operand(first + 4), "origins");
    job.entry_atoms = memory.indices(call.operand(first + 6), "atoms");
    job.entry_channels = memory.indices(call.operand(first + 7), "channels");
    job.entries = entries;
    job.entry_offsets = memory.indices(call.operand(first + 8), "offsets");
    const auto* flags = static_cast<const std::uint8_t*>(periodic.data);
    if (std::any_of(flags, flags + 3 * n, [](std::uint8_t flag) { return flag != 0; })) {
        job.lattices = memory.doubles(call.operand(first + 5), "lattices");
        job.periodic = flags;
    }
    job.out = grids.data;
    job.output = grids.type == xla_ffi::float64 ? particlegrid::OutputType::float64 : particlegrid::OutputType::float32;
    std::ptrdiff_t stride = grids.type == xla_ffi::float64 ? 8 : 4;
    for (int d = 4; d >= 0; --d) {
        if (d >= 2) job.shape[static_cast<std::size_t>(d - 2)] = grids.shape[d];
        job.strides[static_cast<std::size_t>(d)] = stride;
        stride *= static_cast<std::ptrdiff_t>(grids.shape[d]);
    }
    job.threads = static_cast<int>(call.integer("threads"));
    return job;
}

inline std::array<std::int64_t, kGeometry> count_geometry(const particlegrid::GridJob& job) {
    return {3 * job.atoms, job.entries, job.entries, 9 * job.structures, 3 * job.structures, 9 * job.structures};
}

template <class Number>
particlegrid::Tangent<Number> make_tangent(const std::array<Number*, kGeometry>& parts) {
    return {parts[0], parts[1], parts[2], parts[3], parts[4], parts[5]};
}

// The six operands `first` and following.
inline particlegrid::Direction read_direction(const XlaCall& call, std::int64_t first, const particlegrid::GridJob& job,
                                              Widened& memory) {
    const auto counts = count_geometry(job);
    std::array<const double*, kGeometry> parts;
    for (std::size_t i = 0; i < kGeometry; ++i) {
        const xla_ffi::Buffer& buffer = call.operand(first + static_cast<std::int64_t>(i));
        if (count_elements(buffer) != counts[i]) throw std::invalid_argument("a tangent has another shape than it must have");
        parts[i] = memory.doubles(buffer, "tangent");
    }
    return make_tangent(parts);
}

// Memory for a gradient, of which the results are the parts whose bits are set in the attribute `wanted`.
class GradientResults {
public:
    GradientResults(const XlaCall& call, const particlegrid::GridJob& job, Widened& memory) : counts_(count_geometry(job)) {
        const std::int64_t wanted = call.integer("wanted");
        std::int64_t used = 0;
        std::array<double*, kGeometry> parts{};
        for (std::size_t i = 0; i < kGeometry; ++i) {
            if (wanted >> i & 1) {
                const xla_ffi::Buffer& result = call.result(used++);
                if (count_elements(result) != counts_[i])
                    throw std::invalid_argument("a gradient has another shape than it must have");
                if (result.type != xla_ffi::float32 && result.type != xla_ffi::float64)
                    throw std::invalid_argument("gradients must be float32 or float64");
                results_[i] = &result;
            }
            // neither widths nor axes: the core then computes neither
            if ((i == 2 || i == 3) && (wanted & 0b1100) == 0) continue;
            const bool in_place = results_[i] != nullptr && results_[i]->type == xla_ffi::float64;
            parts[i] = in_place ? static_cast<double*>(results_[i]->data) : memory.zeros(counts_[i]);
        }
        numbers = make_tangent(parts);
        parts_ = parts;
    }

    // Write what has not been written in place.
    void store() const {
        for (std::size_t i = 0; i < kGeometry; ++i)
            if (results_[i] != nullptr && results_[i]->type == xla_ffi::float32)
                std::transform(parts_[i], parts_[i] + counts_[i], static_cast<float*>(results_[i]->data),
                               [](double value) { return static_cast<float>(value); });
    }

    particlegrid::Gradient numbers;

private:
    std::array<std::int64_t, kGeometry> counts_;
    std::array<const xla_ffi::Buffer*, kGeometry> results_{};
    std::array<double*, kGeometry> parts_{};
};

}  // namespace pg_bindings
