// Closed forms of shares of voxels against caps, wedges and octants, against counting, and against the tetrahedra.
#include <array>
#include <cmath>
#include <random>
#include <vector>

#include "ball_cells.hpp"
#include "check.hpp"
#include "direct_overlap.hpp"

using namespace particlegrid;

namespace {

constexpr double kPi = 3.14159265358979323846;
using Shares = std::vector<double>;  // of all voxels around the ball, z fastest
using Whole = std::array<std::int64_t, 3>;

struct Cut {
    Whole first, last;
    Shares shares;

    Cut(const Basis& grid, const double* center, double radius) {
        for (std::size_t d = 0; d < 3; ++d) {
            const double reach = radius / grid.plane_spacing[d];
            first[d] = static_cast<std::int64_t>(std::floor(center[d] - reach));
            last[d] = static_cast<std::int64_t>(std::ceil(center[d] + reach));
        }
        shares.assign(static_cast<std::size_t>((last[0] - first[0]) * (last[1] - first[1]) * (last[2] - first[2])), 0.0);
        BallCells cells;
        cells.set_grid(grid);
        cells.place(center, radius, first, last);
        cells.for_rows([&](const BallCells::Row& row) {
            for (std::int64_t z = row.first; z < row.last; ++z) at({row.x, row.y, z}) = row.shares[z - row.first];
            for (std::int64_t z = row.whole_first; z < row.whole_last; ++z)
                CHECK(at({row.x, row.y, z}) == 1.0, "a whole voxel has the share %.17g", at({row.x, row.y, z}));
        });
    }

