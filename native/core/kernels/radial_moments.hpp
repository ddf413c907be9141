// Sums over the voxels of an image, what a change of the image adds to them, and which image is the largest.
// Part of kernels.cpp, which is compiled once for each instruction set; nothing here has external linkage.
#pragma once

#include "kernels/radial_batches.hpp"

namespace particlegrid {
namespace {

typedef std::int32_t PackedInts __attribute__((vector_size(kRowBytes / 2), aligned(sizeof(std::int32_t)), may_alias));

inline Doubles widen(const double* from) { return *reinterpret_cast<const Doubles*>(from); }
inline Doubles widen(const float* from) { return __builtin_convertvector(*reinterpret_cast<const HalfSingles*>(from), Doubles); }

// A piece's elements of the grid, 0 where another image won and behind the piece. Whether any may be other than 0.
template <class T>
[[gnu::always_inline]] inline bool read_piece(const RadialImage& job, const T* grid, std::int64_t count, const Piece& piece,
                                              Batch& batch) {
    const Doubles lanes = {0.0, 1.0, 2.0, 3.0};
    const std::int64_t voxels = piece.voxels, place = piece.place;
    double* to = batch.g + piece.at;
    const std::int64_t readable = voxels + kDoubles - 1 < count - place ? voxels : count - place - (kDoubles - 1);
    std::int64_t z = 0;
    for (; z < readable; z += kDoubles) *reinterpret_cast<Doubles*>(to + z) = widen(grid + place + z);
    for (; z < voxels; ++z) to[z] = static_cast<double>(grid[place + z]);  // the grid ends here
    Doubles& last = *reinterpret_cast<Doubles*>(to + (voxels - 1) / kDoubles * kDoubles);
    last = lanes < static_cast<double>((voxels - 1) % kDoubles + 1) ? last : Doubles{};
    if (job.winners == nullptr) return true;
    Longs any{};
    for (z = 0; z < voxels; z += kDoubles) {
        const PackedInts won = *reinterpret_cast<const PackedInts*>(job.winners + place + z) == job.number;
        Doubles& g = *reinterpret_cast<Doubles*>(to + z);
        g = __builtin_convertvector(won, Longs) ? g : Doubles{};
        any |= g != 0.0;
    }
    return (any[0] | any[1] | any[2] | any[3]) != 0;
}


// Moments by lanes: those along a piece first, then those of the image.
struct MomentLanes {
    Doubles one{}, linear[3]{}, square[6]{};

    struct Line {
        Doubles sum{}, first{}, second{};
        [[gnu::always_inline]] void add(Doubles c, Doubles uz) {
            const Doubles by_z = c * uz;
            sum += c;
            first += by_z;
            second += by_z * uz;
        }
    };
    [[gnu::always_inline]] void add(const Line& line, double ux, double uy) {
        const Doubles by_x = ux * line.sum, by_y = uy * line.sum;
        one += line.sum;
        linear[0] += by_x;
        linear[1] += by_y;
        linear[2] += line.first;
        square[0] += ux * by_x;
        square[1] += uy * by_y;
        square[2] += line.second;
        square[3] += uy * line.first;
        square[4] += ux * line.first;
        square[5] += ux * by_y;
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

    RowQuadric(const Quadric& q, double ux, double uy)
        : c0(ux * (q.linear[0] + q.square[0] * ux + q.square[5] * uy) + uy * (q.linear[1] + q.square[1] * uy)),
          c1(q.linear[2] + q.square[3] * uy + q.square[4] * ux), c2(q.square[2]) {}
    Doubles at(Doubles uz) const { return c0 + uz * (c1 + uz * c2); }
};

struct ImageSums {
    Doubles total{}, value{};
    MomentLanes slope, bend;

