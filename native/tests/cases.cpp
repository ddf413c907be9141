#include "cases.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>

#include "dispatch.hpp"

namespace particlegrid {

namespace {

constexpr std::size_t kMargin = 96;  // guard bytes on either side

double half_to_double(std::uint16_t bits) {
    const int exponent = (bits >> 10) & 31, fraction = bits & 1023;
    const double magnitude = exponent == 31  ? (fraction ? NAN : INFINITY)
                             : exponent == 0 ? std::ldexp(fraction, -24)
                                             : std::ldexp(1024 + fraction, exponent - 25);
    return bits & 0x8000 ? -magnitude : magnitude;
}

// One axis of one entry, over all voxels, without a cut.
std::vector<double> weigh(const Case& c, double offset, double sigma, int d) {
    const double h = c.spacing[d];
    std::vector<double> weights(static_cast<std::size_t>(c.shape[d]));
    for (std::size_t i = 0; i < weights.size(); ++i) {
        const double low = (static_cast<double>(i) * h - offset) / (std::sqrt(2.0) * sigma);
        const double high = (static_cast<double>(i + 1) * h - offset) / (std::sqrt(2.0) * sigma);
        if (c.value == Value::point || c.value == Value::peak) {
            const double middle = 0.5 * (low + high);
            weights[i] = std::exp(-middle * middle);
        } else {
            weights[i] = 0.5 * (std::erf(high) - std::erf(low));
        }
    }
    return weights;
}

double scale_of(const Case& c, double sigma) {
    if (c.value == Value::mean) return 1.0 / (c.spacing[0] * c.spacing[1] * c.spacing[2]);
    if (c.value == Value::point) return 1.0 / std::pow(std::sqrt(2.0 * std::acos(-1.0)) * sigma, 3);
    return 1.0;
}

// The grid of one structure's channel in double precision, the sum of absolute contributions, what the cut may take,
// and what rounding may do to weights that are differences of erf: 1e-15 of erf itself, and of its argument, which is as
// large as a voxel in sigmas.
struct Expected {
    std::vector<double> values, magnitudes;
    double cut_off = 0.0, erf_rounding = 0.0;

