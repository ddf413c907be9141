// fuzz_coulomb [calls] [seed]: random charges in crystals and molecules, some of them against the definition of the sums,
// random invalid jobs, which must be refused before anything is written, and derivatives, which must be adjoint and finite.
#include <algorithm>
#include <cmath>

#include "coulomb_derivatives.hpp"
#include "fuzz.hpp"
#include "lattice.hpp"

using namespace particlegrid;

namespace {

constexpr double kPi = 3.14159265358979323846;

Case random_charges(Random& random, std::int64_t longest, bool crystals) {
    const std::int64_t structures = random.whole(1, longest < 4 ? 2 : 3);
    std::array<std::int64_t, 3> shape{};
    for (auto& n : shape) n = random.whole(1, longest);
    Case c(structures, random.whole(1, longest < 4 ? 2 : 3), shape, {1, 1, 1});
    for (double& o : c.origins) o = random.real(-5.0, 5.0);
    c.offsets.assign(1, 0);
    for (std::size_t s = 0; s < static_cast<std::size_t>(structures); ++s) {
        const double edge = random.real(1.5, 4.0), voxel = random.real(0.3, 1.0);
        const std::array<double, 9> cell = random_basis(random, edge, 2.0 * edge, random.one_in(2));
        std::array<double, 9> grid = random_basis(random, voxel, 2.0 * voxel, random.one_in(2));
        if (random.one_in(2))
            for (std::size_t d = 0; d < 9; ++d) grid[d] = cell[d] / static_cast<double>(shape[d / 3]);
        c.axes.insert(c.axes.end(), grid.begin(), grid.end());
        if (crystals) {
            c.lattices.insert(c.lattices.end(), cell.begin(), cell.end());
            c.periodic.insert(c.periodic.end(), 3, random.pick(5) != 0);
        }
        c.offsets.push_back(c.offsets.back());
        for (std::int64_t e = random.whole(0, longest < 4 ? 2 : 4); e > 0; --e) {
            std::array<double, 3> at, index;
            const std::size_t kind = random.pick(10);
            for (std::size_t d = 0; d < 3; ++d) index[d] = static_cast<double>(random.whole(0, shape[d] - 1)) + 0.5;
            for (std::size_t k = 0; k < 3; ++k) {
                at[k] = random.real(-8.0, 8.0);
                if (kind == 0) at[k] = random.real(-1e5, 1e5);
                if (kind == 1)  // at a voxel's centre
                    at[k] = c.origins[3 * s + k] + index[0] * grid[k] + index[1] * grid[3 + k] + index[2] * grid[6 + k];
            }
            c.add(at, random.whole(0, c.channels - 1), random.one_in(10) ? 0.0 : random.real(-3.0, 3.0), 1.0);
        }
    }
    const OutputType types[] = {OutputType::float16, OutputType::float32, OutputType::float64};
    c.lay_out(random.of(types), Layout::packed);
    lay_out_at_random(c, random);
    return c;
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

Expected expect(const Case& c, double tol, std::int64_t s, std::int64_t channel, const double* centre) {
    Expected expected;
    double count = 0.0, largest = 0.0;
    for (std::int64_t e = c.offsets[s]; e < c.offsets[s + 1]; ++e) {
        const double charge = c.weights[e];
        if (c.channel_of[e] != channel || charge == 0.0) continue;
        count += 1.0;
        largest = std::max(largest, std::fabs(charge));
        double offset[3];
        for (int k = 0; k < 3; ++k) offset[k] = centre[k] - c.positions[3 * c.atoms[e] + k];
        if (c.repeats(static_cast<std::size_t>(s))) {
            add_crystal(expected, Basis(&c.lattices[static_cast<std::size_t>(9 * s)]), charge, offset);
            continue;
        }
        const double d = norm(offset);
        add_at(expected, charge, d);
        if (d <= 1e-9) continue;
        expected.value += charge / d;
        expected.bound += std::fabs(charge) / d * (1e-14 + 1e-14 / d);
    }
    if (c.repeats(static_cast<std::size_t>(s)) && count > 0.0) {
        const Basis cell(&c.lattices[static_cast<std::size_t>(9 * s)]);
        expected.bound += tol * largest / std::cbrt(cell.volume / count);
    }
    return expected;
}

void compare_values(const Case& c, double tol) {
    const double rounding = c.output == OutputType::float64   ? 1e-15
                            : c.output == OutputType::float32 ? 0x1p-23
                                                              : 0x1p-10;
    for (std::int64_t s = 0; s < c.structures; ++s)
        for (std::int64_t k = 0; k < c.channels; ++k)
            for (std::int64_t x = 0; x < c.shape[0]; ++x)
                for (std::int64_t y = 0; y < c.shape[1]; ++y)
                    for (std::int64_t z = 0; z < c.shape[2]; ++z) {
                        const double* axes = &c.axes[static_cast<std::size_t>(9 * s)];
                        double centre[3];
                        for (int d = 0; d < 3; ++d)
                            centre[d] = c.origins[3 * s + d] + (static_cast<double>(x) + 0.5) * axes[d] +
                                        (static_cast<double>(y) + 0.5) * axes[3 + d] + (static_cast<double>(z) + 0.5) * axes[6 + d];
                        const Expected want = expect(c, tol, s, k, centre);
                        const double got = c.read({s, k, x, y, z});
                        if (want.doubtful) continue;
                        if (want.at_a_charge && want.here != 0.0) {
                            CHECK(got == std::copysign(kInfinity, want.here), "%g at a charge of %g", got, want.here);
                            continue;
                        }
                        const double bound = want.bound + rounding * std::fabs(want.value) + 1e-7 * rounding;
                        if (c.output == OutputType::float16 && std::fabs(want.value) + bound >= 65504.0) continue;
                        CHECK(std::fabs(got - want.value) <= bound + (c.output == OutputType::float16 ? 1e-7 : 0.0),
                              "structure %d, channel %d, voxel (%d, %d, %d) is %.17g, expected %.17g within %.3g",
                              int(s), int(k), int(x), int(y), int(z), got, want.value, bound);
                    }
}

// Break one thing that this kernel looks at.
void damage_charges(Case& c, CoulombJob& job, Random& random) {
    const double bad[] = {kNotANumber, kInfinity, -kInfinity, -1.0};
    const std::size_t entry = random.pick(c.atoms.size());
    switch (random.pick(c.periodic.empty() ? 4 : 5)) {
        case 0: c.weights[entry] = 1e21; return;
        case 1: c.positions[3 * entry + random.pick(3)] = -2e9; return;
        case 2: job.tol = random.one_in(2) ? random.of(bad) : static_cast<double>(random.whole(0, 1)); return;
        case 3: job.split = random.of(bad); return;
        default: c.periodic[random.pick(c.periodic.size())] ^= 1;
    }
}

// Numbers for all that a case's values depend on, in one block with guards between the fields.
struct Numbers {
    static constexpr double kBetween = 1e300;
    std::vector<double> all;
    std::size_t first[6], count[6];

    Numbers(const Case& c, double value) {
        const std::size_t n = static_cast<std::size_t>(c.structures);
        const std::size_t lengths[6] = {c.positions.size(), c.weights.size(), c.weights.size(), 9 * n, 3 * n, 9 * n};
        for (std::size_t f = 0; f < 6; ++f) {
            all.push_back(kBetween);
            first[f] = all.size();
            count[f] = lengths[f];
            all.insert(all.end(), lengths[f], value);
        }
        all.push_back(kBetween);
    }
    template <class Number>
    Tangent<Number> point() {
        return {&all[first[0]], &all[first[1]], &all[first[2]], &all[first[3]], &all[first[4]], &all[first[5]]};
    }
    void randomize(Random& random) {
        for (std::size_t f = 0; f < 6; ++f)
            for (std::size_t i = 0; i < count[f]; ++i) all[first[f] + i] = random.real(-1.0, 1.0);
    }
    // That every number was written, and nothing between them.
    void check() const {
        for (std::size_t f = 0, at = 0; f < 6; ++f) {
            for (; at < first[f]; ++at) CHECK(all[at] == kBetween, "written before field %d of a gradient", int(f));
            for (; at < first[f] + count[f]; ++at) CHECK(std::isfinite(all[at]), "%g in field %d of a gradient", all[at], int(f));
        }
        CHECK(all.back() == kBetween, "written behind a gradient");
    }
};

// Sum of products, and of their magnitudes.
struct Product {
    double sum = 0.0, size = 0.0;
    void add(double a, double b) {
        sum += a * b;
        size += std::fabs(a * b);
    }
    Product() = default;
    Product(const Numbers& a, const Numbers& b) {
        for (std::size_t f = 0; f < 6; ++f)
            for (std::size_t i = 0; i < a.count[f]; ++i) add(a.all[a.first[f] + i], b.all[b.first[f] + i]);
    }
};

// What second derivatives may round to: moments are taken about the charge, so that those of second order at a distance of
// d voxels cancel to 1 / d^2 of their terms.
double find_rounding(const Case& c) {
    double farthest = 0.0;  // voxels
    for (std::size_t s = 0; s < static_cast<std::size_t>(c.structures); ++s) {
        if (c.repeats(s)) continue;  // its images are near
        double shortest = kInfinity;
        for (std::size_t a = 0; a < 3; ++a) {
            const double* edge = c.axes.data() + 9 * s + 3 * a;
            shortest = std::min(shortest, std::sqrt(edge[0] * edge[0] + edge[1] * edge[1] + edge[2] * edge[2]));
        }
        for (std::int64_t e = c.offsets[s]; e < c.offsets[s + 1]; ++e) {
            double squared = 0.0;
            for (std::size_t k = 0; k < 3; ++k) {
                const double away = c.positions[3 * static_cast<std::size_t>(c.atoms[static_cast<std::size_t>(e)]) + k] - c.origins[3 * s + k];
                squared += away * away;
            }
            farthest = std::max(farthest, std::sqrt(squared) / shortest);
        }
    }
    return 1e-10 + 1e-16 * farthest * farthest;
}

// The case is laid out anew.
void check_derivatives(Case& c, CoulombJob& job, Random& random, bool invalid) {
    const OutputType type = random.one_in(2) ? OutputType::float32 : OutputType::float64;
    c.lay_out(type, Layout::packed, random.whole(0, 3));
    job.out = c.data();
    job.output = type;
    std::copy(c.strides.begin(), c.strides.end(), job.strides.begin());
    Numbers s(c, 0.0), t(c, 0.0), once(c, kNotANumber);
    s.randomize(random);
    t.randomize(random);
    const Direction along_s = s.point<const double>(), along_t = t.point<const double>();
    if (invalid) {
        damage_charges(c, job, random);
        const std::vector<double> before = once.all;
        expect_refusal(c, [&] { push_forward_coulomb(job, along_t); });
        expect_refusal(c, [&] { pull_back_coulomb(job, once.point<double>(), random.one_in(2) ? &along_t : nullptr); });
        for (std::size_t i = 0; i < before.size(); ++i)
            CHECK(before[i] == once.all[i] || (std::isnan(before[i]) && std::isnan(once.all[i])), "a gradient was written");
        return;
    }
    if (!expect_drawing(c, [&] { push_forward_coulomb(job, along_t); })) return;
    const std::string wrong = c.check_written(true);
    CHECK(wrong.empty(), "%s", wrong.c_str());
    Product pushed;
    c.for_each([&](std::size_t byte) {
        const double g = static_cast<double>(static_cast<float>(random.real(-1.0, 1.0)));
        pushed.add(g, c.read_at(byte));
        c.write_at(byte, g);
    });
    const std::vector<unsigned char> upstream = c.memory;
    pull_back_coulomb(job, once.point<double>(), nullptr);
    once.check();
    const Product pulled(once, t);
    const double rounding = type == OutputType::float64 ? 1e-10 : 1e-6;
    CHECK(std::fabs(pulled.sum - pushed.sum) <= rounding * (pulled.size + pushed.size), "not adjoint: %.17g and %.17g",
          pulled.sum, pushed.sum);
    Numbers twice_s(c, kNotANumber), twice_t(c, kNotANumber), again(c, kNotANumber);
    pull_back_coulomb(job, twice_s.point<double>(), &along_s);
    pull_back_coulomb(job, twice_t.point<double>(), &along_t);
    twice_s.check();
    twice_t.check();
    const Product one(twice_s, t), other(twice_t, s);
    CHECK(std::fabs(one.sum - other.sum) <= find_rounding(c) * (one.size + other.size), "not symmetric: %.17g and %.17g",
          one.sum, other.sum);
    CHECK(c.memory == upstream, "the upstream gradient was changed");
    if (random.pick(8)) return;
    job.threads = job.threads % 4 + 1;
    pull_back_coulomb(job, again.point<double>(), &along_t);
    CHECK(again.all == twice_t.all, "bits of a gradient differ between numbers of threads");
}

void run_call(Random& random) {
    const bool large = random.one_in(2000), compares = random.one_in(40), crystals = random.one_in(2);
    Case c = random_charges(random, large ? 14 : random.one_in(20) ? 5 : 3, crystals);
    const double tolerances[] = {1e-3, 1e-6, 1e-9};
    CoulombJob job;
    c.point(job, random_threads(random));
    job.tol = random.of(tolerances);
    job.split = random.pick(3) ? 0.0 : random.real(0.3, 1.2);
    if (random.one_in(4)) {
        const bool invalid = random.one_in(4) && !c.atoms.empty();
        check_derivatives(c, job, random, invalid);
        return;
    }
    if (random.one_in(3) && !c.atoms.empty()) {
        if (random.one_in(4)) damage_charges(c, job, random);
        else damage(c, job, random);
        expect_refusal(c, [&] { draw_coulomb(job); });
        return;
    }
    if (!expect_drawing(c, [&] { draw_coulomb(job); })) return;
    const std::string wrong = c.check_written(false);
    CHECK(wrong.empty(), "%s", wrong.c_str());
    if (compares) compare_values(c, job.tol);
    if (!compares && job.threads == 1) return;
    const std::vector<unsigned char> drawn = c.memory;
    job.threads = job.threads % 4 + 1;
    draw_coulomb(job);
    CHECK(c.memory == drawn, "bits differ between numbers of threads");
}

}  // namespace

int main(int count, char** arguments) { return run_calls(count, arguments, run_call); }
