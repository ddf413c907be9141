// fuzz_coulomb [calls] [seed]: random charges in crystals and molecules against the definition of the sums, and random
// invalid jobs, which must be refused before anything is written. A call that fails prints the seed that repeats it
// alone: fuzz_coulomb 1 SEED.
#include <cmath>
#include <cstdlib>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "cases.hpp"
#include "check.hpp"
#include "coulomb.hpp"
#include "dispatch.hpp"
#include "lattice.hpp"

using namespace particlegrid;

namespace {

using Random = std::mt19937_64;
constexpr double kPi = 3.14159265358979323846;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::int64_t whole(Random& random, std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(random);
}
double real(Random& random, double low, double high) {
    return std::uniform_real_distribution<double>(low, high)(random);
}

// Three edges of 1 to 2 lengths, at angles that are not too flat.
std::array<double, 9> random_basis(Random& random, double length) {
    for (;;) {
        std::array<double, 9> rows{};
        const bool sheared = whole(random, 0, 1);
        for (int d = 0; d < 3; ++d)
            for (int k = 0; k < 3; ++k)
                if (sheared || d == k) rows[3 * d + k] = length * (d == k ? real(random, 1.0, 2.0) : real(random, -1.0, 1.0));
        if (whole(random, 0, 1))
            for (int k = 0; k < 3; ++k) rows[k] = -rows[k];
        const double flatness = std::fabs(determinant(rows.data())) / (norm(&rows[0]) * norm(&rows[3]) * norm(&rows[6]));
        if (flatness > 0.2) return rows;
    }
}

struct Charges {
    Case memory;
    std::vector<double> axes, lattices;
    std::vector<std::uint8_t> periodic;
    double tol, split;

