// fuzz_radial [calls] [seed]: random radial densities on random lattices, some of them against sums over images in plain
// double, as sparse output and over what was drawn before, their derivatives, and random invalid jobs, which must be refused
// before anything is written.
#include <algorithm>
#include <cmath>

#include "check_derivatives.hpp"
#include "fuzz.hpp"
#include "lattice.hpp"
#include "radial_derivatives.hpp"

using namespace particlegrid;

namespace {

struct Drawing {
    Case grid;
    std::vector<double> table;
    RadialJob job;

    explicit Drawing(Random& random)
        : grid(random.whole(1, 3), random.whole(1, 3), random_shape(random), {1, 1, 1}) {
        const bool repeats = random.one_in(2);
        grid.offsets.assign(1, 0);
        for (std::int64_t s = 0; s < grid.structures; ++s) add_structure(random, repeats);
        choose_form(random);
        grid.lay_out(random.one_in(2) ? OutputType::float64 : OutputType::float32, Layout::packed);
        lay_out_at_random(grid, random);
        grid.point(job, random_threads(random));
        job.form.table = table.data();
    }

    static std::array<std::int64_t, 3> random_shape(Random& random) {
        std::array<std::int64_t, 3> shape;
        const std::int64_t longest = random.one_in(30) ? 11 : 5;
        for (std::int64_t& n : shape) n = random.one_in(6) ? 1 : random.whole(1, longest);
        return shape;
    }

    void add_structure(Random& random, bool repeats) {
        const std::array<double, 9> rows = random_basis(random, 0.2, 0.9, random.one_in(3));
        std::array<double, 9> cell = random_basis(random, 2.0, 6.0, false);
        if (random.one_in(2))
            for (std::size_t i = 0; i < 9; ++i) cell[i] = rows[i] * static_cast<double>(std::max<std::int64_t>(grid.shape[i / 3], 4));
        grid.axes.insert(grid.axes.end(), rows.begin(), rows.end());
        if (repeats) grid.lattices.insert(grid.lattices.end(), cell.begin(), cell.end());
        const std::size_t s = grid.offsets.size() - 1;
        for (std::size_t d = 0; d < 3; ++d) {
            grid.origins[3 * s + d] = random.real(-5.0, 5.0);
            if (repeats) grid.periodic.push_back(random.pick(3) != 0);
        }
        grid.offsets.push_back(grid.offsets.back());
        for (std::int64_t e = random.whole(0, 4); e > 0; --e) {
            const bool far = random.one_in(20);
            std::array<double, 3> at;
            for (std::size_t k = 0; k < 3; ++k) {
                at[k] = grid.origins[3 * s + k] + (far ? random.real(-1e4, 1e4) : 0.0);
                for (std::size_t d = 0; d < 3; ++d) at[k] += random.real(-0.3, 1.3) * static_cast<double>(grid.shape[d]) * rows[3 * d + k];
            }
            const double widest = repeats ? (random.one_in(20) ? 2.0 : 0.5) : 5.0;
            grid.add(at, random.whole(0, grid.channels - 1), random.one_in(10) ? 0.0 : random.real(-1.0, 2.0), random.log_real(0.02, widest));
        }
    }

