// Spheres painted into the tile of one plane, row by row: each row is cut to the voxels inside the sphere.
// Part of kernels.cpp, which is compiled once for each instruction set; nothing here has external linkage.
#pragma once

#include "kernels/radial_profiles.hpp"
#include "kernels/vectors.hpp"

namespace particlegrid {
namespace {

using Singles = VectorOf<float>::type;
constexpr int kSingles = static_cast<int>(kRowBytes / sizeof(float));
typedef float HalfSingles __attribute__((vector_size(kRowBytes / 2), aligned(sizeof(float)), may_alias));
typedef std::int32_t SingleInts __attribute__((vector_size(kRowBytes)));

// exp(-u) for u >= 0, relative error below 3e-7; exp(-87), which is next to nothing, beyond 87.
[[gnu::always_inline]] inline Singles exp_of_minus(Singles u) {
    const Singles t = u < 87.0f ? u : Singles{} + 87.0f;
    const SingleInts whole = __builtin_convertvector(t * 1.44269504f + 0.5f, SingleInts);
    const Singles n = __builtin_convertvector(whole, Singles);
    const Singles r = (n * 0.693359375f - t) + n * -2.12194440e-4f;
    Singles y = Singles{} + 1.0f / 720.0f;
    y = y * r + 1.0f / 120.0f;
    y = y * r + 1.0f / 24.0f;
    y = y * r + 1.0f / 6.0f;
    y = y * r + 0.5f;
    y = y * r + 1.0f;
    y = y * r + 1.0f;
    const SingleInts bits = (127 - whole) << 23;
    Singles power;
    std::memcpy(&power, &bits, sizeof power);
    return y * power;
}

inline Doubles larger(Doubles a, double b) { return a > b ? a : Doubles{} + b; }
inline Doubles smaller(Doubles a, double b) { return a < b ? a : Doubles{} + b; }
// The whole number below x, which lies between -2 and 2^30.
inline Doubles floor_small(Doubles x) {
    return __builtin_convertvector(__builtin_convertvector(x + 2.0, Ints), Doubles) - 2.0;
}

// Combine some values with as many elements of the tile.
template <bool kMaximum>
void combine(Doubles values, double* to) {
    Doubles* tile = reinterpret_cast<Doubles*>(to);
    if constexpr (kMaximum) *tile = values > *tile ? values : *tile;
    else *tile += values;
}
template <bool kMaximum>
void combine(Doubles values, float* to) {
    const HalfSingles narrow = __builtin_convertvector(values, HalfSingles);
    HalfSingles* tile = reinterpret_cast<HalfSingles*>(to);
    if constexpr (kMaximum) *tile = narrow > *tile ? narrow : *tile;
    else *tile += narrow;
}
template <bool kMaximum>
void combine(Singles values, float* to) {
    Singles* tile = reinterpret_cast<Singles*>(to);
    if constexpr (kMaximum) *tile = values > *tile ? values : *tile;
    else *tile += values;
}

// Four rows of one plane. A voxel (y, z) is away2 + t^2 from the atom, squared, with t = (z + lift) step + shift.
struct FourRows {
    Doubles dy, away2, shift;  // dy: voxels from the atom to the row
    double lift, step, radius2;
    Doubles first, last;  // the voxels nearer than the radius, both included, within the row; none if last < first

    [[gnu::always_inline]] FourRows(const RowFrame& frame, const RadialStroke& s, double dx, double y, double columns)
        : lift(0.5 - s.index[2]), step(frame.e3), radius2(s.radius2) {
        const Doubles lanes = {0.0, 1.0, 2.0, 3.0};
        dy = (y + lanes) + (0.5 - s.index[1]);
        const double plane = dx * frame.e1[0];
        const Doubles across = dx * frame.e1[1] + dy * frame.e2[0];
        shift = dx * frame.e1[2] + dy * frame.e2[1];
        away2 = plane * plane + across * across;
        const Doubles half = square_root(larger(radius2 - away2, 0.0)) / step;
        const Doubles middle = nearest();
        // rounding may put either end one voxel off, so the distances there decide
        const Doubles low = floor_small(smaller(larger(middle - half, -1.0), columns));
        const Doubles high = floor_small(smaller(larger(middle + half, -1.0), columns));
        first = inside(low) ? low : inside(low + 1.0) ? low + 1.0 : low + 2.0;
        last = inside(high + 1.0) ? high + 1.0 : inside(high) ? high : high - 1.0;
        first = larger(first, 0.0);
        last = smaller(last, columns - 1.0);
    }

