// fuzz_lennard_jones [calls] [seed]: random energy grids against sums in double over every image, and random invalid
// jobs, which must be refused before anything is written. A call that fails prints the seed that repeats it alone:
// fuzz_lennard_jones 1 SEED.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "check.hpp"
#include "dispatch.hpp"
#include "lattice.hpp"
#include "lennard_jones.hpp"

using namespace particlegrid;

namespace {

constexpr unsigned char kGuard = 0x7f;
constexpr std::size_t kMargin = 64;

// A job that owns its arrays.
struct Energies {
    LennardJonesJob job;
    std::vector<double> axes, origins, lattices, positions, weights, widths;
    std::vector<std::uint8_t> periodic;
    std::vector<std::int64_t> atoms, channels, offsets{0};
    std::vector<unsigned char> memory;

    explicit Energies(std::mt19937_64& random) {
        const auto whole = [&](std::int64_t low, std::int64_t high) {
            return std::uniform_int_distribution<std::int64_t>(low, high)(random);
        };
        const auto real = [&](double low, double high) { return std::uniform_real_distribution<double>(low, high)(random); };
        const auto matrix = [&](double size, std::vector<double>& to) {
            double rows[9];
            do {
                for (int k = 0; k < 9; ++k) rows[k] = size * ((k % 4 == 0 ? 1.0 : 0.0) + real(-0.6, 0.6));
            } while (std::fabs(determinant(rows)) < 0.2 * size * size * size);
            if (whole(0, 1) == 0)
                for (int k = 0; k < 9; ++k) rows[k] = k % 4 == 0 ? size : 0.0;
            to.insert(to.end(), rows, rows + 9);
        };
        job.structures = whole(0, 3);
        job.channels = whole(1, 3);
        std::int64_t left = whole(0, 30) == 0 ? 4000 : 120;
        for (std::size_t d = 0; d < 3; ++d) {
            job.shape[d] = whole(1, std::min<std::int64_t>(left, 21));
            left = std::max<std::int64_t>(1, left / job.shape[d]);
        }
        job.cutoff = real(1.5, 6.0);
        job.probe_width = real(1.0, 4.0);
        job.shift = whole(0, 1) == 1;
        job.threads = static_cast<int>(whole(1, 3));
        const bool crystals = whole(0, 2) != 0;
        for (std::int64_t s = 0; s < job.structures; ++s) {
            matrix(std::exp(real(std::log(0.1), std::log(whole(0, 9) == 0 ? 30.0 : 1.5))), axes);
            for (int d = 0; d < 3; ++d) origins.push_back(whole(0, 3) ? real(-9, 9) : 0.0);
            matrix(real(2.5, 9.0), lattices);
            for (int d = 0; d < 3; ++d) periodic.push_back(crystals && whole(0, 2) != 0);
            const std::int64_t entries = whole(0, 3) ? whole(1, 5) : 0;
            for (std::int64_t e = 0; e < entries; ++e) {
                atoms.push_back(static_cast<std::int64_t>(positions.size() / 3));
                const double far = whole(0, 9) == 0 ? 300.0 : 9.0;
                for (int d = 0; d < 3; ++d) positions.push_back(whole(0, 9) ? real(-far, far) : 0.25 * static_cast<double>(whole(-8, 8)));
                channels.push_back(whole(0, job.channels - 1));
                weights.push_back(whole(0, 9) == 0 ? 0.0 : real(-0.3, 1.0));
                widths.push_back(real(1.0, 4.0));
            }
            offsets.push_back(static_cast<std::int64_t>(atoms.size()));
        }
        const OutputType types[] = {OutputType::float16, OutputType::float32, OutputType::float64, OutputType::bfloat16};
        job.output = types[whole(0, 3)];
        lay_out(whole(0, 2) == 0, whole(0, 3) == 0);
        point();
    }

    std::size_t unit() const { return job.output == OutputType::float64 ? 8 : job.output == OutputType::float32 ? 4 : 2; }

    // Axes in order, or channels last; with gaps or without.
    void lay_out(bool channels_last, bool gaps) {
        const std::array<std::int64_t, 5> extents{job.structures, job.channels, job.shape[0], job.shape[1], job.shape[2]};
        std::array<std::size_t, 5> order{4, 3, 2, 1, 0};
        if (channels_last) order = {1, 4, 3, 2, 0};
        std::ptrdiff_t step = static_cast<std::ptrdiff_t>(unit()) * (gaps ? 2 : 1);
        for (const std::size_t d : order) {
            job.strides[d] = step;
            step *= extents[d];
        }
        memory.assign(static_cast<std::size_t>(step) + 2 * kMargin, kGuard);
    }

    void point() {
        job.axes = axes.data();
        job.origins = origins.data();
        job.lattices = lattices.data();
        job.periodic = periodic.data();
        job.positions = positions.data();
        job.atoms = static_cast<std::int64_t>(positions.size() / 3);
        job.entry_atoms = atoms.data();
        job.entry_channels = channels.data();
        job.entry_weights = weights.data();
        job.entry_widths = widths.data();
        job.entries = static_cast<std::int64_t>(atoms.size());
        job.entry_offsets = offsets.data();
        job.out = memory.data() + kMargin;
    }

