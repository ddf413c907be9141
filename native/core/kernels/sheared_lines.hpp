// Rows of pieces of sheared voxels, four at a time: a lane is a row, so that nothing is added up across a register.
// Part of kernels.cpp, which is compiled once for each instruction set; nothing here has external linkage.
#pragma once

#include "kernels/axis_weights.hpp"

namespace particlegrid {
namespace {

inline std::int64_t round_down(double x) {
    const std::int64_t whole = static_cast<std::int64_t>(x);
    return static_cast<double>(whole) > x ? whole - 1 : whole;
}

struct PieceSpan {
    std::int64_t first, last;
};

// Pieces [first, last) that lie at least in part between two coordinates, of those from `begin` to `end`.
inline PieceSpan clip_span(double low, double high, std::int64_t begin, std::int64_t end) {
    const double least = static_cast<double>(begin), most = static_cast<double>(end);
    low = low > least ? low : least;
    high = high < most ? high : most;
    if (!(low < high)) return {0, 0};
    return {round_down(low), -round_down(-high)};
}

inline PieceSpan find_planes(const ShearedGaussian& g) {
    return clip_span((g.position[0] - g.reach) / g.outer[0], (g.position[0] + g.reach) / g.outer[0],
                     g.first_plane * g.pieces[0], g.last_plane * g.pieces[0]);
}

// Place of a plane's middle along the first direction.
inline double find_first(const ShearedGaussian& g, std::int64_t x) {
    return (static_cast<double>(x) + 0.5) * g.outer[0] - g.position[0];
}

struct RowGroup {
    int count;                      // rows; lanes beyond repeat the last
    Doubles exists;                 // 1 for those, else 0
    std::int64_t offset[kDoubles];  // of the rows' first voxels in the channel
    PieceSpan span;                 // of all rows together
    Doubles second, third;          // places of the rows' middles, of the middles of their pieces 0
};

// visit(group) for the rows of plane x that the Gaussian reaches.
template <class Visit>
[[gnu::always_inline]] inline void for_row_groups(const ShearedGaussian& g, std::int64_t x, const Visit& visit) {
    const double u = static_cast<double>(x) + 0.5;
    const double second = u * g.outer[1] - g.position[1], third = u * g.outer[2] - g.position[2] + 0.5 * g.inner;
    const PieceSpan rows =
        clip_span((-g.reach - second) / g.middle[0], (g.reach - second) / g.middle[0], 0, g.shape[1] * g.pieces[1]);
    for (std::int64_t y = rows.first; y < rows.last; y += kDoubles) {
        RowGroup group;
        group.count = static_cast<int>(rows.last - y < kDoubles ? rows.last - y : kDoubles);
        const Doubles lanes = {0.0, 1.0, 2.0, 3.0}, most = Doubles{} + static_cast<double>(group.count - 1);
        const Doubles row = lanes < most ? lanes : most, v = row + (static_cast<double>(y) + 0.5);
        for (int l = 0; l < kDoubles; ++l) {
            const std::int64_t at = y + (l < group.count ? l : group.count - 1);
            group.offset[l] = (x / g.pieces[0] * g.shape[1] + at / g.pieces[1]) * g.shape[2];
        }
        group.exists = lanes == row ? Doubles{} + 1.0 : Doubles{};
        group.second = second + v * g.middle[0];
        group.third = third + v * g.middle[1];
        const double one = group.third[0] - 0.5 * g.inner, other = group.third[kDoubles - 1] - 0.5 * g.inner;
        const double low = one < other ? one : other, high = one < other ? other : one;
        group.span = clip_span((-g.reach - high) / g.inner, (g.reach - low) / g.inner, 0, g.shape[2] * g.pieces[2]);
        if (group.span.first < group.span.last) visit(group);
    }
}

// visit(z, has_two, t, first, second) along a group: places t of piece z's middles, and exp(-t^2 / 2) there and at the next
// piece. From piece to piece it falls by a factor that falls by exp(-h^2). Each block of at most 16 pieces, or 8 sigmas,
// starts anew: errors grow with the square of its length, to 3e-14, and lanes that start where nothing is left end there.
template <class Visit>
[[gnu::always_inline]] inline void for_piece_pairs(const ShearedGaussian& g, const RowGroup& group, const Visit& visit) {
    const double h = g.inner, fall = exp_of_minus(Doubles{} + h * h)[0];
    const std::int64_t block = h < 0.5 ? 16 : h < 4.0 ? 2 * static_cast<std::int64_t>(4.0 / h) : 1;
    for (std::int64_t z = group.span.first; z < group.span.last;) {
        const std::int64_t end = group.span.last - z < block ? group.span.last : z + block;
        Doubles t = group.third + static_cast<double>(z) * h;
        Doubles value = exp_of_minus(0.5 * t * t);
        const Doubles rise = -h * (t + 0.5 * h), size = rise < 0.0 ? -rise : rise;
        const Doubles change = exp_of_minus(size < 690.0 ? size : Doubles{} + 690.0);
        Doubles factor = rise < 0.0 ? change : 1.0 / change;
        for (; z < end; z += 2) {
            const Doubles next = value * factor;
            factor *= fall;
            visit(z, z + 1 < end, t, value, next);
            value = next * factor;
            factor *= fall;
            t += 2.0 * h;
        }
        z = end;
    }
}

template <class T>
[[gnu::always_inline]] inline Doubles load_voxels(const T* values, const RowGroup& group, std::int64_t voxel) {
    Doubles loaded;
    for (int l = 0; l < kDoubles; ++l) loaded[l] = static_cast<double>(values[group.offset[l] + voxel]);
    return loaded;
}

inline std::int64_t find_voxel(const ShearedGaussian& g, std::int64_t piece) {
    return g.pieces[2] == 1 ? piece : piece / g.pieces[2];
}

// Adds to sums[n] values times He_n(t) exp(-t^2 / 2). Two pieces at a time hide each other's latency.
template <class T>
[[gnu::always_inline]] inline void collect_lines(const ShearedGaussian& g, const RowGroup& group, const T* values, int top,
                                                 Doubles* sums) {
    for_piece_pairs(g, group, [&](std::int64_t z, bool has_two, Doubles t, Doubles first, Doubles second) {
        const Doubles s = t + g.inner;
        Doubles a = first * load_voxels(values, group, find_voxel(g, z)), b{};
        if (has_two) b = second * load_voxels(values, group, find_voxel(g, z + 1));
        Doubles last_a{}, last_b{}, n{};
        for (int k = 0; k <= top; ++k) {
            sums[k] += a + b;
            const Doubles next_a = t * a - n * last_a, next_b = s * b - n * last_b;
            last_a = a, last_b = b;
            a = next_a, b = next_b;
            n += 1.0;
        }
    });
}

// Adds the sum of factors[n] He_n(t) exp(-t^2 / 2) to the values, by Clenshaw's recurrence.
template <class T>
[[gnu::always_inline]] inline void spread_lines(const ShearedGaussian& g, const RowGroup& group, const Doubles* factors,
                                                int top, T* values) {
    for_piece_pairs(g, group, [&](std::int64_t z, bool has_two, Doubles t, Doubles first, Doubles second) {
        // nothing is left beyond 38, where high powers may overflow
        const Doubles s = t + g.inner, a = t < 38.0 && t > -38.0 ? t : Doubles{}, b = s < 38.0 && s > -38.0 ? s : Doubles{};
        Doubles one{}, two{}, last_one{}, last_two{}, n = Doubles{} + static_cast<double>(top + 1);
        for (int k = top; k >= 0; --k) {
            const Doubles next_one = factors[k] + a * one - n * last_one, next_two = factors[k] + b * two - n * last_two;
            last_one = one, last_two = two;
            one = next_one, two = next_two;
            n -= 1.0;
        }
        one *= first;
        two *= second;
        const std::int64_t voxel = find_voxel(g, z), next = find_voxel(g, z + 1);
        for (int l = 0; l < group.count; ++l) {
            values[group.offset[l] + voxel] += static_cast<T>(one[l]);
            if (has_two) values[group.offset[l] + next] += static_cast<T>(two[l]);
        }
    });
}

}  // namespace
}  // namespace particlegrid
