// fuzz_sheared [calls] [seed]: random integrals over sheared voxels, some of them against quadrature of one more kind,
// composite Gauss-Legendre with std::erf along the last axis; with periods, in slabs and on threads, where nothing may be
// written outside and the bits may not depend on the threads; and random invalid jobs, which must be refused.
#include <algorithm>
#include <cmath>

#include "fuzz.hpp"
#include "lattice.hpp"
#include "quadrature.hpp"

using namespace particlegrid;

namespace {

// The integral over one voxel of a Gaussian whose atom lies at index coordinates `at`; `grid` holds the edges.
double integrate(const Basis& grid, const double* at, const std::array<std::int64_t, 3>& voxel, double sigma) {
    const Rule& rule = legendre_rule(12);
    const double length = norm(grid.row(2));
    const int pieces[2] = {int(std::ceil(norm(grid.row(0)) / sigma)), int(std::ceil(norm(grid.row(1)) / sigma))};
    double sum = 0.0;
    for (int p = 0; p < pieces[0]; ++p)
        for (int q = 0; q < pieces[1]; ++q)
            for (int a = 0; a < rule.nodes; ++a)
                for (int b = 0; b < rule.nodes; ++b) {
                    const double u = double(voxel[0]) + (p + 0.5 + rule.x[a]) / pieces[0] - at[0];
                    const double v = double(voxel[1]) + (q + 0.5 + rule.x[b]) / pieces[1] - at[1];
                    double corner[3];
                    for (int k = 0; k < 3; ++k)
                        corner[k] = u * grid.row(0)[k] + v * grid.row(1)[k] + (double(voxel[2]) - at[2]) * grid.row(2)[k];
                    const double along = dot(corner, grid.row(2)) / length, across2 = dot(corner, corner) - along * along;
                    const double s = std::sqrt(2.0) * sigma;
                    sum += rule.w[a] * rule.w[b] / (pieces[0] * pieces[1]) * std::exp(-across2 / (s * s)) * 0.5 *
                           (std::erf((along + length) / s) - std::erf(along / s));
                }
    return sum * grid.volume / (length * 6.283185307179586 * sigma * sigma);
}

std::array<double, 9> random_voxel(Random& random) {
    for (;;) {
        std::array<double, 9> rows;
        for (double& x : rows) x = random.real(-1.0, 1.0);
        if (random.one_in(3)) rows[1] = rows[2] = rows[5 - 3 * random.pick(2)] = 0.0;  // often one axis stands apart
        if (random.one_in(4)) rows[1] = rows[2] = rows[3] = rows[6] = 0.0;
        if (random.one_in(4)) rows[2] = rows[5] = rows[6] = rows[7] = 0.0;
        // edges of one order of magnitude: the quadrature counts them in widths of the Gaussian
        const double lengths[3] = {norm(&rows[0]), norm(&rows[3]), norm(&rows[6])};
        const double flattest = random.one_in(20) ? 0.03 : 0.2;
        if (std::fabs(determinant(rows.data())) > flattest * lengths[0] * lengths[1] * lengths[2] &&
            *std::min_element(lengths, lengths + 3) > 0.2)
            return rows;
    }
}

using Places = std::vector<std::array<double, 3>>;  // index coordinates of the entries

void compare_values(const Case& c, const Places& index) {
    const Basis grid(c.axes.data());
    const bool twice = c.output == OutputType::float64;
    for (std::int64_t k = 0; k < 2; ++k)
        for (std::int64_t x = 0; x < c.shape[0]; ++x)
            for (std::int64_t y = 0; y < c.shape[1]; ++y)
                for (std::int64_t z = 0; z < c.shape[2]; ++z) {
                    double want = 0.0, bound = 1e-300;
                    for (std::size_t e = 0; e < index.size(); ++e) {
                        if (c.channel_of[e] != k) continue;
                        want += c.weights[e] * integrate(grid, index[e].data(), {x, y, z}, c.sigmas[e]);
                        const double peak = std::min(1.0, grid.volume * std::pow(2.5066282746 * c.sigmas[e], -3));
                        bound += std::fabs(c.weights[e]) * peak * (twice ? 3e-12 : 2e-6);
                    }
                    const double got = c.read({0, k, x, y, z});
                    CHECK(std::fabs(got - want) <= bound, "(%d, %d, %d) is %.17g, expected %.17g within %.3g", int(x), int(y), int(z), got, want, bound);
                }
}

void run_call(Random& random) {
    const bool large = random.one_in(1500), compares = !large && random.one_in(100), repeats = !compares && random.one_in(2);
    std::array<std::int64_t, 3> shape;
    for (std::int64_t& n : shape) n = random.whole(1, large ? 40 : random.one_in(10) ? 5 : 3);
    Case c(1, 2, shape, {1, 1, 1});
    const std::array<double, 9> rows = random_voxel(random);
    c.axes.assign(rows.begin(), rows.end());
    if (repeats)
        for (std::size_t k = 0; k < 9; ++k) c.lattices.push_back(rows[k] * static_cast<double>(shape[k / 3] + random.whole(0, 1)));
    for (int d = 0; d < 3 && repeats; ++d) c.periodic.push_back(random.one_in(2));
    const double shortest = std::min({norm(&rows[0]), norm(&rows[3]), norm(&rows[6])});
    const double narrowest = compares ? 0.3 : random.one_in(20) ? 0.01 : 0.2, widest = random.one_in(20) ? 2.0 : 0.6;
    Places index;
    for (std::size_t e = random.pick(large || compares ? 4 : 3); e > 0; --e) {
        std::array<double, 3> at, position{0, 0, 0};
        for (std::size_t d = 0; d < 3; ++d) {
            const double n = static_cast<double>(shape[d]);
            at[d] = random.one_in(5) ? static_cast<double>(random.whole(0, shape[d])) : random.real(-0.5 * n - 1, 1.5 * n + 1);
            for (std::size_t k = 0; k < 3; ++k) position[k] += at[d] * rows[3 * d + k];
        }
        index.push_back(at);
        c.add(position, random.whole(0, 1), random.real(-2.0, 2.0), shortest * random.log_real(narrowest, widest));
    }
    c.lay_out(random.one_in(2) ? OutputType::float64 : OutputType::float32, Layout::packed);
    lay_out_at_random(c, random);
    c.cut = 7.5;
    const int threads = large ? 3 : random_threads(random);
    GaussianJob job = c.job(threads);
    job.tol = c.output == OutputType::float64 ? 1e-12 : 1e-6;
    if (random.one_in(4) && !c.atoms.empty()) {
        const double bad[] = {kNotANumber, kInfinity, -1.0, 0.0, 31.0};
        if (random.one_in(8)) (random.one_in(2) ? job.tol : job.cut) = random.of(bad);
        else damage(c, job, random);
        expect_refusal(c, [&] { draw_gaussians(job); });
        return;
    }
    if (!expect_drawing(c, [&] { draw_gaussians(job); })) return;
    const std::string wrong = c.check_written(true);
    CHECK(wrong.empty(), "%s", wrong.c_str());
    if (threads > 1) {
        const std::vector<unsigned char> drawn = c.memory;
        job.threads = 1;
        draw_gaussians(job);
        CHECK(c.memory == drawn, "the bits depend on the threads");
    }
    if (compares) compare_values(c, index);
    else
        check_other_outputs(c, random, [&](SparseSink* sink, Touched* marks) {
            job.sink = sink;
            job.touched = marks;
            draw_gaussians(job);
        });
}

}  // namespace

int main(int count, char** arguments) { return run_calls(count, arguments, run_call); }
