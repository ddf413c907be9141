// Derivatives of the part of an Ewald sum over wave vectors, and of its background.
#pragma once

#include "wave_frame.hpp"

namespace particlegrid {

// Add the gradient of sum(g values), g = job.out, of one structure of a checked job all of whose vectors repeat; or, with a
// direction (else null), that of sum(g changes along it).
void pull_back_waves(const CoulombJob& job, std::int64_t structure, const EwaldSplit& split, const Gradient& gradient,
                     const Direction* direction);

// How the sum changes along a direction.
class WaveDrift {
public:
    WaveDrift(const CoulombJob& job, std::int64_t structure, const EwaldSplit& split, const Direction& direction,
              const Kernels& kernels);

    // Add the change to plane x of a channel, in rows padded to a multiple of kRowBytes.
    void add(std::int64_t channel, std::int64_t x, WavePhases::Scratch& scratch, double* plane) const;

private:
    WaveDrift(const CoulombJob& job, std::int64_t structure, const WaveFrame<Dual>& frame, const Kernels& kernels);

    WavePhases phases_;
    std::vector<std::array<WaveFactors, 4>> channels_;  // empty where a channel has no entries
};

}  // namespace particlegrid
