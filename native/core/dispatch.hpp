// Which of the compiled instruction sets runs.
#pragma once

#include <string>
#include <vector>

#include "kernels.hpp"

namespace particlegrid {

// Names of the sets that were compiled and that this processor has, best first.
std::vector<std::string> list_instruction_sets();

// The set in use: PARTICLEGRID_SIMD if that is set when the library is loaded, else the best that has been tested.
const Kernels& active_kernels();

// Take another one. Throws std::invalid_argument if it is not in the list. Not to be called while a drawing runs.
void use_instruction_set(const std::string& name);

}  // namespace particlegrid
