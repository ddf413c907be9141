// fuzz_sphere_overlap [calls] [seed]: random drawings of spheres on orthogonal and sheared voxels, periodic or not, against
// the sum over tetrahedra, and random invalid jobs, which must be refused before anything is written. A call that fails
// prints the seed that repeats it alone: fuzz_sphere_overlap 1 SEED.
#include <cstdlib>
#include <limits>
#include <stdexcept>
#include <string>

#include "cases.hpp"
#include "check.hpp"
#include "direct_overlap.hpp"
#include "dispatch.hpp"
#include "overlap_brush.hpp"

using namespace particlegrid;

namespace {

// A Case's arrays as spheres, with axes and lattices of their own.
struct SphereCase {
    Case base;
    std::vector<double> axes, lattices;
    std::vector<std::uint8_t> periodic;
    Per per = Per::voxel;
    bool maximum = false;

    SphereOverlapJob job(int threads) {
        SphereOverlapJob job;
        static_cast<GridJob&>(job) = base.job(threads);
        job.axes = axes.data();
        if (!periodic.empty()) {
            job.lattices = lattices.data();
            job.periodic = periodic.data();
        }
        job.per = per;
        job.maximum = maximum;
        return job;
    }
};

SphereCase make_case(std::mt19937_64& random, std::int64_t voxels) {
    SphereCase c{random_case(random, voxels), {}, {}, {}};
    Case& b = c.base;
    const auto real = [&](double low, double high) { return std::uniform_real_distribution<double>(low, high)(random); };
    const double shear = random() % 2 ? real(0.0, 0.5) : 0.0;
    for (std::int64_t s = 0; s < b.structures; ++s)
        for (std::size_t d = 0; d < 3; ++d)
            for (std::size_t a = 0; a < 3; ++a)
                c.axes.push_back(b.spacing[d] * (a == d ? (random() % 5 ? 1.0 : -1.0) : shear == 0.0 ? 0.0 : real(-shear, shear)));
    const double smallest = *std::min_element(b.spacing.begin(), b.spacing.end());
    for (double& radius : b.sigmas) radius = smallest * std::exp(real(std::log(0.05), std::log(5.0)));
    const Per all[] = {Per::voxel, Per::atom, Per::volume};
    c.per = b.output == OutputType::float64 || b.output == OutputType::float32 ? all[random() % 3] : Per::voxel;
    c.maximum = random() % 3 == 0;
    if (random() % 2) return c;
    for (std::int64_t s = 0; s < b.structures; ++s)
        for (std::size_t d = 0; d < 3; ++d) {
            // the grid's own edge, or a cell that it is a window into
            const double scale = random() % 2 ? static_cast<double>(b.shape[d]) : real(4.0, 12.0);
            const double* row = c.axes.data() + 9 * s + static_cast<std::int64_t>(3 * d);
            for (std::size_t a = 0; a < 3; ++a) c.lattices.push_back(scale * row[a]);
            c.periodic.push_back(random() % 3 != 0);
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
    const double* lattice = c.periodic.empty() ? nullptr : c.lattices.data() + 9 * s;
    if (lattice) {
        const Basis cell(lattice);
        for (int d = 0; d < 3; ++d) {
            if (!c.periodic[static_cast<std::size_t>(3 * s + d)]) continue;
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
        const Basis grid(c.axes.data() + 9 * s);
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

void damage(SphereCase& c, SphereOverlapJob& job, std::mt19937_64& random) {
    Case& b = c.base;
    const auto pick = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
    const double bad[] = {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(),
                          -std::numeric_limits<double>::infinity()};
    switch (pick(9)) {
        case 0: b.atoms[pick(b.atoms.size())] = pick(2) ? -1 - static_cast<std::int64_t>(pick(1000)) : job.atoms; break;
        case 1: b.channel_of[pick(b.channel_of.size())] = pick(2) ? -1 : job.channels; break;
        case 2: b.sigmas[pick(b.sigmas.size())] = pick(2) ? bad[pick(3)] : -1e-3 * static_cast<double>(pick(1000)); break;
        case 3: b.weights[pick(b.weights.size())] = bad[pick(3)]; break;
        case 4: b.positions[3 * static_cast<std::size_t>(b.atoms[pick(b.atoms.size())]) + pick(3)] = bad[pick(3)]; break;
        case 5: b.origins[pick(b.origins.size())] = bad[pick(3)]; break;
        case 6: c.axes[pick(c.axes.size())] = bad[pick(3)]; break;
        case 7: b.sigmas[pick(b.sigmas.size())] = 500.0 * std::cbrt(Basis(c.axes.data()).volume) * 1000.0; break;
        default: job.shape[pick(3)] = pick(2) ? -static_cast<std::int64_t>(pick(100)) : std::int64_t{1} << (24 + pick(38)); break;
    }
}

void run_call(std::uint64_t seed, const std::vector<std::string>& sets) {
    std::mt19937_64 random(seed);
    // one call in two hundred is large enough to start threads; it is compared with one thread's
    const bool large = random() % 200 == 0;
    SphereCase c = make_case(random, large ? 400'000 : 200);
    use_instruction_set(sets[random() % sets.size()]);
    const int threads = 1 + static_cast<int>(random() % 4);
    SphereOverlapJob job = c.job(threads);
    const unsigned long long number = seed;
    if (random() % 4 == 0 && !c.base.atoms.empty()) {
        damage(c, job, random);
        bool refused = false;
        try {
            draw_sphere_overlaps(job);
        } catch (const std::invalid_argument&) {
            refused = true;
        }
        CHECK(refused, "seed %llu: an invalid job was accepted", number);
        CHECK(untouched(c.base), "seed %llu: an invalid job wrote", number);
        return;
    }
    draw_sphere_overlaps(job);
    if (large) {
        const std::vector<unsigned char> drawn = c.base.memory;
        draw_sphere_overlaps(c.job(1));
        CHECK(drawn == c.base.memory, "seed %llu: bits differ between 1 and %d threads", number, threads);
        return;
    }
    const std::string wrong = compare(c);
    CHECK(wrong.empty(), "seed %llu, %d threads: %s", number, threads, wrong.c_str());
}

}  // namespace

int main(int count, char** arguments) {
    const std::uint64_t calls = count > 1 ? std::strtoull(arguments[1], nullptr, 10) : 1000;
    const std::uint64_t seed = count > 2 ? std::strtoull(arguments[2], nullptr, 10) : 1;
    const std::vector<std::string> sets = list_instruction_sets();
    for (std::uint64_t call = 0; call < calls && failed_checks < 10; ++call) run_call(seed + call, sets);
    std::printf("%llu calls from seed %llu\n", static_cast<unsigned long long>(calls), static_cast<unsigned long long>(seed));
    return report_checks();
}
