// A drawing into a sink against the same drawing into an array.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "cases.hpp"
#include "sparse_sink.hpp"

namespace particlegrid {

// Items of one structure of a drawn case, as they must come: places, and values as double.
struct SparseItems {
    std::vector<std::int32_t> places;
    std::vector<double> values;
};

inline SparseItems find_items(const Case& c, std::int64_t structure, bool blocks) {
    const std::int64_t edge = blocks ? kBlockEdge : 1;
    std::int64_t n[3];
    for (std::size_t d = 0; d < 3; ++d) n[d] = (c.shape[d] + edge - 1) / edge;
    SparseItems items;
    std::int32_t place = 0;
    for (std::int64_t channel = 0; channel < c.channels; ++channel)
        for (std::int64_t x = 0; x < n[0]; ++x)
            for (std::int64_t y = 0; y < n[1]; ++y)
                for (std::int64_t z = 0; z < n[2]; ++z, ++place) {
                    std::vector<double> item;
                    bool any = false;
                    for (std::int64_t i = x * edge; i < (x + 1) * edge; ++i)
                        for (std::int64_t j = y * edge; j < (y + 1) * edge; ++j)
                            for (std::int64_t k = z * edge; k < (z + 1) * edge; ++k) {
                                const bool inside = i < c.shape[0] && j < c.shape[1] && k < c.shape[2];
                                item.push_back(inside ? c.read({structure, channel, i, j, k}) : 0.0);
                                any = any || item.back() != 0.0;
                            }
                    if (!any) continue;
                    items.places.push_back(place);
                    items.values.insert(items.values.end(), item.begin(), item.end());
                }
    return items;
}

// Call draw(sink) for `c`, which has been drawn, with room for `spare` items more than there are, or fewer. Returns what is
// wrong, or an empty text. Only for cases of float and double.
template <class Draw>
std::string compare_sparse(const Case& c, bool blocks, std::int64_t spare, const Draw& draw) {
    std::vector<SparseItems> expected;
    std::int64_t all = 0;
    for (std::int64_t s = 0; s < c.structures; ++s) {
        expected.push_back(find_items(c, s, blocks));
        all += static_cast<std::int64_t>(expected.back().places.size());
    }
    const std::int64_t capacity = std::max<std::int64_t>(0, all + spare);
    const std::size_t unit = c.output == OutputType::float64 ? 8 : 4;
    const std::size_t voxels = blocks ? static_cast<std::size_t>(kBlockVoxels) : 1;
    // as large as the sink is told, so that the sanitizers see a step beyond
    std::vector<unsigned char> values(static_cast<std::size_t>(capacity) * voxels * unit, kGuard);
    std::vector<std::int32_t> places(static_cast<std::size_t>(capacity), -1);
    std::vector<std::int64_t> counts(static_cast<std::size_t>(c.structures), -1);
    SparseSink sink(blocks ? SparseLayout::blocks : SparseLayout::values, c.structures, static_cast<std::int64_t>(unit),
                    values.data(), places.data(), capacity, counts.data());
    draw(&sink);
    if (!sink.is_complete()) return "the sink is not complete";
    if (sink.needed() != all) return "needs " + std::to_string(sink.needed()) + " items, expected " + std::to_string(all);
    std::size_t at = 0;
    for (std::int64_t s = 0; s < c.structures; ++s) {
        const SparseItems& items = expected[static_cast<std::size_t>(s)];
        if (counts[static_cast<std::size_t>(s)] != static_cast<std::int64_t>(items.places.size()))
            return "structure " + std::to_string(s) + ": a wrong count";
        const bool fits = static_cast<std::int64_t>(at + items.places.size()) <= capacity;
        for (std::size_t i = 0; i < items.places.size() && fits; ++i) {
            if (places[at + i] != items.places[i]) return "item " + std::to_string(at + i) + " has a wrong place";
            for (std::size_t v = 0; v < voxels; ++v) {
                const unsigned char* from = values.data() + ((at + i) * voxels + v) * unit;
                double value;
                float single;
                std::memcpy(&single, from, sizeof single);
                if (unit == 8) std::memcpy(&value, from, sizeof value);
                else value = static_cast<double>(single);
                if (value != items.values[i * voxels + v]) return "item " + std::to_string(at + i) + " has a wrong value";
            }
        }
        at += items.places.size();
    }
    return "";
}

}  // namespace particlegrid