    std::size_t byte_of(std::int64_t s, std::int64_t c, std::int64_t x, std::int64_t y, std::int64_t z) const {
        const std::ptrdiff_t at = s * job.strides[0] + c * job.strides[1] + x * job.strides[2] + y * job.strides[3] + z * job.strides[4];
        return kMargin + static_cast<std::size_t>(at);
    }

    double read(std::size_t byte) const {
        double twice;
        float single;
        std::uint16_t bits;
        const unsigned char* from = memory.data() + byte;
        switch (job.output) {
            case OutputType::float64: std::memcpy(&twice, from, 8); return twice;
            case OutputType::float32: std::memcpy(&single, from, 4); return static_cast<double>(single);
            default: std::memcpy(&bits, from, 2);
        }
        if (job.output == OutputType::bfloat16) {
            const std::uint32_t wide = std::uint32_t{bits} << 16;
            std::memcpy(&single, &wide, 4);
            return static_cast<double>(single);
        }
        const int exponent = (bits >> 10) & 31, fraction = bits & 1023;
        const double magnitude = exponent == 31  ? (fraction ? NAN : INFINITY)
                                 : exponent == 0 ? std::ldexp(fraction, -24)
                                                 : std::ldexp(1024 + fraction, exponent - 25);
        return bits & 0x8000 ? -magnitude : magnitude;
    }
};

// What a voxel must hold, and what rounding may change.
struct Expected {
    double value = 0.0, bound = 0.0;
    bool positive = false, negative = false;  // an atom of that sign at the voxel
};

Expected sum(const Energies& e, std::int64_t s, std::int64_t c, const double* point) {
    Expected expected;
    const LennardJonesJob& job = e.job;
    const double* rows = job.lattices + 9 * s;
    const Basis lattice(rows);
    for (std::int64_t n = job.entry_offsets[s]; n < job.entry_offsets[s + 1]; ++n) {
        if (job.entry_channels[n] != c || job.entry_weights[n] == 0.0) continue;
        double gap[3];
        for (int d = 0; d < 3; ++d) gap[d] = point[d] - job.positions[3 * job.entry_atoms[n] + d];
        const double rounding = 1e-15 * (norm(gap) + norm(point) + norm(job.positions + 3 * job.entry_atoms[n]));
        double low[3] = {0, 0, 0}, high[3] = {0, 0, 0};
        for (int a = 0; a < 3; ++a) {
            if (!job.periodic[3 * s + a]) continue;
            const double middle = lattice.coordinate(a, gap), width = job.cutoff / lattice.plane_spacing[static_cast<std::size_t>(a)];
            low[a] = std::floor(middle - width);
            high[a] = std::ceil(middle + width);
        }
        const double width = 0.5 * (job.entry_widths[n] + job.probe_width);
        const double at_cutoff = job.shift ? std::pow(width / job.cutoff, 12) - std::pow(width / job.cutoff, 6) : 0.0;
        for (double i = low[0]; i <= high[0]; ++i)
            for (double j = low[1]; j <= high[1]; ++j)
                for (double k = low[2]; k <= high[2]; ++k) {
                    double v[3];
                    for (int d = 0; d < 3; ++d) v[d] = gap[d] - i * rows[d] - j * rows[3 + d] - k * rows[6 + d];
                    const double distance = norm(v);
                    if (distance < 1e-9) (job.entry_weights[n] > 0 ? expected.positive : expected.negative) = true;
                    const double x6 = std::pow(width / distance, 6);
                    const double term = job.entry_weights[n] * (x6 * x6 - x6 - at_cutoff);
                    const bool edge = std::fabs(distance - job.cutoff) < 1e-9 * job.cutoff;
                    if (distance < job.cutoff) expected.value += term;
                    if (distance < job.cutoff || edge)
                        expected.bound += edge ? 1.1 * std::fabs(term)
                                               : std::fabs(job.entry_weights[n]) * (x6 * x6 + x6) * (1e-12 + 100.0 * rounding / distance);
                }
    }
    return expected;
}

std::string compare(const Energies& e) {
    const LennardJonesJob& job = e.job;
    const OutputType type = job.output;
    const double rounding = type == OutputType::float64 ? 1e-15 : type == OutputType::float32 ? 6e-8 : type == OutputType::float16 ? 5e-4 : 4e-3;
    const double smallest = type == OutputType::float64 ? 1e-300 : type == OutputType::float16 ? 6e-8 : 1e-38;
    const double largest = type == OutputType::float64 ? 1e300 : type == OutputType::float16 ? 65504.0 : 3e38;
    std::vector<bool> element(e.memory.size());
    for (std::int64_t s = 0; s < job.structures; ++s)
        for (std::int64_t c = 0; c < job.channels; ++c)
            for (std::int64_t x = 0; x < job.shape[0]; ++x)
                for (std::int64_t y = 0; y < job.shape[1]; ++y)
                    for (std::int64_t z = 0; z < job.shape[2]; ++z) {
                        const double index[3] = {static_cast<double>(x) + 0.5, static_cast<double>(y) + 0.5, static_cast<double>(z) + 0.5};
                        double point[3];
                        for (int d = 0; d < 3; ++d) {
                            point[d] = job.origins[3 * s + d];
                            for (int a = 0; a < 3; ++a) point[d] += index[a] * job.axes[9 * s + 3 * a + d];
                        }
                        const Expected expected = sum(e, s, c, point);
                        const std::size_t at = e.byte_of(s, c, x, y, z);
                        for (std::size_t b = 0; b < e.unit(); ++b) element[at + b] = true;
                        const double got = e.read(at);
                        if (expected.positive && expected.negative) continue;
                        const bool beyond = std::fabs(expected.value) + expected.bound > largest || expected.positive || expected.negative;
                        const double bound = expected.bound + rounding * std::fabs(expected.value) + smallest;
                        const bool right = beyond ? std::fabs(got) >= 0.99 * largest * (1.0 - 1e-3) || std::fabs(got - expected.value) <= bound
                                                  : std::fabs(got - expected.value) <= bound;
                        if (!right) {
                            char text[200];
                            std::snprintf(text, sizeof text, "(%d, %d, %d, %d, %d) is %.17g, expected %.17g within %.3g", int(s), int(c),
                                          int(x), int(y), int(z), got, expected.value, bound);
                            return text;
                        }
                    }
    for (std::size_t b = 0; b < e.memory.size(); ++b)
        if (!element[b] && e.memory[b] != kGuard) return "a byte outside the output was written";
    return "";
}

// Break one thing of a job that has entries.
void damage(Energies& e, std::mt19937_64& random) {
    const auto pick = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random); };
    const double bad[] = {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(), 0.0, -1.0, 1e7};
    const std::int64_t far = static_cast<std::int64_t>(random());  // any 64 bits
    const auto outside = [&](std::int64_t n) { return far >= 0 && far < n ? n : far; };
    switch (pick(12)) {
        case 0: e.atoms[pick(e.atoms.size())] = outside(e.job.atoms); break;
        case 1: e.channels[pick(e.channels.size())] = outside(e.job.channels); break;
        case 2: e.widths[pick(e.widths.size())] = bad[pick(5)]; break;
        case 3: e.weights[pick(e.weights.size())] = pick(2) ? bad[pick(2)] : 1e307; break;
        case 4: e.positions[3 * static_cast<std::size_t>(e.atoms[pick(e.atoms.size())]) + pick(3)] = bad[pick(2)]; break;
        case 5: e.origins[pick(e.origins.size())] = bad[pick(2)]; break;
        case 6: e.offsets[pick(2) ? 0 : e.offsets.size() - 1] += pick(2) ? 1 : -1; break;
        case 7: e.job.shape[pick(3)] = pick(2) ? -static_cast<std::int64_t>(pick(100)) : std::int64_t{1} << (24 + pick(38)); break;
        case 8: e.axes[pick(e.axes.size())] = bad[pick(2)]; break;
        case 9: e.job.probe_width = bad[pick(5)]; break;
        case 10: e.job.cutoff = bad[pick(5)]; break;
        default: e.job.threads = -static_cast<int>(pick(3)); break;
    }
}

