// One call from XLA: operands, results and attributes, checked as they are read.
#pragma once

#include <cstring>
#include <exception>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "xla_ffi.hpp"

namespace pg_bindings {

class XlaCall {
public:
    explicit XlaCall(const xla_ffi::CallFrame& frame) : frame_(frame) {
        if (frame.api == nullptr || !xla_ffi::is_known(frame))
            throw std::runtime_error("this version of XLA calls functions in a way that particlegrid does not know");
    }

    std::int64_t operands() const { return frame_.operands.count; }
    std::int64_t results() const { return frame_.results.count; }
    const xla_ffi::Buffer& operand(std::int64_t i) const { return get(frame_.operands, i, "operand"); }
    const xla_ffi::Buffer& result(std::int64_t i) const { return get(frame_.results, i, "result"); }

    double number(const char* name) const { return read_scalar<double>(name, xla_ffi::float64); }
    std::int64_t integer(const char* name) const { return read_scalar<std::int64_t>(name, xla_ffi::int64); }
    std::string text(const char* name) const {
        const auto& text = *static_cast<const xla_ffi::Text*>(find(name, xla_ffi::text_attribute));
        return std::string(text.start, text.length);
    }

private:
    static const xla_ffi::Buffer& get(const xla_ffi::Buffers& buffers, std::int64_t i, const char* what) {
        if (i >= buffers.count || buffers.kinds[i] != xla_ffi::kBuffer)
            throw std::invalid_argument(std::string(what) + " " + std::to_string(i) + " is missing or no array");
        const auto& buffer = *static_cast<const xla_ffi::Buffer*>(buffers.values[i]);
        if (buffer.size < sizeof(xla_ffi::Buffer)) throw std::runtime_error("XLA's arrays are not as particlegrid knows them");
        return buffer;
    }

    const void* find(const char* name, int kind) const {
        const xla_ffi::Attributes& attributes = frame_.attributes;
        for (std::int64_t i = 0; i < attributes.count; ++i)
            if (attributes.kinds[i] == kind && std::string_view(attributes.names[i]->start, attributes.names[i]->length) == name)
                return attributes.values[i];
        throw std::invalid_argument(std::string("attribute ") + name + " is missing or has another type");
    }

    template <class T>
    T read_scalar(const char* name, int type) const {
        const auto& scalar = *static_cast<const xla_ffi::Scalar*>(find(name, xla_ffi::scalar_attribute));
        if (scalar.type != type) throw std::invalid_argument(std::string("attribute ") + name + " has another type");
        T value;
        std::memcpy(&value, scalar.value, sizeof(T));
        return value;
    }

    const xla_ffi::CallFrame& frame_;
};

// A handler for XLA of a function that takes an XlaCall and throws what goes wrong.
template <auto function>
xla_ffi::Error* handle(xla_ffi::CallFrame* frame) {
    if (xla_ffi::answer_metadata(*frame)) return nullptr;
    std::string message;
    try {
        function(XlaCall(*frame));
        return nullptr;
    } catch (const std::exception& error) {
        if (frame->api == nullptr || !xla_ffi::is_known(*frame->api)) throw;  // the runtime catches it
        message = error.what();
    }
    xla_ffi::ErrorDescription description{sizeof(xla_ffi::ErrorDescription), nullptr, message.c_str(), xla_ffi::kInvalidArgument};
    return frame->api->create_error(&description);
}

inline std::int64_t count_elements(const xla_ffi::Buffer& buffer) {
    std::int64_t count = 1;
    for (std::int64_t d = 0; d < buffer.rank; ++d) count *= buffer.shape[d];
    return count;
}

inline void require_shape(const xla_ffi::Buffer& buffer, const char* name, std::initializer_list<std::int64_t> shape) {
    bool fits = buffer.rank == static_cast<std::int64_t>(shape.size());
    for (std::int64_t d = 0; fits && d < buffer.rank; ++d) fits = buffer.shape[d] == *(shape.begin() + d);
    if (!fits) throw std::invalid_argument(std::string(name) + " has another shape than it must have");
}

}  // namespace pg_bindings