    double& at(const Whole& v) {
        return shares[static_cast<std::size_t>(((v[0] - first[0]) * (last[1] - first[1]) + v[1] - first[1]) * (last[2] - first[2]) +
                                               v[2] - first[2])];
    }
    double total() const {
        double sum = 0.0;
        for (const double share : shares) sum += share;
        return sum;
    }
};

void check_share(const char* what, Cut& cut, const Whole& voxel, double expected) {
    const double got = cut.at(voxel);
    CHECK(std::fabs(got - expected) <= 1e-14 + 1e-12 * expected, "%s: %.17g, expected %.17g", what, got, expected);
}

void check_closed_forms() {
    const double unit[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
    const Basis cube(unit);
    const double ball = 4.0 / 3.0 * kPi;
    const auto cut = [&](double x, double y, double z, double radius) {
        const double center[3] = {x, y, z};
        return Cut(cube, center, radius);
    };
    Cut whole = cut(0.5, 0.5, 0.5, 0.5);  // touches all six faces
    check_share("inscribed", whole, {0, 0, 0}, ball / 8);
    Cut smaller = cut(0.5, 0.45, 0.55, 0.3);
    check_share("inside a voxel", smaller, {0, 0, 0}, ball * 0.027);
    Cut face = cut(1.0, 0.5, 0.5, 0.5);
    check_share("on a face", face, {0, 0, 0}, ball / 16);
    check_share("on a face", face, {1, 0, 0}, ball / 16);
    Cut edge = cut(1.0, 1.0, 0.5, 0.5);
    check_share("on an edge", edge, {0, 1, 0}, ball / 32);
    Cut corner = cut(1.0, 1.0, 1.0, 0.5);
    for (std::int64_t v = 0; v < 8; ++v) check_share("on a corner", corner, {v & 1, v >> 1 & 1, v >> 2 & 1}, ball / 64);
    const double height = 0.1, radius = 0.4;
    Cut cap = cut(0.7, 0.5, 0.5, radius);
    check_share("cap", cap, {1, 0, 0}, kPi * height * height * (3 * radius - height) / 3);
    const double at_corner = 0.5 * std::sqrt(3.0);
    Cut touching = cut(0.5, 0.5, 0.5, at_corner);  // the sphere passes all corners of the voxel
    check_share("circumscribed", touching, {0, 0, 0}, 1.0);
    Cut far_corner = cut(0.5, 0.5, 0.5, at_corner - 1e-9);
    check_share("corners just outside", far_corner, {1, 1, 1}, 0.0);
}

void check_counting() {
    std::mt19937_64 random(3);
    std::normal_distribution<double> normal;
    for (int n = 0; n < 60; ++n) {
        double axes[9];
        for (double& x : axes) x = normal(random);
        const Basis grid(axes);
        if (grid.volume < 0.1) continue;
        double center[3];
        for (double& x : center) x = 0.5 + 0.7 * normal(random);
        const double radius = 0.3 + std::fabs(normal(random));
        Cut cut(grid, center, radius);
        std::size_t i = 0;
        Whole v;
        for (v[0] = cut.first[0]; v[0] < cut.last[0]; ++v[0])
            for (v[1] = cut.first[1]; v[1] < cut.last[1]; ++v[1])
                for (v[2] = cut.first[2]; v[2] < cut.last[2]; ++v[2], ++i) {
                    if (i % 7 != 0) continue;
                    double corner[3] = {0, 0, 0};
                    for (int d = 0; d < 3; ++d)
                        for (int a = 0; a < 3; ++a)
                            corner[a] += (static_cast<double>(v[static_cast<std::size_t>(d)]) - center[d]) * grid.row(d)[a];
                    const double expected = share_by_chords(grid, corner, radius, 100);
                    CHECK(std::fabs(cut.shares[i] - expected) < 2e-3, "counted %.6f, got %.6f", expected, cut.shares[i]);
                }
    }
}

// Cells in which normals and edges coincide, and centres on their corners, edges and faces, turned or not.
void check_special_places() {
    const double s3 = std::sqrt(3.0);
    const std::vector<std::array<double, 9>> cells = {
        {1, 0, 0, 0, 1, 0, 0, 0, 1},          {1, 0, 0, -0.5, s3 / 2, 0, 0, 0, 1.3}, {1, 0, 0, 0.5, s3 / 2, 0, 0, 0, 0.7},
        {0, 1, 1, 1, 0, 1, 1, 1, 0},          {-1, 1, 1, 1, -1, 1, 1, 1, -1},        {1, 0, 0, 0, 1, 0, -0.6, 0, 1.1},
        {1.2, 0, 0, 0, -0.8, 0, 0, 0, 1},     {1, 0, 0, 0.4, 1, 0, 0.3, -0.5, 1},    {1, 0, 0, 0.9, 0.3, 0, -0.8, 0.1, 0.4},
    };
    std::mt19937_64 random(4);
    std::normal_distribution<double> normal;
    double worst = 0.0, worst_total = 0.0;
    for (std::size_t n = 0; n < 900; ++n) {
        std::array<double, 9> axes = cells[n % cells.size()];
        if (n / cells.size() % 2) {
            double q[4];
            for (double& x : q) x = normal(random);
            const double s = 2.0 / (q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + q[3] * q[3]);
            for (std::size_t i = 0; i < 3; ++i) {
                const double* u = cells[n % cells.size()].data() + 3 * i;
                double once[3], twice[3];
                cross(q + 1, u, once);
                cross(q + 1, once, twice);
                for (std::size_t a = 0; a < 3; ++a) axes[3 * i + a] = u[a] + s * (q[0] * once[a] + twice[a]);
            }
        }
        const Basis grid(axes.data());
        const double quarter[] = {0.0, 0.0, 0.5, 0.25, 1.0 / 3.0};
        double center[3];
        for (double& x : center) x = quarter[random() % 5];
        const double radii[] = {0.5, 1.0, s3, s3 / 2, 0.77, 1.4142135623730951, 2.0};
        const double radius = radii[random() % 7];
        Cut cut(grid, center, radius);
        const double ball = 4.0 / 3.0 * kPi * radius * radius * radius / grid.volume;
        worst_total = std::max(worst_total, std::fabs(cut.total() / ball - 1.0));
        std::size_t i = 0;
        Whole v;
        for (v[0] = cut.first[0]; v[0] < cut.last[0]; ++v[0])
            for (v[1] = cut.first[1]; v[1] < cut.last[1]; ++v[1])
                for (v[2] = cut.first[2]; v[2] < cut.last[2]; ++v[2], ++i) {
                    double corner[3] = {0, 0, 0};
                    for (int d = 0; d < 3; ++d)
                        for (int a = 0; a < 3; ++a)
                            corner[a] += (static_cast<double>(v[static_cast<std::size_t>(d)]) - center[d]) * grid.row(d)[a];
                    const double wrong = std::fabs(cut.shares[i] - share_directly(grid, corner, radius)) / std::max(1.0, ball);
                    worst = std::max(worst, wrong);
                }
    }
    std::printf("special places: shares within %.2g, totals within %.2g\n", worst, worst_total);
    CHECK(worst < 2e-14, "shares are off by %.3g", worst);
    CHECK(worst_total < 1e-13, "totals are off by %.3g", worst_total);
}

}  // namespace

int main() {
    check_closed_forms();
    check_counting();
    check_special_places();
    return report_checks();
}
