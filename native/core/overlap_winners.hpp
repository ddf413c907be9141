// Which image gives a voxel its value where the largest counts.
#pragma once

#include <cstdint>
#include <vector>

#include "differentiate.hpp"
#include "overlap_brush.hpp"

namespace particlegrid {

// An image by its entry and its place among the entry's images; entry -1 is none.
struct Winner {
    std::int32_t entry = -1, number = 0;

    bool operator==(const Winner&) const = default;
};

// Numbers an entry's images as they are visited.
class ImageCounter {
public:
    Winner name(std::int64_t entry) {
        const std::int32_t e = static_cast<std::int32_t>(entry);
        last_ = e == last_.entry ? Winner{e, last_.number + 1} : Winner{e, 0};
        return last_;
    }

private:
    Winner last_;
};

// Of every voxel of job.out, in order; empty unless the largest counts.
inline std::vector<Winner> find_winners(const SphereOverlapJob& job) {
    std::vector<Winner> winners;
    if (!job.maximum || job.structures == 0 || job.channels == 0) return winners;
    const std::int64_t voxels = count_voxels(job), plane = job.shape[1] * job.shape[2];
    winners.resize(static_cast<std::size_t>(job.structures * job.channels * voxels));
    const Slabs slabs(job, 8);
    run_tasks(job.structures * slabs.each, job.threads, [&] {
        return [&, cells = BallCells(), best = std::vector<double>()](std::int64_t task) mutable {
            const std::int64_t structure = task / slabs.each, low = task % slabs.each * slabs.thickness;
            const std::int64_t high = std::min(low + slabs.thickness, job.shape[0]);
            const Site site(job, structure);
            cells.set_grid(site.grid);
            best.assign(static_cast<std::size_t>(job.channels * (high - low) * plane), 0.0);
            ImageCounter counter;
            for (std::int64_t e = job.entry_offsets[structure]; e < job.entry_offsets[structure + 1]; ++e) {
                if (job.entry_weights[e] <= 0.0) continue;
                const double scale = job.entry_weights[e] * overlap_scale(job.per, site.grid.volume, job.entry_widths[e]);
                for_entry_images(job, site, e, job.entry_widths[e], [&](const Image& image, const double*) {
                    const Winner candidate = counter.name(e);
                    VoxelIndex first, last;
                    if (!find_ball_voxels(site.grid, image.index, image.width, {low, 0, 0},
                                          {high, job.shape[1], job.shape[2]}, first, last))
                        return;
                    cells.place(image.index, image.width, first, last);
                    // shares are known to this: who is ahead by less is not ahead
                    const double rounding = scale * 4e-14 * std::max(1.0, std::pow(image.width, 3) / site.grid.volume);
                    cells.for_rows([&](const BallCells::Row& row) {
                        const std::int64_t at = (row.x - low) * plane + row.y * job.shape[2];
                        double* const values = best.data() + image.channel * (high - low) * plane + at;
                        Winner* const owners =
                            winners.data() + (structure * job.channels + image.channel) * voxels + low * plane + at;
                        for (std::int64_t z = row.first; z < row.last; ++z) {
                            const double value = scale * row.shares[z - row.first];
                            if (value <= values[z] + (owners[z].entry < 0 ? 0.0 : rounding)) continue;
                            values[z] = value;
                            owners[z] = candidate;
                        }
                    });
                });
            }
        };
    });
    return winners;
}

}  // namespace particlegrid
