#include "molecules.hpp"

#include <cmath>
#include <string>

#include "require.hpp"
#include "scratch.hpp"

namespace particlegrid {

std::int64_t draw_molecules(const MoleculeStyle& style, const Molecules& molecules) {
    const std::int64_t n = molecules.structures;
    bool rising = n >= 0 && molecules.offsets[0] == 0 && molecules.offsets[n] == molecules.atoms;
    for (std::int64_t s = 0; s < n; ++s) rising = rising && molecules.offsets[s] <= molecules.offsets[s + 1];
    require(rising, [] { return std::string("offsets must rise from 0 to the number of atoms"); });

    Scratch<std::int64_t> atoms, channels, offsets{0};
    Scratch<double> sigmas, axes(static_cast<std::size_t>(9 * n), 0.0), origins;
    const auto capacity = static_cast<std::size_t>(molecules.atoms);
    atoms.reserve(capacity);
    channels.reserve(capacity);
    sigmas.reserve(capacity);
    offsets.reserve(static_cast<std::size_t>(n + 1));
    origins.reserve(static_cast<std::size_t>(3 * n));
    std::int64_t outside = 0;
    for (std::int64_t s = 0; s < n; ++s) {
        const std::int64_t first = molecules.offsets[s], last = molecules.offsets[s + 1];
        std::array<double, 3> center = style.center, half;
        if (style.on_centroid) {
            center = {0.0, 0.0, 0.0};
            for (std::int64_t i = first; i < last; ++i)
                for (std::size_t d = 0; d < 3; ++d) center[d] += molecules.positions[3 * i + static_cast<std::int64_t>(d)];
            if (last > first)
                for (double& c : center) c /= static_cast<double>(last - first);
        }
        for (std::size_t d = 0; d < 3; ++d) {
            half[d] = 0.5 * (static_cast<double>(style.shape[d]) * style.spacing[d]);
            origins.push_back(center[d] - half[d]);
            axes[static_cast<std::size_t>(9 * s) + 4 * d] = style.spacing[d];
        }
        for (std::int64_t i = first; i < last; ++i) {
            const int number = molecules.numbers[i];
            require(number > 0 && number < kElements, [&] { return "there is no element " + std::to_string(number); });
            const std::int64_t channel = style.channel[static_cast<std::size_t>(number)];
            const double sigma = style.sigma[static_cast<std::size_t>(number)];
            if (channel < -1 || sigma == 0.0) return -1;
            bool inside = true;
            for (std::size_t d = 0; d < 3; ++d)
                inside = inside && !(std::fabs(molecules.positions[3 * i + static_cast<std::int64_t>(d)] - center[d]) > half[d]);
            outside += !inside;
            if (channel < 0) continue;
            atoms.push_back(i);
            channels.push_back(channel);
            sigmas.push_back(sigma);
        }
        offsets.push_back(static_cast<std::int64_t>(atoms.size()));
    }
    const Scratch<double> weights(atoms.size(), 1.0);

    GaussianJob job;
    job.structures = n;
    job.channels = style.channels;
    job.shape = style.shape;
    job.axes = axes.data();
    job.origins = origins.data();
    job.positions = molecules.positions;
    job.atoms = molecules.atoms;
    job.entry_atoms = atoms.data();
    job.entry_channels = channels.data();
    job.entry_weights = weights.data();
    job.entry_widths = sigmas.data();
    job.entries = static_cast<std::int64_t>(atoms.size());
    job.entry_offsets = offsets.data();
    job.out = molecules.out;
    job.output = molecules.output;
    job.strides = molecules.strides;
    job.touched = molecules.touched;
    job.sink = molecules.sink;
    job.threads = molecules.threads;
    job.value = style.value;
    job.cut = style.cut;
    draw_gaussians(job);
    return outside;
}

}  // namespace particlegrid
