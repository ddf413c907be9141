// fuzz_gaussian [calls] [seed]: random drawings on orthogonal voxels, some of them against sums of std::erf, as sparse
// output and over what was drawn before, and random invalid jobs, which must be refused before anything is written.
#include <algorithm>
#include <cmath>

#include "dispatch.hpp"
#include "fuzz.hpp"
#include "row_drawer.hpp"

using namespace particlegrid;

namespace {

// Cells of 2 to 30 voxels, or the grid's own edges; atoms within reach of them, widths that reach few images.
void repeat(Case& c, Random& random) {
    for (std::int64_t s = 0; s < c.structures; ++s)
        for (std::size_t d = 0; d < 3; ++d) {
            const double length = c.spacing[d] * (random.one_in(2) ? static_cast<double>(c.shape[d]) : random.real(2.0, 30.0));
            for (std::size_t k = 0; k < 3; ++k) c.lattices.push_back(k == d ? length : 0.0);
            c.periodic.push_back(random.pick(3) != 0);
        }
    for (double& x : c.positions) x = std::fmod(x, 100.0);
    const double most = random.one_in(50) ? 1.0 : 0.1;
    for (double& sigma : c.sigmas) sigma = std::min(sigma, most);
}

void run_call(Random& random) {
    // large ones start threads
    const std::int64_t voxels = random.one_in(40000) ? 1'500'000 : random.one_in(4000) ? 400'000 : random.one_in(25) ? 6000 : 150;
    const bool compares = random.one_in(8);
    Case c = random_case(random, voxels);
    if (!compares && random.one_in(4)) repeat(c, random);
    const int threads = voxels > 6000 ? 4 : random_threads(random);
    GaussianJob job = c.job(threads);
    if (random.one_in(2)) job.cache_bytes = 0;  // written around the cache
    if (random.one_in(4) && !c.atoms.empty()) {
        const double cuts[] = {kNotANumber, kInfinity, -1.0, 0.0, 31.0};
        if (random.one_in(8)) job.cut = random.of(cuts);
        else damage(c, job, random);
        expect_refusal(c, [&] { draw_gaussians(job); });
        return;
    }
    const auto draw = [&] {
        draw_gaussians(job);
        if (allows_rows(job, active_kernels())) draw_by_rows(job, active_kernels());  // faster or not
    };
    if (!expect_drawing(c, draw)) return;
    const std::string wrong = compares ? compare(c) : c.check_written(true);
    CHECK(wrong.empty(), "%d threads: %s", threads, wrong.c_str());
    check_other_outputs(c, random, [&](SparseSink* sink, Touched* marks) {
        job.sink = sink;
        job.touched = marks;
        draw();
    });
}

}  // namespace

int main(int count, char** arguments) { return run_calls(count, arguments, run_call); }
