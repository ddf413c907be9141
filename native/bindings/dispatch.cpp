#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "dispatch.hpp"

namespace nb = nanobind;

void bind_dispatch(nb::module_& module) {
    module.def("list_instruction_sets", &particlegrid::list_instruction_sets);
    module.def("active_instruction_set", [] { return std::string(particlegrid::active_kernels().name); });
    module.def("use_instruction_set", &particlegrid::use_instruction_set, nb::arg("name"));
}
