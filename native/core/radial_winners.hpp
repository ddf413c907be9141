// Which image gives each voxel its value where the largest counts.
#pragma once

#include <memory>
#include <vector>

#include "differentiate.hpp"
#include "memory.hpp"
#include "radial.hpp"

namespace particlegrid {

// The image with the largest value above 0 of each voxel; among equals that of the lowest entry, and of those the
// first. Found once for a call, for all threads.
class Winners {
public:
    // None unless job.form.maximum. The job is a checked one.
    explicit Winners(const RadialJob& job);

    // Makes an image count only where it won.
    void mark(const GridJob& job, std::int64_t structure, const Image& image, RadialImage& to) const {
        if (numbers_ == nullptr) return;
        to.winners = numbers_.get() + (structure * job.channels + image.channel) * count_voxels(job);
        to.number = number_of(image);
    }

private:
    std::int32_t number_of(const Image& image) const {
        return static_cast<std::int32_t>(first_[static_cast<std::size_t>(image.entry)] + image.number);
    }
    void count_images(const RadialJob& job);

    struct GiveBack {
        std::size_t bytes;
        void operator()(std::int32_t* block) const { give_block(block, bytes); }
    };

    std::vector<std::int64_t> first_;  // of each entry, the number of its first image within the structure
    // (structures, channels, x, y, z); -1: nothing above 0; any outside all supports, which nobody reads. Memory as for
    // results, since it is as large.
    std::unique_ptr<std::int32_t, GiveBack> numbers_{nullptr, GiveBack{0}};
};

}  // namespace particlegrid
