// count_instructions WORKLOAD: draw it once, for count_instructions.py to count the instructions of `measured` under
// valgrind. Without an argument: the names of the workloads. With "--build": what decides the counts besides the code.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "coulomb.hpp"
#include "dispatch.hpp"
#include "gaussian.hpp"
#include "lennard_jones.hpp"
#include "radial.hpp"

using namespace particlegrid;

namespace {

// The same numbers with every compiler.
class Numbers {
public:
    double between(double low, double high) {
        state_ = state_ * 6364136223846793005u + 1442695040888963407u;
        return low + (high - low) * static_cast<double>(state_ >> 11) * 0x1p-53;
    }

private:
    std::uint64_t state_ = 1;
};

// Random atoms on grids of 32^3 voxels, with the arrays that a job points to.
struct Workload {
    std::vector<double> axes, origins, lattices, positions, weights, widths;
    std::vector<std::uint8_t> periodic;
    std::vector<std::int64_t> atoms, channels, offsets{0};
    std::vector<float> out;

    // Voxels of `spacing` A, sheared if asked for; periodic ones fill the cell.
    Workload(GridJob& job, std::int64_t structures, std::int64_t atoms_each, double spacing, bool sheared, bool repeats) {
        constexpr std::int64_t kSide = 32;
        Numbers random;
        job.structures = structures;
        job.channels = repeats ? 1 : 5;
        job.shape = {kSide, kSide, kSide};
        const double edge = spacing * static_cast<double>(kSide), shear = sheared ? 0.3 * spacing : 0.0;
        for (std::int64_t s = 0; s < structures; ++s) {
            const double rows[9] = {spacing, 0.0, 0.0, shear, spacing, 0.0, 0.0, shear, spacing};
            for (int k = 0; k < 9; ++k) {
                axes.push_back(rows[k]);
                lattices.push_back(rows[k] * static_cast<double>(kSide));
            }
            for (int k = 0; k < 3; ++k) {
                origins.push_back(-0.5 * edge);
                periodic.push_back(repeats);
            }
            for (std::int64_t a = 0; a < atoms_each; ++a) {
                for (int k = 0; k < 3; ++k) positions.push_back(random.between(-0.3 * edge, 0.3 * edge));
                channels.push_back(static_cast<std::int64_t>(atoms.size()) % job.channels);
                atoms.push_back(static_cast<std::int64_t>(atoms.size()));
                weights.push_back(random.between(-1.0, 1.0));
                widths.push_back(0.5);
            }
            offsets.push_back(static_cast<std::int64_t>(atoms.size()));
        }
        out.assign(static_cast<std::size_t>(structures * job.channels * kSide * kSide * kSide), 1.0f);
        job.axes = axes.data();
        job.origins = origins.data();
        if (repeats) {
            job.lattices = lattices.data();
            job.periodic = periodic.data();
        }
        job.positions = positions.data();
        job.atoms = static_cast<std::int64_t>(atoms.size());
        job.entry_atoms = atoms.data();
        job.entry_channels = channels.data();
        job.entry_weights = weights.data();
        job.entry_widths = widths.data();
        job.entries = job.atoms;
        job.entry_offsets = offsets.data();
        job.out = out.data();
        job.output = OutputType::float32;
        std::ptrdiff_t step = sizeof(float);
        const std::int64_t sizes[5] = {structures, job.channels, kSide, kSide, kSide};
        for (std::size_t d = 5; d-- > 0; step *= sizes[d]) job.strides[d] = step;
    }
};

}  // namespace

// What is counted: valgrind collects only while this runs, so it must neither be cloned nor end in a jump.
#if defined(__clang__)
#define PG_AS_WRITTEN __attribute__((noinline))
#else
#define PG_AS_WRITTEN __attribute__((noipa))
#endif
extern "C" PG_AS_WRITTEN void measured(void (*draw)(const void*), const void* job) {
    draw(job);
    asm volatile("");
}

namespace {

template <class Job, void (*kDraw)(const Job&)>
void measure(const Job& job) {
    measured([](const void* given) { kDraw(*static_cast<const Job*>(given)); }, &job);
}

void draw_separable() {
    GaussianJob job;
    const Workload workload(job, 64, 18, 0.5, false, false);
    job.cut = 5.3;
    measure<GaussianJob, draw_gaussians>(job);
}

void draw_sheared() {
    GaussianJob job;
    const Workload workload(job, 1, 60, 0.5, true, true);
    job.cut = 5.3;
    measure<GaussianJob, draw_gaussians>(job);
}

void draw_radial_points() {
    RadialJob job;
    const Workload workload(job, 8, 40, 0.5, true, false);
    job.cut = 5.7;
    measure<RadialJob, draw_radial>(job);
}

void draw_energies() {
    LennardJonesJob job;
    Workload workload(job, 1, 100, 0.5, false, true);
    for (double& width : workload.widths) width = 3.4;
    job.probe_width = 3.73;
    job.cutoff = 10.0;
    measure<LennardJonesJob, draw_lennard_jones>(job);
}

void draw_potential() {
    CoulombJob job;
    const Workload workload(job, 1, 100, 0.5, true, true);
    measure<CoulombJob, draw_coulomb>(job);
}

struct Named {
    const char* name;
    void (*draw)();
};
constexpr Named kWorkloads[] = {
    {"Gaussian, integral, 64 molecules", draw_separable},
    {"Gaussian, integral, sheared crystal", draw_sheared},
    {"Gaussian, point, sheared boxes", draw_radial_points},
    {"LennardJones, crystal", draw_energies},
    {"Coulomb, sheared crystal", draw_potential},
};

}  // namespace

int main(int count, char** arguments) {
    // the widest set that valgrind knows
    for (const std::string& set : list_instruction_sets())
        if (set != "x86_64_v4") {
            use_instruction_set(set);
            break;
        }
    if (count > 1 && std::strcmp(arguments[1], "--build") == 0) {
#if defined(__clang__)
        std::printf("%s", __VERSION__);
#else
        std::printf("GCC %s", __VERSION__);
#endif
#if defined(__GLIBC__)
        std::printf(", glibc %d.%d", __GLIBC__, __GLIBC_MINOR__);
#endif
        std::printf(", %s\n", active_kernels().name);
        return 0;
    }
    for (const Named& workload : kWorkloads) {
        if (count > 1 && std::strcmp(arguments[1], workload.name) == 0) {
            workload.draw();
            return 0;
        }
        if (count == 1) std::printf("%s\n", workload.name);
    }
    return count == 1 ? 0 : 2;
}
