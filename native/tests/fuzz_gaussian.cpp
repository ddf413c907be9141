// fuzz_gaussian [calls] [seed]: random drawings against sums of std::erf, also as sparse output, and random invalid
// jobs, which must be refused before anything is written. A call that fails prints the seed that repeats it alone: fuzz_gaussian 1 SEED.
#include <cstdlib>
#include <limits>
#include <stdexcept>
#include <string>

#include "cases.hpp"
#include "check.hpp"
#include "check_sparse.hpp"
#include "dispatch.hpp"

using namespace particlegrid;

namespace {

// Break one thing of a job that has entries.
void damage(Case& c, GaussianJob& job, std::mt19937_64& random) {
    const auto pick = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random); };
    const std::int64_t far = static_cast<std::int64_t>(random());  // any 64 bits
    const double bad[] = {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(),
                          -std::numeric_limits<double>::infinity()};
    const std::int64_t atoms = job.atoms, channels = job.channels;
    const auto outside = [&](std::int64_t n) { return far >= 0 && far < n ? n : far; };
    switch (pick(10)) {
        case 0: c.atoms[pick(c.atoms.size())] = outside(atoms); break;
        case 1: c.channel_of[pick(c.channel_of.size())] = outside(channels); break;
        case 2: c.sigmas[pick(c.sigmas.size())] = pick(2) ? bad[pick(3)] : -1e-3 * static_cast<double>(pick(1000)); break;
        case 3: c.weights[pick(c.weights.size())] = bad[pick(3)]; break;
        case 4: c.positions[3 * static_cast<std::size_t>(c.atoms[pick(c.atoms.size())]) + pick(3)] = bad[pick(3)]; break;
        case 5: c.origins[pick(c.origins.size())] = bad[pick(3)]; break;
        case 6: c.offsets[pick(2) ? 0 : c.offsets.size() - 1] = outside(0) == 0 ? -1 : outside(job.entries + 1); break;
        case 7: job.shape[pick(3)] = pick(2) ? -static_cast<std::int64_t>(pick(100)) : std::int64_t{1} << (24 + pick(38)); break;
        case 8: c.axes[pick(c.axes.size())] = bad[pick(3)]; break;
        default: job.cut = pick(2) ? bad[pick(3)] : -static_cast<double>(pick(3)); break;
    }
}

void run_call(std::uint64_t seed, const std::vector<std::string>& sets) {
    std::mt19937_64 random(seed);
    const auto pick = [&](std::uint64_t n) { return random() % n; };
    // one call in forty is large enough to start threads, one in a hundred bypasses the cache
    const std::int64_t voxels = pick(40) == 0 ? 400'000 : pick(100) == 0 ? 1'500'000 : 6'000;
    Case c = random_case(random, voxels);
    const std::string& set = sets[pick(sets.size())];
    const int threads = 1 + static_cast<int>(pick(4));
    if (pick(4) == 0 && !c.atoms.empty()) {
        use_instruction_set(set);
        GaussianJob job = c.job(threads);
        damage(c, job, random);
        bool refused = false;
        try {
            draw_gaussians(job);
        } catch (const std::invalid_argument&) {
            refused = true;
        }
        CHECK(refused, "seed %llu: an invalid job was accepted", static_cast<unsigned long long>(seed));
        CHECK(untouched(c), "seed %llu: an invalid job wrote", static_cast<unsigned long long>(seed));
        return;
    }
    c.draw(set, threads);
    const std::string wrong = compare(c);
    CHECK(wrong.empty(), "seed %llu, %s, %d threads: %s", static_cast<unsigned long long>(seed), set.c_str(), threads,
          wrong.c_str());
    if (c.output != OutputType::float32 && c.output != OutputType::float64) return;
    const bool blocks = pick(2) == 0;
    const std::int64_t spare = static_cast<std::int64_t>(pick(8)) - 4;
    const std::string sparse = compare_sparse(c, blocks, spare, threads);
    CHECK(sparse.empty(), "seed %llu, %s, %d threads, sparse: %s", static_cast<unsigned long long>(seed), set.c_str(),
          threads, sparse.c_str());
}

}  // namespace

int main(int count, char** arguments) {
    const std::uint64_t calls = count > 1 ? std::strtoull(arguments[1], nullptr, 10) : 1500;
    const std::uint64_t seed = count > 2 ? std::strtoull(arguments[2], nullptr, 10) : 1;
    const std::vector<std::string> sets = list_instruction_sets();
    for (std::uint64_t call = 0; call < calls && failed_checks < 10; ++call) run_call(seed + call, sets);
    std::printf("%llu calls from seed %llu\n", static_cast<unsigned long long>(calls), static_cast<unsigned long long>(seed));
    return report_checks();
}
