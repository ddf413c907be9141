// Handlers that XLA calls for particlegrid.jax: densities of the table below without Python, all others through it.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include "gaussian_derivatives.hpp"
#include "jax_job.hpp"
#include "values.hpp"

namespace nb = nanobind;

namespace {

using namespace pg_bindings;
using particlegrid::Direction;
using particlegrid::Gradient;
using particlegrid::GridJob;

// ---- densities that need no Python

struct Kernels {
    const char* density;
    void (*draw)(const GridJob&, const XlaCall&);
    void (*push_forward)(const GridJob&, const Direction&, const XlaCall&);
    void (*pull_back)(const GridJob&, const Gradient&, const Direction*, const XlaCall&);
};

particlegrid::GaussianJob make_gaussian_job(const GridJob& grid_job, const XlaCall& call) {
    particlegrid::GaussianJob job;
    static_cast<GridJob&>(job) = grid_job;
    job.value = value_of(call.text("value"));
    job.cut = call.number("cut");
    job.sheared_cut = call.number("sheared_cut");
    job.tol = call.number("tol");
    return job;
}

constexpr Kernels kKernels[] = {
    {"gaussian", [](const GridJob& job, const XlaCall& call) { particlegrid::draw_gaussians(make_gaussian_job(job, call)); },
     [](const GridJob& job, const Direction& direction, const XlaCall& call) {
         particlegrid::push_forward_gaussians(make_gaussian_job(job, call), direction);
     },
     [](const GridJob& job, const Gradient& gradient, const Direction* direction, const XlaCall& call) {
         particlegrid::pull_back_gaussians(make_gaussian_job(job, call), gradient, direction);
     }},
};

const Kernels& find_kernels(const XlaCall& call) {
    const std::string density = call.text("density");
    for (const Kernels& kernels : kKernels)
        if (density == kernels.density) return kernels;
    throw std::invalid_argument("there is no native kernel for " + density);
}

// Operands: what is drawn. Result: grids.
void draw(const XlaCall& call) {
    Widened memory;
    find_kernels(call).draw(make_job(call, 0, call.result(0), memory), call);
}

// Operands: what is drawn, and a direction. Result: grids.
void push_forward(const XlaCall& call) {
    Widened memory;
    const GridJob job = make_job(call, 0, call.result(0), memory);
    find_kernels(call).push_forward(job, read_direction(call, kDrawn, job, memory), call);
}

// Operands: grids, what is drawn, and for second derivatives a direction. Results: the wanted parts of the gradient.
void pull_back(const XlaCall& call) {
    Widened memory;
    const GridJob job = make_job(call, 1, call.operand(0), memory);
    std::optional<Direction> direction;
    if (call.operands() > 1 + kDrawn) direction = read_direction(call, 1 + kDrawn, job, memory);
    const GradientResults gradient(call, job, memory);
    find_kernels(call).pull_back(job, gradient.numbers, direction ? &*direction : nullptr, call);
    gradient.store();
}

// ---- all others

nb::object* python_function = nullptr;  // never destroyed: XLA may outlive the interpreter

// Writable also where it is only read: a kernel takes grids it reads as it takes grids it writes.
nb::object view(const xla_ffi::Buffer& buffer) {
    nb::dlpack::dtype type;
    switch (buffer.type) {
        case xla_ffi::boolean: type = nb::dtype<bool>(); break;
        case xla_ffi::int32: type = nb::dtype<std::int32_t>(); break;
        case xla_ffi::float32: type = nb::dtype<float>(); break;
        case xla_ffi::float64: type = nb::dtype<double>(); break;
        default: throw std::invalid_argument("arrays must be bool, int32, float32 or float64");
    }
    const std::vector<std::size_t> shape(buffer.shape, buffer.shape + buffer.rank);
    return nb::cast(nb::ndarray<nb::numpy>(buffer.data, shape.size(), shape.data(), nb::handle(), nullptr, type),
                    nb::rv_policy::reference);
}

// Call Python with the attribute `task` and views of the operands and results.
void call_python(const XlaCall& call) {
    if (!Py_IsInitialized()) throw std::runtime_error("Python has ended");
    nb::gil_scoped_acquire lock;
    try {
        nb::list operands, results;
        for (std::int64_t i = 0; i < call.operands(); ++i) operands.append(view(call.operand(i)));
        for (std::int64_t i = 0; i < call.results(); ++i) results.append(view(call.result(i)));
        if (python_function == nullptr) throw std::runtime_error("import particlegrid.jax first");
        (*python_function)(nb::str(call.text("task").c_str()), operands, results);
    } catch (const nb::python_error& error) {
        throw std::runtime_error(nb::str(error.value()).c_str());  // without the traceback, and while the lock is held
    }
}

nb::dict list_handlers(nb::object function) {
    if (python_function == nullptr) python_function = new nb::object();
    *python_function = function;
    nb::dict handlers;
    const auto add = [&handlers](const char* name, xla_ffi::Handler* handler) {
        handlers[name] = nb::capsule(reinterpret_cast<void*>(handler));
    };
    add("particlegrid_draw", &handle<&draw>);
    add("particlegrid_push_forward", &handle<&push_forward>);
    add("particlegrid_pull_back", &handle<&pull_back>);
    add("particlegrid_call_python", &handle<&call_python>);
    return handlers;
}

}  // namespace

void bind_jax_ffi(nb::module_& module) {
    module.def("list_jax_handlers", &list_handlers, nb::arg("function"),
               "Handlers for XLA by name, as capsules. `function(task, operands, results)` serves particlegrid_call_python.");
}
