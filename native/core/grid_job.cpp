#include "grid_job.hpp"

#include <cmath>
#include <limits>
#include <string>

#include "lattice.hpp"
#include "require.hpp"

namespace particlegrid {

namespace {

void check_entry(const GridJob& job, std::int64_t e) {
    const auto named = [&](const char* what, auto value) {
        return "entry " + std::to_string(e) + ": " + what + std::to_string(value);
    };
    const std::int64_t atom = job.entry_atoms[e], channel = job.entry_channels[e];
    const double width = job.entry_widths[e], weight = job.entry_weights[e];
    require(atom >= 0 && atom < job.atoms, [&] { return named("there is no atom ", atom); });
    require(channel >= 0 && channel < job.channels, [&] { return named("there is no channel ", channel); });
    require(width >= kSmallestLength && width <= kLargestLength,
            [&] { return named("the width must lie between 1e-6 and 1e6 A, got ", width); });
    require(std::isfinite(weight), [&] { return named("the weight must be finite, got ", weight); });
    for (int d = 0; d < 3; ++d)
        require(std::isfinite(job.positions[3 * atom + d]), [&] { return named("no finite position of atom ", atom); });
}

// Three vectors of sensible lengths that span a volume.
bool is_basis(const double* rows) {
    double lengths = 1.0;
    for (int d = 0; d < 3; ++d) {
        const double length = norm(rows + 3 * d);
        if (!(length >= kSmallestLength && length <= kLargestLength)) return false;
        lengths *= length;
    }
    return std::fabs(determinant(rows)) > 1e-9 * lengths;
}

}  // namespace

void check(const GridJob& job) {
    constexpr std::int64_t kLongestAxis = 1 << 20;
    require(job.structures >= 0 && job.channels >= 0, [] { return std::string("counts must not be negative"); });
    for (int d = 0; d < 3; ++d)
        require(job.shape[d] >= 1 && job.shape[d] <= kLongestAxis,
                [&] { return "axis " + std::to_string(d) + " has " + std::to_string(job.shape[d]) + " voxels"; });
    require(job.threads >= 1 && job.threads <= 1024, [] { return std::string("threads must lie between 1 and 1024"); });
    require(job.entries <= std::numeric_limits<std::int32_t>::max(),
            [] { return std::string("more than 2^31 - 1 entries in one call"); });
    bool rising = job.entry_offsets[0] == 0 && job.entry_offsets[job.structures] == job.entries;
    for (std::int64_t s = 0; s < job.structures; ++s) rising &= job.entry_offsets[s] <= job.entry_offsets[s + 1];
    require(rising, [] { return std::string("entry_offsets must rise from 0 to the number of entries"); });
    for (std::int64_t s = 0; s < job.structures; ++s) {
        require(is_basis(job.axes + 9 * s), [&] {
            return "grid " + std::to_string(s) + ": spacing must lie between 1e-6 and 1e6 A and the axes span a volume";
        });
        for (int d = 0; d < 3; ++d)
            require(std::isfinite(job.origins[3 * s + d]), [] { return std::string("an origin is not finite"); });
        if (job.periodic != nullptr && (job.periodic[3 * s] || job.periodic[3 * s + 1] || job.periodic[3 * s + 2]))
            require(is_basis(job.lattices + 9 * s),
                    [&] { return "structure " + std::to_string(s) + ": the lattice spans no volume"; });
    }
    for (std::int64_t e = 0; e < job.entries; ++e) check_entry(job, e);
    if (job.touched != nullptr)
        for (std::int64_t p = 0; p < job.structures * job.channels * job.shape[0]; ++p) {
            const Touched& t = job.touched[p];
            require(0 <= t.first_row && t.first_row <= t.last_row && t.last_row <= job.shape[1] && 0 <= t.first_column &&
                        t.first_column <= t.last_column && t.last_column <= job.shape[2],
                    [&] { return "plane " + std::to_string(p) + ": what was touched lies outside the plane"; });
        }
    constexpr double kFarthest = 1e9;  // A: beyond it a position, wrapped into its cell, has lost seven digits
    for (std::int64_t s = 0; s < job.structures && job.periodic != nullptr; ++s)
        for (std::int64_t e = job.entry_offsets[s]; e < job.entry_offsets[s + 1]; ++e)
            for (int d = 0; d < 3; ++d)
                require(!job.periodic[3 * s + d] || norm(job.positions + 3 * job.entry_atoms[e]) <= kFarthest, [&] {
                    return "atom " + std::to_string(job.entry_atoms[e]) + " lies more than 1e9 A from a periodic cell";
                });
}

}  // namespace particlegrid
