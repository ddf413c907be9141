// fuzz_derivatives [calls] [seed]: derivatives of random Gaussians, on orthogonal and on sheared voxels, with periods and on
// threads: pull_back must be the adjoint of push_forward, second derivatives must not depend on the order of directions,
// nor bits on the threads; and random invalid jobs, which must be refused before anything is written.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "fuzz.hpp"
#include "gaussian_derivatives.hpp"
#include "lattice.hpp"

using namespace particlegrid;

namespace {

// Six arrays end to end, of as many numbers as a job has.
struct Numbers {
    std::vector<double> all;
    std::size_t begin[7];

    explicit Numbers(const Case& c) {
        const std::size_t n = static_cast<std::size_t>(c.structures), m = c.weights.size();
        const std::size_t counts[6] = {c.positions.size(), m, m, 9 * n, 3 * n, 9 * n};
        begin[0] = 0;
        for (int k = 0; k < 6; ++k) begin[k + 1] = begin[k] + counts[k];
        all.assign(begin[6], kNotANumber);
    }
    // Of the size of a change that a position may have: lattices move images by many voxels.
    void fill(const Case& c, Random& random) {
        for (double& x : all) x = random.real(-1.0, 1.0);
        if (c.lattices.empty()) std::fill(all.begin() + static_cast<std::ptrdiff_t>(begin[5]), all.end(), 0.0);
    }
    template <class Number, class Self>
    static Tangent<Number> point_to(Self& self) {
        auto* p = self.all.data();
        return {p + self.begin[0], p + self.begin[1], p + self.begin[2], p + self.begin[3], p + self.begin[4], p + self.begin[5]};
    }
    Gradient gradient() { return point_to<double>(*this); }
    Direction direction() const { return point_to<const double>(*this); }
};

struct Product {
    double sum = 0.0, size = 0.0;
    void add(double a, double b) { sum += a * b, size += std::fabs(a * b); }
};

Product multiply(const Numbers& a, const Numbers& b) {
    Product product;
    for (std::size_t i = 0; i < a.all.size(); ++i) product.add(a.all[i], b.all[i]);
    return product;
}

// Shears the voxels of a case, in place, and its positions with them.
void shear(Case& c, Random& random) {
    c.axes.clear();
    for (std::int64_t s = 0; s < c.structures; ++s) {
        const double longest = *std::max_element(c.spacing.begin(), c.spacing.end());
        const std::array<double, 9> rows = random_basis(random, 0.5 * longest, longest, random.one_in(4));
        c.axes.insert(c.axes.end(), rows.begin(), rows.end());
    }
    // narrow ones take a piece of a voxel for each sigma
    const double longest = *std::max_element(c.spacing.begin(), c.spacing.end());
    for (double& sigma : c.sigmas) sigma = std::clamp(sigma, 0.02 * longest, 4.0 * longest);
}

void repeat(Case& c, Random& random) {
    for (std::int64_t s = 0; s < c.structures; ++s)
        for (std::size_t d = 0; d < 3; ++d) {
            for (std::size_t k = 0; k < 3; ++k) {
                const double edge = c.axes.empty() ? (d == k ? c.spacing[d] : 0.0) : c.axes[static_cast<std::size_t>(9 * s) + 3 * d + k];
                c.lattices.push_back(edge * static_cast<double>(c.shape[d] + 3));
            }
            c.periodic.push_back(random.one_in(2));
        }
    for (double& x : c.positions) x = std::fmod(x, 50.0);
    const double most = 0.5 * *std::min_element(c.spacing.begin(), c.spacing.end());
    for (double& sigma : c.sigmas) sigma = std::min(sigma, random.one_in(50) ? 4.0 * most : most);
}

// What the terms of a derivative may be where they cancel, as those by the width of a peak do at an atom.
double find_size(const Case& c, const GaussianJob& job, int order) {
    double size = 0.0;
    for (std::int64_t s = 0; s < c.structures; ++s)
        for (std::int64_t e = c.offsets[static_cast<std::size_t>(s)]; e < c.offsets[static_cast<std::size_t>(s) + 1]; ++e) {
            const double sigma = c.sigmas[static_cast<std::size_t>(e)], volume = Basis(c.axes.data() + 9 * s).volume;
            size += (1.0 + std::fabs(c.weights[static_cast<std::size_t>(e)])) * density_scale(job, volume, sigma) * std::pow(1.0 + 100.0 / sigma, order);
        }
    return size;
}

void run_call(Random& random) {
    const bool large = random.one_in(2000);
    Case c = random_case(random, large ? 20000 : 120);
    if (c.value == Value::peak && random.one_in(2)) c.value = Value::integral;
    if (random.one_in(3)) shear(c, random);
    if (random.one_in(3)) repeat(c, random);
    for (double& x : c.positions) x = std::clamp(x, -1e4, 1e4);
    c.lay_out(random.one_in(2) ? OutputType::float64 : OutputType::float32, Layout::packed, random.whole(0, 9));
    const bool twice = c.output == OutputType::float64;
    const int threads = large ? 3 : random_threads(random);
    GaussianJob job = c.job(threads);
    job.tol = twice ? 1e-10 : 1e-6;
    job.sheared_cut = job.cut = random.real(3.0, 7.0);

    Numbers first(c), second(c), slope(c), other(c);
    first.fill(c, random);
    second.fill(c, random);
    if (random.one_in(4) && !c.atoms.empty()) {
        const double bad[] = {kNotANumber, kInfinity, -1.0, 0.0, 31.0};
        if (random.one_in(8)) (random.one_in(2) ? job.sheared_cut : job.cut) = random.of(bad);
        else if (random.one_in(8) && c.shape[2] > 1) job.strides[4] += static_cast<std::ptrdiff_t>(c.unit());
        else damage(c, job, random);
        expect_refusal(c, [&] { push_forward_gaussians(job, first.direction()); });
        expect_refusal(c, [&] { pull_back_gaussians(job, slope.gradient(), nullptr); });
        CHECK(std::all_of(slope.all.begin(), slope.all.end(), [](double x) { return std::isnan(x); }), "a refused gradient was written");
        return;
    }
    if (!expect_drawing(c, [&] { push_forward_gaussians(job, first.direction()); })) return;
    const std::string wrong = c.check_written(true);
    CHECK(wrong.empty(), "%d threads: %s", threads, wrong.c_str());
    const std::vector<unsigned char> pushed = c.memory;
    if (threads > 1) {
        job.threads = 1;
        push_forward_gaussians(job, first.direction());
        CHECK(c.memory == pushed, "the bits of push_forward depend on the threads");
        job.threads = threads;
    }
    Product values;
    c.for_each([&](std::size_t byte) {
        const double upstream = random.real(-1.0, 1.0), change = c.read_at(byte);
        c.write_at(byte, upstream);
        values.add(c.read_at(byte), change);
    });
    const std::vector<unsigned char> upstream = c.memory;
    pull_back_gaussians(job, slope.gradient(), nullptr);
    const Product product = multiply(slope, first);
    const double rounding = twice ? 1e-14 : 1e-7;
    const double bound = (twice ? 1e-10 : 3e-5) * (product.size + values.size) + rounding * find_size(c, job, 1);
    CHECK(std::fabs(product.sum - values.sum) <= bound, "<pull_back, t> is %.17g and <g, push_forward> %.17g, beyond %.3g", product.sum,
          values.sum, bound);
    if (threads > 1) {
        job.threads = 1;
        pull_back_gaussians(job, other.gradient(), nullptr);
        CHECK(std::memcmp(other.all.data(), slope.all.data(), 8 * slope.all.size()) == 0, "the bits of pull_back depend on the threads");
    }
    const Direction along = first.direction(), across = second.direction();
    pull_back_gaussians(job, slope.gradient(), &along);
    pull_back_gaussians(job, other.gradient(), &across);
    CHECK(c.memory == upstream, "what is only read was written");
    const Product one = multiply(slope, second), two = multiply(other, first);
    const double most = (twice ? 1e-9 : 3e-4) * (one.size + two.size) + rounding * find_size(c, job, 2);
    CHECK(std::fabs(one.sum - two.sum) <= most, "second derivatives are %.17g and %.17g, beyond %.3g", one.sum, two.sum, most);
}

}  // namespace

int main(int count, char** arguments) { return run_calls(count, arguments, run_call); }
