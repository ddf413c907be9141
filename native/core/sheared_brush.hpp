// Gaussians on voxels that are not orthogonal: integrals over any, point values where one edge is perpendicular to the
// other two.
//
// Where one edge is perpendicular to the other two (monoclinic and hexagonal cells), an integral is a weight along that
// edge times an integral over the other two, and each row of these makes a window of its own. Where no edge is
// (rhombohedral and triclinic cells), the rows are made while they are added. One kernel, add_sheared, makes both.
#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "drawer.hpp"
#include "gaussian.hpp"
#include "lattice.hpp"
#include "scratch.hpp"
#include "shear.hpp"

namespace particlegrid {

inline bool is_point(const GaussianJob& job) { return job.value == Value::point || job.value == Value::peak; }

// Radius of the support of point values in A: they fall off from the nearest voxel centre, which may itself be many sigmas
// away from the atom, but no farther than half the edges together.
inline double find_radius(const Basis& grid, double cut, double sigma) {
    return std::hypot(cut * sigma, 0.5 * (norm(grid.row(0)) + norm(grid.row(1)) + norm(grid.row(2))));
}

// Distance in A beyond which no image of an atom counts: the corner of the support. Wider Gaussians are uniform.
inline double find_reach(const Site& site, const GaussianJob& job, double sigma) {
    if (site.repeats(0) && site.repeats(1) && site.repeats(2) && sigma >= find_uniform_width(site.lattice())) return 0.0;
    return std::sqrt(3.0) * (is_point(job) ? find_radius(site.grid, job.cut, sigma) : job.cut * sigma);
}

template <class T>
class ShearedBrush {
public:
    ShearedBrush(const GaussianJob& job, const Accumulator<T>& kernels)
        : job_(job), kernels_(kernels) {}

    const Scratch<Window>& strokes() const { return windows_; }

    void prepare(std::int64_t structure, std::int64_t first_plane, std::int64_t last_plane) {
        windows_.clear();
        details_.clear();
        shears_.clear();
        nodes_.clear();
        shear_of_width_.clear();
        weights_.clear();
        first_plane_ = first_plane;
        last_plane_ = last_plane;
        const Site site(job_, structure);
        grid_ = site.grid;
        apart_ = -1;
        for (int d = 0; d < 3; ++d)
            if (stands_apart(grid_, d)) apart_ = d;
        for (std::int64_t e = job_.entry_offsets[structure]; e < job_.entry_offsets[structure + 1]; ++e) {
            const double sigma = job_.entry_widths[e];
            const double scale = job_.entry_weights[e] * density_scale(job_, grid_.volume, sigma);
            if (scale == 0.0) continue;
            const std::int32_t channel = static_cast<std::int32_t>(job_.entry_channels[e]);
            const double reach = find_reach(site, job_, sigma);
            if (reach == 0.0) {
                const double whole = is_point(job_) ? 1.0 / point_peak(sigma) : grid_.volume;
                add_uniform(channel, scale * whole / site.lattice().volume);
                continue;
            }
            site.for_images(job_.positions + 3 * job_.entry_atoms[e], reach, [&](const double* index) {
                if (is_point(job_)) add_points(channel, index, sigma, scale);
                else if (apart_ >= 0) add_pair(channel, index, sigma, scale);
                else add_triclinic(channel, index, sigma, scale);
            });
        }
    }

