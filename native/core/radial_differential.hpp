// How the images of radial densities change: what differentiate.hpp runs for them.
//
// An entry's pairs have the values w [f(q) - shift], q = |delta|^2, delta = u E with u the voxel's place in voxels from
// the atom and E the rows of axes. A direction moves delta by u E' + t, t = index E' - p', so that delta . delta' is a
// quadric of u. The profile is a function of q / sigma^2 alone, or knows no width; with a = -2 sigma' / sigma (or 0)
//     df/ds = a q f'    d^2f/ds dq = a (f' + q f'')    d^2f/ds^2 = a^2 (3/2 q f' + q^2 f'')
// and with lambda = 4 delta . delta' + 2 a s' q, which is a quadric too, an entry changes by
//     w' (f - shift) + w (f' lambda / 2 - s' shift')
// so that all gradients, and those of this change, are moments of g f' and g f'' lambda.
#pragma once

#include "differentiate.hpp"
#include "radial_support.hpp"
#include "radial_winners.hpp"

namespace particlegrid {

// What the width of an entry decides.
struct PairShape {
    double radius;      // A, of the support
    double width;       // A: sigma
    double by_width;    // 1 / A: a
    double shift, shift_slope, shift_bend;  // and its derivatives by the width
};

// Adds the sum of v[r] times row r.
inline void add_product(const double* v, const double* rows, double* out) {
    for (int r = 0; r < 3; ++r)
        for (int k = 0; k < 3; ++k) out[k] += v[r] * rows[3 * r + k];
}

// Element (a, b) of a symmetric matrix kept as xx, yy, zz, yz, zx, xy.
inline double element(const double* square, int a, int b) { return square[a == b ? a : 6 - a - b]; }

// The quadric u F u + v . u of any matrix F.
inline Quadric make_quadric(const double* matrix, const double* vector) {
    Quadric q;
    for (int a = 0; a < 3; ++a) {
        q.linear[a] = vector[a];
        q.square[a] = matrix[4 * a];
    }
    for (int a = 0; a < 3; ++a)
        for (int b = a + 1; b < 3; ++b) q.square[6 - a - b] = matrix[3 * a + b] + matrix[3 * b + a];
    return q;
}

// The sum of c times a quadric, from the moments of c.
inline double integrate(const Moments& m, const Quadric& q) {
    double sum = 0.0;
    for (int k = 0; k < 3; ++k) sum += m.linear[k] * q.linear[k];
    for (int k = 0; k < 6; ++k) sum += m.square[k] * q.square[k];
    return sum;
}

// shape_of(job, width) gives an entry's PairShape.
template <class Job, class ShapeOf>
class RadialDifferential {
public:
    RadialDifferential(const Job& job, const RadialForm& form, const Winners* winners, ShapeOf shape_of)
        : job_(job), form_(form), winners_(winners), shape_of_(shape_of) {}

    double reach(const Site&, std::int64_t e) const { return shape_of_(job_, job_.entry_widths[e]).radius; }

    void begin(std::int64_t structure, const Site& site) {
        structure_ = structure;
        site_ = &site;
        frame_ = find_frame(site.grid);
        constexpr double kNone[3] = {0, 0, 0};
        double gram[9];
        for (int a = 0; a < 3; ++a)
            for (int b = 0; b < 3; ++b) gram[3 * a + b] = dot(site.grid.row(a), site.grid.row(b));
        distance2_ = make_quadric(gram, kNone);
    }

    void pull_back(const Image& image, const ImageChange* along, ImageChange& slope) {
        if (!place(image, {0, job_.shape[0]})) return;
        const GridValues values = find_values(image.channel);
        if (along == nullptr) pull_back_once(image, kernels_.sum(marked_, values), slope);
        else pull_back_twice(image, *along, values, slope);
    }

    void push_forward(const Image& image, const ImageChange& along, const Planes& planes) {
        if (!place(image, planes)) return;
        RadialChange change{along.weight, -(along.weight * shape_.shift + image.weight * along.width * shape_.shift_slope),
                            find_lambda(along, find_drift(image, along))};
        for (double& c : change.quadric.linear) c *= 0.5 * image.weight;
        for (double& c : change.quadric.square) c *= 0.5 * image.weight;
        kernels_.add(marked_, change, find_values(image.channel));
    }

private:
    struct Drift {
        double vector[3];  // of the atom, seen from the grid: t
    };

    bool place(const Image& image, const Planes& planes) {
        shape_ = shape_of_(job_, image.width);
        stroke_.radius2 = shape_.radius * shape_.radius;
        stroke_.width = shape_.width;
        if (!enclose_sphere(site_->grid, job_.shape, image.index, stroke_)) return false;
        cut_planes(planes.first, planes.last, stroke_);
        marked_ = {&stroke_, &frame_, &form_, job_.shape[1], job_.shape[2]};
        if (winners_ != nullptr) winners_->mark(job_, structure_, image, marked_);
        return true;
    }

