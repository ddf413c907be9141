// fuzz_sphere_overlap [calls] [seed]: random drawings of spheres on orthogonal and sheared voxels, periodic or not, some of
// them against the sum over tetrahedra, as sparse output and over what was drawn before, and random invalid jobs, which
// must be refused before anything is written. Derivatives must be finite, each other's adjoint and symmetric.
#include <algorithm>
#include <cmath>

#include "differentiate.hpp"
#include "direct_overlap.hpp"
#include "fuzz.hpp"
#include "overlap_brush.hpp"
#include "sphere_overlap_derivatives.hpp"

using namespace particlegrid;

namespace {

struct SphereCase {
    Case base;
    Per per = Per::voxel;
    bool maximum = false;

    SphereOverlapJob job(int threads) {
        SphereOverlapJob job;
        base.point(job, threads);
        job.per = per;
        job.maximum = maximum;
        return job;
    }
};

SphereCase make_case(Random& random, std::int64_t voxels) {
    SphereCase c{random_case(random, voxels)};
    Case& b = c.base;
    const double shear = random.one_in(2) ? random.real(0.0, 0.5) : 0.0;
    for (std::int64_t s = 0; s < b.structures; ++s)
        for (std::size_t d = 0; d < 3; ++d)
            for (std::size_t a = 0; a < 3; ++a)
                b.axes.push_back(b.spacing[d] * (a == d ? (random.pick(5) ? 1.0 : -1.0) : shear == 0.0 ? 0.0 : random.real(-shear, shear)));
    const double smallest = *std::min_element(b.spacing.begin(), b.spacing.end());
    const double widest = random.one_in(30) ? 6.0 : 1.5;
    for (double& radius : b.sigmas) radius = smallest * random.log_real(0.05, widest);
    const Per all[] = {Per::voxel, Per::atom, Per::volume};
    c.per = b.output == OutputType::float64 || b.output == OutputType::float32 ? random.of(all) : Per::voxel;
    c.maximum = random.one_in(3);
    if (random.one_in(2)) return c;
    for (std::int64_t s = 0; s < b.structures; ++s)
        for (std::size_t d = 0; d < 3; ++d) {
            // the grid's own edge, or a cell that it is a window into
            const double scale = random.one_in(2) ? static_cast<double>(b.shape[d]) : random.real(4.0, 12.0);
            const double* row = b.axes.data() + 9 * s + static_cast<std::int64_t>(3 * d);
            for (std::size_t a = 0; a < 3; ++a) b.lattices.push_back(scale * row[a]);
            b.periodic.push_back(random.pick(3) != 0);
        }
    // atoms too far to be wrapped are refused
    for (double& x : b.positions) x = std::fmod(x, 100.0);
    return c;
}

// Images of an atom near the grid, every translation looked at.
std::vector<std::array<double, 3>> list_images(const SphereCase& c, const Basis& grid, std::int64_t s, std::int64_t e) {
    const Case& b = c.base;
    const double *at = b.positions.data() + 3 * b.atoms[static_cast<std::size_t>(e)], *origin = b.origins.data() + 3 * s;
    double middle[3], radius = b.sigmas[static_cast<std::size_t>(e)];
    for (int a = 0; a < 3; ++a) {
        middle[a] = origin[a];
        for (int d = 0; d < 3; ++d) middle[a] += 0.5 * static_cast<double>(b.shape[static_cast<std::size_t>(d)]) * grid.row(d)[a];
    }
    for (int d = 0; d < 3; ++d) radius += 0.5 * static_cast<double>(b.shape[static_cast<std::size_t>(d)]) * norm(grid.row(d));
    const double gap[3] = {middle[0] - at[0], middle[1] - at[1], middle[2] - at[2]};
    std::int64_t low[3] = {0, 0, 0}, high[3] = {0, 0, 0};
    const double* lattice = b.periodic.empty() ? nullptr : b.lattices.data() + 9 * s;
    if (lattice) {
        const Basis cell(lattice);
        for (int d = 0; d < 3; ++d) {
            if (!b.periodic[static_cast<std::size_t>(3 * s + d)]) continue;
            const double reach = radius / cell.plane_spacing[static_cast<std::size_t>(d)], middle_n = cell.coordinate(d, gap);
            low[d] = static_cast<std::int64_t>(std::ceil(middle_n - reach));
            high[d] = static_cast<std::int64_t>(std::floor(middle_n + reach));
        }
    }
    std::vector<std::array<double, 3>> images;
    for (std::int64_t i = low[0]; i <= high[0]; ++i)
        for (std::int64_t j = low[1]; j <= high[1]; ++j)
            for (std::int64_t k = low[2]; k <= high[2]; ++k) {
                std::array<double, 3> image{at[0], at[1], at[2]};
                const double n[3] = {static_cast<double>(i), static_cast<double>(j), static_cast<double>(k)};
                for (std::size_t a = 0; a < 3 && lattice; ++a)
                    for (std::size_t d = 0; d < 3; ++d) image[a] += n[d] * lattice[3 * d + a];
                const double away[3] = {image[0] - middle[0], image[1] - middle[1], image[2] - middle[2]};
                if (norm(away) <= radius) images.push_back(image);
            }
    return images;
}

std::string compare(const SphereCase& c) {
    const Case& b = c.base;
    const double type_rounding = b.output == OutputType::float64   ? 0x1p-50
                                 : b.output == OutputType::float32 ? 0x1p-21
                                                                   : 0x1p-7;  // bfloat16 too
    for (std::int64_t s = 0; s < b.structures; ++s) {
        const Basis grid(b.axes.data() + 9 * s);
        for (std::int64_t channel = 0; channel < b.channels; ++channel) {
            const std::size_t ny = static_cast<std::size_t>(b.shape[1]), nz = static_cast<std::size_t>(b.shape[2]);
            std::vector<double> values(static_cast<std::size_t>(b.shape[0]) * ny * nz, 0.0);
            double rounding = 1e-30, magnitude = 0.0;
            for (std::int64_t e = b.offsets[static_cast<std::size_t>(s)]; e < b.offsets[static_cast<std::size_t>(s) + 1]; ++e) {
                const std::size_t n = static_cast<std::size_t>(e);
                if (b.channel_of[n] != channel || b.weights[n] == 0.0) continue;
                const double scale = b.weights[n] * overlap_scale(c.per, grid.volume, b.sigmas[n]);
                for (const std::array<double, 3>& image : list_images(c, grid, s, e)) {
                    // an offset of 1e9 A from the origin is known to 1e-7 A only
                    const double far = norm(image.data()) + norm(b.origins.data() + 3 * s);
                    const double ball = 4.2 * b.sigmas[n] * b.sigmas[n] * b.sigmas[n] / grid.volume;
                    rounding += std::fabs(scale) * (3e-14 * ball + 1e-14 * far / b.sigmas[n] * std::max(1.0, ball));
                    magnitude += std::fabs(scale);
                    std::size_t v = 0;
                    for (std::int64_t x = 0; x < b.shape[0]; ++x)
                        for (std::int64_t y = 0; y < b.shape[1]; ++y)
                            for (std::int64_t z = 0; z < b.shape[2]; ++z, ++v) {
                                double corner[3];
                                for (std::size_t a = 0; a < 3; ++a)
                                    corner[a] = (b.origins[static_cast<std::size_t>(3 * s) + a] - image[a]) +
                                                static_cast<double>(x) * grid.row(0)[a] + static_cast<double>(y) * grid.row(1)[a] +
                                                static_cast<double>(z) * grid.row(2)[a];
                                const double value = scale * share_directly(grid, corner, b.sigmas[n]);
                                values[v] = c.maximum ? std::max(values[v], value) : values[v] + value;
                            }
                }
            }
            std::size_t v = 0;
            for (std::int64_t x = 0; x < b.shape[0]; ++x)
                for (std::int64_t y = 0; y < b.shape[1]; ++y)
                    for (std::int64_t z = 0; z < b.shape[2]; ++z, ++v) {
                        const double got = b.read({s, channel, x, y, z}), bound = rounding + type_rounding * magnitude + 1e-7 * (b.output == OutputType::float16);
                        if (!(std::fabs(got - values[v]) <= bound))
                            return "(" + std::to_string(s) + ", " + std::to_string(channel) + ", " + std::to_string(x) + ", " +
                                   std::to_string(y) + ", " + std::to_string(z) + ") is " + std::to_string(got) + ", expected " +
                                   std::to_string(values[v]) + " within " + std::to_string(bound);
                    }
        }
    }
    return "";
}

// A number for each that the values depend on.
struct Numbers {
    std::vector<double> values[6];