    void paint(std::int64_t x, const std::int32_t* strokes, std::int64_t count, T* tile) const {
        for (std::int64_t i = 0; i < count;) {
            const Window& window = windows_[static_cast<std::size_t>(strokes[i])];
            if (window.padded_z != 0) {
                std::int64_t end = i + 1;  // windows go in one call
                while (end < count && windows_[static_cast<std::size_t>(strokes[end])].padded_z != 0) ++end;
                kernels_.add_windows({x, job_.shape[2], windows_.data(), strokes + i, end - i}, weights_.data(), tile);
                i = end;
                continue;
            }
            const Detail& detail = details_[static_cast<std::size_t>(window.weights[0])];
            const double plane = static_cast<double>(x - detail.home[0]) - detail.offset[0];
            kernels_.add_sheared({&shears_[detail.shear], plane, detail.scale, {detail.home[1], detail.home[2]},
                                  {detail.offset[1], detail.offset[2]}, job_.shape[1], job_.shape[2], job_.shape[2]},
                                 nodes_.data(), weights_.data(), tile);
            ++i;
        }
    }

private:
    static constexpr std::int64_t kUnit = kRowBytes / static_cast<std::int64_t>(sizeof(T));

    // A Gaussian that the kernel integrates itself; its window has padded_z 0 and weights[0] the number of this.
    struct Detail {
        std::size_t shear;
        double scale;
        std::int64_t home[3];  // the voxel that holds the atom, perhaps beyond the grid
        double offset[3];      // of the atom in it, in voxels
    };

    struct Extent {
        std::int64_t first, count;
        bool empty() const { return count <= 0; }
    };

    bool touches_slab(const Extent& planes) const {
        return planes.first < last_plane_ && planes.first + planes.count > first_plane_;
    }

    // Voxels of axis d between two index coordinates.
    Extent clip(double low, double high, int d) const {
        const double n = static_cast<double>(job_.shape[static_cast<std::size_t>(d)]);
        low = std::max(std::floor(low), 0.0);
        high = std::min(std::ceil(high), n);
        if (!(low < high)) return {0, 0};  // also where positions so far away overflow
        return {static_cast<std::int64_t>(low), static_cast<std::int64_t>(high - low)};
    }

    // Zeros for `count` weights and what a register may read behind them; where they begin.
    std::int64_t reserve(std::int64_t count) {
        const std::size_t start = weights_.size();
        weights_.resize(start + static_cast<std::size_t>(round_up(count, kUnit)), T(0));
        return static_cast<std::int64_t>(start);
    }

    void add_uniform(std::int32_t channel, double value) {
        const std::int64_t ones = reserve(std::max(job_.shape[1], job_.shape[2]));
        const std::int64_t first = reserve(job_.shape[0]);
        std::fill_n(weights_.data() + ones, std::max(job_.shape[1], job_.shape[2]), T(1));
        std::fill_n(weights_.data() + first, job_.shape[0], static_cast<T>(value));
        // a row is as long as the grid: nothing may be added behind it, so its padding must be zero
        const std::int64_t row = reserve(job_.shape[2]);
        std::fill_n(weights_.data() + row, job_.shape[2], T(1));
        windows_.push_back({{0, 0, 0}, {job_.shape[0], job_.shape[1], job_.shape[2]}, round_up(job_.shape[2], kUnit),
                            {first, ones, row}, channel});
    }

