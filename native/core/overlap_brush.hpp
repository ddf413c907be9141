// Spheres' shares of voxels, row by row: made when a slab is prepared, kept for its planes.
#pragma once

#include <algorithm>
#include <vector>

#include "ball_cells.hpp"
#include "sphere_overlap.hpp"

namespace particlegrid {

inline double sphere_volume(double radius) { return 4.0 / 3.0 * 3.14159265358979323846 * radius * radius * radius; }

// What a share of a voxel's volume is multiplied by.
inline double overlap_scale(Per per, double voxel_volume, double radius) {
    switch (per) {
        case Per::atom: return voxel_volume / sphere_volume(radius);
        case Per::volume: return voxel_volume;
        default: return 1.0;
    }
}

template <class T>
class OverlapBrush {
public:
    // The image of one entry. Row y of plane x is rows_[row + (x - first[0]) * count[1] + (y - first[1])].
    struct Stroke {
        std::int64_t first[3], count[3];
        std::int64_t row;
        T whole;  // the value of a voxel that the sphere holds whole
        std::int32_t channel;
    };

    explicit OverlapBrush(const SphereOverlapJob& job) : job_(job) {}

    const std::vector<Stroke>& strokes() const { return strokes_; }

    void prepare(std::int64_t structure, std::int64_t first_plane, std::int64_t last_plane) {
        strokes_.clear();
        rows_.clear();
        values_.clear();
        const Site site(job_, structure);
        cells_.set_grid(site.grid);
        for (std::int64_t e = job_.entry_offsets[structure]; e < job_.entry_offsets[structure + 1]; ++e) {
            if (job_.entry_weights[e] == 0.0) continue;
            site.for_images(job_.positions + 3 * job_.entry_atoms[e], job_.entry_widths[e],
                            [&](const double* index) { add_stroke(e, site, index, first_plane, last_plane); });
        }
    }

    void paint(std::int64_t x, const std::int32_t* numbers, std::int64_t count, T* tile) const {
        for (std::int64_t i = 0; i < count; ++i) {
            const Stroke& stroke = strokes_[static_cast<std::size_t>(numbers[i])];
            const Row* rows = rows_.data() + stroke.row + (x - stroke.first[0]) * stroke.count[1];
            for (std::int64_t y = 0; y < stroke.count[1]; ++y) {
                T* line = tile + (stroke.first[1] + y) * job_.shape[2];
                if (job_.maximum) paint_row(rows[y], line, stroke.whole, [](T& to, T value) { to = std::max(to, value); });
                else paint_row(rows[y], line, stroke.whole, [](T& to, T value) { to += value; });
            }
        }
    }

private:
    // Voxels [first, last) of a row; those of [whole_first, whole_last) are whole, the values of the others stand in values_.
    struct Row {
        std::int32_t first, last, whole_first, whole_last;
        std::int64_t values;
    };

    template <class Combine>
    void paint_row(const Row& row, T* line, T whole, const Combine& combine) const {
        const T* value = values_.data() + row.values;
        for (std::int32_t z = row.first; z < row.whole_first; ++z) combine(line[z], *value++);
        for (std::int32_t z = row.whole_first; z < row.whole_last; ++z) combine(line[z], whole);
        for (std::int32_t z = row.whole_last; z < row.last; ++z) combine(line[z], *value++);
    }

    void add_stroke(std::int64_t e, const Site& site, const double* index, std::int64_t first_plane, std::int64_t last_plane) {
        const double radius = job_.entry_widths[e];
        VoxelIndex first, last;
        const VoxelIndex low{first_plane, 0, 0}, high{last_plane, job_.shape[1], job_.shape[2]};
        if (!find_ball_voxels(site.grid, index, radius, low, high, first, last)) return;
        const double scale = job_.entry_weights[e] * overlap_scale(job_.per, site.grid.volume, radius);
        Stroke stroke;
        stroke.whole = static_cast<T>(scale);
        stroke.channel = static_cast<std::int32_t>(job_.entry_channels[e]);
        stroke.row = static_cast<std::int64_t>(rows_.size());
        for (int d = 0; d < 3; ++d) {
            stroke.first[d] = first[static_cast<std::size_t>(d)];
            stroke.count[d] = last[static_cast<std::size_t>(d)] - stroke.first[d];
        }
        rows_.resize(rows_.size() + static_cast<std::size_t>(stroke.count[0] * stroke.count[1]), Row{0, 0, 0, 0, 0});
        cells_.place(index, radius, first, last);
        cells_.for_rows([&](const BallCells::Row& row) {
            const auto narrow = [](std::int64_t z) { return static_cast<std::int32_t>(z); };
            rows_[static_cast<std::size_t>(stroke.row + (row.x - stroke.first[0]) * stroke.count[1] + (row.y - stroke.first[1]))] = {
                narrow(row.first), narrow(row.last), narrow(row.whole_first), narrow(row.whole_last),
                static_cast<std::int64_t>(values_.size())};
            for (std::int64_t z = row.first; z < row.whole_first; ++z)
                values_.push_back(static_cast<T>(scale * row.shares[z - row.first]));
            for (std::int64_t z = row.whole_last; z < row.last; ++z)
                values_.push_back(static_cast<T>(scale * row.shares[z - row.first]));
        });
        strokes_.push_back(stroke);
    }

    const SphereOverlapJob& job_;
    BallCells cells_;
    std::vector<Stroke> strokes_;
    std::vector<Row> rows_;
    std::vector<T> values_;
};

}  // namespace particlegrid