    template <bool kTwice>
    [[gnu::always_inline]] void add(Batch& batch, const Quadric* lambda) {
        const Doubles lanes = {0.0, 1.0, 2.0, 3.0};
        for (std::int64_t p = 0; p < batch.pieces; ++p) {
            const Piece& piece = batch.piece[p];
            const RowQuadric along(kTwice ? *lambda : Quadric{}, piece.ux, piece.uy);
            MomentLanes::Line slopes, bends;
            Doubles uz = piece.uz + lanes;
            for (std::int64_t i = piece.at; i < piece.at + piece.voxels; i += kDoubles, uz += kDoubles) {
                const Doubles g = batch.four(batch.g, i);
                total += g;
                value += g * batch.four(batch.value, i);
                slopes.add(g * batch.four(batch.first, i), uz);
                if constexpr (kTwice) bends.add(g * batch.four(batch.second, i) * along.at(uz), uz);
            }
            slope.add(slopes, piece.ux, piece.uy);
            if constexpr (kTwice) bend.add(bends, piece.ux, piece.uy);
        }
    }
};

template <bool kTwice>
RadialSums sum_radial(const RadialImage& job, const GridValues& values, const Quadric* lambda) {
    ImageSums sums;
    Batch batch;
    visit_batches(
        job, 0, batch,
        [&](const Piece& piece, Batch& to) {
            return values.in_double ? read_piece(job, static_cast<const double*>(values.first), values.count, piece, to)
                                    : read_piece(job, static_cast<const float*>(values.first), values.count, piece, to);
        },
        [&](Batch& full) {
            differentiate<kTwice>(job, full);
            sums.add<kTwice>(full, lambda);
        });
    return {add_lanes(sums.total), add_lanes(sums.value), sums.slope.finish(), sums.bend.finish()};
}

RadialSums sum_radial_once(const RadialImage& job, const GridValues& values) { return sum_radial<false>(job, values, nullptr); }

RadialSums sum_radial_twice(const RadialImage& job, const GridValues& values, const Quadric& lambda) {
    return sum_radial<true>(job, values, &lambda);
}

// Add to a piece's elements what the batch holds in place of the profile; what lies behind may be another thread's.
template <class T>
void write_piece(const RadialImage& job, const Batch& batch, const Piece& piece, T* first) {
    std::int64_t z = 0;
    for (; job.winners == nullptr && z + kDoubles <= piece.voxels; z += kDoubles)
        combine<false>(*reinterpret_cast<const Doubles*>(batch.value + piece.at + z), first + piece.place + z);
    for (; z < piece.voxels; ++z)
        if (job.winners == nullptr || job.winners[piece.place + z] == job.number)
            first[piece.place + z] += static_cast<T>(batch.value[piece.at + z]);
}

void add_radial_change(const RadialImage& job, const RadialChange& change, const GridValues& values) {
    const Doubles lanes = {0.0, 1.0, 2.0, 3.0};
    Batch batch;
    visit_batches(job, 0, batch, Unread{}, [&](Batch& full) {
        differentiate<false>(job, full);
        for (std::int64_t p = 0; p < full.pieces; ++p) {
            const Piece& piece = full.piece[p];
            const RowQuadric along(change.quadric, piece.ux, piece.uy);
            Doubles uz = piece.uz + lanes;
            for (std::int64_t i = piece.at; i < piece.at + piece.voxels; i += kDoubles, uz += kDoubles)
                full.four(full.value, i) = change.value * full.four(full.value, i) +
                                           full.four(full.first, i) * along.at(uz) + change.constant;
            if (values.in_double) write_piece(job, full, piece, static_cast<double*>(values.first));
            else write_piece(job, full, piece, static_cast<float*>(values.first));
        }
    });
}

void contend_radial(const RadialImage& job, const RadialContest& contest) {
    const double weight = job.stroke->weight;
    Batch batch;
    visit_batches(job, contest.first_plane, batch, Unread{}, [&](Batch& full) {
        differentiate<false>(job, full);
        for (std::int64_t p = 0; p < full.pieces; ++p) {
            const Piece& piece = full.piece[p];
            double* best = contest.best + piece.place;
            std::int32_t* winners = contest.winners + piece.place;
            std::int64_t z = 0;
            for (; z + kDoubles <= piece.voxels; z += kDoubles) {
                const Doubles bid = larger(weight * full.four(full.value, piece.at + z), 0.0);
                Doubles& top = *reinterpret_cast<Doubles*>(best + z);
                PackedInts& winner = *reinterpret_cast<PackedInts*>(winners + z);
                const Longs wins = ~(bid <= top), is_something = bid > 0.0;
                top = wins ? bid : top;
                const PackedInts something = __builtin_convertvector(is_something, PackedInts);
                const PackedInts number = something ? PackedInts{} + job.number : PackedInts{} - 1;
                winner = __builtin_convertvector(wins, PackedInts) ? number : winner;
            }
            for (; z < piece.voxels; ++z) {  // those behind may belong to another thread
                const double offer = weight * full.value[piece.at + z], bid = offer > 0.0 ? offer : 0.0;
                if (bid <= best[z]) continue;
                best[z] = bid;
                winners[z] = bid > 0.0 ? job.number : -1;
            }
        }
    });
}

}  // namespace
}  // namespace particlegrid
