// fuzz_lennard_jones [calls] [seed]: random energy grids, some of them against sums in double over every image, their
// derivatives, and random invalid jobs, which must be refused before anything is written.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "check_derivatives.hpp"
#include "fuzz.hpp"
#include "lattice.hpp"
#include "lennard_jones_derivatives.hpp"

using namespace particlegrid;

namespace {

struct Energies {
    Case grid;
    LennardJonesJob job;

    explicit Energies(Random& random) : grid(random.whole(0, 3), random.whole(1, 3), random_shape(random), {1, 1, 1}) {
        job.cutoff = random.one_in(10) ? random.real(3.0, 6.0) : random.real(1.0, 3.0);
        job.probe_width = random.real(1.0, 4.0);
        job.shift = random.one_in(2);
        const bool crystals = random.pick(3) != 0;
        grid.offsets.assign(1, 0);
        const auto append = [](std::vector<double>& to, const std::array<double, 9>& rows) { to.insert(to.end(), rows.begin(), rows.end()); };
        for (std::size_t s = 0; s < static_cast<std::size_t>(grid.structures); ++s) {
            const double size = random.log_real(0.1, random.one_in(10) ? 30.0 : 1.5), edge = random.real(2.5, 9.0);
            append(grid.axes, random_basis(random, 0.7 * size, 1.3 * size, random.one_in(2)));
            for (std::size_t d = 0; d < 3; ++d) grid.origins[3 * s + d] = random.pick(4) ? random.real(-9, 9) : 0.0;
            if (crystals) append(grid.lattices, random_basis(random, edge, 1.4 * edge, random.one_in(2)));
            for (int d = 0; d < 3 && crystals; ++d) grid.periodic.push_back(random.pick(3) != 0);
            grid.offsets.push_back(grid.offsets.back());
            for (std::int64_t e = random.pick(4) ? random.whole(1, 5) : 0; e > 0; --e) {
                const double far = random.one_in(10) ? 300.0 : 9.0;
                std::array<double, 3> at;
                for (double& x : at) x = random.pick(10) ? random.real(-far, far) : 0.25 * static_cast<double>(random.whole(-8, 8));
                grid.add(at, random.whole(0, grid.channels - 1), random.one_in(10) ? 0.0 : random.real(-0.3, 1.0), random.real(1.0, 4.0));
            }
        }
        const OutputType types[] = {OutputType::float16, OutputType::float32, OutputType::float64, OutputType::bfloat16};
        grid.lay_out(random.of(types), Layout::packed);
        lay_out_at_random(grid, random);
        grid.point(job, random_threads(random));
    }

    static std::array<std::int64_t, 3> random_shape(Random& random) {
        std::array<std::int64_t, 3> shape;
        std::int64_t left = random.one_in(200) ? 4000 : 60;
        for (std::int64_t& n : shape) {
            n = random.whole(1, std::min<std::int64_t>(left, 21));
            left = std::max<std::int64_t>(1, left / n);
        }
        return shape;
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
    const double* rows = (job.periodic != nullptr ? job.lattices : job.axes) + 9 * s;
    const Basis lattice(rows);
    for (std::int64_t n = job.entry_offsets[s]; n < job.entry_offsets[s + 1]; ++n) {
        if (job.entry_channels[n] != c || job.entry_weights[n] == 0.0) continue;
        double gap[3];
        for (int d = 0; d < 3; ++d) gap[d] = point[d] - job.positions[3 * job.entry_atoms[n] + d];
        const double rounding = 1e-15 * (norm(gap) + norm(point) + norm(job.positions + 3 * job.entry_atoms[n]));
        double low[3] = {0, 0, 0}, high[3] = {0, 0, 0};
        for (int a = 0; a < 3; ++a) {
            if (job.periodic == nullptr || !job.periodic[3 * s + a]) continue;
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
                        const double got = e.grid.read({s, c, x, y, z});
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
    return "";
}

// Break one thing that this kernel looks at.
void damage_energies(Energies& e, Random& random) {
    const double bad[] = {kNotANumber, kInfinity, 0.0, -1.0, 1e7};
    switch (random.pick(4)) {
        case 0: e.grid.sigmas[random.pick(e.grid.sigmas.size())] = random.of(bad); return;
        case 1: e.grid.weights[random.pick(e.grid.weights.size())] = 1e307; return;
        case 2: e.job.probe_width = random.of(bad); return;
        default: e.job.cutoff = random.of(bad);
    }
}

void run_call(Random& random) {
    const bool compares = random.one_in(8);
    Energies e(random);
    if (random.one_in(4) && !e.grid.atoms.empty()) {
        if (random.one_in(4)) damage_energies(e, random);
        else damage(e.grid, e.job, random);
        expect_refusal(e.grid, [&] { draw_lennard_jones(e.job); });
        return;
    }
    if (!expect_drawing(e.grid, [&] { draw_lennard_jones(e.job); })) return;
    std::string wrong = e.grid.check_written(false);
    if (wrong.empty() && compares) wrong = compare(e);
    CHECK(wrong.empty(), "%d threads: %s", e.job.threads, wrong.c_str());
    if (!random.one_in(4)) return;
    check_derivatives(
        e.grid, e.job, random, [&](const Gradient& to, const Direction* along) { pull_back_lennard_jones(e.job, to, along); },
        [&](const Direction& along) { push_forward_lennard_jones(e.job, along); });
}

}  // namespace

int main(int count, char** arguments) { return run_calls(count, arguments, run_call); }
