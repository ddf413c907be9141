// draw_gaussians against sums of std::erf, for every instruction set of this machine.
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "cases.hpp"
#include "check.hpp"
#include "dispatch.hpp"
#include "row_drawer.hpp"

using namespace particlegrid;

namespace {

constexpr OutputType kTypes[] = {OutputType::float16, OutputType::float32, OutputType::float64, OutputType::bfloat16};
constexpr Layout kLayouts[] = {Layout::packed, Layout::padded, Layout::permuted, Layout::reversed};
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Draw for every instruction set, type, layout and misalignment.
void check_everywhere(const Case& given, const char* what) {
    for (const std::string& set : list_instruction_sets())
        for (const OutputType type : kTypes)
            for (const Layout layout : kLayouts)
                for (const std::int64_t shift : {0, 1, 5}) {
                    Case c = given;
                    c.lay_out(type, layout, shift);
                    c.draw(set);
                    const std::string wrong = compare(c);
                    CHECK(wrong.empty(), "%s, %s, type %d, layout %d, shift %d: %s", what, set.c_str(), int(type),
                          int(layout), int(shift), wrong.c_str());
                }
}

void check_shapes() {
    Case none(2, 2, {5, 4, 9}, {0.5, 0.6, 0.4});
    check_everywhere(none, "no entries");

    Case one_voxel(1, 1, {1, 1, 1}, {0.5, 0.5, 0.5});
    one_voxel.add({0.25, 0.25, 0.25}, 0, 1.0, 0.3);
    one_voxel.add({0.5, 0.0, 0.5}, 0, -0.5, 2.0);
    check_everywhere(one_voxel, "one voxel");

    // every length along z from 1 to beyond five registers: heads, groups and tails of a row
    for (std::int64_t z = 1; z <= 43; z += 3) {
        Case row(1, 2, {2, 3, z}, {0.5, 0.5, 0.5});
        row.add({0.4, 0.9, 0.25 * static_cast<double>(z)}, 0, 1.0, 0.5);
        row.add({0.4, 0.9, 0.0}, 1, 2.0, 0.7);
        row.add({0.4, 0.9, 0.5 * static_cast<double>(z)}, 1, 2.0, 0.2);
        check_everywhere(row, "rows");
    }
}

void check_edges() {
    Case c(1, 3, {11, 9, 21}, {0.5, 0.7, 0.3});
    c.origins = {-3.0, 2.0, 10.0};
    for (const double x : {-3.0, -3.0 + 11 * 0.5})
        for (const double y : {2.0, 2.0 + 9 * 0.7})
            for (const double z : {10.0, 10.0 + 21 * 0.3}) c.add({x, y, z}, 0, 1.0, 0.5);  // the box's corners
    c.add({-3.0 - 0.4, 5.0, 12.0}, 1, 1.0, 0.5);          // outside, reaching in
    c.add({-3.0 - 40.0, 5.0, 12.0}, 1, 1.0, 0.5);         // outside, out of reach
    c.add({1e12, -1e12, 1e15}, 1, 1.0, 0.5);              // far away
    c.add({0.0, 5.0, 13.0}, 1, 0.0, 0.5);                 // weight 0
    c.add({0.0, 5.0, 13.0}, 2, 1.0, 0.005);               // far narrower than a voxel
    c.add({0.1, 5.0, 13.1}, 2, 1.0, 300.0);               // far wider than the box
    c.add({0.0, 5.0, 13.0}, 2, -1.0, 1e6);
    for (const Value value : {Value::integral, Value::mean, Value::peak}) {
        c.value = value;
        check_everywhere(c, "edges");
    }
    c.value = Value::point;
    c.sigmas[12] = 0.1;  // its density, 1 / (15.7 sigma^3), would leave the range of half precision
    check_everywhere(c, "edges, point");
}

// An atom on a face of the box puts half its weight inside.
void check_half() {
    for (const std::string& set : list_instruction_sets()) {
        Case c(1, 1, {32, 32, 32}, {0.5, 0.5, 0.5});
        c.cut = 7.0;
        c.add({0.0, 8.0, 8.0}, 0, 1.0, 0.5);
        c.lay_out(OutputType::float64, Layout::packed);
        c.draw(set);
        double total = 0.0;
        for (std::int64_t x = 0; x < 32; ++x)
            for (std::int64_t y = 0; y < 32; ++y)
                for (std::int64_t z = 0; z < 32; ++z) total += c.read({0, 0, x, y, z});
        CHECK(std::fabs(total - 0.5) < 1e-9, "%s: the total is %.12f", set.c_str(), total);
    }
}

// More than 1 MB, so that threads are started, and more than 4 MB, so that stores bypass the cache.
void check_threads() {
    std::mt19937_64 random(7);
    std::uniform_real_distribution<double> unit(0.0, 1.0);
    for (const std::int64_t structures : {1, 5})
        for (const OutputType type : kTypes)
            for (const Layout layout : {Layout::packed, Layout::reversed}) {
                Case c(structures, 2, structures == 1 ? std::array<std::int64_t, 3>{97, 53, 59} : std::array<std::int64_t, 3>{43, 53, 59},
                       {0.4, 0.5, 0.45});
                c.offsets.assign(1, 0);
                for (std::int64_t s = 0; s < structures; ++s) {
                    c.offsets.push_back(c.offsets.back());
                    for (int e = 0; e < 9; ++e)
                        c.add({40 * unit(random), 28 * unit(random), 28 * unit(random)}, e % 2, unit(random), 0.3 + unit(random));
                }
                for (const std::string& set : list_instruction_sets()) {
                    c.lay_out(type, layout, 3);
                    c.draw(set, 1);
                    const std::string wrong = compare(c);
                    CHECK(wrong.empty(), "%s, large: %s", set.c_str(), wrong.c_str());
                    const std::vector<unsigned char> first = c.memory;
                    for (const int threads : {2, 3, 7, 64}) {
                        c.lay_out(type, layout, 3);  // the same memory again
                        c.draw(set, threads);
                        CHECK(c.memory == first, "%s: bits differ between 1 and %d threads", set.c_str(), threads);
                    }
                }
            }
}

std::vector<double> read_all(const Case& c) {
    std::vector<double> values;
    c.for_each([&](std::size_t byte) { values.push_back(c.read_at(byte)); });
    return values;
}

// What is written around the cache has the bits of what is not: whatever the length of the rows, where memory begins, what
// it was drawn over and how many threads drew it.
void check_around_cache() {
    std::mt19937_64 random(11);
    std::uniform_real_distribution<double> unit(0.0, 1.0);
    int by_rows = 0;
    bool can = false;
    const std::int64_t columns[] = {1, 7, 8, 16, 20, 24, 32, 40, 48, 56, 64, 72, 96};
    for (const std::int64_t nz : columns) {
        Case c(2, 3, {13, 11, nz}, {0.5, 0.5, 0.5});
        c.offsets.assign(1, 0);
        for (int s = 0; s < 2; ++s) {
            c.offsets.push_back(c.offsets.back());
            // in channel 1 nothing; in channel 0 of the second more than the 64 that a word has bits for
            for (int e = 0; e < (s == 0 ? 6 : 90); ++e)
                c.add({8.5 * unit(random) - 1.0, 7.5 * unit(random) - 1.0, (0.5 * static_cast<double>(nz) + 2.0) * unit(random) - 1.0},
                      e % 12 == 5 ? 2 : 0, unit(random) - 0.5, 0.2 + 0.5 * unit(random));
        }
        for (const std::string& set : list_instruction_sets())
            for (const OutputType type : kTypes)
                for (const std::int64_t shift : {0, 1, 4, 8, 12, 16})
                    for (const bool periodic : {false, true}) {
                        const auto draw = [&](std::int64_t cache_bytes, int threads, Touched* marks) {
                            GaussianJob job = c.job(threads);
                            job.cache_bytes = cache_bytes;
                            job.touched = marks;
                            use_instruction_set(set);
                            can |= active_kernels().stream_rows[static_cast<int>(OutputType::float32)] != nullptr;
                            if (allows_rows(job, active_kernels())) {
                                draw_by_rows(job, active_kernels());  // faster or not
                                ++by_rows;
                            } else {
                                draw_gaussians(job);
                            }
                            CHECK(c.check_written(true).empty(), "%s: %s", set.c_str(), c.check_written(true).c_str());
                        };
                        c.lattices.clear();
                        c.periodic.assign(periodic ? 6 : 0, 1);
                        for (int s = 0; s < (periodic ? 2 : 0); ++s)
                            for (const double a : {6.5, 0.0, 0.0, 0.0, 5.5, 0.0, 0.0, 0.0, 0.5 * static_cast<double>(nz)}) c.lattices.push_back(a);
                        c.lay_out(type, Layout::packed, shift);
                        draw(1 << 30, 1, nullptr);
                        const std::vector<unsigned char> expected = c.memory;
                        const std::vector<double> values = read_all(c);
                        for (const int threads : {1, 3}) {
                            c.lay_out(type, Layout::packed, shift);
                            draw(0, threads, nullptr);
                            CHECK(c.memory == expected, "%s, rows of %ld, shift %ld: bits differ around the cache", set.c_str(),
                                  static_cast<long>(nz), static_cast<long>(shift));
                        }
                        // over another drawing: the other atoms first
                        std::vector<Touched> marks(2 * 3 * 13, Touched{0, 0, 0, 0});
                        c.for_each([&](std::size_t byte) { std::memset(c.memory.data() + byte, 0, c.unit()); });
                        const std::vector<double> kept = c.positions;
                        for (double& x : c.positions) x += 1.7;
                        draw(0, 1, marks.data());
                        c.positions = kept;
                        draw(0, 3, marks.data());
                        CHECK(read_all(c) == values, "%s, rows of %ld: what was drawn over another differs", set.c_str(),
                              static_cast<long>(nz));
                    }
    }
    CHECK((by_rows > 500) == can, "%d drawings by rows", by_rows);
}

struct Fault {
    const char* what;
    std::function<void(Case&, GaussianJob&)> make;
};

void check_faults() {
    const Fault faults[] = {
        {"atom -1", [](Case& c, GaussianJob&) { c.atoms[4] = -1; }},
        {"atom beyond the last", [](Case& c, GaussianJob&) { c.atoms[4] = 6; }},
        {"channel -1", [](Case& c, GaussianJob&) { c.channel_of[5] = -1; }},
        {"channel beyond the last", [](Case& c, GaussianJob&) { c.channel_of[5] = 2; }},
        {"sigma 0", [](Case& c, GaussianJob&) { c.sigmas[5] = 0.0; }},
        {"sigma < 0", [](Case& c, GaussianJob&) { c.sigmas[5] = -0.5; }},
        {"sigma NaN", [](Case& c, GaussianJob&) { c.sigmas[5] = kNaN; }},
        {"sigma infinite", [](Case& c, GaussianJob&) { c.sigmas[5] = kInfinity; }},
        {"weight NaN", [](Case& c, GaussianJob&) { c.weights[5] = kNaN; }},
        {"weight infinite", [](Case& c, GaussianJob&) { c.weights[5] = -kInfinity; }},
        {"position NaN", [](Case& c, GaussianJob&) { c.positions[17] = kNaN; }},
        {"position infinite", [](Case& c, GaussianJob&) { c.positions[17] = kInfinity; }},
        {"origin NaN", [](Case& c, GaussianJob&) { c.origins[5] = kNaN; }},
        {"offsets begin at 1", [](Case& c, GaussianJob&) { c.offsets[0] = 1; }},
        {"offsets fall", [](Case& c, GaussianJob&) { c.offsets[1] = 7; }},
        {"offsets end early", [](Case& c, GaussianJob&) { c.offsets[2] = 5; }},
        {"offsets end late", [](Case& c, GaussianJob&) { c.offsets[2] = 7; }},
        {"structures < 0", [](Case&, GaussianJob& j) { j.structures = -1; }},
        {"channels < 0", [](Case&, GaussianJob& j) { j.channels = -1; }},
        {"shape 0", [](Case&, GaussianJob& j) { j.shape[1] = 0; }},
        {"shape < 0", [](Case&, GaussianJob& j) { j.shape[2] = -4; }},
        {"shape too large", [](Case&, GaussianJob& j) { j.shape[0] = std::int64_t{1} << 40; }},
        {"a plane too large", [](Case&, GaussianJob& j) { j.shape[1] = j.shape[2] = (1 << 24) - 1; }},
        {"spacing 0", [](Case& c, GaussianJob&) { c.axes[0] = 0.0; }},
        {"axes in a plane", [](Case& c, GaussianJob&) { c.axes[2] = 1.0, c.axes[8] = 0.0; }},
        {"point values of triclinic voxels", [](Case& c, GaussianJob& j) { c.axes[1] = c.axes[2] = 0.1, j.value = Value::point; }},
        {"flat voxels", [](Case& c, GaussianJob&) { c.axes[6] = c.axes[8] = 0.5, c.axes[3] = 0.5, c.axes[4] = 0.0, c.axes[5] = 0.50001; }},
        {"a width of no voxel's order", [](Case& c, GaussianJob&) { c.axes[0] = 1e4, c.axes[1] = 10.0, c.sigmas[0] = 1e-5; }},
        {"tol NaN", [](Case&, GaussianJob& j) { j.tol = kNaN; }},
        {"spacing NaN", [](Case& c, GaussianJob&) { c.axes[8] = kNaN; }},
        {"spacing infinite", [](Case& c, GaussianJob&) { c.axes[8] = kInfinity; }},
        {"cut 0", [](Case&, GaussianJob& j) { j.cut = 0.0; }},
        {"cut NaN", [](Case&, GaussianJob& j) { j.cut = kNaN; }},
        {"cut too large", [](Case&, GaussianJob& j) { j.cut = 1e6; }},
        {"no thread", [](Case&, GaussianJob& j) { j.threads = 0; }},
        {"threads < 0", [](Case&, GaussianJob& j) { j.threads = -2; }},
        {"no atoms", [](Case&, GaussianJob& j) { j.atoms = 0; }},
        {"no channels", [](Case&, GaussianJob& j) { j.channels = 0; }},
        {"no entries, but offsets", [](Case&, GaussianJob& j) { j.entries = 0; }},
    };
    for (const Fault& fault : faults) {
        Case c(2, 2, {6, 5, 7}, {0.5, 0.5, 0.5});
        c.offsets.assign(1, 0);
        for (int s = 0; s < 2; ++s) {
            c.offsets.push_back(c.offsets.back());
            for (int e = 0; e < 3; ++e) c.add({1.0, 1.1, 1.2}, e % 2, 1.0, 0.4);
        }
        c.lay_out(OutputType::float32, Layout::packed);
        GaussianJob job = c.job(1);
        fault.make(c, job);
        bool refused = false;
        try {
            draw_gaussians(job);
        } catch (const std::invalid_argument& error) {
            refused = *error.what() != '\0';
        }
        CHECK(refused, "%s was accepted", fault.what);
        CHECK(c.untouched(), "%s: something was written before it was refused", fault.what);
    }
}

void check_nothing_to_draw() {
    Case c(0, 2, {3, 3, 3}, {0.5, 0.5, 0.5});
    c.memory.assign(256, kGuard);
    c.first = 128;
    draw_gaussians(c.job(2));
    CHECK(c.untouched(), "no structures, and something was written");
}

void check_dispatch() {
    const std::vector<std::string> sets = list_instruction_sets();
    CHECK(!sets.empty(), "no instruction set");
    for (const std::string& set : sets) {
        use_instruction_set(set);
        CHECK(set == active_kernels().name, "%s asked for, %s runs", set.c_str(), active_kernels().name);
    }
    bool refused = false;
    try {
        use_instruction_set("z80");
    } catch (const std::invalid_argument&) {
        refused = true;
    }
    CHECK(refused, "an unknown instruction set was accepted");
    CHECK(sets.back() == active_kernels().name, "a refused choice changed the active set");
}

}  // namespace

int main() {
    for (const std::string& set : list_instruction_sets()) std::printf("instruction set %s\n", set.c_str());
    check_dispatch();
    check_shapes();
    check_edges();
    check_half();
    check_threads();
    check_around_cache();
    check_faults();
    check_nothing_to_draw();
    return report_checks();
}
