// What a voxel of a Gaussian holds, by its Python name.
#pragma once

#include <string>

#include "drawing.hpp"
#include "gaussian.hpp"

namespace pg_bindings {

inline particlegrid::Value value_of(const std::string& name) {
    if (name == "integral") return particlegrid::Value::integral;
    if (name == "mean") return particlegrid::Value::mean;
    if (name == "point") return particlegrid::Value::point;
    require(name == "peak", "value must be integral, mean, point or peak");
    return particlegrid::Value::peak;
}

}  // namespace pg_bindings
