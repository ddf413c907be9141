#include "memory.hpp"

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

namespace nb = nanobind;

void bind_memory(nb::module_& module) {
    module.def(
        "take_memory",
        [](std::size_t bytes) {
            struct Owned {
                void* block;
                std::size_t bytes;
            };
            auto* owned = new Owned{particlegrid::take_block(bytes), bytes};
            nb::capsule owner(owned, [](void* p) noexcept {
                const auto* given = static_cast<Owned*>(p);
                particlegrid::give_block(given->block, given->bytes);
                delete given;
            });
            return nb::ndarray<nb::numpy, std::uint8_t, nb::ndim<1>>(owned->block, {bytes}, owner);
        },
        nb::arg("bytes"), "Uninitialised bytes in huge pages, kept for the next call when the array is gone.");
}
