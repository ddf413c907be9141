// fuzz_sheared [calls] [seed]: random integrals over sheared voxels against quadrature of one more kind, composite
// Gauss-Legendre with std::erf along the last axis; with periods, in slabs and on threads, where nothing may be written
// outside and the bits may not depend on the threads. A call that fails prints the seed that repeats it alone.
#include <cmath>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include "cases.hpp"
#include "check.hpp"
#include "dispatch.hpp"
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

void run_call(std::uint64_t seed, const std::vector<std::string>& sets) {
    std::mt19937_64 random(seed);
    const auto real = [&](double low, double high) { return std::uniform_real_distribution<double>(low, high)(random); };
    const auto pick = [&](std::uint64_t n) { return random() % n; };
    const bool large = pick(8) == 0, repeats = large || pick(2);
    std::array<std::int64_t, 3> shape;
    for (std::int64_t& n : shape) n = 1 + std::int64_t(pick(large ? 40 : 5));
    Case c(1, 2, shape, {1, 1, 1});
    double rows[9], lattice[9];
    do {
        for (double& x : rows) x = real(-1.0, 1.0);
        if (pick(3) == 0) rows[1] = rows[2] = rows[5 - 3 * pick(2)] = 0.0;  // often one axis stands apart
        if (pick(4) == 0) rows[1] = rows[2] = rows[3] = rows[6] = 0.0;
        if (pick(4) == 0) rows[2] = rows[5] = rows[6] = rows[7] = 0.0;
        // edges of one order of magnitude: the quadrature counts them in widths of the Gaussian
    } while (!(std::fabs(determinant(rows)) > 0.03 * norm(rows) * norm(rows + 3) * norm(rows + 6) &&
               std::min({norm(rows), norm(rows + 3), norm(rows + 6)}) > 0.2));
    const Basis grid(rows);
    for (int k = 0; k < 9; ++k) lattice[k] = rows[k] * double(shape[std::size_t(k / 3)] + std::int64_t(pick(2)));
    const std::uint8_t periodic[3] = {std::uint8_t(pick(2)), std::uint8_t(pick(2)), std::uint8_t(pick(2))};
    const double shortest = std::min({norm(rows), norm(rows + 3), norm(rows + 6)});
    const std::uint64_t entries = pick(4);
    std::vector<std::array<double, 3>> index;
    for (std::uint64_t e = 0; e < entries; ++e) {
        std::array<double, 3> at, position{0, 0, 0};
        for (std::size_t d = 0; d < 3; ++d) {
            const double n = double(shape[d]);
            at[d] = pick(5) == 0 ? double(pick(std::uint64_t(n) + 1)) : real(-0.5 * n - 1, 1.5 * n + 1);
            for (std::size_t k = 0; k < 3; ++k) position[k] += at[d] * rows[3 * d + k];
        }
        index.push_back(at);
        const double narrowest = repeats ? 0.01 : 0.3;
        c.add(position, std::int64_t(pick(2)), real(-2.0, 2.0), shortest * std::exp(real(std::log(narrowest), std::log(2.0))));
    }
    const bool twice = pick(2);
    c.lay_out(twice ? OutputType::float64 : OutputType::float32, pick(2) ? Layout::packed : Layout::reversed, std::int64_t(pick(9)));
    c.cut = 7.5;
    use_instruction_set(sets[pick(sets.size())]);
    const auto draw = [&](int threads) {
        GaussianJob job = c.job(threads);
        job.axes = rows;
        job.tol = twice ? 1e-12 : 1e-6;
        job.lattices = repeats ? lattice : nullptr;
        job.periodic = repeats ? periodic : nullptr;
        try {
            draw_gaussians(job);
        } catch (const std::invalid_argument& error) {
            CHECK(std::string(error.what()).find("10 million") != std::string::npos, "seed %llu: %s",
                  static_cast<unsigned long long>(seed), error.what());
        }
    };
    draw(1);
    std::vector<unsigned char> once = c.memory;
    c.memory.assign(c.memory.size(), kGuard);
    draw(3);
    CHECK(c.memory == once, "seed %llu: the bits depend on the threads", static_cast<unsigned long long>(seed));
    if (repeats) return;
    for (std::int64_t k = 0; k < 2; ++k)
        for (std::int64_t x = 0; x < shape[0]; ++x)
            for (std::int64_t y = 0; y < shape[1]; ++y)
                for (std::int64_t z = 0; z < shape[2]; ++z) {
                    double want = 0.0, bound = 1e-300;
                    for (std::size_t e = 0; e < index.size(); ++e) {
                        if (c.channel_of[e] != k) continue;
                        want += c.weights[e] * integrate(grid, index[e].data(), {x, y, z}, c.sigmas[e]);
                        const double peak = std::min(1.0, grid.volume * std::pow(2.5066282746 * c.sigmas[e], -3));
                        bound += std::fabs(c.weights[e]) * peak * (twice ? 3e-12 : 2e-6);
                    }
                    const double got = c.read({0, k, x, y, z});
                    CHECK(std::fabs(got - want) <= bound, "seed %llu: (%d, %d, %d) is %.17g, expected %.17g within %.3g",
                          static_cast<unsigned long long>(seed), int(x), int(y), int(z), got, want, bound);
                }
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
