// Sums over the voxels of an image, what a change of the image adds to them, and which image is the largest.
// Part of kernels.cpp, which is compiled once for each instruction set; nothing here has external linkage.
#pragma once

#include "kernels/radial_rows.hpp"
#include "kernels/radial_slopes.hpp"
#include "radial_moments.hpp"

namespace particlegrid {
namespace {

typedef std::int32_t PackedInts __attribute__((vector_size(kRowBytes / 2), aligned(sizeof(std::int32_t)), may_alias));

// The first `left` of four elements, and zeros.
[[gnu::always_inline]] inline Doubles load_values(const GridValues& values, std::int64_t at, double left) {
    const Doubles lanes = {0.0, 1.0, 2.0, 3.0};
    Doubles loaded{};
    if (at + kDoubles <= values.count) {
        if (values.in_double) loaded = *reinterpret_cast<const Doubles*>(static_cast<const double*>(values.first) + at);
        else loaded = __builtin_convertvector(*reinterpret_cast<const HalfSingles*>(static_cast<const float*>(values.first) + at), Doubles);
    } else {
        for (int k = 0; k < kDoubles && at + k < values.count; ++k)
            loaded[k] = values.in_double ? static_cast<const double*>(values.first)[at + k]
                                         : static_cast<double>(static_cast<const float*>(values.first)[at + k]);
    }
    return lanes < left ? loaded : Doubles{};
}

// Add the first `left` of four elements; what lies behind may belong to another thread.
template <class T>
[[gnu::always_inline]] inline void add_values(Doubles sum, T* to, double left) {
    if (left >= kDoubles) return combine<false>(sum, to);
    for (int k = 0; k < static_cast<int>(left); ++k) to[k] += static_cast<T>(sum[k]);
}

// Four places: all ones where the image is the winner.
[[gnu::always_inline]] inline Longs find_won(const RadialImage& job, std::int64_t at) {
    if (job.winners == nullptr) return ~Longs{};
    const PackedInts owners = *reinterpret_cast<const PackedInts*>(job.winners + at);
    return __builtin_convertvector(owners == job.number, Longs);
}
[[gnu::always_inline]] inline Doubles keep(Doubles values, Longs mask) {
    return reinterpret_cast<Doubles>(reinterpret_cast<Longs>(values) & mask);
}

// Four voxels of a row and how many of them count.
struct FourVoxels {
    Doubles distance2, uz;
    std::int64_t place;
    double left;
};

// start_row(ux, uy) before each row of an image, visit(four voxels) along it, end_row(ux, uy) after it.
template <class StartRow, class Visit, class EndRow>
[[gnu::always_inline]] inline void visit_voxels(const RadialImage& job, std::int64_t first_plane, const StartRow& start_row,
                                                const Visit& visit, const EndRow& end_row) {
    const RadialStroke& s = *job.stroke;
    const Doubles lanes = {0.0, 1.0, 2.0, 3.0};
    const double step = job.frame->e3, lift = 0.5 - s.index[2];
    for (std::int64_t x = s.first[0]; x < s.first[0] + s.count[0]; ++x) {
        const RadialPlane plane{x, job.columns, nullptr, nullptr, 0, job.frame, job.form};
        const double ux = (static_cast<double>(x) + 0.5) - s.index[0];
        const std::int64_t before = (x - first_plane) * job.rows * job.columns;
        visit_rows(
            plane, s,
            [](const FourRows& rows, RowList& list, std::int64_t i) {
                list.put(list.about[0], i, rows.away2);
                list.put(list.about[1], i, rows.along(rows.first));
                list.put(list.about[2], i, rows.dy);
            },
            [&](const RowList& list, std::int64_t i, std::int64_t place, double voxels) {
                const double away2 = list.about[0][i], start = list.about[1][i], uy = list.about[2][i];
                const double first = list.first[i] + lift;
                start_row(ux, uy);
                for (double z = 0.0; z < voxels; z += kDoubles, place += kDoubles) {
                    const Doubles t = start + (z + lanes) * step;
                    visit(FourVoxels{away2 + t * t, first + (z + lanes), before + place, voxels - z});
                }
                end_row(ux, uy);
            });
    }
}

inline double add_lanes(Doubles v) { return (v[0] + v[1]) + (v[2] + v[3]); }

// Moments by lanes: those along a row first, then those of the image.
struct MomentLanes {
    Doubles line[3]{};
    Doubles one{}, linear[3]{}, square[6]{};

    [[gnu::always_inline]] void add(Doubles c, Doubles uz) {
        const Doubles by_z = c * uz;
        line[0] += c;
        line[1] += by_z;
        line[2] += by_z * uz;
    }
    [[gnu::always_inline]] void end_row(double ux, double uy) {
        const Doubles by_x = ux * line[0], by_y = uy * line[0];
        one += line[0];
        linear[0] += by_x;
        linear[1] += by_y;
        linear[2] += line[1];
        square[0] += ux * by_x;
        square[1] += uy * by_y;
        square[2] += line[2];
        square[3] += uy * line[1];
        square[4] += ux * line[1];
        square[5] += ux * by_y;
        for (Doubles& sum : line) sum = Doubles{};
    }
    Moments finish() const {
        Moments m{};
        m.one = add_lanes(one);
        for (int k = 0; k < 3; ++k) m.linear[k] = add_lanes(linear[k]);
        for (int k = 0; k < 6; ++k) m.square[k] = add_lanes(square[k]);
        return m;
    }
};

// A quadric along a row: a polynomial in u_z.
struct RowQuadric {
    double c0, c1, c2;