    void add_pair(std::int32_t channel, const double* index, double sigma, double scale) {
        const int middle = apart_ == 0 ? 1 : 0, inner = apart_ == 2 ? 1 : 2;
        const Shear s = shears_[find_shear(sigma)];
        const double apart = norm(grid_.row(apart_)), margin = job_.cut * sigma / apart;
        const Extent along = clip(index[apart_] - margin, index[apart_] + margin, apart_);
        const Extent rows = clip(index[middle] - s.cut / s.middle, index[middle] + s.cut / s.middle, middle);
        // one of the two is the x axis
        if (along.empty() || rows.empty() || !touches_slab(apart_ == 0 ? along : rows)) return;
        const double begin = static_cast<double>(rows.first) - index[middle], end = begin + static_cast<double>(rows.count);
        const Extent columns = find_row(s, begin, end, index[inner], inner);
        if (columns.empty()) return;

        const std::int64_t one = reserve(1);
        weights_[static_cast<std::size_t>(one)] = T(1);
        const std::int64_t apart_weights = reserve(along.count);
        scratch_.resize(static_cast<std::size_t>(round_up(along.count + 1, 8)));
        kernels_.weigh_axis({index[apart_] * apart, sigma, apart, 1.0, along.first, along.count,
                             round_up(along.count, kUnit), false, nullptr},
                            scratch_.data(), weights_.data() + apart_weights);

        // rows are followed by zeros, which a register may add behind them
        const std::int64_t stride = round_up(columns.count, kUnit) + kUnit;
        const std::int64_t start = reserve(rows.count * stride);
        const double home[2] = {std::floor(index[middle]), std::floor(index[inner])};
        kernels_.add_sheared({&s, -0.5, scale,
                              {static_cast<std::int64_t>(home[0]) - rows.first, static_cast<std::int64_t>(home[1]) - columns.first},
                              {index[middle] - home[0], index[inner] - home[1]}, rows.count, columns.count, stride},
                             nodes_.data(), weights_.data(), weights_.data() + start);
        for (std::int64_t i = 0; i < rows.count; ++i) {
            if (middle == 0 && !touches_slab({rows.first + i, 1})) continue;
            const Extent row = find_row(s, begin + static_cast<double>(i), begin + static_cast<double>(i + 1), index[inner], inner);
            if (row.empty()) continue;
            Window window;
            window.channel = channel;
            window.first[apart_] = along.first, window.first[middle] = rows.first + i, window.first[inner] = row.first;
            window.count[apart_] = along.count, window.count[middle] = 1, window.count[inner] = row.count;
            window.weights[apart_] = apart_weights, window.weights[middle] = one;
            window.weights[inner] = start + i * stride + row.first - columns.first;
            window.padded_z = round_up(window.count[2], kUnit);
            windows_.push_back(window);
            // what lies behind the window must be zero, or a register would add it outside
            T* const weights = weights_.data() + start + i * stride;
            std::fill(weights + row.first - columns.first + row.count, weights + stride, T(0));
        }
    }

    // Point values: along every row of the two oblique axes a Gaussian about the point of the row nearest to the atom.
    void add_points(std::int32_t channel, const double* index, double sigma, double scale) {
        const int middle = apart_ == 0 ? 1 : 0, inner = apart_ == 2 ? 1 : 2;
        const double apart = norm(grid_.row(apart_)), length = norm(grid_.row(inner));
        const double beta = dot(grid_.row(middle), grid_.row(inner)) / (length * length);
        const double height = grid_.volume / (apart * length), reach = find_radius(grid_, job_.cut, sigma);
        const Extent along = clip(index[apart_] - reach / apart, index[apart_] + reach / apart, apart_);
        const Extent rows = clip(index[middle] - reach / height, index[middle] + reach / height, middle);
        if (along.empty() || rows.empty() || !touches_slab(apart_ == 0 ? along : rows)) return;
        Window window;
        window.channel = channel;
        window.weights[middle] = reserve(1);
        weights_[static_cast<std::size_t>(window.weights[middle])] = T(1);
        window.weights[apart_] = weigh_points(along, index[apart_], apart, sigma, 1.0);
        window.first[apart_] = along.first, window.count[apart_] = along.count, window.count[middle] = 1;
        for (std::int64_t i = rows.first; i < rows.first + rows.count; ++i) {
            if (middle == 0 && !touches_slab({i, 1})) continue;
            const double m = static_cast<double>(i) + 0.5 - index[middle], distance = m * height;
            const double half = std::sqrt(std::max(0.0, reach * reach - distance * distance)) / length;
            const double center = index[inner] - beta * m;
            const Extent row = clip(center - half, center + half, inner);
            if (row.empty()) continue;
            const double part = std::exp(-0.5 * distance * distance / (sigma * sigma));
            window.weights[inner] = weigh_points(row, center, length, sigma, scale * part);
            window.first[middle] = i, window.first[inner] = row.first, window.count[inner] = row.count;
            window.padded_z = round_up(window.count[2], kUnit);
            windows_.push_back(window);
        }
    }