    explicit Numbers(const SphereOverlapJob& job) {
        const std::int64_t n = job.structures, lengths[6] = {3 * job.atoms, job.entries, job.entries, 9 * n, 3 * n, 9 * n};
        for (int i = 0; i < 6; ++i) values[i].resize(static_cast<std::size_t>(lengths[i]));
    }
    template <class Number>
    Tangent<Number> point() {
        return {values[0].data(), values[1].data(), values[2].data(), values[3].data(), values[4].data(), values[5].data()};
    }
};

// The inner product, and the sum of the magnitudes of its terms.
double contract(const Numbers& a, const Numbers& b, double& magnitude) {
    double sum = 0.0;
    for (int i = 0; i < 6; ++i)
        for (std::size_t n = 0; n < a.values[i].size(); ++n) {
            sum += a.values[i][n] * b.values[i][n];
            magnitude += std::fabs(a.values[i][n] * b.values[i][n]);
        }
    return sum;
}

void check_derivatives(SphereCase& c, Random& random, int threads) {
    SphereOverlapJob job = c.job(threads);
    const std::size_t size = static_cast<std::size_t>(job.structures * job.channels * count_voxels(job));
    std::vector<double> upstream(size), change(size, kNotANumber);
    for (double& x : upstream) x = random.real(-1.0, 1.0);
    job.output = OutputType::float64;
    std::ptrdiff_t stride = sizeof(double);
    const std::int64_t lengths[5] = {job.structures, job.channels, job.shape[0], job.shape[1], job.shape[2]};
    for (std::size_t d = 5; d-- > 0; stride *= lengths[d]) job.strides[d] = stride;
    Numbers along(job), across(job), slope(job), bend(job), other(job);
    for (Numbers* numbers : {&along, &across})
        for (std::vector<double>& values : numbers->values)
            for (double& x : values) x = random.real(-1.0, 1.0);
    for (Numbers* numbers : {&slope, &bend, &other})
        for (std::vector<double>& values : numbers->values) std::fill(values.begin(), values.end(), kNotANumber);
    const Direction one = along.point<const double>(), two = across.point<const double>();
    job.out = change.data();
    push_forward_sphere_overlaps(job, one);
    job.out = upstream.data();
    pull_back_sphere_overlaps(job, slope.point<double>(), nullptr);
    pull_back_sphere_overlaps(job, bend.point<double>(), &one);
    pull_back_sphere_overlaps(job, other.point<double>(), &two);
    // Where volumes do not depend on anything, derivatives are what rounding leaves of them.
    double rounding = 0.0;
    for (std::int64_t e = 0; e < job.entries; ++e) {
        const Basis grid(job.axes + 9 * find_owner(job, e));
        const double radius = job.entry_widths[e], voxels = std::max(1.0, radius * radius * radius / grid.volume);
        rounding += 1e-13 * (1.0 + std::fabs(job.entry_weights[e])) * overlap_scale(job.per, grid.volume, radius) * voxels;
    }
    double expected = 0.0, magnitude = 0.0, magnitude_2 = 0.0;
    for (std::size_t v = 0; v < size; ++v) {
        expected += upstream[v] * change[v];
        magnitude += std::fabs(upstream[v] * change[v]);
    }
    const double got = contract(slope, along, magnitude);
    CHECK(std::fabs(got - expected) <= 1e-11 * magnitude + rounding, "not adjoint: %.17g and %.17g", got, expected);
    const double left = contract(bend, across, magnitude_2), right = contract(other, along, magnitude_2);
    CHECK(std::fabs(left - right) <= 1e-8 * magnitude_2 + rounding, "not symmetric: %.17g and %.17g of %.3g", left, right, magnitude_2);
}

void run_call(Random& random) {
    // large enough to start threads; compared with one thread's
    const bool large = random.one_in(10000), compares = random.one_in(20);
    SphereCase c = make_case(random, large ? 400'000 : random.one_in(20) ? 200 : 60);
    const int threads = large ? 3 : random_threads(random);
    SphereOverlapJob job = c.job(threads);
    if (random.one_in(4) && !c.base.atoms.empty()) {
        if (random.one_in(8)) c.base.sigmas[random.pick(c.base.sigmas.size())] = 5e5 * std::cbrt(Basis(c.base.axes.data()).volume);
        else damage(c.base, job, random);
        expect_refusal(c.base, [&] { draw_sphere_overlaps(job); });
        return;
    }
    if (!expect_drawing(c.base, [&] { draw_sphere_overlaps(job); })) return;
    std::string wrong = c.base.check_written(true);
    if (wrong.empty() && compares && !large) wrong = compare(c);
    CHECK(wrong.empty(), "%d threads: %s", threads, wrong.c_str());
    if (!large && random.one_in(4)) check_derivatives(c, random, threads);
    if (large) {
        const std::vector<unsigned char> drawn = c.base.memory;
        draw_sphere_overlaps(c.job(1));
        CHECK(drawn == c.base.memory, "bits differ between 1 and %d threads", threads);
    }
    check_other_outputs(c.base, random, [&](SparseSink* sink, Touched* marks) {
        job.sink = sink;
        job.touched = marks;
        draw_sphere_overlaps(job);
    });
}

}  // namespace

int main(int count, char** arguments) { return run_calls(count, arguments, run_call); }
