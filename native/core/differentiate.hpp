// Derivatives of drawings: what all densities share that are differentiated entry by entry and image by image.
//
// A differential says how the values of one image change:
//     double reach(site, entry)                   A: beyond it no image counts
//     begin(structure, site)                      before the images of a structure; the site stays until the next
//     pull_back(image, direction, gradient)       the gradient of sum(g values), g = job.out; or with a direction (else
//                                                 null) that of sum(g push_forward(direction))
//     push_forward(image, direction, planes)      adds the change along a direction to job.out, in these planes alone
// job.out is one block, z fastest, of float32 or float64, and is only read by pull_back.
#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "drawer.hpp"
#include "lattice.hpp"
#include "parallel.hpp"
#include "require.hpp"
#include "tangent.hpp"

namespace particlegrid {

// One of the places where an entry stands.
struct Image {
    std::int64_t entry, channel;
    double weight, width;
    double position[3];  // A, from the grid's origin
    double index[3];     // voxel i covers [i, i + 1)
    std::int64_t number;  // among those of the entry, in their order
};

// Of one image: a direction, or a gradient. `axes` are the edges of the grid's voxels, while the image keeps its place.
struct ImageChange {
    double weight = 0.0, width = 0.0;
    double position[3] = {0, 0, 0};
    double axes[9] = {0, 0, 0, 0, 0, 0, 0, 0, 0};
};

struct Planes {
    std::int64_t first, last;
};

inline std::int64_t count_voxels(const GridJob& job) { return job.shape[0] * job.shape[1] * job.shape[2]; }

// The first voxel of a channel of job.out.
template <class T>
T* find_channel(const GridJob& job, std::int64_t structure, std::int64_t channel) {
    return static_cast<T*>(job.out) + (structure * job.channels + channel) * count_voxels(job);
}

// Throws std::invalid_argument unless job.out is such a block.
inline void check_block(const GridJob& job) {
    require(job.output == OutputType::float32 || job.output == OutputType::float64,
            [] { return std::string("derivatives are of float32 or float64"); });
    std::ptrdiff_t stride = element_bytes(job.output);
    const std::int64_t lengths[5] = {job.structures, job.channels, job.shape[0], job.shape[1], job.shape[2]};
    for (int d = 4; d >= 0; --d) {
        require(job.strides[static_cast<std::size_t>(d)] == stride || lengths[d] <= 1,
                [] { return std::string("derivatives take one block of values, z fastest"); });
        stride *= lengths[d];
    }
}

// How an image with these lattice translations changes along a direction of the whole job.
inline ImageChange find_change(const GridJob& job, const Direction& direction, std::int64_t structure, std::int64_t e,
                               const double* translations) {
    ImageChange change;
    change.weight = direction.weights[e];
    change.width = direction.widths[e];
    const double* position = direction.positions + 3 * job.entry_atoms[e];
    for (int k = 0; k < 3; ++k) {
        change.position[k] = position[k] - direction.origins[3 * structure + k];
        for (int a = 0; a < 3; ++a) change.position[k] += translations[a] * direction.lattices[9 * structure + 3 * a + k];
    }
    std::copy_n(direction.axes + 9 * structure, 9, change.axes);
    return change;
}

// visit(image, translations) for every image of an entry that may touch the grid, in a fixed order.
template <class Visit>
void for_entry_images(const GridJob& job, const Site& site, std::int64_t e, double reach, const Visit& visit) {
    Image image{e, job.entry_channels[e], job.entry_weights[e], job.entry_widths[e], {}, {}, 0};
    site.for_numbered_images(job.positions + 3 * job.entry_atoms[e], reach, [&](const double* index, const double* translations) {
        for (int k = 0; k < 3; ++k) {
            image.index[k] = index[k];
            image.position[k] = 0.0;
            for (int d = 0; d < 3; ++d) image.position[k] += index[d] * site.grid.row(d)[k];
        }
        visit(image, translations);
        ++image.number;
    });
}

// The structure that owns an entry.
inline std::int64_t find_owner(const GridJob& job, std::int64_t e) {
    return std::upper_bound(job.entry_offsets, job.entry_offsets + job.structures + 1, e) - job.entry_offsets - 1;
}

// Threads share out entries, and what entries have in common is added up in their order afterwards: the bits do not
// depend on the number of threads.
template <class MakeDifferential>
void pull_back_entries(const GridJob& job, const Gradient& gradient, const Direction* direction,
                       const MakeDifferential& make_differential) {
    struct Shared {
        double position[3], axes[9], lattice[9];
    };
    constexpr std::int64_t kChunk = 16;
    std::vector<Shared> shared(static_cast<std::size_t>(job.entries));
    const auto work = [&] {
        return [&, differential = make_differential(), site = Site(job, 0), current = std::int64_t{-1}](std::int64_t task) mutable {
            for (std::int64_t e = task * kChunk; e < std::min((task + 1) * kChunk, job.entries); ++e) {
                if (current < 0 || e < job.entry_offsets[current] || e >= job.entry_offsets[current + 1]) {
                    current = find_owner(job, e);
                    site = Site(job, current);
                    differential.begin(current, site);
                }
                Shared& sum = shared[static_cast<std::size_t>(e)];
                sum = Shared{};
                double weight = 0.0, width = 0.0;
                for_entry_images(job, site, e, differential.reach(site, e), [&](const Image& image, const double* translations) {
                    ImageChange along, slope;
                    if (direction != nullptr) along = find_change(job, *direction, current, e, translations);
                    differential.pull_back(image, direction == nullptr ? nullptr : &along, slope);
                    weight += slope.weight;
                    width += slope.width;
                    for (int k = 0; k < 3; ++k) {
                        sum.position[k] += slope.position[k];
                        for (int a = 0; a < 3; ++a) sum.lattice[3 * a + k] += translations[a] * slope.position[k];
                    }
                    for (int k = 0; k < 9; ++k) sum.axes[k] += slope.axes[k];
                });
                gradient.weights[e] = weight;
                if (gradient.widths != nullptr) gradient.widths[e] = width;
            }
        };
    };
    if (job.entries > 0) run_tasks((job.entries + kChunk - 1) / kChunk, job.threads, work);
    std::fill_n(gradient.positions, 3 * job.atoms, 0.0);
    std::fill_n(gradient.origins, 3 * job.structures, 0.0);
    std::fill_n(gradient.lattices, 9 * job.structures, 0.0);
    if (gradient.axes != nullptr) std::fill_n(gradient.axes, 9 * job.structures, 0.0);
    for (std::int64_t s = 0; s < job.structures; ++s)
        for (std::int64_t e = job.entry_offsets[s]; e < job.entry_offsets[s + 1]; ++e) {
            const Shared& sum = shared[static_cast<std::size_t>(e)];
            for (int k = 0; k < 3; ++k) {
                gradient.positions[3 * job.entry_atoms[e] + k] += sum.position[k];
                gradient.origins[3 * s + k] -= sum.position[k];
            }
            for (int k = 0; k < 9; ++k) {
                gradient.lattices[9 * s + k] += sum.lattice[k];
                if (gradient.axes != nullptr) gradient.axes[9 * s + k] += sum.axes[k];
            }
        }
}

// Threads share out slabs of planes, each of which goes through all entries of its structure in order.
template <class MakeDifferential>
void push_forward_entries(const GridJob& job, const Direction& direction, const MakeDifferential& make_differential) {
    if (job.structures == 0 || job.channels == 0) return;
    const Slabs slabs(job, 8);
    run_tasks(job.structures * slabs.each, job.threads, [&] {
        return [&, differential = make_differential()](std::int64_t task) mutable {
            const std::int64_t structure = task / slabs.each, first = task % slabs.each * slabs.thickness;
            const Planes planes{first, std::min(first + slabs.thickness, job.shape[0])};
            const std::int64_t plane = job.shape[1] * job.shape[2] * element_bytes(job.output);
            for (std::int64_t c = 0; c < job.channels; ++c)
                std::memset(static_cast<char*>(job.out) + ((structure * job.channels + c) * job.shape[0] + first) * plane, 0,
                            static_cast<std::size_t>((planes.last - planes.first) * plane));
            const Site site(job, structure);
            differential.begin(structure, site);
            for (std::int64_t e = job.entry_offsets[structure]; e < job.entry_offsets[structure + 1]; ++e)
                for_entry_images(job, site, e, differential.reach(site, e), [&](const Image& image, const double* translations) {
                    differential.push_forward(image, find_change(job, direction, structure, e, translations), planes);
                });
        };
    });
}

}  // namespace particlegrid
