// The voxels of an image in batches: rows of the sphere one after another, their squared distances, and the derivatives
// of the profile there. Everything but these derivatives is the same code for all profiles.
// Part of kernels.cpp, which is compiled once for each instruction set; nothing here has external linkage.
#pragma once

#include "kernels/radial_rows.hpp"
#include "kernels/radial_slopes.hpp"
#include "radial_moments.hpp"

namespace particlegrid {
namespace {

// Some voxels of a row.
struct Piece {
    std::int64_t at;      // the first in the batch, a multiple of kDoubles
    std::int64_t voxels;
    std::int64_t place;   // the first in the grid
    double ux, uy, uz;    // of the first: voxels from the atom
};

struct Batch {
    static constexpr std::int64_t kPieces = 64, kRoom = 256;  // 12 kB stay in the first cache
    std::int64_t pieces, used;
    Piece piece[kPieces];
    alignas(kRowBytes) double q[kRoom], g[kRoom], value[kRoom], first[kRoom], second[kRoom];

    Doubles& four(double* list, std::int64_t i) { return *reinterpret_cast<Doubles*>(list + i); }
};

template <class Curve, bool kSecond>
void differentiate(const RadialImage& job, Batch& batch) {
    const Curve curve(*job.form, *job.stroke);
    for (std::int64_t i = 0; i < batch.used; i += kDoubles) {
        const Slopes f = curve.differentiate(batch.four(batch.q, i));
        batch.four(batch.value, i) = f.value;
        batch.four(batch.first, i) = f.first;
        if constexpr (kSecond) batch.four(batch.second, i) = f.second;
    }
}

template <bool kSecond>
void differentiate(const RadialImage& job, Batch& batch) {
    switch (job.form->profile) {
        case Profile::quadratic: return differentiate<QuadraticSlopes, kSecond>(job, batch);
        case Profile::occupancy: return differentiate<OccupancySlopes, kSecond>(job, batch);
        case Profile::binary: return differentiate<BinarySlopes, kSecond>(job, batch);
        case Profile::table: return differentiate<TableSlopes, kSecond>(job, batch);
        case Profile::lennard_jones: return differentiate<LennardJonesSlopes, kSecond>(job, batch);
        case Profile::gaussian: return;
    }
}

// Where the grid's values are not needed.
struct Unread {
    bool operator()(const Piece&, Batch&) const { return true; }
};

// For an image's voxels of planes from first_plane on, which is where places count from: read(piece, batch) may fill g
// and leaves the piece out if it returns false; take(batch) takes what was gathered. Pieces are filled up to whole
// vectors with the voxels behind them.
template <class Read, class Take>
[[gnu::always_inline]] inline void visit_batches(const RadialImage& job, std::int64_t first_plane, Batch& batch,
                                                 const Read& read, const Take& take) {
    const RadialStroke& s = *job.stroke;
    const Doubles lanes = {0.0, 1.0, 2.0, 3.0};
    const double step = job.frame->e3, lift = 0.5 - s.index[2];
    batch.pieces = batch.used = 0;
    const auto flush = [&] {
        if (batch.pieces > 0) take(batch);
        batch.pieces = batch.used = 0;
    };
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
                const std::int64_t all = static_cast<std::int64_t>(voxels);
                for (std::int64_t done = 0; done < all;) {
                    if (batch.pieces == Batch::kPieces || batch.used == Batch::kRoom) flush();
                    const std::int64_t room = Batch::kRoom - batch.used;
                    const std::int64_t n = all - done < room ? all - done : room;
                    Piece& piece = batch.piece[batch.pieces];
                    piece = {batch.used, n, before + place + done, ux, list.about[2][i],
                             list.first[i] + lift + static_cast<double>(done)};
                    done += n;
                    if (!read(piece, batch)) continue;
                    ++batch.pieces;
                    const double away2 = list.about[0][i], start = list.about[1][i];
                    double* q = batch.q + batch.used;
                    Doubles z = static_cast<double>(done - n) + lanes;
                    for (std::int64_t k = 0; k < n; k += kDoubles, z += kDoubles) {
                        const Doubles t = start + z * step;
                        *reinterpret_cast<Doubles*>(q + k) = away2 + t * t;
                    }
                    batch.used += (n + kDoubles - 1) / kDoubles * kDoubles;
                }
            });
    }
    flush();
}

}  // namespace
}  // namespace particlegrid
