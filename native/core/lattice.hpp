// Affine lattices: coordinates, and the periodic images of an atom that reach a grid.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string>

#include "grid_job.hpp"
#include "require.hpp"

namespace particlegrid {

inline double dot(const double* a, const double* b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }
inline double norm(const double* a) { return std::sqrt(dot(a, a)); }
inline void cross(const double* a, const double* b, double* out) {
    out[0] = a[1] * b[2] - a[2] * b[1];
    out[1] = a[2] * b[0] - a[0] * b[2];
    out[2] = a[0] * b[1] - a[1] * b[0];
}
inline double determinant(const double* rows) {
    double normal[3];
    cross(rows + 3, rows + 6, normal);
    return dot(rows, normal);
}

// Three vectors and how to count in them.
struct Basis {
    std::array<double, 9> rows{};   // A
    std::array<double, 9> duals{};  // 1 / A: coordinate d of a vector is its product with row d
    std::array<double, 3> plane_spacing{};  // A: distance between the planes of coordinate d and d + 1
    double volume = 0.0;                    // A^3, without sign

    Basis() = default;
    explicit Basis(const double* given) {
        std::copy(given, given + 9, rows.begin());
        const double signed_volume = determinant(given);
        volume = std::fabs(signed_volume);
        for (int d = 0; d < 3; ++d) {
            cross(given + 3 * ((d + 1) % 3), given + 3 * ((d + 2) % 3), duals.data() + 3 * d);
            for (int k = 0; k < 3; ++k) duals[static_cast<std::size_t>(3 * d + k)] /= signed_volume;
            plane_spacing[static_cast<std::size_t>(d)] = 1.0 / norm(duals.data() + 3 * d);
        }
    }

    const double* row(int d) const { return rows.data() + 3 * d; }
    double coordinate(int d, const double* vector) const { return dot(duals.data() + 3 * d, vector); }

    bool is_oblique(int d, int e) const {
        return std::fabs(dot(row(d), row(e))) > 1e-9 * norm(row(d)) * norm(row(e));
    }
    bool is_orthogonal() const { return !is_oblique(0, 1) && !is_oblique(1, 2) && !is_oblique(2, 0); }
};

// One structure's grid and the lattice its atoms repeat on.
class Site {
public:
    Site(const GridJob& job, std::int64_t structure)
        : grid(job.axes + 9 * structure), shape_(job.shape), origin_(job.origins + 3 * structure) {
        if (job.periodic == nullptr) return;
        for (int a = 0; a < 3; ++a) repeats_[static_cast<std::size_t>(a)] = job.periodic[3 * structure + a] != 0;
        if (repeats()) lattice_ = Basis(job.lattices + 9 * structure);
    }

    bool repeats() const { return repeats_[0] || repeats_[1] || repeats_[2]; }
    bool repeats(int a) const { return repeats_[static_cast<std::size_t>(a)]; }

    const Basis& lattice() const { return lattice_; }  // set where anything repeats

    // Whether each vector that repeats is the whole edge of the grid along the same axis: a grid that fills the cell.
    bool fills_lattice() const {
        for (int a = 0; a < 3; ++a) {
            if (!repeats(a)) continue;
            double gap[3];
            for (int k = 0; k < 3; ++k) gap[k] = lattice_.row(a)[k] - static_cast<double>(shape_[a]) * grid.row(a)[k];
            if (norm(gap) > 1e-9 * norm(lattice_.row(a))) return false;
        }
        return true;
    }

    // Index coordinates of a position (voxel i covers [i, i + 1)).
    void to_index(const double* position, double* index) const {
        const double offset[3] = {position[0] - origin_[0], position[1] - origin_[1], position[2] - origin_[2]};
        for (int d = 0; d < 3; ++d) index[d] = grid.coordinate(d, offset);
    }

    // visit(image) with the index coordinates of every image whose sphere of radius `reach` (A) may touch the grid.
    // Images come in a fixed order. Ranges come from plane spacings: edge lengths lose images of sheared cells.
    template <class Visit>
    void for_images(const double* position, double reach, const Visit& visit) const {
        for_numbered_images(position, reach, [&](const double* image, const double*) { visit(image); });
    }

