#include "radial_winners.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include "radial_support.hpp"
#include "scratch.hpp"

namespace particlegrid {

void Winners::count_images(const RadialJob& job) {
    first_.resize(static_cast<std::size_t>(job.entries));
    for (std::int64_t s = 0; s < job.structures; ++s) {
        const Site site(job, s);
        std::int64_t count = 0;
        for (std::int64_t e = job.entry_offsets[s]; e < job.entry_offsets[s + 1]; ++e) {
            first_[static_cast<std::size_t>(e)] = count;
            for_entry_images(job, site, e, support_radius(job, job.entry_widths[e]), [&](const Image&, const double*) { ++count; });
        }
        require(count <= std::numeric_limits<std::int32_t>::max(),
                [&] { return "structure " + std::to_string(s) + ": more than 2^31 - 1 periodic images reach the grid"; });
    }
}

Winners::Winners(const RadialJob& job) {
    if (!job.form.maximum || job.structures == 0 || job.channels == 0) return;
    count_images(job);
    const std::int64_t plane = job.shape[1] * job.shape[2];
    const std::int64_t voxels = job.structures * job.channels * count_voxels(job);
    const std::size_t bytes = static_cast<std::size_t>(voxels + kRowBytes) * sizeof(std::int32_t);
    numbers_ = std::unique_ptr<std::int32_t, GiveBack>(static_cast<std::int32_t*>(take_block(bytes)), GiveBack{bytes});
    const Slabs slabs(job, 8);
    run_tasks(job.structures * slabs.each, job.threads, [&] {
        return [&, best = Scratch<double>()](std::int64_t task) mutable {
            const std::int64_t s = task / slabs.each, first = task % slabs.each * slabs.thickness;
            const std::int64_t last = std::min(first + slabs.thickness, job.shape[0]);
            const Site site(job, s);
            const RowFrame frame = find_frame(site.grid);
            const auto contend = [&](std::int64_t e, std::int32_t* winners) {
                RadialStroke stroke{};
                const double radius = support_radius(job, job.entry_widths[e]);
                stroke.radius2 = radius * radius;
                stroke.width = job.entry_widths[e];
                stroke.weight = job.entry_weights[e];
                for_entry_images(job, site, e, radius, [&](const Image& image, const double*) {
                    if (!enclose_sphere(site.grid, job.shape, image.index, stroke)) return;
                    cut_planes(first, last, stroke);
                    const RadialImage marked{&stroke, &frame, &job.form, job.shape[1], job.shape[2], nullptr, number_of(image)};
                    active_kernels().radial.contend(marked, {first, best.data(), winners});
                });
            };
            const std::int64_t* channels = job.entry_channels;
            const std::int64_t *from = channels + job.entry_offsets[s], *to = channels + job.entry_offsets[s + 1];
            best.resize(static_cast<std::size_t>((last - first) * plane));
            for (std::int64_t c = 0; c < job.channels; ++c) {
                const std::int64_t* entry = std::find(from, to, c);
                if (entry == to) continue;
                std::memset(best.data(), 0xff, best.size() * sizeof(double));  // no numbers
                std::int32_t* winners = numbers_.get() + ((s * job.channels + c) * job.shape[0] + first) * plane;
                for (; entry != to; entry = std::find(entry + 1, to, c)) contend(entry - channels, winners);
            }
        };
    });
}

}  // namespace particlegrid
