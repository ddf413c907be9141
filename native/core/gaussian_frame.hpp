// The frame of perpendicular directions in which a Gaussian is differentiated, and changes to and from it.
#pragma once

#include <cmath>

#include "differentiate.hpp"
#include "gaussian_algebra.hpp"
#include "lattice.hpp"

namespace particlegrid {

// The third direction is along the third edge of the voxels, the second in the plane of the last two: edges are then
// (outer[0], outer[1], outer[2]), (0, middle[0], middle[1]) and (0, 0, inner) with positive outer[0], middle[0] and inner.
struct Frame {
    double directions[3][3];
    double outer[3], middle[2], inner;  // A

    Frame() = default;
    explicit Frame(const Basis& grid) : grid_(&grid) {
        const double *first = grid.row(0), *second = grid.row(1), *third = grid.row(2);
        inner = norm(third);
        for (int k = 0; k < 3; ++k) directions[2][k] = third[k] / inner;
        middle[1] = dot(second, directions[2]);
        double rest[3];
        for (int k = 0; k < 3; ++k) rest[k] = second[k] - middle[1] * directions[2][k];
        middle[0] = norm(rest);
        for (int k = 0; k < 3; ++k) directions[1][k] = rest[k] / middle[0];
        outer[2] = dot(first, directions[2]);
        outer[1] = dot(first, directions[1]);
        for (int k = 0; k < 3; ++k) rest[k] = first[k] - outer[1] * directions[1][k] - outer[2] * directions[2][k];
        outer[0] = norm(rest);
        for (int k = 0; k < 3; ++k) directions[0][k] = rest[k] / outer[0];
    }

    void turn(const double* vector, double* turned) const {
        for (int d = 0; d < 3; ++d) turned[d] = dot(directions[d], vector);
    }

    FrameChange turn(const ImageChange& change) const {
        FrameChange turned;
        turned.weight = change.weight;
        turned.width = change.width;
        turn(change.position, turned.position);
        double strain[9];  // E^-1 dE: column d of E^-1 is dual d
        for (int i = 0; i < 3; ++i)
            for (int k = 0; k < 3; ++k) {
                strain[3 * i + k] = 0.0;
                for (int d = 0; d < 3; ++d)
                    strain[3 * i + k] += grid_->duals[static_cast<std::size_t>(3 * d + i)] * change.axes[3 * d + k];
            }
        for (int a = 0; a < 3; ++a)
            for (int b = 0; b < 3; ++b) {
                double sum = 0.0;
                for (int i = 0; i < 3; ++i) sum += directions[a][i] * dot(strain + 3 * i, directions[b]);
                turned.strain[a][b] = sum;
            }
        return turned;
    }

    void turn_back(const FrameChange& slope, ImageChange& gradient) const {
        gradient.weight = slope.weight;
        gradient.width = slope.width;
        double strain[9];
        for (int i = 0; i < 3; ++i) {
            gradient.position[i] = 0.0;
            for (int a = 0; a < 3; ++a) gradient.position[i] += slope.position[a] * directions[a][i];
            for (int k = 0; k < 3; ++k) {
                strain[3 * i + k] = 0.0;
                for (int a = 0; a < 3; ++a)
                    for (int b = 0; b < 3; ++b)
                        strain[3 * i + k] += directions[a][i] * slope.strain[a][b] * directions[b][k];
            }
        }
        for (int d = 0; d < 3; ++d)
            for (int k = 0; k < 3; ++k) {
                double sum = 0.0;
                for (int i = 0; i < 3; ++i) sum += grid_->duals[static_cast<std::size_t>(3 * d + i)] * strain[3 * i + k];
                gradient.axes[3 * d + k] = sum;
            }
    }

private:
    const Basis* grid_ = nullptr;
};

}  // namespace particlegrid
