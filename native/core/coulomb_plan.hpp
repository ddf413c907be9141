// What a sum over charges needs before the first voxel: checks, and the split of every crystal's sum.
#pragma once

#include <vector>

#include "coulomb.hpp"
#include "ewald_split.hpp"

namespace particlegrid {

// Along how many of its vectors a structure repeats.
int count_periodic(const CoulombJob& job, std::int64_t structure);

// The split of every structure, which where nothing repeats is a direct sum without end. Throws std::invalid_argument if
// the job is not valid or its sums are too long.
std::vector<EwaldSplit> plan_coulomb(const CoulombJob& job);

}  // namespace particlegrid
