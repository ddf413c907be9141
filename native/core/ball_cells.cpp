#include "ball_cells.hpp"

namespace particlegrid {

namespace {

constexpr double kPi = 3.14159265358979323846;

// How often pi the six atan(d t / (e |v|)) add up to, by the signs of e (bit 2k: e_ij, bit 2k + 1: e_ji, of the edge along k
// with i = k + 1, j = k + 2 modulo 3). Found by adding them up; the eight patterns that no corner of any cell has are 0.
constexpr std::array<std::int8_t, 64> kTurns = {
    1, 0,  0,  1, 0,  -1, 1,  0, 0,  -1, -1, 0,  1, 0, 0, -1, 0,  -1, -1, 0, -1, 0, 0,  1, 1, 0, 0, 1,  0, 1, -1, 0,
    0, 1,  -1, 0, -1, 0,  0,  -1, -1, 0,  0,  1, 0, 1, 1, 0,  1,  0,  0, -1, 0, 1, 1,  0, 0, -1, 1, 0,  -1, 0, 0, -1};

// Of the same, a third.
constexpr std::array<double, 64> kThirds = [] {
    std::array<double, 64> thirds{};
    for (std::size_t signs = 0; signs < 64; ++signs) thirds[signs] = kPi / 3.0 * kTurns[signs];
    return thirds;
}();

}  // namespace

void BallCells::place(const double* center, double radius, const VoxelIndex& first, const VoxelIndex& last) {
    BallCorners::place(center, radius, first, last);
    scale_ = radius / grid_.volume * radius * radius;
    for (int d = 0; d < 3; ++d) {
        cap_[d].clear();
        for (const Plane& plane : plane_[d]) {
            const double x = plane.distance;
            cap_[d].push_back(std::fabs(x) < 1.0 ? x * (3.0 - x * x) / 6.0 : std::copysign(1.0 / 3.0, x));
        }
    }
    for (int k = 0; k < 3; ++k) fill_lines(k);
    const std::size_t corners = plane_[1].size() * plane_[2].size();
    for (int p = 0; p < 2; ++p) {
        planes_[p].resize(corners);
        inside_[p].resize(corners);
    }
    shares_.resize(plane_[2].size());
}

void BallCells::fill_lines(int k) {
    const int axis_i = (k + 1) % 3, axis_j = (k + 2) % 3;
    line_[k].resize(count_lines(k));
    const Plane *planes_i = plane_[axis_i].data(), *planes_j = plane_[axis_j].data();
    const double *caps_i = cap_[axis_i].data(), *caps_j = cap_[axis_j].data();
    Line* const lines = line_[k].data();
    for_lines(k, [=](std::size_t number, std::size_t i, std::size_t j, double eij, double eji) {
        const double di = planes_i[i].distance, dj = planes_j[j].distance;
        Line& line = lines[number];
        line.signs = find_signs(k, eij, eji);
        line.inside = (di * eij + dj * eji) / 6.0;
        line.outside = 0.0;
        const double c2 = 1.0 - di * di - eij * eij;
        if (c2 > 0.0) {
            const double c = std::sqrt(c2);
            line.outside = line.inside * c - caps_i[i] * std::atan(c / eij) - caps_j[j] * std::atan(c / eji) +
                           (std::atan(di * c / eij) + std::atan(dj * c / eji)) / 3.0;
        }
    });
}

void BallCells::fill_plane(std::int64_t x, std::vector<double>& values, std::vector<std::uint8_t>& inside) const {
    const std::size_t ny = plane_[1].size(), nz = plane_[2].size(), ix = static_cast<std::size_t>(x - first_[0]);
    const Line *along_x = line_[0].data(), *along_y = line_[1].data() + ix * nz, *along_z = line_[2].data() + ix * ny;
    const double x_cap = cap_[0][ix], *y_cap = cap_[1].data(), *z_cap = cap_[2].data();
    double* const value_of = values.data();
    std::uint8_t* const is_in = inside.data();
    for_corners(ix, [=, this](std::size_t iy, std::size_t iz, const double* t, bool is_inside) {
        const Line &lx = along_x[iy * nz + iz], &ly = along_y[iz], &lz = along_z[iy];
        double& value = value_of[iy * nz + iz];
        is_in[iy * nz + iz] = is_inside;
        if (is_inside) {
            value = t[0] * lx.inside + t[1] * ly.inside + t[2] * lz.inside;
        } else {
            const unsigned signs = lx.signs | ly.signs | lz.signs;
            const double* turns = turns_[signs];
            value = std::copysign(lx.outside, lx.outside * t[0]) + std::copysign(ly.outside, ly.outside * t[1]) +
                    std::copysign(lz.outside, lz.outside * t[2]) + x_cap * turns[0] + y_cap[iy] * turns[1] +
                    z_cap[iz] * turns[2] - kThirds[signs];
        }
    });
}

BallCells::Row BallCells::subtract(std::int64_t x, std::int64_t y, std::size_t low, std::size_t high) {
    // Sums of about fifty terms of order 1 are off by less than this, so what is smaller is no share.
    constexpr double kRounding = 2e-14;
    const std::size_t nz = plane_[2].size(), voxels = nz - 1, at = static_cast<std::size_t>(y - first_[1]) * nz;
    const double *a = planes_[low].data() + at, *b = planes_[high].data() + at;
    const std::uint8_t *in_a = inside_[low].data() + at, *in_b = inside_[high].data() + at;
    const auto column = [&](std::size_t z) { return (b[z + nz] - b[z]) - (a[z + nz] - a[z]); };
    const auto whole = [&](std::size_t z) { return in_a[z] & in_a[z + nz] & in_b[z] & in_b[z + nz]; };
    const std::int64_t n = static_cast<std::int64_t>(voxels);
    Row row{x, y, n, 0, n, 0, shares_.data()};
    double below = column(0);
    int whole_below = whole(0);
    for (std::size_t z = 0; z < voxels; ++z) {
        const double above = column(z + 1);
        const int whole_above = whole(z + 1);
        const double share = above - below;
        const std::int64_t i = static_cast<std::int64_t>(z);
        if (whole_below & whole_above) {
            shares_[z] = 1.0;
            row.whole_first = std::min(row.whole_first, i);
            row.whole_last = i + 1;
        } else {
            shares_[z] = share > kRounding ? std::min(share * scale_, 1.0) : 0.0;
        }
        if (shares_[z] > 0.0) {
            row.first = std::min(row.first, i);
            row.last = i + 1;
        }
        below = above;
        whole_below = whole_above;
    }
    if (row.whole_first >= row.whole_last) row.whole_first = row.whole_last = row.last;
    row.shares += row.first;
    for (std::int64_t* end : {&row.first, &row.last, &row.whole_first, &row.whole_last}) *end += first_[2];
    return row;
}

}  // namespace particlegrid
