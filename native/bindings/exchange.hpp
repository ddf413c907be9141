// Tensors of other libraries by DLPack's table of C functions (version 1.2 of its header, dlpack.h): where a tensor lies,
// without a Python call. Ten views as numpy arrays take 10 us, and ten looks at arrays 4; this takes 1.
#pragma once

#include <nanobind/nanobind.h>

#include <cstdint>
#include <initializer_list>
#include <stdexcept>
#include <string>

namespace pg_bindings {

namespace nb = nanobind;

// The parts of the header that are used, in its order.
struct ExchangedTensor {
    void* data;
    struct {
        std::int32_t type, number;
    } device;
    std::int32_t dimensions;
    struct {
        std::uint8_t code, bits;
        std::uint16_t lanes;
    } type;
    std::int64_t *shape, *strides;
    std::uint64_t byte_offset;
};

struct ExchangeTable {
    std::uint32_t major, minor;
    const ExchangeTable* older;
    void (*unused[3])();
    int (*view)(void* object, ExchangedTensor* out);  // 0, or -1 with a Python error set; may be null
};

enum class ExchangedType : std::uint8_t { int64 = 0, float64 = 2, boolean = 6 };  // the header's codes

inline std::string describe(const ExchangedTensor& tensor) {
    static constexpr const char* kKinds[] = {"int", "uint", "float", "an opaque type of ", "bfloat", "complex", "bool of "};
    const std::size_t code = tensor.type.code;
    std::string text = (code < 7 ? kKinds[code] : "an unknown type of ") + std::to_string(tensor.type.bits) + ", shape (";
    for (std::int32_t d = 0; d < tensor.dimensions; ++d) text += std::string(d > 0 ? ", " : "") + std::to_string(tensor.shape[d]);
    return text + (tensor.device.type == 1 ? ")" : "), on another device");
}

// The memory of a tensor on the CPU in one block, of this type and shape; -1 stands for any length. `object` owns the
// memory. Throws std::invalid_argument, naming it, if it is anything else.
inline const void* find_memory(nb::handle object, const char* name, ExchangedType type, std::initializer_list<std::int64_t> shape,
                               std::size_t& count) {
    const nb::object capsule = nb::getattr(object.type(), "__dlpack_c_exchange_api__", nb::none());
    const auto* table = static_cast<const ExchangeTable*>(
        PyCapsule_IsValid(capsule.ptr(), "dlpack_exchange_api") ? PyCapsule_GetPointer(capsule.ptr(), "dlpack_exchange_api") : nullptr);
    while (table != nullptr && table->major != 1) table = table->older;
    if (table == nullptr || table->view == nullptr)
        throw std::invalid_argument(std::string(name) + " must be a tensor with DLPack's table of functions");
    ExchangedTensor tensor;
    if (table->view(object.ptr(), &tensor) != 0) throw nb::python_error();
    const std::uint8_t bits = type == ExchangedType::boolean ? 8 : 64;
    bool fits = tensor.device.type == 1 && tensor.type.code == static_cast<std::uint8_t>(type) && tensor.type.bits == bits &&
                tensor.type.lanes == 1 && tensor.dimensions == static_cast<std::int32_t>(shape.size());
    count = 1;
    for (std::size_t d = shape.size(); fits && d-- > 0;) {
        const std::int64_t length = tensor.shape[d], wanted = shape.begin()[d];
        fits = (wanted < 0 || length == wanted) && length >= 0 &&
               (length == 1 || tensor.strides == nullptr || count == 0 || tensor.strides[d] == static_cast<std::int64_t>(count));
        count *= static_cast<std::size_t>(length);
    }
    if (!fits) {
        std::string wanted;
        for (const std::int64_t length : shape) wanted += std::string(wanted.empty() ? "" : ", ") + (length < 0 ? "*" : std::to_string(length));
        const char* kind = type == ExchangedType::float64 ? "float64" : type == ExchangedType::int64 ? "int64" : "bool";
        throw std::invalid_argument(std::string("`") + name + "` must be " + kind + ", shape (" + wanted +
                                    "), in one block of memory of the CPU, got " + describe(tensor));
    }
    return static_cast<const char*>(tensor.data) + tensor.byte_offset;
}

}  // namespace pg_bindings
