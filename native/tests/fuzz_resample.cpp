// fuzz_resample [calls] [seed]: random resamplings and their adjoints against the kernels' definition, and random
// invalid jobs, which must be refused before anything is written. A call that fails prints the seed that repeats it
// alone: fuzz_resample 1 SEED.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "check.hpp"
#include "resample.hpp"

using namespace particlegrid;

namespace {

using Random = std::mt19937_64;

std::int64_t whole(Random& random, std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(random);
}

double real(Random& random, double low, double high) {
    return std::uniform_real_distribution<double>(low, high)(random);
}

// An array (structures, channels, x, y, z) of float or double with guard bytes around and between its elements.
class Array {
public:
    static constexpr unsigned char kGuard = 0x7f;

    Array(Random& random, std::array<std::int64_t, 5> shape, bool twice) : shape_(shape), twice_(twice) {
        std::array<int, 5> order{4, 3, 2, 1, 0};
        if (whole(random, 0, 2) == 0) std::shuffle(order.begin(), order.end(), random);
        const std::ptrdiff_t unit = twice ? 8 : 4;
        std::ptrdiff_t step = unit * (whole(random, 0, 2) == 0 ? 2 : 1), below = 0;
        for (const int d : order) {
            const bool backwards = whole(random, 0, 4) == 0;
            strides_[d] = backwards ? -step : step;
            if (backwards) below += step * std::max<std::int64_t>(shape[d] - 1, 0);
            step *= shape[d];
            if (whole(random, 0, 3) == 0) step += unit;
        }
        first_ = 64 + below;
        memory_.assign(static_cast<std::size_t>(step + 128), kGuard);
    }

    void fill(Random& random) {
        for_each([&](std::ptrdiff_t at) { write(at, real(random, -2.0, 2.0)); });
    }
    template <class Visit>
    void for_each(const Visit& visit) const {
        std::array<std::int64_t, 5> i;
        for (i[0] = 0; i[0] < shape_[0]; ++i[0])
            for (i[1] = 0; i[1] < shape_[1]; ++i[1])
                for (i[2] = 0; i[2] < shape_[2]; ++i[2])
                    for (i[3] = 0; i[3] < shape_[3]; ++i[3])
                        for (i[4] = 0; i[4] < shape_[4]; ++i[4]) visit(offset(i));
    }
    // The voxels of one field, in order.
    std::vector<double> field(std::int64_t structure, std::int64_t channel) const {
        std::vector<double> values;
        for (std::int64_t x = 0; x < shape_[2]; ++x)
            for (std::int64_t y = 0; y < shape_[3]; ++y)
                for (std::int64_t z = 0; z < shape_[4]; ++z) values.push_back(read(offset({structure, channel, x, y, z})));
        return values;
    }
    void* data() { return memory_.data() + first_; }
    const std::array<std::ptrdiff_t, 5>& strides() const { return strides_; }

    bool guards_hold() const {
        std::vector<bool> element(memory_.size());
        for_each([&](std::ptrdiff_t at) {
            for (std::ptrdiff_t b = 0; b < (twice_ ? 8 : 4); ++b) element[static_cast<std::size_t>(at + b)] = true;
        });
        for (std::size_t b = 0; b < memory_.size(); ++b)
            if (!element[b] && memory_[b] != kGuard) return false;
        return true;
    }
    bool untouched() const {
        return std::all_of(memory_.begin(), memory_.end(), [](unsigned char byte) { return byte == kGuard; });
    }
    bool operator==(const Array& other) const { return memory_ == other.memory_; }

private:
    std::ptrdiff_t offset(const std::array<std::int64_t, 5>& i) const {
        std::ptrdiff_t at = first_;
        for (int d = 0; d < 5; ++d) at += i[d] * strides_[d];
        return at;
    }
    double read(std::ptrdiff_t at) const {
        double value = 0.0;
        float single = 0.0f;
        if (twice_) std::memcpy(&value, memory_.data() + at, 8);
        else std::memcpy(&single, memory_.data() + at, 4);
        return twice_ ? value : static_cast<double>(single);
    }
    void write(std::ptrdiff_t at, double value) {
        const float single = static_cast<float>(value);
        if (twice_) std::memcpy(memory_.data() + at, &value, 8);
        else std::memcpy(memory_.data() + at, &single, 4);
    }

    std::array<std::int64_t, 5> shape_;
    bool twice_;
    std::vector<unsigned char> memory_;
    std::ptrdiff_t first_ = 0;
    std::array<std::ptrdiff_t, 5> strides_{};
};

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
    job.structures = whole(random, 0, 9) ? whole(random, 1, 3) : 0;
    job.channels = whole(random, 1, 4);
    job.method = whole(random, 0, 1) ? Interpolation::cubic : Interpolation::linear;
    job.twice = whole(random, 0, 1);
    job.threads = static_cast<int>(whole(random, 1, 5));
    for (int d = 0; d < 3; ++d) {
        job.source_shape[d] = whole(random, 1, 7);
        job.target_shape[d] = whole(random, 1, large ? 40 : 6);
        job.periodic[d] = whole(random, 0, 1);
        job.start[d] = real(random, -4.0, 9.0);
        for (auto& step : job.steps) step[d] = real(random, -1.5, 1.5);
    }
    const std::int64_t kind = whole(random, 0, 5);
    for (int d = 0; d < 3; ++d) {
        if (kind == 0) job.start[d] = std::round(job.start[d]) + 1e-12 * real(random, -1.0, 1.0);
        if (kind <= 1)
            for (int axis = 0; axis < 3; ++axis)
                job.steps[axis][d] = axis == d ? static_cast<double>(whole(random, -2, 2)) * 0.5 : 0.0;
        if (kind == 2) job.start[d] = real(random, -1e4, 1e4);
    }
    return job;
}

