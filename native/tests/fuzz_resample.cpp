// fuzz_resample [calls] [seed]: random resamplings and their adjoints, some of them against the kernels' definition, and
// random invalid jobs, which must be refused before anything is written.
#include <algorithm>
#include <cmath>

#include "fuzz.hpp"
#include "resample.hpp"

using namespace particlegrid;

namespace {

Canvas random_canvas(Random& random, const ResampleJob& job, const std::array<std::int64_t, 3>& shape) {
    Canvas canvas;
    canvas.extents = {job.structures, job.channels, shape[0], shape[1], shape[2]};
    canvas.output = job.twice ? OutputType::float64 : OutputType::float32;
    lay_out_at_random(canvas, random);
    return canvas;
}

// The voxels of one field, in order.
std::vector<double> list_field(const Canvas& canvas, std::int64_t structure, std::int64_t channel) {
    std::vector<double> values;
    for (std::int64_t x = 0; x < canvas.extents[2]; ++x)
        for (std::int64_t y = 0; y < canvas.extents[3]; ++y)
            for (std::int64_t z = 0; z < canvas.extents[4]; ++z) values.push_back(canvas.read({structure, channel, x, y, z}));
    return values;
}

double kernel(double x, Interpolation method) {
    x = std::fabs(x);
    if (method == Interpolation::linear) return std::max(0.0, 1.0 - x);
    if (x <= 1.0) return 1.5 * x * x * x - 2.5 * x * x + 1.0;
    return x < 2.0 ? -0.5 * x * x * x + 2.5 * x * x - 4.0 * x + 2.0 : 0.0;
}

// Weights of the source's voxels along one axis.
std::vector<double> weigh(double t, std::int64_t n, bool periodic, Interpolation method) {
    std::vector<double> weights;
    if (periodic) t -= std::floor(t / static_cast<double>(n)) * static_cast<double>(n);
    for (std::int64_t u = 0; u < n; ++u) {
        double sum = 0.0;
        for (int image = periodic ? -3 : 0; image <= (periodic ? 3 : 0); ++image)
            sum += kernel(t - static_cast<double>(u + image * n), method);
        weights.push_back(sum);
    }
    return weights;
}

// Call visit(target voxel, source voxel, weight) for every pair.
template <class Visit>
void visit_matrix(const ResampleJob& job, const Visit& visit) {
    const auto& n = job.source_shape;
    std::size_t v = 0;
    for (std::int64_t i = 0; i < job.target_shape[0]; ++i)
        for (std::int64_t j = 0; j < job.target_shape[1]; ++j)
            for (std::int64_t k = 0; k < job.target_shape[2]; ++k, ++v) {
                std::vector<double> w[3];
                for (int d = 0; d < 3; ++d) {
                    const double t = job.start[d] + static_cast<double>(i) * job.steps[0][d] +
                                     static_cast<double>(j) * job.steps[1][d] + static_cast<double>(k) * job.steps[2][d];
                    w[d] = weigh(t, n[d], job.periodic[d], job.method);
                }
                std::size_t u = 0;
                for (const double a : w[0])
                    for (const double b : w[1])
                        for (const double c : w[2]) visit(v, u++, a * b * c);
            }
}

ResampleJob random_job(Random& random, bool large) {
    ResampleJob job;
    job.structures = random.pick(10) ? random.whole(1, 3) : 0;
    job.channels = random.whole(1, 4);
    job.method = random.one_in(2) ? Interpolation::cubic : Interpolation::linear;
    job.twice = random.one_in(2);
    job.threads = random_threads(random);
    for (std::size_t d = 0; d < 3; ++d) {
        job.source_shape[d] = random.whole(1, random.one_in(5) ? 7 : 4);
        job.target_shape[d] = random.whole(1, large ? 40 : random.one_in(5) ? 6 : 3);
        job.periodic[d] = random.one_in(2);
        job.start[d] = random.real(-4.0, 9.0);
        for (auto& step : job.steps) step[d] = random.real(-1.5, 1.5);
    }
    const std::size_t kind = random.pick(6);
    for (std::size_t d = 0; d < 3; ++d) {
        if (kind == 0) job.start[d] = std::round(job.start[d]) + 1e-12 * random.real(-1.0, 1.0);
        if (kind <= 1)
            for (std::size_t axis = 0; axis < 3; ++axis)
                job.steps[axis][d] = axis == d ? static_cast<double>(random.whole(-2, 2)) * 0.5 : 0.0;
        if (kind == 2) job.start[d] = random.real(-1e4, 1e4);
    }
    return job;
}

// Break one thing.
void damage_job(ResampleJob& job, Random& random) {
    const double bad[] = {kNotANumber, kInfinity, -kInfinity, 1e10, -1e300};
    const std::int64_t lengths[] = {0, -1, -(std::int64_t{1} << 40), (std::int64_t{1} << 20) + 1, std::int64_t{1} << 62};
    const auto d = static_cast<std::size_t>(random.whole(0, 2));
    switch (random.whole(0, 5)) {
        case 0: job.source_shape[d] = random.of(lengths); break;
        case 1: job.target_shape[d] = random.of(lengths); break;
        case 2: job.start[d] = random.of(bad); break;
        case 3:
            job.target_shape[1] = std::max<std::int64_t>(job.target_shape[1], 2);  // a step that is taken
            job.steps[1][d] = random.of(bad);
            break;
        case 4: (random.whole(0, 1) ? job.structures : job.channels) = -random.whole(1, 1000); break;
        default: job.threads = static_cast<int>(random.whole(0, 1) ? -random.whole(0, 9) : random.whole(1025, 1 << 30));
    }
}

void compare_values(const ResampleJob& job, bool adjoint, const Canvas& from, const Canvas& to) {
    for (std::int64_t s = 0; s < job.structures; ++s)
        for (std::int64_t c = 0; c < job.channels; ++c) {
            const std::vector<double> x = list_field(from, s, c), got = list_field(to, s, c);
            std::vector<double> want(got.size()), size(got.size());
            visit_matrix(job, [&](std::size_t v, std::size_t u, double w) {
                const std::size_t a = adjoint ? v : u, b = adjoint ? u : v;
                want[b] += w * x[a];
                size[b] += std::fabs(w * x[a]) + 1e-3 * std::fabs(x[a]);  // the rounding of t moves small weights too
            });
            for (std::size_t b = 0; b < got.size(); ++b) {
                // of t up to 1e4, also where a centre within 1e-9 of another counts as on it
                const double bound = size[b] * (job.twice ? 5e-9 : 3e-6) + 1e-12;
                CHECK(std::fabs(got[b] - want[b]) <= bound, "structure %d, channel %d, voxel %zu is %.17g, expected %.17g", int(s), int(c),
                      b, got[b], want[b]);
            }
        }
}

void run_call(Random& random) {
    const bool large = random.one_in(2000), compares = !large && random.one_in(10), adjoint = random.one_in(2);
    ResampleJob job = random_job(random, large);
    if (large) job.threads = static_cast<int>(random.whole(2, 5));
    Canvas source = random_canvas(random, job, job.source_shape), target = random_canvas(random, job, job.target_shape);
    Canvas &from = adjoint ? target : source, &to = adjoint ? source : target;
    from.for_each([&](std::size_t byte) { from.write_at(byte, random.real(-2.0, 2.0)); });
    job.source_strides = source.strides;
    job.target_strides = target.strides;
    const auto run = [&] {
        if (adjoint) resample_adjoint(job, from.data(), to.data());
        else resample(job, from.data(), to.data());
    };
    if (random.one_in(4)) {
        damage_job(job, random);
        expect_refusal(to, run);
        return;
    }
    run();
    const std::string wrong = to.check_written(true);
    CHECK(wrong.empty(), "%s", wrong.c_str());
    if (compares) compare_values(job, adjoint, from, to);
    if (!compares && job.threads == 1) return;
    const std::vector<unsigned char> drawn = to.memory;
    job.threads = job.threads % 5 + 1;
    run();
    CHECK(to.memory == drawn, "bits differ between numbers of threads");
}

}  // namespace

int main(int count, char** arguments) { return run_calls(count, arguments, run_call); }