    [[gnu::always_inline]] void start_row(const Quadric& q, double ux, double uy) {
        c0 = ux * (q.linear[0] + q.square[0] * ux + q.square[5] * uy) + uy * (q.linear[1] + q.square[1] * uy);
        c1 = q.linear[2] + q.square[3] * uy + q.square[4] * ux;
        c2 = q.square[2];
    }
    [[gnu::always_inline]] Doubles at(Doubles uz) const { return c0 + uz * (c1 + uz * c2); }
};

template <class Curve, bool kTwice>
RadialSums sum_image(const RadialImage& job, const GridValues& values, const Quadric* lambda) {
    const Curve curve(*job.form, *job.stroke);
    Doubles total{}, value{};
    MomentLanes slope, bend;
    RowQuadric along{};
    visit_voxels(
        job, 0,
        [&](double ux, double uy) {
            if constexpr (kTwice) along.start_row(*lambda, ux, uy);
        },
        [&](const FourVoxels& v) {
            const Doubles g = keep(load_values(values, v.place, v.left), find_won(job, v.place));
            const Slopes f = curve.differentiate(v.distance2);
            total += g;
            value += g * f.value;
            slope.add(g * f.first, v.uz);
            if constexpr (kTwice) bend.add(g * f.second * along.at(v.uz), v.uz);
        },
        [&](double ux, double uy) {
            slope.end_row(ux, uy);
            if constexpr (kTwice) bend.end_row(ux, uy);
        });
    return {add_lanes(total), add_lanes(value), slope.finish(), bend.finish()};
}

template <class Curve>
void add_change(const RadialImage& job, const RadialChange& change, const GridValues& values) {
    const Curve curve(*job.form, *job.stroke);
    RowQuadric along{};
    visit_voxels(
        job, 0, [&](double ux, double uy) { along.start_row(change.quadric, ux, uy); },
        [&](const FourVoxels& v) {
            const Slopes f = curve.differentiate(v.distance2);
            const Doubles sum = keep(change.value * f.value + f.first * along.at(v.uz) + change.constant, find_won(job, v.place));
            if (values.in_double) add_values(sum, static_cast<double*>(values.first) + v.place, v.left);
            else add_values(sum, static_cast<float*>(values.first) + v.place, v.left);
        },
        [](double, double) {});
}

template <class Curve>
void contend(const RadialImage& job, const RadialContest& contest) {
    const Curve curve(*job.form, *job.stroke);
    const double weight = job.stroke->weight;
    visit_voxels(
        job, contest.first_plane, [](double, double) {},
        [&](const FourVoxels& v) {
            const Doubles bid = weight * curve(v.distance2);
            const Doubles best = *reinterpret_cast<const Doubles*>(contest.best + v.place);
            for (int k = 0; k < kDoubles && k < v.left; ++k)
                if (bid[k] > best[k]) {
                    contest.best[v.place + k] = bid[k];
                    contest.winners[v.place + k] = job.number;
                }
        },
        [](double, double) {});
}

template <bool kTwice>
RadialSums sum_radial(const RadialImage& job, const GridValues& values, const Quadric* lambda) {
    switch (job.form->profile) {
        case Profile::quadratic: return sum_image<QuadraticSlopes, kTwice>(job, values, lambda);
        case Profile::occupancy: return sum_image<OccupancySlopes, kTwice>(job, values, lambda);
        case Profile::binary: return sum_image<BinarySlopes, kTwice>(job, values, lambda);
        case Profile::table: return sum_image<TableSlopes, kTwice>(job, values, lambda);
        case Profile::lennard_jones: return sum_image<LennardJonesSlopes, kTwice>(job, values, lambda);
        case Profile::gaussian: break;
    }
    return {};
}

RadialSums sum_radial_once(const RadialImage& job, const GridValues& values) { return sum_radial<false>(job, values, nullptr); }

RadialSums sum_radial_twice(const RadialImage& job, const GridValues& values, const Quadric& lambda) {
    return sum_radial<true>(job, values, &lambda);
}

void add_radial_change(const RadialImage& job, const RadialChange& change, const GridValues& values) {
    switch (job.form->profile) {
        case Profile::quadratic: return add_change<QuadraticSlopes>(job, change, values);
        case Profile::occupancy: return add_change<OccupancySlopes>(job, change, values);
        case Profile::binary: return add_change<BinarySlopes>(job, change, values);
        case Profile::table: return add_change<TableSlopes>(job, change, values);
        case Profile::lennard_jones: return add_change<LennardJonesSlopes>(job, change, values);
        case Profile::gaussian: return;
    }
}

void contend_radial(const RadialImage& job, const RadialContest& contest) {
    switch (job.form->profile) {
        case Profile::quadratic: return contend<QuadraticProfile>(job, contest);
        case Profile::occupancy: return contend<OccupancyProfile>(job, contest);
        case Profile::binary: return contend<BinaryProfile>(job, contest);
        case Profile::table: return contend<TableProfile>(job, contest);
        case Profile::lennard_jones:
        case Profile::gaussian: return;
    }
}

}  // namespace
}  // namespace particlegrid
