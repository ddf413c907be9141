// Sums of values times a Gaussian's derivatives, and the adjoint, on sheared voxels.
// Part of kernels.cpp, which is compiled once for each instruction set; nothing here has external linkage.
//
// An integral over a piece of a voxel is a series in the derivatives at the piece's middle, whose coefficients are the same
// for all pieces. So what is summed, and spread, are derivatives at points, up to a higher order: products of a function of
// each direction, Hermite polynomials times exp(-t^2 / 2). The series follows once for all voxels. Weights of every row and
// pair of Gauss-Legendre nodes, which this replaces, took 20 to 30 times as long.
#pragma once

#include "kernels/line_orders.hpp"
#include "kernels/sheared_lines.hpp"

namespace particlegrid {
namespace {

inline std::int64_t pad_orders(std::int64_t count) { return (count + kDoubles - 1) / kDoubles * kDoubles; }

// Numbers by order [i][j][k] with i + j + k <= top; rows of k are padded to whole registers.
struct OrderRows {
    int top;
    std::int64_t begin[kMostOrdersAtPoints + 2], width[kMostOrdersAtPoints + 2];

    explicit OrderRows(int most) : top(most) {
        begin[0] = 0;
        for (int i = 0; i <= top; ++i) {
            width[i] = pad_orders(top - i + 1);
            begin[i + 1] = begin[i] + (top - i + 1) * width[i];
        }
    }
    std::int64_t of(int i, int j) const { return begin[i] + j * width[i]; }
    std::int64_t size() const { return begin[top + 1]; }
};

// orders[n] = weight He_n(t) exp(-t^2 / 2), n up to `top`: (-1)^n times the n-th derivative.
template <class Number>
[[gnu::always_inline]] inline void weigh_orders(Number t, Number weight, int top, Number* orders) {
    Number last{}, now = weight;
    for (int n = 0; n <= top; ++n) {
        orders[n] = now;
        const Number next = t * now - static_cast<double>(n) * last;
        last = now;
        now = next;
    }
}

inline double exp_of_square(double t) { return exp_of_minus(Doubles{} + 0.5 * t * t)[0]; }

// At any address, as VectorOf is and Doubles in memory need not be.
[[gnu::always_inline]] inline Doubles load_orders(const double* from) {
    return *reinterpret_cast<const VectorOf<double>::type*>(from);
}
[[gnu::always_inline]] inline void store_orders(double* to, Doubles some) {
    *reinterpret_cast<VectorOf<double>::type*>(to) = some;
}
[[gnu::always_inline]] inline void add_orders(double* to, Doubles more) {
    *reinterpret_cast<VectorOf<double>::type*>(to) += more;
}

// The sum of the lanes of four vectors each.
[[gnu::always_inline]] inline Doubles add_across(const Doubles* v) {
    static_assert(kDoubles == 4);
    const Doubles a = __builtin_shufflevector(v[0], v[1], 0, 4, 2, 6) + __builtin_shufflevector(v[0], v[1], 1, 5, 3, 7);
    const Doubles b = __builtin_shufflevector(v[2], v[3], 0, 4, 2, 6) + __builtin_shufflevector(v[2], v[3], 1, 5, 3, 7);
    return __builtin_shufflevector(a, b, 0, 1, 4, 5) + __builtin_shufflevector(a, b, 2, 3, 6, 7);
}

// visit(p, q, terms) for each row of the series: terms[r], between zeros.
template <class Visit>
[[gnu::always_inline]] inline void for_series_rows(const ShearedGaussian& g, const Visit& visit) {
    const double* terms = g.series + kSeriesPadding;
    for (int p = 0; p <= g.series_orders; ++p)
        for (int q = 0; p + q <= g.series_orders; ++q, terms += g.series_orders + 1 + 2 * kSeriesPadding) visit(p, q, terms);
}

// The series: from sums with derivatives at points to sums with derivatives of integrals.
inline void apply_series(const ShearedGaussian& g, const OrderRows& rows, const double* sums, DerivativeMoments& moments) {
    for (int i = 0; i <= g.orders; ++i)
        for (int j = 0; i + j <= g.orders; ++j) {
            Doubles all{};
            double fifth = 0.0;
            for_series_rows(g, [&](int p, int q, const double* terms) {
                const double* const from = sums + rows.of(i + p, j + q);
                Doubles part{};  // the next row's need not wait for this one's
                for (int r = (p + q) % 2; p + q + r <= g.series_orders; r += 2) part += terms[r] * load_orders(from + r);
                all += part;
                if (i + j + kDoubles <= g.orders)
                    for (int r = (p + q) % 2; p + q + r <= g.series_orders; r += 2) fifth += terms[r] * from[r + kDoubles];
            });
            for (int k = 0; i + j + k <= g.orders; ++k) moments[i][j][k] = k < kDoubles ? all[k] : fifth;
        }
}

// The adjoint: from factors of derivatives of integrals to those of derivatives at points.
inline void unfold_series(const ShearedGaussian& g, const OrderRows& rows, const Factors& factors, double* unfolded) {
    static_assert(kSeriesPadding >= kMostSpread + kDoubles - 1);
    for (int i = 0; i <= kMostSpread; ++i)
        for (int j = 0; i + j <= kMostSpread; ++j)
            for (int k = 0; i + j + k <= kMostSpread; ++k) {
                const double factor = factors[i][j][k];
                if (factor == 0.0) continue;
                // in whole registers: where they overlapped, each waited for the last one's store, a third of the time
                for_series_rows(g, [&](int p, int q, const double* terms) {
                    double* const to = unfolded + rows.of(i + p, j + q);
                    for (int r = 0; p + q + r <= g.series_orders + k; r += kDoubles)
                        add_orders(to + r, factor * load_orders(terms + r - k));
                });
            }
}

template <class T>
void collect_sheared(const ShearedGaussian& g, const T* values, double* scratch, DerivativeMoments& moments) {
    const int top = g.orders + g.series_orders;
    const OrderRows rows(top);
    const std::int64_t width = pad_orders(top + 1);
    double* const sums = scratch;
    Doubles* const plane = reinterpret_cast<Doubles*>(sums + rows.size() + kDoubles);
    Doubles line[kMostOrdersAtPoints + 1], across[kMostOrdersAtPoints + 1];
    double along[kMostOrdersAtPoints + 1];
    for (std::int64_t n = 0; n < rows.size() + kDoubles; ++n) sums[n] = 0.0;
    for (int j = 0; j <= top; ++j)
        for (std::int64_t k = top - j + 1; k < pad_orders(top - j + 1); ++k) plane[j * width + k] = Doubles{};
    const PieceSpan planes = find_planes(g);
    for (std::int64_t x = planes.first; x < planes.last; ++x) {
        bool is_empty = true;
        for_row_groups(g, x, [&](const RowGroup& group) {
            for (int n = 0; n <= top; ++n) line[n] = Doubles{};
            collect_lines(g, group, values, top, line);
            weigh_orders(group.second, group.exists * exp_of_minus(0.5 * group.second * group.second), top, across);
            for (int j = 0; j <= top; ++j) {
                const Doubles weight = across[j];
                Doubles* const to = plane + j * width;
                // zeros set beforehand took a seventh of the time
                if (is_empty)
                    for (int k = 0; j + k <= top; ++k) to[k] = weight * line[k];
                else
                    for (int k = 0; j + k <= top; ++k) to[k] += weight * line[k];
            }
            is_empty = false;
        });
        if (is_empty) continue;
        const double first = find_first(g, x);
        weigh_orders(first, exp_of_square(first), top, along);
        for (int j = 0; j <= top; ++j)
            for (std::int64_t k = 0; j + k <= top; k += kDoubles) {
                const Doubles sum = add_across(plane + j * width + k);
                for (int i = 0; i + j + k <= top; ++i) add_orders(sums + rows.of(i, j) + k, along[i] * sum);
            }
    }
    apply_series(g, rows, sums, moments);
}

template <class T>
void spread_sheared(const ShearedGaussian& g, const Factors& factors, double* scratch, T* values) {
    const int top = kMostSpread + g.series_orders;
    const OrderRows rows(top);
    const std::int64_t width = pad_orders(top + 1);
    double* const unfolded = scratch;
    double* const plane = unfolded + rows.size() + kDoubles;
    Doubles line[kMostOrdersAtPoints + kDoubles], across[kMostOrdersAtPoints + 1];
    double along[kMostOrdersAtPoints + 1];
    for (std::int64_t n = 0; n < rows.size() + kDoubles; ++n) unfolded[n] = 0.0;
    unfold_series(g, rows, factors, unfolded);
    const PieceSpan planes = find_planes(g);
    for (std::int64_t x = planes.first; x < planes.last; ++x) {
        const double first = find_first(g, x);
        weigh_orders(first, exp_of_square(first), top, along);
        for (int i = 0; i <= top; ++i)
            for (int j = 0; i + j <= top; ++j) {
                const double* const from = unfolded + rows.of(i, j);
                double* const to = plane + j * width;
                for (std::int64_t k = 0; i + j + k <= top; k += kDoubles) {
                    const Doubles part = along[i] * load_orders(from + k);
                    if (i == 0) store_orders(to + k, part);
                    else add_orders(to + k, part);
                }
            }
        for_row_groups(g, x, [&](const RowGroup& group) {
            weigh_orders(group.second, exp_of_minus(0.5 * group.second * group.second), top, across);
            for (int k = 0; k <= top; k += kDoubles) {
                Doubles sum[kDoubles] = {};
                for (int j = 0; j + k <= top; ++j)
                    for (int l = 0; l < kDoubles; ++l) sum[l] += across[j] * plane[j * width + k + l];
                for (int l = 0; l < kDoubles; ++l) line[k + l] = sum[l];
            }
            spread_lines(g, group, line, top, values);
        });
    }
}

}  // namespace
}  // namespace particlegrid
