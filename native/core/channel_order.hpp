// Which strokes belong to which channel, in drawing order: a counting sort.
#pragma once

#include <cstdint>

#include "scratch.hpp"

namespace particlegrid {

class ChannelOrder {
public:
    template <class Strokes>
    void sort(const Strokes& strokes, std::int64_t channels) {
        begins_.assign(static_cast<std::size_t>(channels) + 1, 0);
        for (const auto& stroke : strokes) ++begins_[static_cast<std::size_t>(stroke.channel) + 1];
        for (std::size_t c = 1; c < begins_.size(); ++c) begins_[c] += begins_[c - 1];
        numbers_.resize(strokes.size());
        cursor_.assign(begins_.begin(), begins_.end() - 1);
        for (std::size_t i = 0; i < strokes.size(); ++i)
            numbers_[static_cast<std::size_t>(cursor_[static_cast<std::size_t>(strokes[i].channel)]++)] =
                static_cast<std::int32_t>(i);
    }

    const std::int32_t* numbers(std::int64_t channel) const { return numbers_.data() + begins_[static_cast<std::size_t>(channel)]; }
    std::int64_t count(std::int64_t channel) const {
        return begins_[static_cast<std::size_t>(channel) + 1] - begins_[static_cast<std::size_t>(channel)];
    }

private:
    Scratch<std::int32_t> begins_, numbers_, cursor_;
};

}  // namespace particlegrid
