// fuzz_radial [calls] [seed]: random radial densities on random lattices against sums over images in plain double, and
// random invalid jobs, which must be refused before anything is written. A call that fails prints the seed that repeats
// it alone: fuzz_radial 1 SEED.
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
#include "radial.hpp"

using namespace particlegrid;

namespace {

using Random = std::mt19937_64;

std::int64_t whole(Random& random, std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(random);
}
double real(Random& random, double low, double high) {
    return std::uniform_real_distribution<double>(low, high)(random);
}

// Three vectors that span a volume, of lengths between low and high.
void make_basis(Random& random, double low, double high, bool orthogonal, double* rows) {
    do {
        for (int d = 0; d < 3; ++d)
            for (int k = 0; k < 3; ++k) {
                const double length = real(random, low, high);
                rows[3 * d + k] = d == k ? length : orthogonal ? 0.0 : real(random, -0.5, 0.5) * length;
            }
    } while (std::fabs(determinant(rows)) < 0.05 * low * low * low);
    if (whole(random, 0, 3) == 0)
        for (int k = 0; k < 3; ++k) rows[k] = -rows[k];
}

struct Drawing {
    static constexpr unsigned char kGuard = 0x7f;
    static constexpr std::int64_t kMargin = 64;

    std::vector<double> axes, origins, lattices, positions, weights, widths, table;
    std::vector<std::uint8_t> periodic;
    std::vector<std::int64_t> atoms, channels, offsets{0};
    std::vector<unsigned char> memory;
    RadialJob job;

    explicit Drawing(Random& random) {
        job.structures = whole(random, 1, 3);
        job.channels = whole(random, 1, 3);
        for (std::int64_t& n : job.shape) n = whole(random, 0, 5) == 0 ? 1 : whole(random, 1, 11);
        const bool repeats = whole(random, 0, 1) == 0;
        for (std::int64_t s = 0; s < job.structures; ++s) add_structure(random, repeats);
        choose_form(random);
        lay_out(random);
        connect();
        job.threads = static_cast<int>(whole(random, 1, 3));
    }

    void add_structure(Random& random, bool repeats) {
        double rows[9], cell[9];
        make_basis(random, 0.2, 0.9, whole(random, 0, 2) == 0, rows);
        const bool fills = whole(random, 0, 1) == 0;
        make_basis(random, 2.0, 6.0, false, cell);
        for (int i = 0; i < 9; ++i) {
            axes.push_back(rows[i]);
            lattices.push_back(fills ? rows[i] * static_cast<double>(std::max<std::int64_t>(job.shape[i / 3], 4)) : cell[i]);
        }
        const std::size_t s = origins.size();
        for (int d = 0; d < 3; ++d) {
            origins.push_back(real(random, -5.0, 5.0));
            periodic.push_back(repeats && whole(random, 0, 2) != 0);
        }
        for (std::int64_t e = whole(random, 0, 4); e > 0; --e) {
            const bool far = whole(random, 0, 19) == 0;
            for (int k = 0; k < 3; ++k) {
                double at = origins[s + static_cast<std::size_t>(k)];
                for (int d = 0; d < 3; ++d) at += real(random, -0.3, 1.3) * static_cast<double>(job.shape[d]) * rows[3 * d + k];
                positions.push_back(far ? at + real(random, -1e4, 1e4) : at);
            }
            atoms.push_back(static_cast<std::int64_t>(atoms.size()));
            channels.push_back(whole(random, 0, job.channels - 1));
            weights.push_back(whole(random, 0, 9) == 0 ? 0.0 : real(random, -1.0, 2.0));
            widths.push_back(std::exp(real(random, std::log(0.02), std::log(repeats ? 0.7 : 5.0))));
        }
        offsets.push_back(static_cast<std::int64_t>(atoms.size()));
    }