    CoulombJob job(int threads) {
        CoulombJob job;
        static_cast<GridJob&>(job) = memory.job(threads);
        job.axes = axes.data();
        if (!periodic.empty()) {
            job.lattices = lattices.data();
            job.periodic = periodic.data();
        }
        job.tol = tol;
        job.split = split;
        return job;
    }
    bool repeats(std::int64_t s) const { return !periodic.empty() && periodic[static_cast<std::size_t>(3 * s)] != 0; }
};

Charges random_charges(Random& random, bool large) {
    const std::int64_t structures = whole(random, 1, 3), channels = whole(random, 1, 3);
    std::array<std::int64_t, 3> shape{};
    for (auto& n : shape) n = whole(random, 1, large ? 14 : 5);
    Charges charges{Case(structures, channels, shape, {1, 1, 1}), {}, {}, {}, 0.0, 0.0};
    Case& c = charges.memory;
    const double tolerances[] = {1e-3, 1e-6, 1e-9};
    charges.tol = tolerances[whole(random, 0, 2)];
    charges.split = whole(random, 0, 2) ? 0.0 : real(random, 0.3, 1.2);
    const bool crystals = whole(random, 0, 3) != 0;
    for (double& o : c.origins) o = real(random, -5.0, 5.0);
    c.offsets.assign(1, 0);
    for (std::int64_t s = 0; s < structures; ++s) {
        const std::array<double, 9> cell = random_basis(random, real(random, 1.5, 4.0));
        std::array<double, 9> grid = random_basis(random, real(random, 0.3, 1.0));
        if (whole(random, 0, 1))
            for (int d = 0; d < 9; ++d) grid[d] = cell[d] / static_cast<double>(shape[d / 3]);
        charges.axes.insert(charges.axes.end(), grid.begin(), grid.end());
        if (crystals) {
            charges.lattices.insert(charges.lattices.end(), cell.begin(), cell.end());
            charges.periodic.insert(charges.periodic.end(), 3, whole(random, 0, 4) != 0);
        }
        c.offsets.push_back(c.offsets.back());
        for (std::int64_t e = whole(random, 0, 4); e > 0; --e) {
            std::array<double, 3> at;
            const std::int64_t kind = whole(random, 0, 9);
            const double index[3] = {static_cast<double>(whole(random, 0, shape[0] - 1)) + 0.5,
                                     static_cast<double>(whole(random, 0, shape[1] - 1)) + 0.5,
                                     static_cast<double>(whole(random, 0, shape[2] - 1)) + 0.5};
            for (int k = 0; k < 3; ++k) {
                at[k] = real(random, -8.0, 8.0);
                if (kind == 0) at[k] = real(random, -1e5, 1e5);
                if (kind == 1)  // at a voxel's centre
                    at[k] = c.origins[3 * s + k] + index[0] * grid[k] + index[1] * grid[3 + k] + index[2] * grid[6 + k];
            }
            c.add(at, whole(random, 0, channels - 1), whole(random, 0, 9) ? real(random, -3.0, 3.0) : 0.0, 1.0);
        }
    }
    const OutputType types[] = {OutputType::float16, OutputType::float32, OutputType::float64};
    const Layout layouts[] = {Layout::packed, Layout::padded, Layout::permuted, Layout::reversed};
    const OutputType type = types[whole(random, 0, 2)];
    const Layout layout = layouts[whole(random, 0, 3)];
    c.lay_out(type, layout, whole(random, 0, 5));
    return charges;
}

// What a voxel must hold, and by how much it may differ.
struct Expected {
    double value = 0.0, bound = 0.0, here = 0.0;
    bool at_a_charge = false, doubtful = false;  // doubtful: 1e-9 A from a charge, near enough to be taken for there
};

// Call visit(vector) for every vector of a lattice no longer than a radius.
template <class Visit>
void for_lattice(const Basis& lattice, double radius, const Visit& visit) {
    double n[3];
    for (int d = 0; d < 3; ++d) n[d] = std::ceil(radius / lattice.plane_spacing[static_cast<std::size_t>(d)]);
    for (double i = -n[0]; i <= n[0]; ++i)
        for (double j = -n[1]; j <= n[1]; ++j)
            for (double k = -n[2]; k <= n[2]; ++k) {
                double v[3];
                for (int d = 0; d < 3; ++d) v[d] = i * lattice.row(0)[d] + j * lattice.row(1)[d] + k * lattice.row(2)[d];
                if (norm(v) <= radius) visit(v);
            }
}

void add_at(Expected& expected, double charge, double distance) {
    if (distance > 0.5e-9 && distance < 2e-9) expected.doubtful = true;
    if (distance > 1e-9) return;
    expected.at_a_charge = true;
    expected.here += charge;
}

// The potential of one charge and its images in their background, by an Ewald sum without a thought for time.
void add_crystal(Expected& expected, const Basis& cell, double charge, const double* offset) {
    constexpr double kCut = 6.2;
    const double alpha = std::sqrt(kPi) / std::cbrt(cell.volume);
    double near[3] = {0, 0, 0}, edges = 0.0;
    for (int a = 0; a < 3; ++a) {
        const double x = cell.coordinate(a, offset);
        for (int k = 0; k < 3; ++k) near[k] += (x - std::round(x)) * cell.row(a)[k];
        edges += norm(cell.row(a));
    }
    expected.value -= kPi * charge / (cell.volume * alpha * alpha);
    for_lattice(cell, kCut / alpha + 0.5 * edges, [&](const double* shift) {
        const double v[3] = {near[0] - shift[0], near[1] - shift[1], near[2] - shift[2]};
        const double d = norm(v);
        add_at(expected, charge, d);
        expected.value += d > 1e-9 ? charge * std::erfc(alpha * d) / d : -2.0 * alpha / std::sqrt(kPi) * charge;
        // positions are rounded to 2e-16 of their coordinates, and so are wrapped ones
        if (d > 1e-9) expected.bound += std::fabs(charge) * std::exp(-alpha * alpha * d * d) / d * (1e-13 + 1e-14 * norm(offset) / d);
    });
    expected.bound += std::fabs(charge) * (1e-13 + 1e-14 * norm(offset) * alpha) * alpha;
    std::array<double, 9> waves = cell.duals;
    for (double& w : waves) w *= 2.0 * kPi;
    for_lattice(Basis(waves.data()), 2.0 * alpha * kCut, [&](const double* k) {
        const double square = dot(k, k);
        if (square > 0.0)
            expected.value += charge * 4.0 * kPi / cell.volume * std::exp(-square / (4.0 * alpha * alpha)) / square * std::cos(dot(k, near));
    });
}

Expected expect(const Charges& charges, std::int64_t s, std::int64_t channel, const double* centre) {
    const Case& c = charges.memory;
    Expected expected;
    double count = 0.0, largest = 0.0;
    for (std::int64_t e = c.offsets[s]; e < c.offsets[s + 1]; ++e) {
        const double charge = c.weights[e];
        if (c.channel_of[e] != channel || charge == 0.0) continue;
        count += 1.0;
        largest = std::max(largest, std::fabs(charge));
        double offset[3];
        for (int k = 0; k < 3; ++k) offset[k] = centre[k] - c.positions[3 * c.atoms[e] + k];
        if (charges.repeats(s)) {
            add_crystal(expected, Basis(&charges.lattices[static_cast<std::size_t>(9 * s)]), charge, offset);
            continue;
        }
        const double d = norm(offset);
        add_at(expected, charge, d);
        if (d <= 1e-9) continue;
        expected.value += charge / d;
        expected.bound += std::fabs(charge) / d * (1e-14 + 1e-14 / d);
    }
    if (charges.repeats(s) && count > 0.0) {
        const Basis cell(&charges.lattices[static_cast<std::size_t>(9 * s)]);
        expected.bound += charges.tol * largest / std::cbrt(cell.volume / count);
    }
    return expected;
}

void compare_values(const Charges& charges, std::uint64_t seed) {
    const Case& c = charges.memory;
    const unsigned long long name = seed;
    const double rounding = c.output == OutputType::float64   ? 1e-15
                            : c.output == OutputType::float32 ? 0x1p-23
                                                              : 0x1p-10;
    for (std::int64_t s = 0; s < c.structures; ++s)
        for (std::int64_t k = 0; k < c.channels; ++k)
            for (std::int64_t x = 0; x < c.shape[0]; ++x)
                for (std::int64_t y = 0; y < c.shape[1]; ++y)
                    for (std::int64_t z = 0; z < c.shape[2]; ++z) {
                        const double* axes = &charges.axes[static_cast<std::size_t>(9 * s)];
                        double centre[3];
                        for (int d = 0; d < 3; ++d)
                            centre[d] = c.origins[3 * s + d] + (static_cast<double>(x) + 0.5) * axes[d] +
                                        (static_cast<double>(y) + 0.5) * axes[3 + d] + (static_cast<double>(z) + 0.5) * axes[6 + d];
                        const Expected want = expect(charges, s, k, centre);
                        const double got = c.read({s, k, x, y, z});
                        if (want.doubtful) continue;
                        if (want.at_a_charge && want.here != 0.0) {
                            CHECK(got == std::copysign(kInfinity, want.here), "seed %llu: %g at a charge of %g", name, got, want.here);
                            continue;
                        }
                        const double bound = want.bound + rounding * std::fabs(want.value) + 1e-7 * rounding;
                        if (c.output == OutputType::float16 && std::fabs(want.value) + bound >= 65504.0) continue;
                        CHECK(std::fabs(got - want.value) <= bound + (c.output == OutputType::float16 ? 1e-7 : 0.0),
                              "seed %llu: structure %d, channel %d, voxel (%d, %d, %d) is %.17g, expected %.17g within %.3g",
                              name, int(s), int(k), int(x), int(y), int(z), got, want.value, bound);
                    }
}

// Break one thing of a job that has entries; the first structure repeats if any does.
void damage(Charges& charges, CoulombJob& job, Random& random) {
    const double bad[] = {std::numeric_limits<double>::quiet_NaN(), kInfinity, -kInfinity};
    Case& c = charges.memory;
    const auto pick = [&](std::size_t n) { return static_cast<std::size_t>(whole(random, 0, static_cast<std::int64_t>(n) - 1)); };
    const std::int64_t far = whole(random, 0, 1) ? -whole(random, 1, 1000) : whole(random, 1000, std::int64_t{1} << 62);
    const std::size_t entry = pick(c.atoms.size());
    switch (whole(random, 0, charges.periodic.empty() ? 10 : 12)) {
        case 0: c.atoms[entry] = far; break;
        case 1: c.channel_of[entry] = far; break;
        case 2: c.weights[entry] = whole(random, 0, 3) ? bad[pick(3)] : 1e21; break;
        case 3: c.positions[3 * entry + pick(3)] = whole(random, 0, 3) ? bad[pick(3)] : -2e9; break;
        case 4: c.origins[pick(c.origins.size())] = bad[pick(3)]; break;
        case 5: c.offsets[pick(2) ? 0 : c.offsets.size() - 1] = far; break;
        case 6: job.shape[pick(3)] = far < 0 ? far : std::int64_t{1} << (21 + pick(40)); break;
        case 7: charges.axes[pick(charges.axes.size())] = bad[pick(3)]; break;
        case 8: job.tol = pick(2) ? bad[pick(3)] : static_cast<double>(pick(3)) - 1.0 + (pick(2) ? 0.0 : 1.0); break;
        case 9: job.split = pick(2) ? bad[pick(3)] : -1.0; break;
        case 10: job.threads = static_cast<int>(far % 100000 < 0 ? far : 1025); break;
        case 11: charges.periodic[3 * pick(charges.periodic.size() / 3) + pick(3)] ^= 1; break;
        default:
            charges.periodic.assign(charges.periodic.size(), 1);
            charges.lattices[pick(charges.lattices.size())] = bad[pick(3)];
    }
}

void run_call(std::uint64_t seed, const std::vector<std::string>& sets) {
    Random random(seed);
    Charges charges = random_charges(random, whole(random, 0, 49) == 0);
    use_instruction_set(sets[static_cast<std::size_t>(whole(random, 0, static_cast<std::int64_t>(sets.size()) - 1))]);
    CoulombJob job = charges.job(static_cast<int>(whole(random, 1, 4)));
    const unsigned long long name = seed;
    if (whole(random, 0, 2) == 0 && !charges.memory.atoms.empty()) {
        damage(charges, job, random);
        bool refused = false;
        try {
            draw_coulomb(job);
        } catch (const std::invalid_argument&) {
            refused = true;
        }
        CHECK(refused, "seed %llu: an invalid job was accepted", name);
        CHECK(untouched(charges.memory), "seed %llu: an invalid job wrote", name);
        return;
    }
    draw_coulomb(job);
    compare_values(charges, seed);
    const std::vector<unsigned char> first = charges.memory.memory;
    job.threads = job.threads % 4 + 1;
    draw_coulomb(job);
    CHECK(charges.memory.memory == first, "seed %llu: bits differ between numbers of threads", name);
    const std::string stray = check_guards(charges.memory);
    CHECK(stray.empty(), "seed %llu: %s", name, stray.c_str());
}

}  // namespace

int main(int count, char** arguments) {
    const std::uint64_t calls = count > 1 ? std::strtoull(arguments[1], nullptr, 10) : 300;
    const std::uint64_t seed = count > 2 ? std::strtoull(arguments[2], nullptr, 10) : 1;
    const std::vector<std::string> sets = list_instruction_sets();
    for (std::uint64_t call = 0; call < calls && failed_checks < 10; ++call) run_call(seed + call, sets);
    std::printf("%llu calls from seed %llu\n", static_cast<unsigned long long>(calls), static_cast<unsigned long long>(seed));
    return report_checks();
}
