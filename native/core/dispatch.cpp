#include "dispatch.hpp"

#include <atomic>
#include <cmath>
#include <cstdlib>
#include <stdexcept>

namespace particlegrid {

namespace {

ErfTable make_erf_table() {
    ErfTable table{};
    for (int k = 0; k < kErfNodes; ++k) {
        const double x = k / 16.0;
        table.value[k] = std::erf(x);
        table.slope[k] = 1.1283791670955126 * std::exp(-x * x);
    }
    return table;
}

}  // namespace

const ErfTable erf_table = make_erf_table();

// only those that were compiled are used
extern const Kernels kernels_x86_64_v2, kernels_x86_64_v3, kernels_x86_64_v4, kernels_baseline;

namespace {

std::vector<const Kernels*> find_supported() {
    std::vector<const Kernels*> found;
#if defined(PG_HAS_x86_64_v4)
    if (__builtin_cpu_supports("x86-64-v4")) found.push_back(&kernels_x86_64_v4);
#endif
#if defined(PG_HAS_x86_64_v3)
    if (__builtin_cpu_supports("x86-64-v3")) found.push_back(&kernels_x86_64_v3);
#endif
#if defined(PG_HAS_x86_64_v2)
    found.push_back(&kernels_x86_64_v2);
#endif
#if defined(PG_HAS_baseline)
    found.push_back(&kernels_baseline);
#endif
    return found;
}

const Kernels& find(const std::string& name) {
    std::string known;
    for (const Kernels* kernels : find_supported()) {
        if (name == kernels->name) return *kernels;
        known += known.empty() ? kernels->name : std::string(", ") + kernels->name;
    }
    throw std::invalid_argument("instruction set '" + name + "' is not available; this processor runs " + known);
}

const Kernels* choose_default() {
    if (const char* name = std::getenv("PARTICLEGRID_SIMD"); name != nullptr && *name != '\0') {
        try {
            return &find(name);
        } catch (const std::invalid_argument&) {
            // a wrong name must not make the import fail; `particlegrid info` shows what runs
        }
    }
    // AVX-512 stays a choice by name until a machine that has it has passed the tests
    for (const Kernels* kernels : find_supported())
        if (std::string(kernels->name) != "x86_64_v4") return kernels;
    return find_supported().back();
}

std::atomic<const Kernels*>& active() {
    static std::atomic<const Kernels*> kernels{choose_default()};
    return kernels;
}

}  // namespace

std::vector<std::string> list_instruction_sets() {
    std::vector<std::string> names;
    for (const Kernels* kernels : find_supported()) names.emplace_back(kernels->name);
    return names;
}

const Kernels& active_kernels() { return *active().load(); }

void use_instruction_set(const std::string& name) { active().store(&find(name)); }

}  // namespace particlegrid