    Expected(const Case& c, std::int64_t structure, std::int64_t channel) {
        const std::size_t ny = static_cast<std::size_t>(c.shape[1]), nz = static_cast<std::size_t>(c.shape[2]);
        values.assign(static_cast<std::size_t>(c.shape[0]) * ny * nz, 0.0);
        magnitudes = values;
        const bool point = c.value == Value::point || c.value == Value::peak;
        for (std::int64_t e = c.offsets[structure]; e < c.offsets[structure + 1]; ++e) {
            if (c.channel_of[e] != channel) continue;
            std::vector<double> axis[3];
            const double strength = std::fabs(c.weights[e]) * scale_of(c, c.sigmas[e]);
            double largest[3];
            for (int d = 0; d < 3; ++d) {
                axis[d] = weigh(c, c.positions[3 * c.atoms[e] + d] - c.origins[3 * structure + d], c.sigmas[e], d);
                largest[d] = *std::max_element(axis[d].begin(), axis[d].end());
            }
            // a coordinate that is rounded moves the atom by as much: the offset from the origin, in voxels and back
            for (int d = 0; d < 3; ++d)
                erf_rounding += 1e-15 * (2.0 + (c.spacing[d] + std::fabs(c.positions[3 * c.atoms[e] + d] - c.origins[3 * structure + d])) / c.sigmas[e]) * strength * largest[(d + 1) % 3] * largest[(d + 2) % 3];
            // beyond the cut along an axis a point value has fallen by exp(-cut^2 / 2) of the largest on the lattice,
            // and a voxel holds no more than the tail
            cut_off += point ? strength * std::exp(-0.5 * c.cut * c.cut) : 0.5 * strength * std::erfc(c.cut / std::sqrt(2.0));
            const double scaled = c.weights[e] * scale_of(c, c.sigmas[e]);
            for (std::size_t x = 0, v = 0; x < axis[0].size(); ++x)
                for (std::size_t y = 0; y < ny; ++y)
                    for (std::size_t z = 0; z < nz; ++z, ++v) {
                        const double term = scaled * axis[0][x] * axis[1][y] * axis[2][z];
                        values[v] += term;
                        magnitudes[v] += std::fabs(term);
                    }
        }
    }
};

std::string describe(const Case& c, const std::array<std::int64_t, 5>& at, double got, double want, double bound) {
    char text[256];
    std::snprintf(text, sizeof text, "(%d, %d, %d, %d, %d) of %d x %d x %d voxels is %.17g, expected %.17g within %.3g",
                  int(at[0]), int(at[1]), int(at[2]), int(at[3]), int(at[4]), int(c.shape[0]), int(c.shape[1]),
                  int(c.shape[2]), got, want, bound);
    return text;
}

}  // namespace

Case::Case(std::int64_t structures, std::int64_t channels, std::array<std::int64_t, 3> shape, std::array<double, 3> spacing)
    : structures(structures), channels(channels), shape(shape), spacing(spacing), origins(static_cast<std::size_t>(3 * structures)),
      offsets(static_cast<std::size_t>(structures + 1)) {}

void Case::add(std::array<double, 3> position, std::int64_t channel, double weight, double sigma) {
    atoms.push_back(static_cast<std::int64_t>(positions.size() / 3));
    positions.insert(positions.end(), position.begin(), position.end());
    channel_of.push_back(channel);
    weights.push_back(weight);
    sigmas.push_back(sigma);
    offsets.back() = static_cast<std::int64_t>(atoms.size());
}

std::size_t Canvas::unit() const { return output == OutputType::float64 ? 8 : output == OutputType::float32 ? 4 : 2; }

void Canvas::arrange(const std::array<int, 5>& order, unsigned backwards, const std::array<int, 5>& gaps, std::int64_t shift) {
    const std::ptrdiff_t element = static_cast<std::ptrdiff_t>(unit());
    std::ptrdiff_t step = element, below = 0;
    for (const int axis : order) {
        step += element * gaps[axis];
        const bool reversed = (backwards >> axis & 1) != 0;
        strides[axis] = reversed ? -step : step;
        if (reversed) below += step * std::max<std::int64_t>(extents[axis] - 1, 0);
        step *= extents[axis];
    }
    const std::size_t before = static_cast<std::size_t>(shift * element);
    memory.assign(static_cast<std::size_t>(step) + 2 * kMargin + 64 + before, kGuard);
    const std::size_t misaligned = reinterpret_cast<std::uintptr_t>(memory.data() + kMargin) % 64;
    first = kMargin + (64 - misaligned) % 64 + before + static_cast<std::size_t>(below);
}

std::size_t Canvas::byte_of(const std::array<std::int64_t, 5>& index) const {
    std::ptrdiff_t at = static_cast<std::ptrdiff_t>(first);
    for (int k = 0; k < 5; ++k) at += index[k] * strides[k];
    return static_cast<std::size_t>(at);
}

double Canvas::read_at(std::size_t byte) const {
    const unsigned char* from = memory.data() + byte;
    if (output == OutputType::float64) {
        double value;
        std::memcpy(&value, from, sizeof value);
        return value;
    }
    if (output == OutputType::float32) {
        float value;
        std::memcpy(&value, from, sizeof value);
        return value;
    }
    std::uint16_t bits;
    std::memcpy(&bits, from, sizeof bits);
    if (output == OutputType::float16) return half_to_double(bits);
    const std::uint32_t wide = std::uint32_t{bits} << 16;
    float value;
    std::memcpy(&value, &wide, sizeof value);
    return value;
}

void Canvas::write_at(std::size_t byte, double value) {
    const float single = static_cast<float>(value);
    if (output == OutputType::float64) std::memcpy(memory.data() + byte, &value, sizeof value);
    else std::memcpy(memory.data() + byte, &single, sizeof single);
}

std::string Canvas::check_guards() const {
    std::vector<unsigned char> rest = memory;
    const std::size_t bytes = unit();
    for_each([&](std::size_t byte) { std::memset(rest.data() + byte, kGuard, bytes); });
    for (std::size_t b = 0; b < rest.size(); ++b)
        if (rest[b] != kGuard) return "byte " + std::to_string(static_cast<std::ptrdiff_t>(b - first)) + " outside the output was written";
    return "";
}

std::string Canvas::check_written(bool finite) const {
    unsigned char unwritten[8];
    std::memset(unwritten, kGuard, sizeof unwritten);
    const std::size_t bytes = unit();
    std::size_t place = 0;
    std::string wrong;
    for_each([&](std::size_t byte) {
        if (std::memcmp(memory.data() + byte, unwritten, bytes) == 0) wrong = "element " + std::to_string(place) + " was not written";
        else if (finite && !std::isfinite(read_at(byte))) wrong = "element " + std::to_string(place) + " is not finite";
        ++place;
    });
    return wrong.empty() ? check_guards() : wrong;
}

bool Canvas::untouched() const {
    return std::all_of(memory.begin(), memory.end(), [](unsigned char byte) { return byte == kGuard; });
}

void Case::lay_out(OutputType type, Layout layout, std::int64_t shift) {
    extents = {structures, channels, shape[0], shape[1], shape[2]};
    output = type;
    std::array<int, 5> order{4, 3, 2, 1, 0}, gaps{};
    if (layout == Layout::permuted) order = {1, 3, 0, 4, 2};
    if (layout == Layout::padded) gaps = {3, 3, 3, 3, 1};
    arrange(order, layout == Layout::reversed ? 0b10101u : 0u, gaps, shift);
}

void Case::point(GridJob& job, int threads) {
    job.structures = structures;
    job.channels = channels;
    job.shape = shape;
    if (axes.empty()) {
        axes.assign(static_cast<std::size_t>(9 * structures), 0.0);
        for (std::size_t s = 0; s < static_cast<std::size_t>(structures); ++s)
            for (std::size_t d = 0; d < 3; ++d) axes[9 * s + 4 * d] = spacing[d];
    }
    job.axes = axes.data();
    job.positions = positions.data();
    job.atoms = static_cast<std::int64_t>(positions.size() / 3);
    job.origins = origins.data();
    if (!periodic.empty()) {
        job.lattices = lattices.data();
        job.periodic = periodic.data();
    }
    job.entry_atoms = atoms.data();
    job.entry_channels = channel_of.data();
    job.entry_weights = weights.data();
    job.entry_widths = sigmas.data();
    job.entries = static_cast<std::int64_t>(atoms.size());
    job.entry_offsets = offsets.data();
    job.out = data();
    job.output = output;
    job.strides = strides;
    job.threads = threads;
}

GaussianJob Case::job(int threads) {
    GaussianJob job;
    point(job, threads);
    job.value = value;
    job.cut = cut;
    return job;
}

void Case::draw(const std::string& instruction_set, int threads) {
    use_instruction_set(instruction_set);
    draw_gaussians(job(threads));
}

std::string compare(const Case& c) {
    // rounding: of the sum (float or double), and of the output type for each value
    const double sum_rounding = c.output == OutputType::float64 ? 1e-13 : 1e-6;
    const double type_rounding = c.output == OutputType::float64   ? 0x1p-52
                                 : c.output == OutputType::float32 ? 0x1p-23
                                 : c.output == OutputType::float16 ? 0x1p-11
                                                                   : 0x1p-8;
    const double smallest = c.output == OutputType::float16 ? 0x1p-25 : 1e-37;
    for (std::int64_t s = 0; s < c.structures; ++s)
        for (std::int64_t k = 0; k < c.channels; ++k) {
            const Expected expected(c, s, k);
            const double largest = *std::max_element(expected.magnitudes.begin(), expected.magnitudes.end());
            std::size_t v = 0;
            for (std::int64_t x = 0; x < c.shape[0]; ++x)
                for (std::int64_t y = 0; y < c.shape[1]; ++y)
                    for (std::int64_t z = 0; z < c.shape[2]; ++z, ++v) {
                        const std::array<std::int64_t, 5> at{s, k, x, y, z};
                        const double got = c.read(at), want = expected.values[v];
                        const double bound =
                            expected.cut_off + expected.erf_rounding + sum_rounding * largest + type_rounding * std::fabs(want) + smallest;
                        if (!(std::fabs(got - want) <= bound)) return describe(c, at, got, want, bound);
                    }
        }
    return c.check_guards();
}

}  // namespace particlegrid
