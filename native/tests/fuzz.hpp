// What the fuzz_* programs share: random numbers, random grids, damage, and main.
#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "cases.hpp"
#include "check.hpp"

namespace particlegrid {

// SplitMix64: the state of a Mersenne twister takes longer to make than a small grid to draw.
class Random {
public:
    using result_type = std::uint64_t;
    explicit Random(std::uint64_t seed) : state_(seed) { state_ = (*this)(); }

    static constexpr result_type min() { return 0; }
    static constexpr result_type max() { return std::numeric_limits<result_type>::max(); }
    result_type operator()() {
        std::uint64_t z = state_ += 0x9e3779b97f4a7c15u;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        return z ^ (z >> 31);
    }

    std::size_t pick(std::size_t n) { return static_cast<std::size_t>((*this)() % n); }
    bool one_in(std::size_t n) { return pick(n) == 0; }
    std::int64_t whole(std::int64_t low, std::int64_t high) {
        return low + static_cast<std::int64_t>((*this)() % static_cast<std::uint64_t>(high - low + 1));
    }
    double real(double low, double high) { return low + (high - low) * (static_cast<double>((*this)() >> 11) * 0x1p-53); }
    double log_real(double low, double high) { return std::exp(real(std::log(low), std::log(high))); }
    template <class T, std::size_t n>
    const T& of(const T (&choices)[n]) {
        return choices[pick(n)];
    }

private:
    std::uint64_t state_;
};

inline constexpr double kNotANumber = std::numeric_limits<double>::quiet_NaN();
inline constexpr double kInfinity = std::numeric_limits<double>::infinity();

// 1 in most calls: a thread's start takes as long as a small grid.
int random_threads(Random& random);

// Any order of axes, some of them backwards, with gaps between elements; most often packed.
void lay_out_at_random(Canvas& canvas, Random& random);

// Three vectors that span a volume, left-handed ones among them, with edges between low and high; one in fifty is flat.
std::array<double, 9> random_basis(Random& random, double low, double high, bool orthogonal);

// Orthogonal voxels, up to `voxels` elements: odd shapes, atoms on faces, outside and far away, widths from a hundredth
// to a hundred voxels, structures and channels without entries, weights of both signs and zero.
Case random_case(Random& random, std::int64_t voxels);

// Break one thing that every drawing must refuse; the case has entries.
void damage(Case& c, GridJob& job, Random& random);

// Call `draw`, which must throw std::invalid_argument and write nothing.
void expect_refusal(const Canvas& out, const std::function<void()>& draw);

// Call `draw`, which may refuse what has too many periodic images, and nothing else. Whether it drew.
bool expect_drawing(const Case& c, const std::function<void()>& draw);

// One call in eight each: a case that was drawn, once more with draw(sink, null), and with draw(null, marks), which must
// leave the same bytes; then with other positions, where what is drawn no longer must be gone.
void check_other_outputs(Case& c, Random& random, const std::function<void(SparseSink*, Touched*)>& draw);

// main of a program: [calls] [seed] [seconds], the last of which ends it early. Call i depends on seed + i alone.
int run_calls(int count, char** arguments, void (*run_call)(Random&));

}  // namespace particlegrid
