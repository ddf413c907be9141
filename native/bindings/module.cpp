// The Python module: one function that adds each topic.
#include <nanobind/nanobind.h>

namespace nb = nanobind;

void bind_coulomb(nb::module_& module);
void bind_dispatch(nb::module_& module);
void bind_floor(nb::module_& module);
void bind_gaussian(nb::module_& module);
void bind_resample(nb::module_& module);
void bind_memory(nb::module_& module);
void bind_molecules(nb::module_& module);
void bind_jax_ffi(nb::module_& module);
void bind_lennard_jones(nb::module_& module);
void bind_radial(nb::module_& module);
void bind_sphere_overlap(nb::module_& module);
void bind_sparse(nb::module_& module);

NB_MODULE(_native, module) {
    module.doc() = "particlegrid's C++ core.";
    bind_coulomb(module);
    bind_dispatch(module);
    bind_floor(module);
    bind_gaussian(module);
    bind_resample(module);
    bind_memory(module);
    bind_molecules(module);
    bind_jax_ffi(module);
    bind_lennard_jones(module);
    bind_radial(module);
    bind_sphere_overlap(module);
    bind_sparse(module);
}
