// Sums over the atoms near a block of voxels.
// Part of kernels.cpp, which is compiled once for each instruction set; nothing here has external linkage.
#pragma once

#include "kernels/formats.hpp"
#include "kernels/vectors.hpp"

namespace particlegrid {
namespace {

using PairDoubles = VectorOf<double>::type;
typedef std::int64_t PairMask __attribute__((vector_size(kRowBytes)));

std::int64_t find_near(const NearQuery& query, std::int32_t* numbers) {
    constexpr std::int64_t kLanes = kRowBytes / static_cast<std::int64_t>(sizeof(double));
    std::int64_t found = 0;
    for (std::int64_t i = query.first; i < query.last; i += kLanes) {
        PairDoubles distance2{};
        for (int d = 0; d < 3; ++d) {
            PairDoubles gap = *reinterpret_cast<const PairDoubles*>(query.positions[d] + i) - query.center[d];
            gap = (gap < 0.0 ? -gap : gap) - query.half[d];
            gap = gap > 0.0 ? gap : PairDoubles{};
            distance2 += gap * gap;
        }
        const PairMask near = distance2 < query.reach2;
        for (int k = 0; k < kLanes; ++k) {
            numbers[found] = static_cast<std::int32_t>(i + k);
            found += (near[k] != 0) & (i + k < query.last);
        }
    }
    return found;
}

// In double: float32 terms lose 6e-8 of a repulsion that all but cancels the attraction, and misplace atoms at the
// cutoff. The sums of four rows stay in registers over all atoms; what the voxels of a row share is worked out for four
// rows at once. At d = 0 the term is infinite, not 0 * inf.
void add_lennard_jones(const PairBlock& block, double* sums) {
    constexpr std::int64_t kRows = 4;
    static_assert(kRowVoxels == kRows && sizeof(PairDoubles) == kRows * sizeof(double));
    for (std::int64_t r = 0; r < block.rows; r += kRows) {
        const PairDoubles row_y = *reinterpret_cast<const PairDoubles*>(block.y + r);
        const PairDoubles row_z = *reinterpret_cast<const PairDoubles*>(block.z + r);
        const PairDoubles* row_x = reinterpret_cast<const PairDoubles*>(block.x + r * kRowVoxels);
        PairDoubles sum[kRows] = {};
        for (std::int64_t i = 0; i < block.count; ++i) {
            const PairAtom& atom = block.atoms[block.numbers[i]];
            const PairDoubles y = row_y - atom.position[1], z = row_z - atom.position[2];
            const PairDoubles across = y * y + z * z;
            const PairDoubles of_row[kRows] = {
                __builtin_shufflevector(across, across, 0, 0, 0, 0), __builtin_shufflevector(across, across, 1, 1, 1, 1),
                __builtin_shufflevector(across, across, 2, 2, 2, 2), __builtin_shufflevector(across, across, 3, 3, 3, 3)};
            for (int h = 0; h < kRows; ++h) {
                const PairDoubles x = row_x[h] - atom.position[0];
                const PairDoubles d2 = x * x + of_row[h];
                const PairDoubles inverse = 1.0 / d2;
                const PairDoubles u = inverse * inverse * inverse;
                const PairDoubles term = u * (atom.c12 * u - atom.c6) - atom.at_cutoff;
                const PairMask inside = d2 < block.cutoff2;
                sum[h] += reinterpret_cast<PairDoubles>(reinterpret_cast<PairMask>(term) & inside);
            }
        }
        for (int h = 0; h < kRows; ++h) *reinterpret_cast<PairDoubles*>(sums + (r + h) * kRowVoxels) = sum[h];
    }
}

template <class Out>
void write_block(const BlockOutput& block, const double* sums) {
    const std::int64_t padded = (block.count[2] + kRowVoxels - 1) / kRowVoxels * kRowVoxels;
    char* plane = static_cast<char*>(block.out);
    for (std::int64_t x = 0; x < block.count[0]; ++x, plane += block.strides[0]) {
        char* line = plane;
        for (std::int64_t y = 0; y < block.count[1]; ++y, line += block.strides[1], sums += padded)
            for (std::int64_t z = 0; z < block.count[2]; ++z)
                convert(sums + z, reinterpret_cast<Out*>(line + z * block.strides[2]));
    }
}

}  // namespace
}  // namespace particlegrid
