#include "fuzz.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "check_sparse.hpp"
#include "dispatch.hpp"
#include "lattice.hpp"

#if defined(__SANITIZE_ADDRESS__)
// A sanitizer that ends the program has it say which call it was in.
extern "C" void __sanitizer_set_death_callback(void (*callback)());

// Twice as many calls a second: memory that is freed stays unused for hundreds of calls, and not for tens of thousands,
// which leaves it in the cache.
extern "C" __attribute__((visibility("default"))) const char* __asan_default_options() {
    return "quarantine_size_mb=8:malloc_context_size=12";
}
#endif

namespace particlegrid {

namespace {

unsigned long long seed_now = 0;
const char* program = "";
long refused_as_expected = 0;

void say_seed() { std::fprintf(stderr, "repeat it with: %s 1 %llu\n", program, seed_now); }

void check_touched(Case& c, Random& random, const std::function<void(SparseSink*, Touched*)>& draw) {
    const std::vector<unsigned char> plain = c.memory;
    c.marks.assign(static_cast<std::size_t>(c.structures * c.channels * c.shape[0]), {0, 0, 0, 0});
    c.for_each([&](std::size_t byte) { std::fill_n(c.memory.data() + byte, c.unit(), static_cast<unsigned char>(0)); });
    draw(nullptr, c.marks.data());
    CHECK(c.memory == plain, "bytes differ where only what is touched was written");
    for (std::size_t e = 0; e < c.weights.size(); ++e) {
        double* position = c.positions.data() + 3 * c.atoms[e];
        for (std::size_t d = 0; d < 3; ++d) position[d] += random.real(-2.0, 2.0);
    }
    const auto try_to = [&](Touched* marks) {
        // only the images of the new positions may be too many
        try {
            draw(nullptr, marks);
            return true;
        } catch (const std::invalid_argument&) {
            return false;
        }
    };
    if (!try_to(c.marks.data())) return;
    const std::vector<unsigned char> again = c.memory;
    std::fill(c.memory.begin(), c.memory.end(), kGuard);
    CHECK(try_to(nullptr), "refused without marks alone");
    CHECK(c.memory == again, "bytes differ where an earlier drawing was wiped");
}

}  // namespace

int random_threads(Random& random) { return random.one_in(30) ? static_cast<int>(random.whole(2, 4)) : 1; }

void lay_out_at_random(Canvas& canvas, Random& random) {
    std::array<int, 5> order{4, 3, 2, 1, 0}, gaps{};
    const std::size_t kind = random.pick(6);
    if (kind == 1 || kind == 2)
        for (std::size_t d = 4; d > 0; --d) std::swap(order[d], order[random.pick(d + 1)]);
    if (kind == 2 || kind == 3)
        for (int& gap : gaps) gap = random.one_in(2) ? static_cast<int>(random.whole(1, 3)) : 0;
    const unsigned backwards = random.one_in(4) ? static_cast<unsigned>(random.pick(32)) : 0u;
    canvas.arrange(order, backwards, gaps, random.whole(0, 9));
}

std::array<double, 9> random_basis(Random& random, double low, double high, bool orthogonal) {
    const double flattest = random.one_in(50) ? 0.01 : 0.15;
    for (;;) {
        std::array<double, 9> rows{};
        for (std::size_t d = 0; d < 3; ++d) {
            const double length = random.real(low, high);
            for (std::size_t k = 0; k < 3; ++k)
                if (d == k || !orthogonal) rows[3 * d + k] = length * (d == k ? 1.0 : random.real(-0.7, 0.7));
        }
        if (random.one_in(4))
            for (std::size_t k = 0; k < 3; ++k) rows[k] = -rows[k];
        const double* r = rows.data();
        if (std::fabs(determinant(r)) >= flattest * norm(r) * norm(r + 3) * norm(r + 6)) return rows;
    }
}

Case random_case(Random& random, std::int64_t voxels) {
    const bool small = voxels < 1000;
    const std::int64_t structures = random.whole(1, small ? 3 : 4), channels = random.whole(1, small ? 3 : 4);
    std::array<std::int64_t, 3> shape;
    std::array<double, 3> spacing;
    std::int64_t left = std::max<std::int64_t>(1, voxels / (structures * channels));
    for (std::size_t d = 0; d < 3; ++d) {
        const std::int64_t longest = std::min<std::int64_t>(left, d < 2 ? 40 : 70);
        shape[d] = random.one_in(8) ? 1 : random.whole(1, longest);
        left = std::max<std::int64_t>(1, left / shape[d]);
        spacing[d] = random.log_real(0.05, 3.0);
    }
    if (random.one_in(4)) shape[2] = 8 * random.whole(1, 9);  // rows of whole registers have kernels of their own
    Case c(structures, channels, shape, spacing);
    const OutputType types[] = {OutputType::float16, OutputType::float32, OutputType::float64, OutputType::bfloat16};
    const OutputType type = random.of(types);
    const Value kinds[] = {Value::integral, Value::mean, Value::point, Value::peak};
    c.value = random.of(kinds);
    // densities of fine grids and sharp atoms leave the range of half precision
    if (type == OutputType::float16) c.value = random.one_in(2) ? Value::integral : Value::peak;
    c.cut = random.pick(4) ? random.real(4.5, 7.0) : random.real(0.5, 12.0);
    for (double& o : c.origins) o = random.real(-20.0, 20.0);
    c.offsets.assign(1, 0);
    const double h = *std::min_element(spacing.begin(), spacing.end());
    for (std::size_t s = 0; s < static_cast<std::size_t>(structures); ++s) {
        c.offsets.push_back(c.offsets.back());
        for (std::int64_t e = random.pick(5) ? random.whole(1, small ? 4 : 12) : 0; e > 0; --e) {
            std::array<double, 3> at;
            const std::size_t kind = random.pick(10);
            for (std::size_t d = 0; d < 3; ++d) {
                const double n = static_cast<double>(shape[d]);
                double index = random.real(0.0, n);
                if (kind == 0) index = static_cast<double>(random.whole(0, shape[d]));            // on a face
                if (kind == 1) index = static_cast<double>(random.whole(0, shape[d] - 1)) + 0.5;  // at a centre
                if (kind == 2) index = random.real(-0.5 * n - 4.0, 1.5 * n + 4.0);                // perhaps outside
                if (kind == 3) index = random.real(-1e9, 1e9);                                    // far away
                at[d] = c.origins[3 * s + d] + index * spacing[d];
            }
            const std::size_t width = random.pick(10);
            const double sigma = h * (width == 0 ? random.real(0.01, 0.1) : width == 1 ? random.real(10.0, 100.0) : random.log_real(0.1, 5.0));
            c.add(at, random.whole(0, channels - 1), random.one_in(10) ? 0.0 : random.real(-3.0, 3.0), sigma);
        }
    }
    c.lay_out(type, Layout::packed);
    lay_out_at_random(c, random);
    return c;
}

void damage(Case& c, GridJob& job, Random& random) {
    const double bad[] = {kNotANumber, kInfinity, -kInfinity};
    const std::int64_t far = static_cast<std::int64_t>(random());  // any 64 bits
    const auto outside = [&](std::int64_t n) { return random.one_in(3) ? -1 : random.one_in(2) || (far >= 0 && far < n) ? n : far; };
    const auto not_this = [&](std::int64_t n) { return random.one_in(3) ? n + 1 : random.one_in(2) || far == n ? n - 1 : far; };
    const std::size_t entry = random.pick(c.atoms.size());
    switch (random.pick(c.periodic.empty() ? 11 : 13)) {
        case 0: c.atoms[entry] = outside(job.atoms); return;
        case 1: c.channel_of[entry] = outside(job.channels); return;
        case 2: c.sigmas[entry] = random.one_in(2) ? random.of(bad) : random.one_in(2) ? 2e6 : random.real(-1.0, 1e-7); return;
        case 3: c.weights[entry] = random.of(bad); return;
        case 4: c.positions[3 * static_cast<std::size_t>(c.atoms[entry]) + random.pick(3)] = random.of(bad); return;
        case 5: c.origins[random.pick(c.origins.size())] = random.of(bad); return;
        case 6: {
            std::int64_t& offset = random.one_in(2) ? c.offsets.front() : c.offsets.back();
            offset = not_this(offset);
            return;
        }
        case 7: job.shape[random.pick(3)] = random.one_in(2) ? -random.whole(0, 99) : std::int64_t{1} << random.whole(21, 62); return;
        case 8: c.axes[random.pick(c.axes.size())] = random.of(bad); return;
        case 9: job.threads = static_cast<int>(random.one_in(2) ? -random.whole(0, 9) : random.whole(1025, 1 << 30)); return;
        case 10: {
            c.marks.assign(static_cast<std::size_t>(c.structures * c.channels * c.shape[0]), {0, 0, 0, 0});
            Touched& mark = c.marks[random.pick(c.marks.size())];
            const std::int32_t rows = static_cast<std::int32_t>(c.shape[1]), columns = static_cast<std::int32_t>(c.shape[2]);
            const Touched wrong[] = {{0, rows + 1, 0, columns}, {0, rows, 0, columns + 1}, {-1, rows, 0, columns}, {0, rows, -1, columns},
                                     {rows, 0, 0, columns}, {0, rows, 2, 1}};
            mark = random.of(wrong);
            job.touched = c.marks.data();
            return;
        }
        default: break;
    }
    for (std::size_t s = 0; s < static_cast<std::size_t>(c.structures); ++s) {
        if (!c.repeats(s)) continue;
        if (c.offsets[s] < c.offsets[s + 1] && random.one_in(2))
            c.positions[3 * static_cast<std::size_t>(c.atoms[static_cast<std::size_t>(c.offsets[s])]) + random.pick(3)] = -2e9;
        else
            c.lattices[9 * s + random.pick(9)] = random.of(bad);
        return;
    }
    c.weights[entry] = random.of(bad);
}

void expect_refusal(const Canvas& out, const std::function<void()>& draw) {
    bool refused = false;
    try {
        draw();
    } catch (const std::invalid_argument&) {
        refused = true;
    }
    CHECK(refused, "an invalid job was accepted");
    CHECK(out.untouched(), "an invalid job wrote");
    refused_as_expected += refused;
}

bool expect_drawing(const Case& c, const std::function<void()>& draw) {
    try {
        draw();
        return true;
    } catch (const std::invalid_argument& error) {
        const bool expected = !c.periodic.empty() && std::string(error.what()).find("million periodic images") != std::string::npos;
        CHECK(expected, "a valid job was refused: %s", error.what());
        CHECK(c.untouched(), "a refused job wrote");
        refused_as_expected += expected;
        return false;
    }
}

void check_other_outputs(Case& c, Random& random, const std::function<void(SparseSink*, Touched*)>& draw) {
    const bool sums = c.output == OutputType::float32 || c.output == OutputType::float64;
    if (sums && random.one_in(8)) {
        const std::string wrong = compare_sparse(c, random.one_in(2), random.whole(-4, 3), [&](SparseSink* sink) { draw(sink, nullptr); });
        CHECK(wrong.empty(), "sparse: %s", wrong.c_str());
    }
    if (random.one_in(8)) check_touched(c, random, draw);
}

int run_calls(int count, char** arguments, void (*run_call)(Random&)) {
    const std::uint64_t calls = count > 1 ? std::strtoull(arguments[1], nullptr, 10) : 1000;
    const std::uint64_t seed = count > 2 ? std::strtoull(arguments[2], nullptr, 10) : 1;
    const double seconds = count > 3 ? std::strtod(arguments[3], nullptr) : 1e9;
    program = arguments[0];
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_set_death_callback(say_seed);
#endif
    const std::vector<std::string> sets = list_instruction_sets();
    const auto start = std::chrono::steady_clock::now();
    const auto passed = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); };
    std::uint64_t call = 0;
    for (; call < calls && failed_checks == 0 && (call % 16 != 0 || passed() < seconds); ++call) {
        seed_now = seed + call;
        Random random(seed_now);
        const std::string& set = sets[random.pick(sets.size())];
        use_instruction_set(set);
        try {
            run_call(random);
        } catch (const std::exception& error) {
            CHECK(false, "threw %s", error.what());
        }
        if (failed_checks == 0) continue;
        std::fprintf(stderr, "with %s; ", set.c_str());
        say_seed();
    }
    const int status = report_checks();
    std::printf("%llu calls, %ld refused as expected, %.1f s\n", static_cast<unsigned long long>(call), refused_as_expected, passed());
    return status;
}

}  // namespace particlegrid
