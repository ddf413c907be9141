// An integral over a piece of a sheared voxel as a series in the derivatives at its middle.
#pragma once

#include <algorithm>
#include <cmath>

#include "derivative_jobs.hpp"
#include "gaussian_frame.hpp"
#include "lattice.hpp"
#include "quadrature.hpp"
#include "scratch.hpp"

namespace particlegrid {

class ShearedSeries {
public:
    // Point values: of one term.
    void set_points(const Frame& frame, double sigma) {
        const double one[3] = {1.0, 1.0, 1.0};
        cut(frame, sigma, one);
        orders_ = 0;
        find_terms();
    }

    // Means over pieces that are short enough for the series to reach tol.
    void set_means(const Basis& grid, const Frame& frame, double sigma, double tol) {
        double pieces[3];
        // in sigmas; shorter ones take fewer orders, but there are more of them: neither 0.8 nor 1.25 is faster
        for (double longest = 1.0;; longest *= 0.75) {
            for (int d = 0; d < 3; ++d) pieces[d] = std::max(1.0, std::ceil(norm(grid.row(d)) / (sigma * longest)));
            cut(frame, sigma, pieces);
            orders_ = count_terms(tol);
            if (orders_ <= kMostSeriesOrders) break;
        }
        find_terms();
    }

    void describe(ShearedGaussian& g) const {
        std::copy_n(outer_, 3, g.outer);
        std::copy_n(middle_, 2, g.middle);
        g.inner = inner_;
        std::copy_n(pieces_, 3, g.pieces);
        g.series_orders = orders_;
        g.series = terms_.data();
    }

    int orders() const { return orders_; }
    double count_pieces() const {
        return static_cast<double>(pieces_[0]) * static_cast<double>(pieces_[1]) * static_cast<double>(pieces_[2]);
    }

private:
    void cut(const Frame& frame, double sigma, const double* pieces) {
        for (int d = 0; d < 3; ++d) {
            pieces_[d] = static_cast<std::int64_t>(pieces[d]);
            outer_[d] = frame.outer[d] / (sigma * pieces[0]);
        }
        for (int d = 0; d < 2; ++d) middle_[d] = frame.middle[d] / (sigma * pieces[1]);
        inner_ = frame.inner / (sigma * pieces[2]);
    }

    // With v from the middle, the terms of order m are means of (v . D)^m / m!, and a derivative of order m is at most
    // 1.0865 sqrt(m!) along any m directions (Cramer's bound, and Banach's for symmetric forms). What is left out is to be
    // below tol / 2 of the largest derivative of order 2; of those of order 4, it is below 3 tol.
    int count_terms(double tol) const {
        constexpr int kMost = kMostSeriesOrders + 8;
        double means[kMost / 2 + 1] = {};  // of |v|^2n
        const Rule& rule = legendre_rule(6);
        for (int a = 0; a < rule.nodes; ++a)
            for (int b = 0; b < rule.nodes; ++b)
                for (int c = 0; c < rule.nodes; ++c) {
                    const double v[3] = {rule.x[a] * outer_[0], rule.x[a] * outer_[1] + rule.x[b] * middle_[0],
                                         rule.x[a] * outer_[2] + rule.x[b] * middle_[1] + rule.x[c] * inner_};
                    const double square = dot(v, v);
                    double power = rule.w[a] * rule.w[b] * rule.w[c];
                    for (double& mean : means) mean += power, power *= square;
                }
        double left = 0.0, factorial = 1.0;  // of m
        double bounds[kMost / 2 + 1];
        for (int n = 0; n <= kMost / 2; ++n) {
            const int m = 2 * n;
            bounds[n] = 1.0865 * std::sqrt((m + 1) * (m + 2) / (2.0 * factorial)) * means[n];
            factorial *= (m + 1) * (m + 2);
        }
        int n = kMost / 2;
        while (n > 0 && left + bounds[n] <= 0.5 * tol) left += bounds[n--];
        return 2 * n;
    }

    // With v = s1 e1 + s2 e2 + s3 e3 each term is a mean of v1^p v2^q v3^r / (p! q! r!). Only e1 leads along the first
    // direction, and it brings the powers p, b, c.
    void find_terms() {
        constexpr int kMost = kMostSeriesOrders;
        double mean[kMost + 1];  // of s^m
        for (int m = 0; m <= kMost; ++m) mean[m] = m % 2 == 0 ? std::pow(0.5, m) / (m + 1) : 0.0;
        double outer[3][kMost + 1], middle[2][kMost + 1], inner[kMost + 1];  // x^m / m!
        for (int d = 0; d < 3; ++d) find_powers(outer_[d], outer[d]);
        for (int d = 0; d < 2; ++d) find_powers(middle_[d], middle[d]);
        find_powers(inner_, inner);
        double pair[kMost + 1][kMost + 1];  // of e2 and e3 alone
        for (int q = 0; q <= orders_; ++q)
            for (int r = 0; q + r <= orders_; ++r) {
                pair[q][r] = 0.0;
                for (int c = 0; c <= r; ++c)
                    pair[q][r] += mean[q + c] * middle[0][q] * middle[1][c] * mean[r - c] * inner[r - c];
            }
        const std::size_t row = static_cast<std::size_t>(orders_ + 1 + 2 * kSeriesPadding);
        terms_.assign(static_cast<std::size_t>((orders_ + 1) * (orders_ + 2) / 2) * row, 0.0);
        double* terms = terms_.data() + kSeriesPadding;
        for (int p = 0; p <= orders_; ++p)
            for (int q = 0; p + q <= orders_; ++q, terms += row)
                for (int r = (p + q) % 2; p + q + r <= orders_; r += 2) {
                    double sum = 0.0;
                    for (int b = 0; b <= q; ++b)
                        for (int c = (p + b) % 2; c <= r; c += 2)
                            sum += mean[p + b + c] * outer[1][b] * outer[2][c] * pair[q - b][r - c];
                    terms[r] = sum * outer[0][p];
                }
    }

    static void find_powers(double x, double* powers) {
        powers[0] = 1.0;
        for (int m = 1; m <= kMostSeriesOrders; ++m) powers[m] = powers[m - 1] * x / m;
    }

    double outer_[3], middle_[2], inner_;
    std::int64_t pieces_[3];
    int orders_ = 0;
    Scratch<double> terms_;
};

}  // namespace particlegrid
