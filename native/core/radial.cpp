#include "radial.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "radial_brush.hpp"
#include "require.hpp"

namespace particlegrid {

namespace {

bool is_length(double x) { return x >= kSmallestLength && x <= kLargestLength; }

// A bound of the absolute values of a table; its four powers of a fraction are at most 1 each.
double largest_of(const RadialForm& form) {
    double largest = 0.0;
    for (std::int64_t i = 0; i < 4 * form.intervals; ++i) {
        require(std::isfinite(form.table[i]), [] { return std::string("the table holds a value that is not finite"); });
        largest = std::max(largest, 4.0 * std::fabs(form.table[i]));
    }
    return largest;
}

void check_form(const RadialForm& form) {
    constexpr std::int64_t kLongestTable = 1 << 24;
    switch (form.profile) {
        case Profile::quadratic:
            require(std::fabs(form.multiple) >= 1e-3 && std::fabs(form.multiple) <= 1e3,
                    [] { return std::string("abs(multiple) must lie between 1e-3 and 1e3"); });
            require(form.scale >= 1e-3 && form.scale <= 1e3, [] { return std::string("scale must lie between 1e-3 and 1e3"); });
            break;
        case Profile::table:
            require(form.table != nullptr && form.intervals >= 1 && form.intervals <= kLongestTable,
                    [] { return std::string("a table must have 1 to 2^24 intervals"); });
            [[fallthrough]];
        case Profile::occupancy:
            require(is_length(form.cutoff), [] { return std::string("the cutoff must lie between 1e-6 and 1e6 A"); });
            break;
        case Profile::lennard_jones: require(false, [] { return std::string("draw_lennard_jones draws energies"); }); break;
        default: break;
    }
}

template <class T>
void draw(const RadialJob& job, const Accumulator<T>& kernels) {
    draw_slabs<T>(job, kernels, [&] { return RadialBrush<T>(job, kernels); });
}

}  // namespace

void check_radial(const RadialJob& job) {
    check(job);
    check_form(job.form);
    if (job.form.profile == Profile::gaussian)
        require(job.cut > 0 && job.cut < 100, [] { return std::string("cut must lie between 0 and 100 sigmas"); });
    const double peak = job.form.profile == Profile::table ? largest_of(job.form) : 1.0;
    // an infinite weight times a profile that underflows would be no number
    const double largest = job.output == OutputType::float64 ? 1e300 : 1e38;
    for (std::int64_t e = 0; e < job.entries; ++e)
        require(std::fabs(job.entry_weights[e]) * profile_scale(job, job.entry_widths[e]) * peak <= largest, [&] {
            return "entry " + std::to_string(e) + ": weight times density overflows the type of the sums; the weight is " +
                   std::to_string(job.entry_weights[e]);
        });
    check_images(job, [&](const Site& site, std::int64_t e) { return reach_of(job, site.grid, job.entry_widths[e]); });
}

void draw_radial(const RadialJob& job) {
    check_radial(job);
    const Kernels& kernels = active_kernels();
    if (job.output == OutputType::float64) draw(job, kernels.twice);
    else draw(job, kernels.single);
}

}  // namespace particlegrid