    // visit(image, translations): also how many of each lattice vector lead to the image.
    template <class Visit>
    void for_numbered_images(const double* position, double reach, const Visit& visit) const {
        double index[3], low[3], high[3];
        to_index(position, index);
        for (int d = 0; d < 3; ++d) {
            const double margin = reach / grid.plane_spacing[static_cast<std::size_t>(d)];
            low[d] = -margin;
            high[d] = static_cast<double>(shape_[d]) + margin;
        }
        const auto touches = [&](const double* image) {
            for (int d = 0; d < 3; ++d)
                if (!(image[d] >= low[d] && image[d] <= high[d])) return false;
            return true;
        };
        if (!repeats()) {
            constexpr double kNone[3] = {0.0, 0.0, 0.0};
            if (touches(index)) visit(index, kNone);
            return;
        }
        const Range range = find_range(index, low, high);
        double steps[9];  // index coordinates of the repeat vectors
        for (int a = 0; a < 3; ++a)
            for (int d = 0; d < 3; ++d) steps[3 * a + d] = repeats(a) ? grid.coordinate(d, lattice_.row(a)) : 0.0;
        for (double i = range.first[0]; i <= range.last[0]; ++i)
            for (double j = range.first[1]; j <= range.last[1]; ++j)
                for (double k = range.first[2]; k <= range.last[2]; ++k) {
                    double image[3];
                    for (int d = 0; d < 3; ++d)
                        image[d] = index[d] + (i * steps[d] + j * steps[3 + d] + k * steps[6 + d]);
                    const double translations[3] = {i, j, k};
                    if (touches(image)) visit(image, translations);
                }
    }

    // How many lattice translations for_images looks at.
    double count_candidates(const double* position, double reach) const {
        if (!repeats()) return 1.0;
        double index[3], low[3], high[3];
        to_index(position, index);
        for (int d = 0; d < 3; ++d) {
            const double margin = reach / grid.plane_spacing[static_cast<std::size_t>(d)];
            low[d] = -margin;
            high[d] = static_cast<double>(shape_[d]) + margin;
        }
        const Range range = find_range(index, low, high);
        double count = 1.0;
        for (int a = 0; a < 3; ++a) count *= std::max(0.0, range.last[a] - range.first[a] + 1.0);
        return count;
    }

    Basis grid;

private:
    struct Range {
        double first[3] = {0, 0, 0}, last[3] = {0, 0, 0};
    };

    // Translations that may bring `index` between `low` and `high`: the corners of that region in lattice coordinates.
    Range find_range(const double* index, const double* low, const double* high) const {
        Range range;
        double from[3], to[3];
        for (int a = 0; a < 3; ++a) from[a] = to[a] = 0.0;
        for (int corner = 0; corner < 8; ++corner) {
            double vector[3] = {0, 0, 0};
            for (int d = 0; d < 3; ++d) {
                const double x = ((corner >> d & 1) ? high[d] : low[d]) - index[d];
                for (int k = 0; k < 3; ++k) vector[k] += x * grid.row(d)[k];
            }
            for (int a = 0; a < 3; ++a) {
                const double y = lattice_.coordinate(a, vector);
                from[a] = corner == 0 ? y : std::min(from[a], y);
                to[a] = corner == 0 ? y : std::max(to[a], y);
            }
        }
        for (int a = 0; a < 3; ++a) {
            if (!repeats(a)) continue;
            range.first[a] = std::ceil(from[a] - 1e-9);
            range.last[a] = std::floor(to[a] + 1e-9);
        }
        return range;
    }

    std::array<std::int64_t, 3> shape_;
    const double* origin_;
    std::array<bool, 3> repeats_{};
    Basis lattice_;
};

// Refuse a job whose widths are so wide for its cells that the images could not be counted out in a lifetime.
template <class Reach>
void check_images(const GridJob& job, const Reach& reach_of_entry) {
    if (job.periodic == nullptr) return;
    constexpr double kMostImages = 1e7;
    for (std::int64_t s = 0; s < job.structures; ++s) {
        const Site site(job, s);
        if (!site.repeats()) continue;
        for (std::int64_t e = job.entry_offsets[s]; e < job.entry_offsets[s + 1]; ++e) {
            const double reach = reach_of_entry(site, e);
            if (reach == 0.0) continue;  // its images are not counted out
            const double images = site.count_candidates(job.positions + 3 * job.entry_atoms[e], reach);
            require(images <= kMostImages, [&] {
                return "entry " + std::to_string(e) + ": more than 10 million periodic images reach the grid; its width " +
                       std::to_string(job.entry_widths[e]) + " A is too large for the cell";
            });
        }
    }
}

}  // namespace particlegrid