    void choose_form(Random& random) {
        RadialForm& form = job.form;
        form.profile = static_cast<Profile>(whole(random, 0, 4));
        form.maximum = whole(random, 0, 1) == 0;
        form.multiple = real(random, 0.4, 2.5) * (whole(random, 0, 2) == 0 ? -1.0 : 1.0);
        form.scale = real(random, 0.5, 1.5);
        form.cutoff = real(random, 0.3, 3.0);
        form.intervals = whole(random, 1, 20);
        for (std::int64_t i = 0; i < 4 * form.intervals; ++i) table.push_back(real(random, -1.0, 2.0));
        job.cut = real(random, 4.0, 8.0);
        job.normalize = whole(random, 0, 1) == 0;
    }

    void lay_out(Random& random) {
        job.output = whole(random, 0, 1) == 0 ? OutputType::float64 : OutputType::float32;
        const std::ptrdiff_t unit = job.output == OutputType::float64 ? 8 : 4;
        const std::int64_t sizes[5] = {job.structures, job.channels, job.shape[0], job.shape[1], job.shape[2]};
        std::ptrdiff_t step = unit * (whole(random, 0, 3) == 0 ? 2 : 1);
        for (int d = 4; d >= 0; --d) {
            job.strides[d] = step;
            step *= sizes[d];
            if (whole(random, 0, 3) == 0) step += unit;
        }
        memory.assign(static_cast<std::size_t>(step) + 2 * kMargin, kGuard);
    }

    void connect() {
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
        job.form.table = table.data();
        job.out = memory.data() + kMargin;
    }

    double read(std::ptrdiff_t at) const {
        const unsigned char* from = memory.data() + kMargin + at;
        double value;
        float narrow;
        if (job.output == OutputType::float64) {
            std::memcpy(&value, from, sizeof value);
            return value;
        }
        std::memcpy(&narrow, from, sizeof narrow);
        return narrow;
    }
};

// The density of an entry of width s at distance d, and where it ends.
double evaluate(const RadialJob& job, double s, double d) {
    const RadialForm& form = job.form;
    const double r = form.scale * s, g = std::fabs(form.multiple), q = d / r;
    switch (form.profile) {
        case Profile::gaussian:
            return std::exp(-d * d / (2 * s * s)) / (job.normalize ? std::pow(2 * std::acos(-1.0) * s * s, 1.5) : 1.0);
        case Profile::quadratic: {
            if (d <= g * r) return std::exp(-2 * q * q);
            return std::exp(-2 * g * g) * std::pow(2 * g * q - 1 - 2 * g * g, 2);
        }
        case Profile::occupancy: return d == 0.0 ? 1.0 : -std::expm1(-std::pow(s / d, 12));
        case Profile::binary: return 1.0;
        default: {
            const double place = d / form.cutoff * static_cast<double>(form.intervals);
            const std::int64_t i = std::min(static_cast<std::int64_t>(place), form.intervals - 1);
            const double f = place - static_cast<double>(i);
            const double* c = form.table + 4 * i;
            return c[0] + f * (c[1] + f * (c[2] + f * c[3]));
        }
    }
}

double find_end(const RadialJob& job, double s) {
    const double g = std::fabs(job.form.multiple);
    switch (job.form.profile) {
        case Profile::gaussian: return 40.0 * s;
        case Profile::quadratic: return job.form.scale * s * (job.form.multiple < 0 ? g : (1 + 2 * g * g) / (2 * g));
        case Profile::binary: return s;
        default: return job.form.cutoff;
    }
}

// One voxel by the definition: its value, the sum of magnitudes, and what truncation may take. `unsure` is set where the
// voxel lies so near to the end of a support that rounding decides.
struct Expected {
    double value = 0.0, magnitude = 0.0, left_out = 0.0;
    bool unsure = false;

    Expected(const RadialJob& job, std::int64_t s, std::int64_t channel, const double* voxel) {
        for (std::int64_t e = job.entry_offsets[s]; e < job.entry_offsets[s + 1]; ++e)
            if (job.entry_channels[e] == channel && job.entry_weights[e] != 0.0) add(job, s, e, voxel);
    }

