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
// cutoff. The sums of two vectors stay in registers over all atoms. At d = 0 the term is infinite, not 0 * inf.
void add_lennard_jones(const PairBlock& block, double* sums) {
    for (std::int64_t v = 0; v < block.voxels; v += kPairVoxels) {
        PairDoubles sum[2] = {};
        PairDoubles voxel[2][3];
        for (int h = 0; h < 2; ++h)
            for (int d = 0; d < 3; ++d)
                voxel[h][d] = *reinterpret_cast<const PairDoubles*>(block.centers[d] + v + h * (kPairVoxels / 2));
        for (std::int64_t i = 0; i < block.count; ++i) {
            const PairAtom& atom = block.atoms[block.numbers[i]];
            for (int h = 0; h < 2; ++h) {
                const PairDoubles x = voxel[h][0] - atom.position[0];
                const PairDoubles y = voxel[h][1] - atom.position[1];
                const PairDoubles z = voxel[h][2] - atom.position[2];
                const PairDoubles d2 = x * x + y * y + z * z;
                const PairDoubles inverse = 1.0 / d2;
                const PairDoubles u = inverse * inverse * inverse;
                const PairDoubles term = u * (atom.c12 * u - atom.c6) - atom.at_cutoff;
                const PairMask inside = d2 < block.cutoff2;
                sum[h] += reinterpret_cast<PairDoubles>(reinterpret_cast<PairMask>(term) & inside);
            }
        }
        for (int h = 0; h < 2; ++h) *reinterpret_cast<PairDoubles*>(sums + v + h * (kPairVoxels / 2)) = sum[h];
    }
}

template <class Out>
void write_block(const BlockOutput& block, const double* sums) {
    char* plane = static_cast<char*>(block.out);
    for (std::int64_t x = 0; x < block.count[0]; ++x, plane += block.strides[0]) {
        char* row = plane;
        for (std::int64_t y = 0; y < block.count[1]; ++y, row += block.strides[1])
            for (std::int64_t z = 0; z < block.count[2]; ++z)
                convert(sums++, reinterpret_cast<Out*>(row + z * block.strides[2]));
    }
}

}  // namespace
}  // namespace particlegrid
