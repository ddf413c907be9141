#include "gaussian.hpp"

#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>

#include "dispatch.hpp"
#include "parallel.hpp"
#include "slab_drawer.hpp"

namespace particlegrid {

namespace {

// The message is made only when it is needed: this runs for every entry.
template <class Message>
void require(bool condition, const Message& message) {
    if (!condition) throw std::invalid_argument(message());
}

// Lengths beyond these are no atoms' and would make densities (1 / A^3) overflow single precision.
constexpr double kSmallest = 1e-6, kLargest = 1e6;

void check_entry(const GaussianJob& job, std::int64_t e) {
    const auto named = [&](const char* what, auto value) {
        return "entry " + std::to_string(e) + ": " + what + std::to_string(value);
    };
    const std::int64_t atom = job.entry_atoms[e], channel = job.entry_channels[e];
    const double sigma = job.entry_sigmas[e], weight = job.entry_weights[e];
    require(atom >= 0 && atom < job.atoms, [&] { return named("there is no atom ", atom); });
    require(channel >= 0 && channel < job.channels, [&] { return named("there is no channel ", channel); });
    require(sigma >= kSmallest && sigma <= kLargest,
            [&] { return named("sigma must lie between 1e-6 and 1e6 A, got ", sigma); });
    require(std::isfinite(weight), [&] { return named("the weight must be finite, got ", weight); });
    // an infinite product would turn the zeros that pad a row into NaN, in the tile that the next structure uses
    const double largest = job.output == OutputType::float64 ? 1e300 : 1e38;
    require(std::fabs(weight) * density_scale(job, sigma) <= largest,
            [&] { return named("weight times density overflows the type of the sums; the weight is ", weight); });
    for (int d = 0; d < 3; ++d)
        require(std::isfinite(job.positions[3 * atom + d]), [&] { return named("no finite position of atom ", atom); });
}

void check(const GaussianJob& job) {
    constexpr std::int64_t kLongestAxis = 1 << 20;
    require(job.structures >= 0 && job.channels >= 0, [] { return std::string("counts must not be negative"); });
    for (int d = 0; d < 3; ++d) {
        require(job.shape[d] >= 1 && job.shape[d] <= kLongestAxis,
                [&] { return "axis " + std::to_string(d) + " has " + std::to_string(job.shape[d]) + " voxels"; });
        require(job.spacing[d] >= kSmallest && job.spacing[d] <= kLargest,
                [] { return std::string("spacing must lie between 1e-6 and 1e6 A"); });
    }
    require(job.cut > 0 && job.cut < 100, [] { return std::string("cut must lie between 0 and 100 sigmas"); });
    require(job.threads >= 1 && job.threads <= 1024, [] { return std::string("threads must lie between 1 and 1024"); });
    require(job.entries <= std::numeric_limits<std::int32_t>::max(),
            [] { return std::string("more than 2^31 - 1 entries in one call"); });
    bool rising = job.entry_offsets[0] == 0 && job.entry_offsets[job.structures] == job.entries;
    for (std::int64_t s = 0; s < job.structures; ++s) rising &= job.entry_offsets[s] <= job.entry_offsets[s + 1];
    require(rising, [] { return std::string("entry_offsets must rise from 0 to the number of entries"); });
    for (std::int64_t i = 0; i < 3 * job.structures; ++i)
        require(std::isfinite(job.origins[i]), [] { return std::string("an origin is not finite"); });
    for (std::int64_t e = 0; e < job.entries; ++e) check_entry(job, e);
}

std::int64_t element_bytes(OutputType type) {
    return type == OutputType::float64 ? 8 : type == OutputType::float32 ? 4 : 2;
}

template <class T>
void draw(const GaussianJob& job, const Accumulator<T>& kernels) {
    const std::int64_t bytes = job.structures * job.channels * job.shape[0] * job.shape[1] * job.shape[2] * element_bytes(job.output);
    // below this a reader finds the output in the cache; above, streaming saves reading each line before it is written
    constexpr std::int64_t kCacheBytes = std::int64_t{4} << 20;
    const Slabs slabs(job);
    // threads are worth their start only for more than about 0.3 ms of writing
    const int threads = bytes < (1 << 20) ? 1 : job.threads;
    run_tasks(job.structures * slabs.each, threads,
              [&] { return SlabDrawer<T>(job, slabs, kernels, bytes > kCacheBytes); });
}

}  // namespace

void draw_gaussians(const GaussianJob& job) {
    check(job);
    if (job.structures == 0 || job.channels == 0) return;
    const Kernels& kernels = active_kernels();
    if (job.output == OutputType::float64) draw(job, kernels.twice);
    else draw(job, kernels.single);
}

}  // namespace particlegrid