void run_call(std::uint64_t seed, const std::vector<std::string>& sets) {
    std::mt19937_64 random(seed);
    Energies e(random);
    const std::string& set = sets[random() % sets.size()];
    use_instruction_set(set);
    if (random() % 4 == 0 && !e.atoms.empty()) {
        damage(e, random);
        bool refused = false;
        try {
            draw_lennard_jones(e.job);
        } catch (const std::invalid_argument&) {
            refused = true;
        }
        CHECK(refused, "seed %llu: an invalid job was accepted", static_cast<unsigned long long>(seed));
        CHECK(std::all_of(e.memory.begin(), e.memory.end(), [](unsigned char byte) { return byte == kGuard; }),
              "seed %llu: an invalid job wrote", static_cast<unsigned long long>(seed));
        return;
    }
    draw_lennard_jones(e.job);
    const std::string wrong = compare(e);
    CHECK(wrong.empty(), "seed %llu, %s, %d threads: %s", static_cast<unsigned long long>(seed), set.c_str(), e.job.threads, wrong.c_str());
}

}  // namespace

int main(int count, char** arguments) {
    const std::uint64_t calls = count > 1 ? std::strtoull(arguments[1], nullptr, 10) : 1500;
    const std::uint64_t seed = count > 2 ? std::strtoull(arguments[2], nullptr, 10) : 1;
    const std::vector<std::string> sets = list_instruction_sets();
    for (std::uint64_t call = 0; call < calls && failed_checks < 10; ++call) run_call(seed + call, sets);
    std::printf("%llu calls from seed %llu\n", static_cast<unsigned long long>(calls), static_cast<unsigned long long>(seed));
    return report_checks();
}
