// The part of XLA's foreign function interface that a handler on the CPU needs, so that the build needs no JAX.
//
// A handler is a C function that gets one call frame and returns null or an error. Every struct begins with its size in
// bytes; versions with one major number differ only by what they add at the end of structs. That major number is 0. Structs
// that lie inside another one are therefore checked to have exactly the size known here, and others to be no smaller.
#pragma once

#include <cstddef>
#include <cstdint>

namespace xla_ffi {

inline constexpr int kMajor = 0;
inline constexpr int kOldestMinor = 1;  // what a runtime is told that does not say its own

enum Type : int { boolean = 1, int32 = 4, int64 = 5, float16 = 10, float32 = 11, float64 = 12, bfloat16 = 16 };
enum AttributeKind : int { scalar_attribute = 3, text_attribute = 4 };
inline constexpr int kBuffer = 1;           // kind of an operand or a result
inline constexpr int kMetadata = 1;         // kind of an extension
inline constexpr int kInvalidArgument = 3;  // code of an error

struct Extension {
    std::size_t size;
    int kind;
    Extension* next;
};

struct Version {
    std::size_t size;
    Extension* extensions;
    int major, minor;
};

struct Error;  // the runtime's

struct ErrorDescription {
    std::size_t size;
    Extension* extensions;
    const char* message;
    int code;
};

struct Api {
    std::size_t size;
    Extension* extensions;
    Version version;
    const void* internals;
    Error* (*create_error)(ErrorDescription*);  // more functions follow
};

struct Buffer {
    std::size_t size;
    Extension* extensions;
    int type;
    void* data;
    std::int64_t rank;
    std::int64_t* shape;
};

struct Buffers {
    std::size_t size;
    Extension* extensions;
    std::int64_t count;
    int* kinds;
    void** values;
};

struct Text {
    const char* start;
    std::size_t length;
};

struct Scalar {
    int type;
    void* value;
};

struct Attributes {
    std::size_t size;
    Extension* extensions;
    std::int64_t count;
    int* kinds;
    Text** names;
    void** values;
};

struct CallFrame {
    std::size_t size;
    Extension* extensions;
    const Api* api;
    void* context;
    int stage;
    Buffers operands;
    Buffers results;
    Attributes attributes;  // more follows
};

// What a handler is asked for once, when it is registered, by a frame with a MetadataRequest among its extensions.
struct Metadata {
    std::size_t size;
    Version version;
    std::uint32_t traits;  // more may follow
};

struct MetadataRequest {
    Extension base;
    Metadata* metadata;
};

using Handler = Error*(CallFrame*);

inline bool is_known(const Api& api) {
    return api.size >= sizeof(Api) && api.version.size == sizeof(Version) && api.version.major == kMajor;
}

inline bool is_known(const CallFrame& frame) {
    return frame.size >= sizeof(CallFrame) && frame.operands.size == sizeof(Buffers) && frame.results.size == sizeof(Buffers) &&
           frame.attributes.size == sizeof(Attributes) && (frame.api == nullptr || is_known(*frame.api));
}

// Answer a request for metadata, if the frame is one. The runtime is told its own version where the structs are those known
// here, and else 0.0, which it refuses by name.
inline bool answer_metadata(const CallFrame& frame) {
    const Extension* extension = frame.extensions;
    if (extension == nullptr || extension->kind != kMetadata) return false;
    Metadata& metadata = *reinterpret_cast<const MetadataRequest*>(extension)->metadata;
    const bool known = is_known(frame) && metadata.size >= offsetof(Metadata, traits) + sizeof(metadata.traits) &&
                       metadata.version.size == sizeof(Version);
    metadata.version.major = kMajor;
    metadata.version.minor = !known ? 0 : frame.api == nullptr ? kOldestMinor : frame.api->version.minor;
    metadata.traits = 0;
    return true;
}

}  // namespace xla_ffi
