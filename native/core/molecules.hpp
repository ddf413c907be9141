// Many molecules in boxes of one shape: what a network reads, drawn from positions and numbers without a list of entries.
#pragma once

#include <array>
#include <cstdint>

#include "gaussian.hpp"

namespace particlegrid {

inline constexpr int kElements = 119;  // by atomic number; 0 is no element

// What does not change from call to call.
struct MoleculeStyle {
    std::array<std::int64_t, 3> shape{};
    std::array<double, 3> spacing{};                  // A
    bool on_centroid = true;                          // else `center` is the centre of every box
    std::array<double, 3> center{};                   // A
    std::int64_t channels = 0;
    std::array<std::int64_t, kElements> channel{};    // -1: no entry, -2: refused
    std::array<double, kElements> sigma{};            // A; 0: refused
    Value value = Value::integral;
    double cut = 0.0;  // sigmas
};

struct Molecules {
    std::int64_t structures = 0, atoms = 0;
    const double* positions = nullptr;       // (atoms, 3), A
    const std::uint8_t* numbers = nullptr;   // (atoms,)
    const std::int64_t* offsets = nullptr;   // (structures + 1,)
    void* out = nullptr;                     // first element of (structures, channels, x, y, z)
    OutputType output = OutputType::float32;
    std::array<std::ptrdiff_t, 5> strides{};  // bytes
    Touched* touched = nullptr;               // as a GridJob's
    SparseSink* sink = nullptr;  // if there is one, it is written to and not `out`
    int threads = 1;
};

// Write every voxel of `molecules.out` and return how many atoms lie outside their box; or write nothing and return -1
// if an atom has no channel or no sigma.
std::int64_t draw_molecules(const MoleculeStyle& style, const Molecules& molecules);

}  // namespace particlegrid
