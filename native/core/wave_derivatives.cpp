#include "wave_derivatives.hpp"

#include "dispatch.hpp"
#include "parallel.hpp"
#include "wave_entries.hpp"
#include "wave_moments.hpp"

namespace particlegrid {

namespace {

template <class N>
struct Complex {
    N real = 0.0, imaginary = 0.0;
};

// The gradient by T, and by the lattice through the waves' weights: by the rows it is the duals times `virial`.
template <class N>
struct WaveSums {
    N steps[9] = {}, virial[9] = {};

    void add(const WaveSums& other) {
        for (int i = 0; i < 9; ++i) {
            steps[i] += other.steps[i];
            virial[i] += other.virial[i];
        }
    }
};

// Of one wave, the sums over voxels of g exp(i k r) and of that times the voxel's three indices.
template <class N>
std::array<Complex<N>, 4> take_moments(const WaveFrame<N>& frame, const std::vector<std::vector<double>>& moments,
                                       const std::array<std::int64_t, 3>& m, std::size_t i) {
    const std::size_t size = static_cast<std::size_t>(frame.waves.elements());
    std::array<Complex<N>, 4> taken;
    for (std::size_t n = 0; n < 4; ++n) {
        taken[n] = {moments[n][i], moments[n][size + i]};
        if constexpr (WaveFrame<N>::kChanges)
            for (std::size_t d = 0; d < 3; ++d) {  // times 2 pi i turns of the index
                const std::vector<double>& next = moments[n == 0 ? d + 1 : kSecondMoment[n - 1][d]];
                const double turns = kTwoPi * frame.turn(m, static_cast<int>(d));
                taken[n].real.rate -= turns * next[size + i];
                taken[n].imaginary.rate += turns * next[i];
            }
    }
    return taken;
}

// The sums over waves of one channel; `fields` become the weights times the moments of order 0.
template <class N>
WaveSums<N> sum_waves(const WaveFrame<N>& frame, const typename WaveFrame<N>::Factors& factors,
                      const std::vector<std::vector<double>>& moments, int threads, WaveFields& fields) {
    const std::size_t size = static_cast<std::size_t>(frame.waves.elements());
    const std::int64_t plane_size = frame.waves.elements() / frame.waves.planes();
    std::vector<WaveSums<N>> planes(static_cast<std::size_t>(frame.waves.planes()));
    run_tasks(frame.waves.planes(), threads, [&] {
        return [&](std::int64_t plane) {
            WaveSums<N>& sums = planes[static_cast<std::size_t>(plane)];
            for (std::int64_t element = plane * plane_size; element < (plane + 1) * plane_size; ++element) {
                const std::size_t i = static_cast<std::size_t>(element);
                if (frame.weights[i] == 0.0) continue;
                const std::array<std::int64_t, 3> m = frame.waves.indices(element);
                N wave[3];
                frame.find_wave(m, wave);
                const N fall = frame.find_fall(wave), weight = frame.weigh(i, wave, fall);
                const auto g = take_moments(frame, moments, m, i);
                const N real = weight * factors.at(i), imaginary = weight * factors.at(size + i);
                const N share = real * g[0].real - imaginary * g[0].imaginary;  // of the sum of g values
                for (int k = 0; k < 3; ++k) {
                    for (int l = 0; l < 3; ++l) sums.virial[3 * k + l] += share * (N(2.0) * fall * wave[k] * wave[l]);
                    sums.virial[4 * k] += N(-1.0) * share;
                }
                for (std::size_t e = 0; e < 3; ++e) {
                    const N turned = real * g[e + 1].imaginary + imaginary * g[e + 1].real;
                    for (std::size_t a = 0; a < 3; ++a)
                        sums.steps[3 * e + a] += N(-kTwoPi * static_cast<double>(m[a])) * turned;
                }
                const N parts[2] = {weight * g[0].real, weight * g[0].imaginary};
                for (std::size_t part = 0; part < 2; ++part) {
                    fields.value[part * size + i] = value_of(parts[part]);
                    if constexpr (WaveFrame<N>::kChanges) fields.change[part * size + i] = parts[part].rate;
                }
            }
        };
    });
    WaveSums<N> total;
    for (const WaveSums<N>& plane : planes) total.add(plane);
    return total;
}

// What a gradient is made of: itself where there is no direction, else its change along it.
double result_of(double x) { return x; }
double result_of(const Dual& x) { return x.rate; }

// From gradients by F, T and w to those by what they are made of.
template <class N>
class WaveGradient {
public:
    WaveGradient(const CoulombJob& job, std::int64_t structure, const WaveFrame<N>& frame, const Gradient& gradient)
        : job_(job), structure_(structure), frame_(frame), gradient_(gradient) {}

    void add_entry(const typename WaveFrame<N>::Entry& entry, const EntrySums<N>& sums) {
        gradient_.weights[entry.number] += result_of(sums.potential);
        double* position = gradient_.positions + 3 * job_.entry_atoms[entry.number];
        for (int k = 0; k < 3; ++k) {
            N slope = 0.0;
            for (int a = 0; a < 3; ++a) {
                slope += sums.fraction[a] * frame_.duals[3 * a + k];
                duals_[3 * a + k] += sums.fraction[a] * entry.place[k];
            }
            place_[k] += slope;
            position[k] += result_of(slope);
        }
    }

