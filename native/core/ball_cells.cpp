#include "ball_cells.hpp"

namespace particlegrid {

namespace {

constexpr double kPi = 3.14159265358979323846;

// A zero stands for a number so small that it changes nothing: every corner then has signs that some corner has. The
// distances from planes are made larger than those from lines, which follow from them and must keep their ratios.
double off_zero(double x, double least) { return std::fabs(x) < least ? least : x; }
constexpr double kLeastFromPlane = 1e-100, kLeastFromLine = 1e-200;

// How often pi the six atan(d t / (e |v|)) add up to, by the signs of e (bit 2k: e_ij, bit 2k + 1: e_ji, of the edge along k
// with i = k + 1, j = k + 2 modulo 3). Found by adding them up; the eight patterns that no corner of any cell has are 0.
constexpr std::int8_t kTurns[64] = {
    1, 0,  0,  1, 0,  -1, 1,  0, 0,  -1, -1, 0,  1, 0, 0, -1, 0,  -1, -1, 0, -1, 0, 0,  1, 1, 0, 0, 1,  0, 1, -1, 0,
    0, 1,  -1, 0, -1, 0,  0,  -1, -1, 0,  0,  1, 0, 1, 1, 0,  1,  0,  0, -1, 0, 1, 1,  0, 0, -1, 1, 0,  -1, 0, 0, -1};

}  // namespace

void BallCells::set_grid(const Basis& grid) {
    grid_ = grid;
    double normals[9];
    for (int i = 0; i < 3; ++i)
        for (int a = 0; a < 3; ++a) {
            normals[3 * i + a] = grid.duals[static_cast<std::size_t>(3 * i + a)] * grid.plane_spacing[static_cast<std::size_t>(i)];
            units_[3 * i + a] = grid.row(i)[a] / norm(grid.row(i));
        }
    for (int k = 0; k < 3; ++k) {
        cosine_[k] = dot(normals + 3 * ((k + 1) % 3), normals + 3 * ((k + 2) % 3));
        sine_[k] = std::sqrt(1.0 - cosine_[k] * cosine_[k]);
    }
    for (unsigned signs = 0; signs < 64; ++signs) {
        for (int i = 0; i < 3; ++i) {
            const int j = (i + 1) % 3, k = (i + 2) % 3;
            const double angle = std::acos((cosine_[i] - cosine_[j] * cosine_[k]) / (sine_[j] * sine_[k]));
            const bool same = (signs >> (2 * k) & 1) == (signs >> (2 * j + 1) & 1);
            turns_[signs][i] = same ? angle : angle - kPi;
        }
        turns_[signs][3] = kPi / 3.0 * kTurns[signs];
    }
}

void BallCells::place(const double* center, double radius, const std::array<std::int64_t, 3>& first,
                      const std::array<std::int64_t, 3>& last) {
    radius_ = radius;
    scale_ = radius / grid_.volume * radius * radius;
    first_ = first;
    last_ = last;
    for (std::size_t d = 0; d < 3; ++d) {
        plane_[d].resize(static_cast<std::size_t>(last[d] - first[d] + 1));
        for (std::size_t n = 0; n < plane_[d].size(); ++n) {
            Plane& plane = plane_[d][n];
            plane.step = static_cast<double>(first[d] + static_cast<std::int64_t>(n)) - center[d];
            plane.distance = off_zero(plane.step * (grid_.plane_spacing[d] / radius), kLeastFromPlane);
            const double x = plane.distance;
            plane.cap = std::fabs(x) < 1.0 ? x * (3.0 - x * x) / 6.0 : std::copysign(1.0 / 3.0, x);
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
    // stored with the later axis fastest: (y, z), (x, z), (x, y)
    const int slow = k == 0 ? 1 : 0, fast = k == 2 ? 1 : 2;
    const bool swapped = slow != (k + 1) % 3;
    line_[k].resize(plane_[slow].size() * plane_[fast].size());
    Line* line = line_[k].data();
    for (const Plane& a : plane_[slow])
        for (const Plane& b : plane_[fast]) {
            const Plane& i = swapped ? b : a;
            const Plane& j = swapped ? a : b;
            const double eij = off_zero((j.distance - i.distance * cosine_[k]) / sine_[k], kLeastFromLine);
            const double eji = off_zero((i.distance - j.distance * cosine_[k]) / sine_[k], kLeastFromLine);
            line->signs = static_cast<std::uint8_t>(((eij < 0) | (eji < 0) << 1) << (2 * k));
            line->inside = (i.distance * eij + j.distance * eji) / 6.0;
            line->outside = 0.0;
            const double c2 = 1.0 - i.distance * i.distance - eij * eij;
            if (c2 > 0.0) {
                const double c = std::sqrt(c2);
                line->outside = line->inside * c - i.cap * std::atan(c / eij) - j.cap * std::atan(c / eji) +
                                (std::atan(i.distance * c / eij) + std::atan(j.distance * c / eji)) / 3.0;
            }
            ++line;
        }
}

void BallCells::fill_plane(std::int64_t x, std::vector<double>& values, std::vector<std::uint8_t>& inside) const {
    const std::size_t ny = plane_[1].size(), nz = plane_[2].size(), ix = static_cast<std::size_t>(x - first_[0]);
    const Plane& px = plane_[0][ix];
    const double* az = grid_.row(2);
    const Line* along_y = line_[1].data() + ix * nz;
    for (std::size_t iy = 0; iy < ny; ++iy) {
        const Plane& py = plane_[1][iy];
        const Line& along_z = line_[2][ix * ny + iy];
        const Line* along_x = line_[0].data() + iy * nz;
        double v[3], at[3], slope[3];  // of the row's corners at step 0 of z: vector, t of the three edges, their slopes
        for (int a = 0; a < 3; ++a) v[a] = (px.step * grid_.row(0)[a] + py.step * grid_.row(1)[a]) / radius_;
        for (int k = 0; k < 3; ++k) {
            at[k] = dot(v, units_ + 3 * k);
            slope[k] = dot(az, units_ + 3 * k) / radius_;
        }
        const double square = dot(v, v), twice = 2.0 * dot(v, az) / radius_, az2 = dot(az, az) / (radius_ * radius_);
        double* value = values.data() + iy * nz;
        std::uint8_t* in = inside.data() + iy * nz;
        for (std::size_t iz = 0; iz < nz; ++iz) {
            const Plane& pz = plane_[2][iz];
            const Line &lx = along_x[iz], &ly = along_y[iz];
            const double s = pz.step;
            const double t[3] = {at[0] + s * slope[0], at[1] + s * slope[1], at[2] + s * slope[2]};
            in[iz] = square + s * (twice + s * az2) <= 1.0;
            if (in[iz]) {
                value[iz] = t[0] * lx.inside + t[1] * ly.inside + t[2] * along_z.inside;
            } else {
                const double* turns = turns_[lx.signs | ly.signs | along_z.signs];
                value[iz] = std::copysign(lx.outside, lx.outside * t[0]) + std::copysign(ly.outside, ly.outside * t[1]) +
                            std::copysign(along_z.outside, along_z.outside * t[2]) + px.cap * turns[0] + py.cap * turns[1] +
                            pz.cap * turns[2] - turns[3];
            }
        }
    }
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