    void add(const RadialJob& job, std::int64_t s, std::int64_t e, const double* voxel) {
        const double* atom = job.positions + 3 * job.entry_atoms[e];
        const double width = job.entry_widths[e], weight = job.entry_weights[e], end = find_end(job, width);
        const Basis cell(job.lattices + 9 * s), grid(job.axes + 9 * s);
        double offset[3];
        std::int64_t low[3], high[3];
        for (int k = 0; k < 3; ++k) offset[k] = voxel[k] - atom[k];
        const double reach = job.form.profile == Profile::gaussian ? std::min(end, job.cut * width + 2.0) : end;
        for (int a = 0; a < 3; ++a) {
            const double middle = cell.coordinate(a, offset), steps = reach / cell.plane_spacing[static_cast<std::size_t>(a)];
            const bool repeats = job.periodic[3 * s + a] != 0;
            low[a] = repeats ? static_cast<std::int64_t>(std::ceil(middle - steps)) : 0;
            high[a] = repeats ? static_cast<std::int64_t>(std::floor(middle + steps)) : 0;
        }
        // no value that is left out is larger than that at the cut; it falls off from the nearest voxel's
        const double peak = job.form.profile == Profile::gaussian ? evaluate(job, width, 0.0) : 0.0;
        left_out += 100.0 * std::fabs(weight) * peak * std::exp(-0.5 * job.cut * job.cut);
        for (std::int64_t i = low[0]; i <= high[0]; ++i)
            for (std::int64_t j = low[1]; j <= high[1]; ++j)
                for (std::int64_t k = low[2]; k <= high[2]; ++k) {
                    double gap[3];
                    for (int x = 0; x < 3; ++x)
                        gap[x] = offset[x] - (static_cast<double>(i) * cell.row(0)[x] + static_cast<double>(j) * cell.row(1)[x] +
                                              static_cast<double>(k) * cell.row(2)[x]);
                    const double d = norm(gap);
                    if (std::fabs(d - end) < 1e-9) unsure = true;
                    if (!(d < end)) continue;
                    const double term = weight * evaluate(job, width, d);
                    value = job.form.maximum ? std::max(value, term) : value + term;
                    magnitude += std::fabs(term);
                }
    }
};

std::string compare(const Drawing& drawn) {
    const RadialJob& job = drawn.job;
    const double rounding = job.output == OutputType::float64 ? 1e-9 : 1e-6;
    const std::size_t unit = job.output == OutputType::float64 ? 8 : 4;
    std::vector<bool> element(drawn.memory.size());
    for (std::int64_t s = 0; s < job.structures; ++s)
        for (std::int64_t c = 0; c < job.channels; ++c) {
            struct Voxel {
                double got;
                Expected expected;
            };
            std::vector<Voxel> voxels;
            double largest = 0.0;
            for (std::int64_t x = 0; x < job.shape[0]; ++x)
                for (std::int64_t y = 0; y < job.shape[1]; ++y)
                    for (std::int64_t z = 0; z < job.shape[2]; ++z) {
                        const double index[3] = {static_cast<double>(x) + 0.5, static_cast<double>(y) + 0.5, static_cast<double>(z) + 0.5};
                        double voxel[3];
                        for (int k = 0; k < 3; ++k) {
                            voxel[k] = job.origins[3 * s + k];
                            for (int d = 0; d < 3; ++d) voxel[k] += index[d] * job.axes[9 * s + 3 * d + k];
                        }
                        const std::ptrdiff_t at = s * job.strides[0] + c * job.strides[1] + x * job.strides[2] +
                                                  y * job.strides[3] + z * job.strides[4];
                        for (std::size_t b = 0; b < unit; ++b) element[static_cast<std::size_t>(Drawing::kMargin + at) + b] = true;
                        voxels.push_back({drawn.read(at), Expected(job, s, c, voxel)});
                        largest = std::max(largest, voxels.back().expected.magnitude);
                    }
            for (const Voxel& v : voxels) {
                const double bound = v.expected.left_out + rounding * largest + 1e-37;
                if (!v.expected.unsure && !(std::fabs(v.got - v.expected.value) <= bound))
                    return "structure " + std::to_string(s) + ", channel " + std::to_string(c) + ": a voxel is " +
                           std::to_string(v.got) + ", expected " + std::to_string(v.expected.value) + " within " + std::to_string(bound);
            }
        }
    for (std::size_t b = 0; b < element.size(); ++b)
        if (!element[b] && drawn.memory[b] != Drawing::kGuard) return "a byte outside the output was written";
    return "";
}

// Break one thing of a job that has entries.
void damage(Drawing& d, Random& random) {
    RadialJob& job = d.job;
    const auto pick = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random); };
    const double bad[] = {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(), -1.0};
    const std::int64_t far = static_cast<std::int64_t>(random());
    const auto outside = [&](std::int64_t n) { return far >= 0 && far < n ? n : far; };
    switch (pick(10)) {
        case 0: d.atoms[pick(d.atoms.size())] = outside(job.atoms); break;
        case 1: d.channels[pick(d.channels.size())] = outside(job.channels); break;
        case 2: d.widths[pick(d.widths.size())] = bad[pick(3)]; break;
        case 3: d.weights[pick(d.weights.size())] = bad[pick(2)]; break;
        case 4: d.positions[pick(d.positions.size())] = bad[pick(2)]; break;
        case 5: d.axes[pick(d.axes.size())] = bad[pick(2)]; break;
        case 6: d.offsets[pick(2) ? 0 : d.offsets.size() - 1] = outside(0) == 0 ? -1 : outside(job.entries + 1); break;
        case 7: job.shape[pick(3)] = pick(2) ? -static_cast<std::int64_t>(pick(100)) : std::int64_t{1} << (24 + pick(38)); break;
        case 8:
            job.form.profile = pick(2) ? Profile::occupancy : Profile::table;
            job.form.cutoff = bad[pick(3)];
            break;
        default:
            job.form.profile = Profile::table;
            if (pick(2)) job.form.intervals = -static_cast<std::int64_t>(pick(2));
            else d.table[pick(d.table.size())] = bad[pick(2)];
    }
}

