#include "lennard_jones_derivatives.hpp"

#include "radial_differential.hpp"

namespace particlegrid {

namespace {

PairShape shape_of(const LennardJonesJob& job, double width) {
    const double sigma = 0.5 * (width + job.probe_width);
    PairShape shape{job.cutoff, sigma, -1.0 / sigma, 0.0, 0.0, 0.0};
    if (!job.shift) return shape;
    const double u = std::pow(sigma / job.cutoff, 6);
    shape.shift = u * (u - 1.0);
    shape.shift_slope = 0.5 * u * (12.0 * u - 6.0) / sigma;
    shape.shift_bend = 0.25 * u * (132.0 * u - 30.0) / (sigma * sigma);
    return shape;
}

void check_job(const LennardJonesJob& job) {
    check_lennard_jones(job);
    check_block(job);
}

RadialForm make_form() {
    RadialForm form;
    form.profile = Profile::lennard_jones;
    return form;
}

}  // namespace

void pull_back_lennard_jones(const LennardJonesJob& job, const Gradient& gradient, const Direction* direction) {
    check_job(job);
    const RadialForm form = make_form();
    pull_back_entries(job, gradient, direction, [&] { return RadialDifferential(job, form, nullptr, &shape_of); });
}

void push_forward_lennard_jones(const LennardJonesJob& job, const Direction& direction) {
    check_job(job);
    const RadialForm form = make_form();
    push_forward_entries(job, direction, [&] { return RadialDifferential(job, form, nullptr, &shape_of); });
}

}  // namespace particlegrid
