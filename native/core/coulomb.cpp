#include "coulomb.hpp"

#include <optional>
#include <vector>

#include "charge_brush.hpp"
#include "coulomb_plan.hpp"
#include "drawer.hpp"

namespace particlegrid {

namespace {

// One structure of a checked job, as a job of its own.
CoulombJob pick(const CoulombJob& job, std::int64_t structure) {
    CoulombJob one = job;
    one.structures = 1;
    one.axes += 9 * structure;
    one.origins += 3 * structure;
    one.entry_offsets += structure;
    if (count_periodic(job, structure) == 3) {
        one.lattices += 9 * structure;
        one.periodic += 3 * structure;
    } else {
        one.lattices = nullptr;
        one.periodic = nullptr;
    }
    one.out = static_cast<char*>(job.out) + structure * job.strides[0];
    if (job.touched != nullptr) one.touched += structure * job.channels * job.shape[0];
    return one;
}

void draw_one(const CoulombJob& job, const EwaldSplit& split) {
    const Kernels& kernels = active_kernels();
    std::optional<WaveSum> waves;
    if (job.periodic != nullptr) waves.emplace(job, 0, split, kernels);
    const auto draw = [&]<class T>(const Writer<T>& writer) {
        draw_slabs<T>(job, writer, [&] { return ChargeBrush<T>(job, split, waves ? &*waves : nullptr, kernels); });
    };
    if (job.output == OutputType::float64) draw(kernels.twice);
    else draw(kernels.single);
}

}  // namespace

void draw_coulomb(const CoulombJob& job) {
    const std::vector<EwaldSplit> splits = plan_coulomb(job);
    if (job.channels == 0) return;
    for (std::int64_t s = 0; s < job.structures; ++s) draw_one(pick(job, s), splits[static_cast<std::size_t>(s)]);
}

}  // namespace particlegrid