    // Where the weights of these voxels begin, for an atom at index coordinate x of an axis.
    std::int64_t weigh_points(const Extent& voxels, double x, double length, double sigma, double scale) {
        const std::int64_t start = reserve(voxels.count);
        scratch_.resize(static_cast<std::size_t>(round_up(voxels.count + 1, 8)));
        kernels_.weigh_axis({x * length, sigma, length, scale, voxels.first, voxels.count, round_up(voxels.count, kUnit),
                             true, nullptr},
                            scratch_.data(), weights_.data() + start);
        return start;
    }

    // Voxels along the inner axis that the rows from `begin` to `end`, counted from the atom, reach.
    Extent find_row(const Shear& s, double begin, double end, double x, int inner) const {
        const double a = x - s.beta * std::max(begin, -s.cut / s.middle), b = x - s.beta * std::min(end, s.cut / s.middle);
        return clip(std::min(a, b) - s.cut / s.inner, std::max(a, b) + s.cut / s.inner, inner);
    }

    void add_triclinic(std::int32_t channel, const double* index, double sigma, double scale) {
        const std::size_t number = find_shear(sigma);
        const Shear& s = shears_[number];
        const double reach1 = s.cut / s.outer, reach2 = s.cut / s.middle;
        const Extent planes = clip(index[0] - reach1, index[0] + reach1, 0);
        if (planes.empty() || !touches_slab(planes)) return;
        // The rows of all these planes, or of those that are cut by the faces of the grid. The kernel takes whole pieces,
        // and may round to the other side of a face.
        const double piece = 1.0 / s.outer_pieces, n = static_cast<double>(job_.shape[0]), margin = reach2 + 1e-6;
        const double low = std::max(-reach1 - piece, -index[0]), high = std::min(reach1 + piece, n - index[0]);
        const double a = index[1] - s.gamma * low, b = index[1] - s.gamma * high;
        const Extent rows = clip(std::min(a, b) - margin, std::max(a, b) + margin, 1);
        if (rows.empty()) return;
        Detail detail{number, scale, {}, {}};
        for (int d = 0; d < 3; ++d) {
            if (!(std::fabs(index[d]) < 1e15)) return;  // far beyond the grid; not whole as a double
            detail.home[d] = static_cast<std::int64_t>(std::floor(index[d]));
            detail.offset[d] = index[d] - std::floor(index[d]);
        }
        Window window{{planes.first, rows.first, 0}, {planes.count, rows.count, job_.shape[2]}, 0, {}, channel};
        window.weights[0] = static_cast<std::int64_t>(details_.size());
        windows_.push_back(window);
        details_.push_back(detail);
    }

    // Atoms of one width share a table.
    std::size_t find_shear(double sigma) {
        const auto [found, is_new] = shear_of_width_.try_emplace(sigma, shears_.size());
        if (is_new) {
            const int middle = apart_ == 0 ? 1 : 0, inner = apart_ == 2 ? 1 : 2;
            shears_.push_back(apart_ < 0 ? make_shear(grid_, sigma, job_.cut, job_.tol)
                                         : make_pair(grid_.row(middle), grid_.row(inner), sigma, job_.cut, job_.tol));
            append_nodes(shears_.back(), job_.tol, nodes_);
            append_table(shears_.back(), weights_);
        }
        return found->second;
    }

    const GaussianJob& job_;
    const Accumulator<T>& kernels_;
    Basis grid_;
    int apart_ = -1;
    std::int64_t first_plane_ = 0, last_plane_ = 0;
    Scratch<Window> windows_;
    Scratch<Detail> details_;
    std::vector<Shear> shears_;
    std::map<double, std::size_t> shear_of_width_;
    std::vector<double> nodes_;
    Scratch<double> scratch_;
    Scratch<T> weights_;
};

}  // namespace particlegrid
