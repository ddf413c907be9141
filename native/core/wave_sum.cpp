#include "wave_sum.hpp"

#include "drawer.hpp"

namespace particlegrid {

namespace {

// The charges of each channel, from the centre of voxel (0, 0, 0).
std::vector<std::vector<WaveCharge>> sort_charges(const CoulombJob& job, std::int64_t structure, const Basis& lattice) {
    std::vector<std::vector<WaveCharge>> sorted(static_cast<std::size_t>(job.channels));
    const double *axes = job.axes + 9 * structure, *origin = job.origins + 3 * structure;
    for (std::int64_t e = job.entry_offsets[structure]; e < job.entry_offsets[structure + 1]; ++e) {
        if (job.entry_weights[e] == 0.0) continue;
        const double* position = job.positions + 3 * job.entry_atoms[e];
        double offset[3];
        for (int k = 0; k < 3; ++k) offset[k] = position[k] - (origin[k] + 0.5 * (axes[k] + axes[3 + k] + axes[6 + k]));
        WaveCharge charge{{}, job.entry_weights[e]};
        for (int a = 0; a < 3; ++a) {
            const double coordinate = lattice.coordinate(a, offset);
            charge.fraction[static_cast<std::size_t>(a)] = coordinate - std::floor(coordinate);
        }
        sorted[static_cast<std::size_t>(job.entry_channels[e])].push_back(charge);
    }
    return sorted;
}

}  // namespace

std::vector<double> weigh_waves(const Basis& lattice, const EwaldSplit& split) {
    const WaveRange& waves = split.waves;
    std::vector<double> weights(static_cast<std::size_t>(waves.elements()), 0.0);
    std::size_t row = 0;
    for (std::int64_t i = -waves.most[0]; i <= waves.most[0]; ++i)
        for (std::int64_t j = -waves.most[1]; j <= waves.most[1]; ++j, row += static_cast<std::size_t>(waves.padded_columns()))
            for (std::int64_t k = 0; k < waves.columns(); ++k) {
                double vector[3] = {0, 0, 0};
                const double m[3] = {static_cast<double>(i), static_cast<double>(j), static_cast<double>(k)};
                for (std::size_t a = 0; a < 3; ++a)
                    for (std::size_t d = 0; d < 3; ++d) vector[d] += kTwoPi * m[a] * lattice.duals[3 * a + d];
                const double square = dot(vector, vector);
                if ((i == 0 && j == 0 && k == 0) || square > split.largest * split.largest) continue;
                weights[row + static_cast<std::size_t>(k)] = (k > 0 ? 4.0 : 2.0) * kTwoPi / lattice.volume *
                                                             std::exp(-square / (4.0 * split.alpha * split.alpha)) / square;
            }
    return weights;
}

WaveSum::WaveSum(const CoulombJob& job, std::int64_t structure, const EwaldSplit& split, const Kernels& kernels)
    : WaveSum(job, structure, split, Basis(job.lattices + 9 * structure),
              weigh_waves(Basis(job.lattices + 9 * structure), split), kernels) {}

WaveSum::WaveSum(const CoulombJob& job, std::int64_t structure, const EwaldSplit& split, const Basis& lattice,
                 const std::vector<double>& weights, const Kernels& kernels)
    : job_(job), phases_(job, structure, split.waves, weights, kernels), channels_(static_cast<std::size_t>(job.channels)) {
    const std::vector<std::vector<WaveCharge>> charges = sort_charges(job, structure, lattice);
    for (std::size_t c = 0; c < channels_.size(); ++c) {
        if (charges[c].empty()) continue;
        double total = 0.0;
        for (const WaveCharge& charge : charges[c]) total += charge.charge;
        channels_[c].background = -0.5 * kTwoPi * total / (lattice.volume * split.alpha * split.alpha);
        WaveFactors sums = sum_structure_factors(charges[c], split.waves, job.threads, kernels);
        for (std::size_t i = 0; i < weights.size(); ++i) {
            sums[i] *= weights[i];
            sums[weights.size() + i] *= weights[i];
        }
        channels_[c].factors = phases_.select(std::move(sums));
    }
}

void WaveSum::paint(std::int64_t channel, std::int64_t x, Scratch& scratch, double* plane) const {
    const Channel& own = channels_[static_cast<std::size_t>(channel)];
    const std::int64_t depth = round_up(job_.shape[2], kRowVoxels);
    for (std::int64_t i = 0; i < job_.shape[1] * depth; ++i) plane[i] += own.background;
    phases_.add({own.factors.data(), {nullptr, nullptr, nullptr}}, x, scratch, plane);
}

}  // namespace particlegrid