    GridValues find_values(std::int64_t channel) const {
        const std::int64_t voxels = count_voxels(job_);
        const std::int64_t first = (structure_ * job_.channels + channel) * voxels;
        return {static_cast<char*>(job_.out) + first * element_bytes(job_.output), voxels, job_.output == OutputType::float64};
    }

    static Drift find_drift(const Image& image, const ImageChange& along) {
        Drift t{{-along.position[0], -along.position[1], -along.position[2]}};
        add_product(image.index, along.axes, t.vector);
        return t;
    }

    Quadric find_lambda(const ImageChange& along, const Drift& drift) const {
        double matrix[9], vector[3];
        for (int a = 0; a < 3; ++a) {
            for (int b = 0; b < 3; ++b) matrix[3 * a + b] = 4.0 * dot(site_->grid.row(a), along.axes + 3 * b);
            vector[a] = 4.0 * dot(site_->grid.row(a), drift.vector);
        }
        Quadric lambda = make_quadric(matrix, vector);
        for (int k = 0; k < 6; ++k) lambda.square[k] += 2.0 * shape_.by_width * along.width * distance2_.square[k];
        return lambda;
    }

    // The gradient sum of c (u E + t) by delta, of c with these moments, taken on to the image's place and to the axes.
    static void take_on(const Image& image, const Moments& c, const double* edges, const Drift* drift, ImageChange& slope) {
        double sum[3] = {0, 0, 0};
        add_product(c.linear, edges, sum);
        for (int k = 0; k < 3 && drift != nullptr; ++k) sum[k] += c.one * drift->vector[k];
        for (int a = 0; a < 3; ++a) {
            const double row[3] = {element(c.square, a, 0), element(c.square, a, 1), element(c.square, a, 2)};
            double* to = slope.axes + 3 * a;
            add_product(row, edges, to);
            for (int k = 0; k < 3; ++k) {
                to[k] += image.index[a] * sum[k];
                if (drift != nullptr) to[k] += c.linear[a] * drift->vector[k];
            }
            slope.position[a] -= sum[a];
        }
    }

    static Moments combine(double x, const Moments& a, double y, const Moments& b) {
        Moments m;
        m.one = x * a.one + y * b.one;
        for (int k = 0; k < 3; ++k) m.linear[k] = x * a.linear[k] + y * b.linear[k];
        for (int k = 0; k < 6; ++k) m.square[k] = x * a.square[k] + y * b.square[k];
        return m;
    }

    void pull_back_once(const Image& image, const RadialSums& sums, ImageChange& slope) const {
        const double w = image.weight;
        slope.weight = sums.value - shape_.shift * sums.total;
        slope.width = w * (shape_.by_width * integrate(sums.slope, distance2_) - shape_.shift_slope * sums.total);
        take_on(image, combine(2.0 * w, sums.slope, 0.0, sums.slope), site_->grid.row(0), nullptr, slope);
    }

    void pull_back_twice(const Image& image, const ImageChange& along, const GridValues& values, ImageChange& slope) const {
        const Drift drift = find_drift(image, along);
        const Quadric lambda = find_lambda(along, drift);
        const RadialSums sums = kernels_.sum_twice(marked_, values, lambda);
        const double w = image.weight, a = shape_.by_width;
        const double by_q = integrate(sums.slope, distance2_), by_lambda = integrate(sums.slope, lambda);
        slope.weight = 0.5 * by_lambda - shape_.shift_slope * along.width * sums.total;
        slope.width = along.weight * (a * by_q - shape_.shift_slope * sums.total) +
                      w * (0.5 * a * (by_lambda + integrate(sums.bend, distance2_)) +
                           along.width * (0.5 * a * a * by_q - shape_.shift_bend * sums.total));
        const Moments by_change = combine(w, sums.bend, 2.0 * (along.weight + w * along.width * a), sums.slope);
        take_on(image, by_change, site_->grid.row(0), nullptr, slope);
        take_on(image, combine(2.0 * w, sums.slope, 0.0, sums.slope), along.axes, &drift, slope);
    }

    const Job& job_;
    const RadialForm& form_;
    const Winners* winners_;
    const ShapeOf shape_of_;
    const RadialDerivatives& kernels_ = active_kernels().radial;
    std::int64_t structure_ = 0;
    const Site* site_ = nullptr;
    RowFrame frame_{};
    Quadric distance2_{};  // q
    PairShape shape_{};
    RadialStroke stroke_{};
    RadialImage marked_{};
};

}  // namespace particlegrid
