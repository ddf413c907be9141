// Drawing jobs that own their arrays, and what they must give.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "gaussian.hpp"

namespace particlegrid {

// Every byte around and between the elements of an output holds this. As a value of any type it is huge or not a
// number, so that an element nobody wrote shows.
inline constexpr unsigned char kGuard = 0x7f;

// How the elements of an output lie in memory.
enum class Layout { packed, padded, permuted, reversed };

struct Case {
    std::int64_t structures = 1, channels = 1;
    std::array<std::int64_t, 3> shape{1, 1, 1};
    std::array<double, 3> spacing{0.5, 0.5, 0.5};
    std::vector<double> positions, origins;
    std::vector<double> axes;  // made from spacing by job()
    std::vector<std::int64_t> atoms, channel_of, offsets;
    std::vector<double> weights, sigmas;
    Value value = Value::integral;
    double cut = 5.3;
    OutputType output = OutputType::float32;

    std::vector<unsigned char> memory;
    std::size_t first = 0;  // byte of element (0, 0, 0, 0, 0)
    std::array<std::ptrdiff_t, 5> strides{};

    // Origins at zero for every structure, and no entries.
    Case(std::int64_t structures, std::int64_t channels, std::array<std::int64_t, 3> shape, std::array<double, 3> spacing);

    // Another entry, of the last structure, with an atom of its own.
    void add(std::array<double, 3> position, std::int64_t channel, double weight, double sigma);

    // Memory for the output, all of it kGuard; `shift` elements lie between its start and an aligned address.
    void lay_out(OutputType type, Layout layout, std::int64_t shift = 0);

    GaussianJob job(int threads);
    // Draw with one instruction set.
    void draw(const std::string& instruction_set, int threads = 1);

    std::array<std::int64_t, 5> extents() const;
    double read(const std::array<std::int64_t, 5>& index) const;
};

// Compare what was drawn with sums of std::erf and std::exp over every entry, within the bound of the definition, and
// check the guard bytes. Returns what is wrong, or an empty text.
std::string compare(const Case& drawn);

// Which byte outside the elements of the output was written, or an empty text.
std::string check_guards(const Case& drawn);

// True if every byte is kGuard: nothing was written.
bool untouched(const Case& given);

// A valid case with up to `voxels` elements: odd shapes, atoms on faces, outside and far away, widths from a
// hundredth to a hundred voxels, structures and channels without entries, weights of both signs and zero.
Case random_case(std::mt19937_64& random, std::int64_t voxels);

}  // namespace particlegrid
