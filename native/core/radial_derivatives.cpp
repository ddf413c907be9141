#include "radial_derivatives.hpp"

#include "radial_differential.hpp"

namespace particlegrid {

namespace {

PairShape shape_of(const RadialJob& job, double width) {
    const bool has_width = job.form.profile != Profile::table;
    return {support_radius(job, width), width, has_width ? -2.0 / width : 0.0, 0.0, 0.0, 0.0};
}

void check_job(const RadialJob& job) {
    check_radial(job);
    check_block(job);
    require(job.form.profile != Profile::gaussian, [] { return std::string("Gaussians have derivatives of their own"); });
}

auto make_differential(const RadialJob& job, const Winners& winners) {
    return [&] { return RadialDifferential(job, job.form, &winners, &shape_of); };
}

}  // namespace

void pull_back_radial(const RadialJob& job, const Gradient& gradient, const Direction* direction) {
    check_job(job);
    const Winners winners(job);
    pull_back_entries(job, gradient, direction, make_differential(job, winners));
}

void push_forward_radial(const RadialJob& job, const Direction& direction) {
    check_job(job);
    const Winners winners(job);
    push_forward_entries(job, direction, make_differential(job, winners));
}

}  // namespace particlegrid
