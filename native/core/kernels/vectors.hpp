// Vectors of kRowBytes.
// Part of kernels.cpp, which is compiled once for each instruction set; nothing here has external linkage.
#pragma once

#include "kernels.hpp"

namespace particlegrid {
namespace {

// kRowBytes of T, loaded and stored at any address. Written as vectors because plain loops over a short constant length
// are unrolled into scalars before GCC's vectoriser sees them (8 times slower).
template <class T>
struct VectorOf {
    typedef T type __attribute__((vector_size(kRowBytes), aligned(sizeof(T)), may_alias));
};

}  // namespace
}  // namespace particlegrid