    void add(const WaveSums<N>& sums) { sums_.add(sums); }

    void finish() {
        N from_steps[9], moved[9], rows[9];
        multiply<true>(sums_.steps, frame_.axes, from_steps);
        for (int i = 0; i < 9; ++i) duals_[i] += from_steps[i];
        multiply_around(frame_.duals, duals_, moved);
        multiply<false>(frame_.duals, sums_.virial, rows);
        for (int i = 0; i < 9; ++i) gradient_.lattices[9 * structure_ + i] += result_of(rows[i] - moved[i]);
        for (int k = 0; k < 3; ++k) gradient_.origins[3 * structure_ + k] -= result_of(place_[k]);
        if (gradient_.axes == nullptr) return;
        N axes[9];
        multiply<false>(sums_.steps, frame_.duals, axes);
        for (int i = 0; i < 9; ++i)
            gradient_.axes[9 * structure_ + i] += result_of(axes[i]) - 0.5 * result_of(place_[i % 3]);
    }

private:
    const CoulombJob& job_;
    const std::int64_t structure_;
    const WaveFrame<N>& frame_;
    const Gradient gradient_;
    WaveSums<N> sums_;
    N duals_[9] = {}, place_[3] = {};  // gradients by the duals as far as F and T have them, and by all places together
};

template <class N>
void pull_back(const CoulombJob& job, std::int64_t structure, const EwaldSplit& split, const Gradient& gradient,
               const Direction* direction) {
    const Kernels& kernels = active_kernels();
    const WaveFrame<N> frame(job, structure, split, direction);
    const WaveMoments all(job, structure, split.waves, frame.weights, WaveFrame<N>::kChanges ? 2 : 1, kernels);
    WaveGradient<N> sums(job, structure, frame, gradient);
    const std::size_t size = static_cast<std::size_t>(2 * split.waves.elements());
    for (std::int64_t c = 0; c < job.channels; ++c) {
        const auto& entries = frame.channels[static_cast<std::size_t>(c)];
        if (entries.empty()) continue;
        WaveFields fields{std::vector<double>(size, 0.0), std::vector<double>(WaveFrame<N>::kChanges ? size : 0, 0.0)};
        sums.add(sum_waves(frame, frame.sum_factors(entries, kernels), all.sum(c), job.threads, fields));
        const std::vector<EntrySums<N>> slopes = sum_entries(frame, entries, fields, job.threads, kernels);
        for (std::size_t n = 0; n < entries.size(); ++n) sums.add_entry(entries[n], slopes[n]);
    }
    sums.finish();
}

}  // namespace

void pull_back_waves(const CoulombJob& job, std::int64_t structure, const EwaldSplit& split, const Gradient& gradient,
                     const Direction* direction) {
    if (direction == nullptr) pull_back<double>(job, structure, split, gradient, nullptr);
    else pull_back<Dual>(job, structure, split, gradient, direction);
}

WaveDrift::WaveDrift(const CoulombJob& job, std::int64_t structure, const EwaldSplit& split, const Direction& direction,
                     const Kernels& kernels)
    : WaveDrift(job, structure, WaveFrame<Dual>(job, structure, split, &direction), kernels) {}

WaveDrift::WaveDrift(const CoulombJob& job, std::int64_t structure, const WaveFrame<Dual>& frame, const Kernels& kernels)
    : phases_(job, structure, frame.waves, frame.weights, kernels), channels_(static_cast<std::size_t>(job.channels)) {
    const std::size_t size = static_cast<std::size_t>(frame.waves.elements());
    for (std::size_t c = 0; c < channels_.size(); ++c) {
        if (frame.channels[c].empty()) continue;
        const auto factors = frame.sum_factors(frame.channels[c], kernels);
        std::array<WaveFactors, 4> drift;
        for (WaveFactors& part : drift) part.assign(2 * size, 0.0);
        for (std::size_t i = 0; i < size; ++i) {
            if (frame.weights[i] == 0.0) continue;
            const std::array<std::int64_t, 3> m = frame.waves.indices(static_cast<std::int64_t>(i));
            Dual wave[3];
            frame.find_wave(m, wave);
            const Dual weight = frame.weigh(i, wave, frame.find_fall(wave));
            const Dual real = weight * factors.at(i), imaginary = weight * factors.at(size + i);
            drift[0][i] = real.rate;
            drift[0][size + i] = imaginary.rate;
            for (std::size_t e = 0; e < 3; ++e) {  // times 2 pi i turns of the index
                const double turns = kTwoPi * frame.turn(m, static_cast<int>(e));
                drift[e + 1][i] = -turns * imaginary.value;
                drift[e + 1][size + i] = turns * real.value;
            }
        }
        for (std::size_t n = 0; n < 4; ++n) channels_[c][n] = phases_.select(std::move(drift[n]));
    }
}

void WaveDrift::add(std::int64_t channel, std::int64_t x, WavePhases::Scratch& scratch, double* plane) const {
    const std::array<WaveFactors, 4>& own = channels_[static_cast<std::size_t>(channel)];
    if (own[0].empty()) return;
    phases_.add({own[0].data(), {own[1].data(), own[2].data(), own[3].data()}}, x, scratch, plane);
}

}  // namespace particlegrid