    void choose_form(Random& random) {
        RadialForm& form = job.form;
        form.profile = static_cast<Profile>(random.pick(5));
        form.maximum = random.one_in(2);
        form.multiple = random.real(0.4, 2.5) * (random.one_in(3) ? -1.0 : 1.0);
        form.scale = random.real(0.5, 1.5);
        form.cutoff = random.real(0.3, 3.0);
        form.intervals = random.whole(1, 20);
        for (std::int64_t i = 0; i < 4 * form.intervals; ++i) table.push_back(random.real(-1.0, 2.0));
        job.cut = random.real(4.0, 8.0);
        job.normalize = random.one_in(2);
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
    double value = 0.0, magnitude = 0.0, left_out = 0.0, terms = 0.0;
    bool unsure = false;

    Expected(const RadialJob& job, std::int64_t s, std::int64_t channel, const double* voxel) {
        for (std::int64_t e = job.entry_offsets[s]; e < job.entry_offsets[s + 1]; ++e)
            if (job.entry_channels[e] == channel && job.entry_weights[e] != 0.0) add(job, s, e, voxel);
    }

    void add(const RadialJob& job, std::int64_t s, std::int64_t e, const double* voxel) {
        const double* atom = job.positions + 3 * job.entry_atoms[e];
        const double width = job.entry_widths[e], weight = job.entry_weights[e], end = find_end(job, width);
        const Basis cell(job.periodic != nullptr ? job.lattices + 9 * s : job.axes + 9 * s);
        double offset[3];
        std::int64_t low[3], high[3];
        for (int k = 0; k < 3; ++k) offset[k] = voxel[k] - atom[k];
        const double reach = job.form.profile == Profile::gaussian ? std::min(end, job.cut * width + 2.0) : end;
        for (int a = 0; a < 3; ++a) {
            const double middle = cell.coordinate(a, offset), steps = reach / cell.plane_spacing[static_cast<std::size_t>(a)];
            const bool repeats = job.periodic != nullptr && job.periodic[3 * s + a] != 0;
            low[a] = repeats ? static_cast<std::int64_t>(std::ceil(middle - steps)) : 0;
            high[a] = repeats ? static_cast<std::int64_t>(std::floor(middle + steps)) : 0;
        }
        // no value that is left out is larger than that at the cut; it falls off from the nearest voxel's. Of images there
        // are the more, the wider it is in cells.
        const double peak = job.form.profile == Profile::gaussian ? evaluate(job, width, 0.0) : 0.0;
        const double cells = job.periodic != nullptr ? width * width * width / cell.volume : 0.0;
        left_out += 100.0 * (1.0 + 2.0 * cells) * std::fabs(weight) * peak * std::exp(-0.5 * job.cut * job.cut);
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
                    terms += 1.0;
                }
    }
};

std::string compare(const Drawing& drawn) {
    const RadialJob& job = drawn.job;
    const double rounding = job.output == OutputType::float64 ? 1e-9 : 1e-6;
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
                        voxels.push_back({drawn.grid.read({s, c, x, y, z}), Expected(job, s, c, voxel)});
                        largest = std::max(largest, voxels.back().expected.magnitude);
                    }
            for (const Voxel& v : voxels) {
                // each sum of single precision is rounded by up to 6e-8, either way; of a wide Gaussian in a small cell there
                // are 10,000
                const double sums = job.output == OutputType::float64 ? 0.0 : 6e-8 * std::sqrt(v.expected.terms);
                const double bound = v.expected.left_out + std::max(rounding, sums) * largest + 1e-37;
                if (!v.expected.unsure && !(std::fabs(v.got - v.expected.value) <= bound))
                    return "structure " + std::to_string(s) + ", channel " + std::to_string(c) + ": a voxel is " +
                           std::to_string(v.got) + ", expected " + std::to_string(v.expected.value) + " within " + std::to_string(bound);
            }
        }
    return "";
}

// Break one thing of the form.
void damage_form(Drawing& d, Random& random) {
    const double bad[] = {kNotANumber, kInfinity, -1.0};
    RadialForm& form = d.job.form;
    switch (random.pick(5)) {
        case 0:
            form.profile = random.one_in(2) ? Profile::occupancy : Profile::table;
            form.cutoff = random.of(bad);
            return;
        case 1:
            form.profile = Profile::quadratic;
            (random.one_in(2) ? form.scale : form.multiple) = random.one_in(2) ? kNotANumber : 2e3;
            return;
        case 2:
            d.job.cut = random.of(bad);
            form.profile = Profile::gaussian;
            return;
        case 3:
            form.profile = Profile::table;
            form.intervals = -random.whole(0, 1);
            return;
        default:
            form.profile = Profile::table;
            d.table[random.pick(d.table.size())] = bad[random.pick(2)];
    }
}

void run_call(Random& random) {
    const bool compares = random.one_in(8);
    Drawing drawing(random);
    RadialJob& job = drawing.job;
    if (random.one_in(4) && job.entries > 0) {
        if (random.one_in(4)) damage_form(drawing, random);
        else damage(drawing.grid, job, random);
        expect_refusal(drawing.grid, [&] { draw_radial(job); });
        return;
    }
    if (!expect_drawing(drawing.grid, [&] { draw_radial(job); })) return;
    std::string wrong = drawing.grid.check_written(true);
    if (wrong.empty() && compares) wrong = compare(drawing);
    CHECK(wrong.empty(), "%s", wrong.c_str());
    check_other_outputs(drawing.grid, random, [&](SparseSink* sink, Touched* marks) {
        job.sink = sink;
        job.touched = marks;
        draw_radial(job);
    });
    if (job.form.profile == Profile::gaussian || !random.one_in(4)) return;
    check_derivatives(
        drawing.grid, job, random, [&](const Gradient& to, const Direction* along) { pull_back_radial(job, to, along); },
        [&](const Direction& along) { push_forward_radial(job, along); });
}

}  // namespace

int main(int count, char** arguments) { return run_calls(count, arguments, run_call); }
