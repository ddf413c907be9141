// Where the sum over a crystal's charges is split into a sum over distances and one over wave vectors.
#pragma once

#include "coulomb.hpp"
#include "kernels.hpp"
#include "lattice.hpp"

namespace particlegrid {

// Which wave vectors m1 b1 + m2 b2 + m3 b3 (times 2 pi) lie within a radius: |m_d| <= most[d].
struct WaveRange {
    std::array<std::int64_t, 3> most{};

    WaveRange() = default;
    WaveRange(const Basis& lattice, double largest);  // largest: 1/A, with the 2 pi

    std::int64_t planes() const { return 2 * most[0] + 1; }
    std::int64_t rows() const { return 2 * most[1] + 1; }
    std::int64_t columns() const { return most[2] + 1; }  // of k and -k one is enough
    std::int64_t padded_columns() const { return (columns() + kRowVoxels - 1) / kRowVoxels * kRowVoxels; }
    double size() const;

    // The three indices of an element of (planes, rows, padded columns).
    std::array<std::int64_t, 3> indices(std::int64_t element) const {
        const std::int64_t row = element / padded_columns();
        return {row / rows() - most[0], row % rows() - most[1], element % padded_columns()};
    }
    std::int64_t elements() const { return planes() * rows() * padded_columns(); }
};

struct EwaldSplit {
    double alpha = 0.0;    // 1/A
    double reach = 0.0;    // A: the farthest image that is summed in real space
    double largest = 0.0;  // 1/A: the largest wave vector
    WaveRange waves;
};

// Whether the phases exp(i k r) of a grid are products of one factor a (vector, axis): edges along the lattice's.
bool has_separable_phases(const CoulombJob& job, const Basis& grid, const Basis& lattice);

// The split for one structure of a checked job, all of whose vectors repeat. Throws std::invalid_argument if none can be
// afforded. It depends on the structure and its grid alone, not on the threads.
EwaldSplit choose_split(const CoulombJob& job, std::int64_t structure);

}  // namespace particlegrid
