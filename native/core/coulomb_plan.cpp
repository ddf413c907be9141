#include "coulomb_plan.hpp"

#include <cmath>
#include <limits>
#include <string>

#include "require.hpp"

namespace particlegrid {

namespace {

void check_coulomb(const CoulombJob& job) {
    constexpr double kLargestCharge = 1e20, kFarthest = 1e9;
    check(job);
    require(job.tol > 0.0 && job.tol < 1.0, [] { return std::string("tol must lie between 0 and 1"); });
    require(job.split >= 0.0 && job.split <= 1e6, [] { return std::string("split must lie between 0 and 1e6 / A"); });
    for (std::int64_t s = 0; s < job.structures; ++s) {
        const int axes = count_periodic(job, s);
        require(axes == 0 || axes == 3, [&] {
            return "structure " + std::to_string(s) + " repeats along " + std::to_string(axes) +
                   " of 3 axes; the sum over charges is made for all or none";
        });
        for (std::int64_t e = job.entry_offsets[s]; e < job.entry_offsets[s + 1]; ++e) {
            require(std::fabs(job.entry_weights[e]) <= kLargestCharge,
                    [&] { return "entry " + std::to_string(e) + ": the charge is larger than 1e20"; });
            double offset[3];
            for (int k = 0; k < 3; ++k) offset[k] = job.positions[3 * job.entry_atoms[e] + k] - job.origins[3 * s + k];
            require(norm(offset) <= kFarthest, [&] {
                return "atom " + std::to_string(job.entry_atoms[e]) + " lies more than 1e9 A from its grid";
            });
        }
    }
}

// The images are listed, so that they must fit into memory.
void check_images(const CoulombJob& job, std::int64_t structure, double reach) {
    constexpr double kMostImages = 1e7;
    const Site site(job, structure);
    double images = 0.0;
    for (std::int64_t e = job.entry_offsets[structure]; e < job.entry_offsets[structure + 1]; ++e)
        images += site.count_candidates(job.positions + 3 * job.entry_atoms[e], reach);
    require(images <= kMostImages, [&] {
        return "structure " + std::to_string(structure) + ": the Ewald sum needs more than 10 million periodic images; "
               "the grid is too large for the cell, or the cell too flat";
    });
}

}  // namespace

int count_periodic(const CoulombJob& job, std::int64_t structure) {
    if (job.periodic == nullptr) return 0;
    const std::uint8_t* flags = job.periodic + 3 * structure;
    return (flags[0] != 0) + (flags[1] != 0) + (flags[2] != 0);
}

std::vector<EwaldSplit> plan_coulomb(const CoulombJob& job) {
    check_coulomb(job);
    std::vector<EwaldSplit> splits(static_cast<std::size_t>(job.structures));
    if (job.channels == 0) return splits;
    for (std::int64_t s = 0; s < job.structures; ++s) {
        EwaldSplit& split = splits[static_cast<std::size_t>(s)];
        split.reach = std::numeric_limits<double>::infinity();
        if (count_periodic(job, s) != 3) continue;
        split = choose_split(job, s);
        check_images(job, s, split.reach);
    }
    return splits;
}

}  // namespace particlegrid