// Break one thing.
void damage(ResampleJob& job, Random& random) {
    const double bad[] = {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(),
                          -std::numeric_limits<double>::infinity(), 1e10, -1e300};
    const std::int64_t lengths[] = {0, -1, -(std::int64_t{1} << 40), (std::int64_t{1} << 20) + 1, std::int64_t{1} << 62};
    const auto d = static_cast<std::size_t>(whole(random, 0, 2));
    switch (whole(random, 0, 5)) {
        case 0: job.source_shape[d] = lengths[whole(random, 0, 4)]; break;
        case 1: job.target_shape[d] = lengths[whole(random, 0, 4)]; break;
        case 2: job.start[d] = bad[whole(random, 0, 4)]; break;
        case 3:
            job.target_shape[1] = std::max<std::int64_t>(job.target_shape[1], 2);  // a step that is taken
            job.steps[1][d] = bad[whole(random, 0, 4)];
            break;
        case 4: (whole(random, 0, 1) ? job.structures : job.channels) = -whole(random, 1, 1000); break;
        default: job.threads = static_cast<int>(whole(random, 0, 1) ? -whole(random, 0, 9) : whole(random, 1025, 1 << 30));
    }
}

void run_call(std::uint64_t seed) {
    Random random(seed);
    // one call in fifty is large enough to start threads
    ResampleJob job = random_job(random, whole(random, 0, 49) == 0);
    const bool adjoint = whole(random, 0, 1);
    const auto shape_of = [&](const std::array<std::int64_t, 3>& n) {
        return std::array<std::int64_t, 5>{job.structures, job.channels, n[0], n[1], n[2]};
    };
    Array source(random, shape_of(job.source_shape), job.twice), target(random, shape_of(job.target_shape), job.twice);
    Array& from = adjoint ? target : source;
    Array& to = adjoint ? source : target;
    from.fill(random);
    job.source_strides = source.strides();
    job.target_strides = target.strides();
    const auto run = [&](const ResampleJob& given) {
        if (adjoint) resample_adjoint(given, from.data(), to.data());
        else resample(given, from.data(), to.data());
    };
    const unsigned long long name = seed;
    if (whole(random, 0, 3) == 0) {
        damage(job, random);
        bool refused = false;
        try {
            run(job);
        } catch (const std::invalid_argument&) {
            refused = true;
        }
        CHECK(refused, "seed %llu: an invalid job was accepted", name);
        CHECK(to.untouched(), "seed %llu: an invalid job wrote", name);
        return;
    }
    run(job);
    CHECK(to.guards_hold(), "seed %llu: memory outside the elements was written", name);
    const Array first = to;
    job.threads = job.threads % 5 + 1;
    run(job);
    CHECK(to == first, "seed %llu: bits differ between numbers of threads", name);
    for (std::int64_t s = 0; s < job.structures; ++s)
        for (std::int64_t c = 0; c < job.channels; ++c) {
            const std::vector<double> x = from.field(s, c), got = to.field(s, c);
            std::vector<double> want(got.size()), size(got.size());
            visit_matrix(job, [&](std::size_t v, std::size_t u, double w) {
                const std::size_t a = adjoint ? v : u, b = adjoint ? u : v;
                want[b] += w * x[a];
                size[b] += std::fabs(w * x[a]) + 1e-3 * std::fabs(x[a]);  // the rounding of t moves small weights too
            });
            for (std::size_t b = 0; b < got.size(); ++b) {
                // of t up to 1e4, also where a centre within 1e-9 of another counts as on it
                const double bound = size[b] * (job.twice ? 5e-9 : 3e-6) + 1e-12;
                CHECK(std::fabs(got[b] - want[b]) <= bound, "seed %llu: structure %d, channel %d, voxel %zu is %.17g, expected %.17g",
                      name, int(s), int(c), b, got[b], want[b]);
            }
        }
}

}  // namespace

int main(int count, char** arguments) {
    const std::uint64_t calls = count > 1 ? std::strtoull(arguments[1], nullptr, 10) : 1500;
    const std::uint64_t seed = count > 2 ? std::strtoull(arguments[2], nullptr, 10) : 1;
    for (std::uint64_t call = 0; call < calls && failed_checks < 10; ++call) run_call(seed + call);
    std::printf("%llu calls from seed %llu\n", static_cast<unsigned long long>(calls), static_cast<unsigned long long>(seed));
    return report_checks();
}
