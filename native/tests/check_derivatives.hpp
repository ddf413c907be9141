// Derivatives of a drawing whose values are one block: pull_back and push_forward are adjoint, second derivatives are
// symmetric, and the bits are those of any number of threads.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>

#include "fuzz.hpp"
#include "tangent.hpp"

namespace particlegrid {

// A tangent that owns its numbers.
struct TangentArrays {
    std::vector<double> positions, weights, widths, axes, origins, lattices;

    explicit TangentArrays(const GridJob& job)
        : positions(size(3 * job.atoms)), weights(size(job.entries)), widths(size(job.entries)), axes(size(9 * job.structures)),
          origins(size(3 * job.structures)), lattices(size(9 * job.structures)) {}

    static std::size_t size(std::int64_t n) { return static_cast<std::size_t>(n); }

    void fill(Random& random) {
        for (std::vector<double>* field : fields())
            for (double& x : *field) x = random.real(-1.0, 1.0);
    }
    std::array<std::vector<double>*, 6> fields() { return {&positions, &weights, &widths, &axes, &origins, &lattices}; }

    Gradient gradient() {
        return {positions.data(), weights.data(), widths.data(), axes.data(), origins.data(), lattices.data()};
    }
    Direction direction() const {
        return {positions.data(), weights.data(), widths.data(), axes.data(), origins.data(), lattices.data()};
    }

    // The sum of products, and of their magnitudes.
    std::array<double, 2> dot(TangentArrays& other) {
        std::array<double, 2> sums{};
        const auto mine = fields(), theirs = other.fields();
        for (std::size_t f = 0; f < mine.size(); ++f)
            for (std::size_t i = 0; i < mine[f]->size(); ++i) {
                sums[0] += (*mine[f])[i] * (*theirs[f])[i];
                sums[1] += std::fabs((*mine[f])[i] * (*theirs[f])[i]);
            }
        return sums;
    }
};

// `c` is the case of `job`, whose out this function lays out anew, as float64; what was drawn there is lost. Supports
// must be the same for both, so that both add up the same terms.
inline void check_derivatives(Case& c, GridJob& job, Random& random,
                              const std::function<void(const Gradient&, const Direction*)>& pull_back,
                              const std::function<void(const Direction&)>& push_forward) {
    c.lay_out(OutputType::float64, Layout::packed);
    c.point(job, random_threads(random));
    job.sink = nullptr;
    job.touched = nullptr;
    double* out = static_cast<double*>(job.out);
    const std::size_t count = static_cast<std::size_t>(job.structures * job.channels * job.shape[0] * job.shape[1] * job.shape[2]);
    TangentArrays s(job), t(job), gradient(job), along_s(job), along_t(job), again(job);
    s.fill(random);
    t.fill(random);
    push_forward(t.direction());
    std::string wrong = c.check_written(true);
    CHECK(wrong.empty(), "push_forward: %s", wrong.c_str());
    std::vector<double> g(count);
    double sum = 0.0, magnitude = 0.0;
    for (std::size_t i = 0; i < count; ++i) {
        g[i] = random.one_in(3) ? 0.0 : random.real(-1.0, 1.0);
        sum += g[i] * out[i];
        magnitude += std::fabs(g[i] * out[i]);
        out[i] = g[i];
    }
    pull_back(gradient.gradient(), nullptr);
    const Direction first = s.direction(), second = t.direction();
    pull_back(along_s.gradient(), &first);
    pull_back(along_t.gradient(), &second);
    wrong = c.check_guards();
    CHECK(wrong.empty(), "pull_back: %s", wrong.c_str());
    CHECK(std::equal(g.begin(), g.end(), out), "pull_back wrote to the values");
    const auto once = gradient.dot(t);
    CHECK(std::fabs(once[0] - sum) <= 1e-11 * (once[1] + magnitude), "<pull_back(g), t> = %.17g, <g, push_forward(t)> = %.17g", once[0], sum);
    const auto twice = along_s.dot(t), other = along_t.dot(s);
    CHECK(std::fabs(twice[0] - other[0]) <= 1e-11 * (twice[1] + other[1]), "second derivatives: %.17g and %.17g", twice[0], other[0]);
    job.threads = job.threads == 1 ? 3 : 1;
    pull_back(again.gradient(), &first);
    for (std::size_t f = 0; f < 6; ++f) CHECK(*again.fields()[f] == *along_s.fields()[f], "field %d: other bits with other threads", int(f));
}

}  // namespace particlegrid