void run_call(std::uint64_t seed, const std::vector<std::string>& sets) {
    Random random(seed);
    Drawing drawing(random);
    use_instruction_set(sets[random() % sets.size()]);
    if (random() % 4 == 0 && drawing.job.entries > 0) {
        damage(drawing, random);
        bool refused = false;
        try {
            draw_radial(drawing.job);
        } catch (const std::invalid_argument&) {
            refused = true;
        }
        CHECK(refused, "seed %llu: an invalid job was accepted", static_cast<unsigned long long>(seed));
        for (const unsigned char byte : drawing.memory)
            if (byte != Drawing::kGuard) refused = false;
        CHECK(refused, "seed %llu: an invalid job wrote", static_cast<unsigned long long>(seed));
        return;
    }
    draw_radial(drawing.job);
    const std::string wrong = compare(drawing);
    CHECK(wrong.empty(), "seed %llu: %s", static_cast<unsigned long long>(seed), wrong.c_str());
}

}  // namespace

int main(int count, char** arguments) {
    const std::uint64_t calls = count > 1 ? std::strtoull(arguments[1], nullptr, 10) : 2000;
    const std::uint64_t seed = count > 2 ? std::strtoull(arguments[2], nullptr, 10) : 1;
    const std::vector<std::string> sets = list_instruction_sets();
    for (std::uint64_t call = 0; call < calls && failed_checks < 10; ++call) run_call(seed + call, sets);
    std::printf("%llu calls from seed %llu\n", static_cast<unsigned long long>(calls), static_cast<unsigned long long>(seed));
    return report_checks();
}
