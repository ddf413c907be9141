// Checks of what callers hand over.
#pragma once

#include <stdexcept>

namespace particlegrid {

// Throws unless the condition holds. The message is made only when it is needed: this runs for every entry.
template <class Message>
void require(bool condition, const Message& message) {
    if (!condition) throw std::invalid_argument(message());
}

}  // namespace particlegrid
