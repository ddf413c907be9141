// Drawing jobs that own their arrays, and what they must give.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "gaussian.hpp"

namespace particlegrid {

// Every byte around and between the elements of an output holds this. As a value of any type it is huge or not a
// number, so that an element nobody wrote shows.
inline constexpr unsigned char kGuard = 0x7f;

// How the elements of an output lie in memory.
enum class Layout { packed, padded, permuted, reversed };

// An array (structures, channels, x, y, z) of any output type, with guard bytes around and between its elements.
struct Canvas {
    std::array<std::int64_t, 5> extents{};
    OutputType output = OutputType::float32;
    std::vector<unsigned char> memory;
    std::size_t first = 0;  // byte of element (0, 0, 0, 0, 0)
    std::array<std::ptrdiff_t, 5> strides{};

    // Axes from the fastest in `order`, those whose bit is set in `backwards` with negative strides, with so many elements
    // left out between neighbours along each; all bytes are kGuard. `shift` elements lie between the start and an aligned
    // address.
    void arrange(const std::array<int, 5>& order, unsigned backwards, const std::array<int, 5>& gaps, std::int64_t shift);

    std::size_t unit() const;  // bytes of an element
    std::size_t byte_of(const std::array<std::int64_t, 5>& index) const;
    double read(const std::array<std::int64_t, 5>& index) const { return read_at(byte_of(index)); }
    double read_at(std::size_t byte) const;
    void write_at(std::size_t byte, double value);  // float32 and float64
    void* data() { return memory.data() + first; }

    // Call visit(byte) for every element, in order.
    template <class Visit>
    void for_each(const Visit& visit) const {
        std::array<std::int64_t, 5> i{};
        for (i[0] = 0; i[0] < extents[0]; ++i[0])
            for (i[1] = 0; i[1] < extents[1]; ++i[1])
                for (i[2] = 0; i[2] < extents[2]; ++i[2])
                    for (i[3] = 0; i[3] < extents[3]; ++i[3]) {
                        i[4] = 0;
                        std::size_t byte = extents[4] > 0 ? byte_of(i) : 0;
                        for (; i[4] < extents[4]; ++i[4], byte += static_cast<std::size_t>(strides[4])) visit(byte);
                    }
    }

    // Which byte outside the elements was written, or an empty text.
    std::string check_guards() const;
    // The same, and whether every element was written, with a finite value if they must be.
    std::string check_written(bool finite) const;
    // True if every byte is kGuard: nothing was written.
    bool untouched() const;
};

struct Case : Canvas {
    std::int64_t structures = 1, channels = 1;
    std::array<std::int64_t, 3> shape{1, 1, 1};
    std::array<double, 3> spacing{0.5, 0.5, 0.5};
    std::vector<double> positions, origins;
    std::vector<double> axes;      // made from spacing by point() where there are none
    std::vector<double> lattices;  // none, or one for each structure
    std::vector<std::uint8_t> periodic;
    std::vector<std::int64_t> atoms, channel_of, offsets;
    std::vector<double> weights, sigmas;
    std::vector<Touched> marks;
    Value value = Value::integral;
    double cut = 5.3;

    // Origins at zero for every structure, and no entries.
    Case(std::int64_t structures, std::int64_t channels, std::array<std::int64_t, 3> shape, std::array<double, 3> spacing);

    // Whether a structure repeats along any axis.
    bool repeats(std::size_t structure) const {
        return !periodic.empty() && (periodic[3 * structure] || periodic[3 * structure + 1] || periodic[3 * structure + 2]);
    }

    // Another entry, of the last structure, with an atom of its own.
    void add(std::array<double, 3> position, std::int64_t channel, double weight, double sigma);

    // Memory for the output, all of it kGuard; `shift` elements lie between its start and an aligned address.
    void lay_out(OutputType type, Layout layout, std::int64_t shift = 0);

    // Make a job of any kind use these arrays.
    void point(GridJob& job, int threads);
    GaussianJob job(int threads);
    // Draw with one instruction set.
    void draw(const std::string& instruction_set, int threads = 1);
};

// Compare what was drawn with sums of std::erf and std::exp over every entry, within the bound of the definition, and
// check the guard bytes. Returns what is wrong, or an empty text.
std::string compare(const Case& drawn);

}  // namespace particlegrid