    Doubles along(Doubles z) const { return (z + lift) * step + shift; }
    Doubles nearest() const { return -lift - shift / step; }
    Longs inside(Doubles z) const {
        const Doubles t = along(z);
        return away2 + t * t < radius2;
    }
};

// What is known of some rows before any is painted: measured apart, the rows do not wait for each other.
struct RowList {
    static constexpr std::int64_t kLongest = 64;
    double first[kLongest], voxels[kLongest];
    double about[3][kLongest];  // what the profile wants to know

    void put(double* list, std::int64_t i, Doubles values) { *reinterpret_cast<Doubles*>(list + i) = values; }
};

// For the rows of the stroke in this plane that have voxels inside the sphere: measure(four rows, list, i) puts what it
// wants of rows i to i + 3 into the list; paint(list, i, place, voxels) paints them, from the first voxel on, which is
// the plane's element `place`.
template <class Measure, class Paint>
[[gnu::always_inline]] inline void visit_rows(const RadialPlane& job, const RadialStroke& s, const Measure& measure,
                                              const Paint& paint) {
    const RowFrame& frame = *job.frame;
    const double dx = (static_cast<double>(job.x) + 0.5) - s.index[0];
    const double plane = dx * frame.e1[0];
    const double left2 = s.radius2 - plane * plane;
    if (left2 <= 0.0) return;
    const double half = __builtin_sqrt(left2) / frame.e2[0];
    const double middle = s.index[1] - 0.5 - dx * frame.e1[1] / frame.e2[0];
    // a row too many on either side does no harm
    double low = middle - half - 0.5, high = middle + half + 1.5;
    const double from = static_cast<double>(s.first[1]), to = static_cast<double>(s.first[1] + s.count[1]);
    low = low > from ? low : from;
    high = high < to ? high : to;
    if (!(low < high)) return;
    const std::int64_t end = static_cast<std::int64_t>(high);
    RowList list;
    for (std::int64_t begin = static_cast<std::int64_t>(low); begin < end; begin += RowList::kLongest) {
        const std::int64_t count = end - begin < RowList::kLongest ? end - begin : RowList::kLongest;
        for (std::int64_t i = 0; i < count; i += kDoubles) {
            const FourRows rows(frame, s, dx, static_cast<double>(begin + i), static_cast<double>(job.columns));
            list.put(list.first, i, rows.first);
            list.put(list.voxels, i, rows.last - rows.first + 1.0);
            measure(rows, list, i);
        }
        for (std::int64_t i = 0; i < count; ++i)
            if (list.voxels[i] > 0.0)
                paint(list, i, (begin + i) * job.columns + static_cast<std::int64_t>(list.first[i]), list.voxels[i]);
    }
}

template <class T, class Curve, bool kMaximum>
void paint_profile(const RadialPlane& job, const RadialStroke& s, T* tile) {
    const Curve profile(*job.form, s);
    const Doubles lanes = {0.0, 1.0, 2.0, 3.0};
    const double step = job.frame->e3;
    visit_rows(
        job, s,
        [](const FourRows& rows, RowList& list, std::int64_t i) {
            list.put(list.about[0], i, rows.away2);
            list.put(list.about[1], i, rows.along(rows.first));
        },
        [&](const RowList& list, std::int64_t i, std::int64_t place, double voxels) {
            T* to = tile + place;
            const double away2 = list.about[0][i], start = list.about[1][i];
            for (double z = 0.0; z < voxels; z += kDoubles, to += kDoubles) {
                const Doubles t = start + (z + lanes) * step;
                const Doubles values = s.weight * profile(away2 + t * t);
                combine<kMaximum>(z + lanes < voxels ? values : Doubles{}, to);
            }
        });
}

inline void count_up(Doubles& lanes) { lanes = Doubles{0.0, 1.0, 2.0, 3.0}; }
inline void count_up(Singles& lanes) { lanes = Singles{0, 1, 2, 3, 4, 5, 6, 7}; }

// Along a row, the exponent is that of the nearest voxel, made in double, plus k (k steep + slope) for the k-th voxel
// from there: no difference of large numbers, so single precision (Lane) loses nothing where voxels are not much
// longer than sigma.
template <class T, class Lane, bool kMaximum>
void paint_gaussian(const RadialPlane& job, const RadialStroke& s, T* tile) {
    using Lanes = typename VectorOf<Lane>::type;
    constexpr int kLanes = static_cast<int>(kRowBytes / sizeof(Lane));
    const double per2 = 0.5 / (s.width * s.width), weight = s.weight;
    const Lane steep = static_cast<Lane>(job.frame->e3 * job.frame->e3 * per2);
    Lanes lanes;
    count_up(lanes);
    visit_rows(
        job, s,
        [=](const FourRows& rows, RowList& list, std::int64_t i) {
            const Doubles middle = rows.nearest();
            const Doubles over = middle > rows.first ? middle : rows.first;
            const Doubles anchor = floor_small((over < rows.last ? over : rows.last) + 0.5);
            const Doubles t = rows.along(anchor);
            list.put(list.about[0], i, weight * exp_of_minus((rows.away2 + t * t) * per2));
            list.put(list.about[1], i, t * (2.0 * rows.step * per2));
            list.put(list.about[2], i, rows.first - anchor);
        },
        [=](const RowList& list, std::int64_t i, std::int64_t place, double voxels) {
            T* to = tile + place;
            const Lane height = static_cast<Lane>(list.about[0][i]), tilt = static_cast<Lane>(list.about[1][i]);
            Lanes k = static_cast<Lane>(list.about[2][i]) + lanes;
            Lane left = static_cast<Lane>(voxels);
            for (; left > kLanes; left -= kLanes, to += kLanes, k += static_cast<Lane>(kLanes))
                combine<kMaximum>(height * exp_of_minus(k * (k * steep + tilt)), to);
            const Lanes values = height * exp_of_minus(k * (k * steep + tilt));
            combine<kMaximum>(lanes < left ? values : Lanes{}, to);
        });
}

template <class T, bool kMaximum>
void paint_stroke(const RadialPlane& job, const RadialStroke& s, T* tile) {
    switch (job.form->profile) {
        case Profile::gaussian:
            if constexpr (sizeof(T) == sizeof(float)) {
                if (!s.in_double) return paint_gaussian<T, float, kMaximum>(job, s, tile);
            }
            return paint_gaussian<T, double, kMaximum>(job, s, tile);
        case Profile::quadratic: return paint_profile<T, QuadraticProfile, kMaximum>(job, s, tile);
        case Profile::occupancy: return paint_profile<T, OccupancyProfile, kMaximum>(job, s, tile);
        case Profile::binary: return paint_profile<T, BinaryProfile, kMaximum>(job, s, tile);
        case Profile::table: return paint_profile<T, TableProfile, kMaximum>(job, s, tile);
        case Profile::lennard_jones: return;  // sums over blocks draw it
    }
}

template <class T>
void paint_radial(const RadialPlane& job, T* tile) {
    for (std::int64_t i = 0; i < job.count; ++i) {
        const RadialStroke& s = job.strokes[job.numbers[i]];
        if (job.form->maximum) paint_stroke<T, true>(job, s, tile);
        else paint_stroke<T, false>(job, s, tile);
    }
}

}  // namespace
}  // namespace particlegrid
