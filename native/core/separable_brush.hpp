// Gaussians on orthogonal voxels: products of three axis weights.
#pragma once

#include <algorithm>
#include <cmath>

#include "drawer.hpp"
#include "gaussian.hpp"
#include "integral_series.hpp"
#include "lattice.hpp"
#include "scratch.hpp"

namespace particlegrid {

// Voxels [first, last) along one axis, which may lie beyond its ends.
struct Range {
    double first, last;
};

// Voxels within reach of an atom at index coordinate x; `reach` is counted in voxels.
inline Range find_range(double x, double reach, bool point) {
    if (!point) return {std::floor(x - reach), std::ceil(x + reach)};
    // values fall off from the nearest voxel centre, which may itself be many sigmas away from the atom
    const double gap = (x - std::floor(x)) - 0.5;
    const double radius = std::sqrt(gap * gap + reach * reach);
    return {std::ceil(x - 0.5 - radius), std::floor(x - 0.5 + radius) + 1.0};
}

template <class T>
class SeparableBrush {
public:
    using Stroke = Window;

    SeparableBrush(const GaussianJob& job, const Accumulator<T>& kernels) : job_(job), kernels_(kernels) {}

    const Scratch<Window>& strokes() const { return windows_; }
    const T* weights() const { return weights_.data(); }

    void prepare(std::int64_t structure, std::int64_t first_plane, std::int64_t last_plane) {
        latest_sigma_ = 0.0;
        windows_.clear();
        windows_.reserve(static_cast<std::size_t>(job_.entry_offsets[structure + 1] - job_.entry_offsets[structure]));
        weights_used_ = 0;
        weights_.reserve(3 * 3 * kUnit * windows_.capacity());  // growing would copy
        first_plane_ = first_plane;
        last_plane_ = last_plane;
        const Site site(job_, structure);
        for (int d = 0; d < 3; ++d) spacing_[d] = norm(site.grid.row(d));
        const bool wrap = site.fills_lattice();
        for (std::int64_t e = job_.entry_offsets[structure]; e < job_.entry_offsets[structure + 1]; ++e) {
            if (job_.entry_weights[e] == 0.0) continue;
            const double* position = job_.positions + 3 * job_.entry_atoms[e];
            if (wrap) {
                double index[3];
                site.to_index(position, index);
                add_windows(e, index, {site.repeats(0), site.repeats(1), site.repeats(2)});
            } else {
                // along an axis, no voxel counts beyond the cut and one voxel, in whose middle the nearest centre may lie
                site.for_images(position, job_.cut * job_.entry_widths[e] + norm(spacing_),
                                [&](const double* index) { add_windows(e, index, {false, false, false}); });
            }
        }
    }

    void paint(std::int64_t x, const std::int32_t* strokes, std::int64_t count, T* tile) const {
        kernels_.add_windows({x, job_.shape[2], windows_.data(), strokes, count}, weights_.data(), tile);
    }

private:
    static constexpr std::int64_t kUnit = kRowBytes / static_cast<std::int64_t>(sizeof(T));

    // A run of voxels along one axis and where its weights begin.
    struct Segment {
        std::int64_t first, count, padded, weights;
    };
    struct Segments {
        Segment part[2];
        int parts = 0;
    };

    void add_windows(std::int64_t e, const double* index, const std::array<bool, 3>& wraps) {
        const double sigma = job_.entry_widths[e];
        // the scale goes into x alone, where it costs one multiplication a plane
        double scale = job_.entry_weights[e] * density_scale(job_, spacing_[0] * spacing_[1] * spacing_[2], sigma);
        double sigmas[3];
        Range ranges[3];
        for (std::size_t d = 0; d < 3; ++d) {
            sigmas[d] = sigma;
            if (wraps[d]) {
                // the images of a Gaussian wider than its period add up to a constant: at 1.5 periods what is left of
                // the first harmonic is 2 exp(-2 (1.5 pi)^2) = 1e-19, so a wider one is drawn as this one
                sigmas[d] = std::min(sigma, 1.5 * static_cast<double>(job_.shape[d]) * spacing_[d]);
                if (is_point()) scale *= sigma / sigmas[d];
            }
            ranges[d] = find_range(index[d], job_.cut * sigmas[d] / spacing_[d], is_point());
            if (!touches(ranges[d], d, wraps[d])) return;
        }
        // an atom in several channels has its weights along y and z made once
        const bool known = latest_sigma_ == sigma && std::equal(index, index + 3, latest_index_);
        for (std::size_t d = 0; d < (known ? 1u : 3u); ++d)
            latest_[d] = wraps[d] ? weigh_around(d, index[d], ranges[d], sigmas[d], d == 0 ? scale : 1.0)
                                  : weigh_within(d, index[d], ranges[d], sigmas[d], d == 0 ? scale : 1.0);
        latest_sigma_ = sigma;
        std::copy_n(index, 3, latest_index_);
        const Segments(&segments)[3] = latest_;
        Window window;
        window.channel = static_cast<std::int32_t>(job_.entry_channels[e]);
        for (int i = 0; i < segments[0].parts; ++i) {
            const Segment& x = segments[0].part[i];
            if (x.first >= last_plane_ || x.first + x.count <= first_plane_) continue;
            for (int j = 0; j < segments[1].parts; ++j)
                for (int k = 0; k < segments[2].parts; ++k) {
                    const Segment* parts[3] = {&x, &segments[1].part[j], &segments[2].part[k]};
                    for (int d = 0; d < 3; ++d) {
                        window.first[d] = parts[d]->first;
                        window.count[d] = parts[d]->count;
                        window.weights[d] = parts[d]->weights;
                    }
                    window.padded_z = parts[2]->padded;
                    windows_.push_back(window);
                }
        }
    }

    bool touches(const Range& range, std::size_t d, bool wraps) const {
        // also false when positions so far away overflow that both are infinite
        if (!(range.first < range.last)) return false;
        if (wraps) return true;
        const double n = static_cast<double>(job_.shape[d]);
        if (d != 0) return range.last > 0.0 && range.first < n;
        return range.last > static_cast<double>(first_plane_) && range.first < static_cast<double>(last_plane_);
    }

    // The part of the range that lies within the grid.
    Segments weigh_within(std::size_t d, double x, const Range& range, double sigma, double scale) {
        // clamped while still double: far atoms and wide Gaussians overflow an integer
        const double n = static_cast<double>(job_.shape[d]);
        const std::int64_t first = static_cast<std::int64_t>(std::max(range.first, 0.0));
        const std::int64_t last = static_cast<std::int64_t>(std::min(range.last, n));
        Segments found;
        found.part[found.parts++] = weigh(d, x, first, 0, last - first, sigma, scale);
        return found;
    }

    // The range folded into one period: in two parts where it crosses a face, in one over the whole axis where it is
    // longer than that.
    Segments weigh_around(std::size_t d, double x, const Range& range, double sigma, double scale) {
        const std::int64_t n = job_.shape[d];
        const double period = static_cast<double>(n);
        const double home = std::floor(range.first / period) * period;  // exact: both are whole
        x -= home;
        const std::int64_t first = static_cast<std::int64_t>(range.first - home);
        const std::int64_t count = static_cast<std::int64_t>(range.last - range.first);
        Segments found;
        if (count <= n) {
            const std::int64_t head = std::min(count, n - first);
            found.part[found.parts++] = weigh(d, x, first, 0, head, sigma, scale);
            if (count > head) found.part[found.parts++] = weigh(d, x, n, n, count - head, sigma, scale);
            return found;
        }
        const std::int64_t start = weights_used_;
        const Segment whole = weigh(d, x, first, 0, count, sigma, scale);
        folded_.assign(static_cast<std::size_t>(n), 0.0);
        for (std::int64_t i = 0; i < count; ++i)
            folded_[static_cast<std::size_t>((first + i) % n)] += static_cast<double>(weights_[static_cast<std::size_t>(whole.weights + i)]);
        weights_used_ = start;
        const Segment all = reserve(0, n);
        for (std::int64_t i = 0; i < all.padded; ++i)
            weights_[static_cast<std::size_t>(all.weights + i)] = i < n ? static_cast<T>(folded_[static_cast<std::size_t>(i)]) : T(0);
        found.part[found.parts++] = all;
        return found;
    }

    Segment reserve(std::int64_t first, std::int64_t count) {
        const Segment segment{first, count, round_up(count, kUnit), weights_used_};
        weights_used_ += segment.padded;
        if (weights_used_ > static_cast<std::int64_t>(weights_.size()))
            weights_.resize(static_cast<std::size_t>(std::max(weights_used_, 2 * segment.weights)));
        return segment;
    }

    // Weights of the voxels [first, first + count), which stand `shift` voxels lower in the grid.
    Segment weigh(std::size_t d, double x, std::int64_t first, std::int64_t shift, std::int64_t count, double sigma, double scale) {
        const Segment segment = reserve(first - shift, count);
        const std::size_t scratch = static_cast<std::size_t>(round_up(count + 1, 8));
        if (scratch_.size() < scratch) scratch_.resize(scratch);
        const AxisJob axis{x * spacing_[d], sigma,          spacing_[d], scale,
                           first,           count,          segment.padded, is_point(),
                           is_point() ? nullptr : series_[d].find(spacing_[d] / sigma)};
        kernels_.weigh_axis(axis, scratch_.data(), weights_.data() + segment.weights);
        return segment;
    }

    bool is_point() const { return job_.value == Value::point || job_.value == Value::peak; }

    const GaussianJob& job_;
    const Accumulator<T>& kernels_;
    double spacing_[3] = {1, 1, 1};
    std::int64_t first_plane_ = 0, last_plane_ = 0;
    Scratch<Window> windows_;
    Scratch<T> weights_;
    std::int64_t weights_used_ = 0;
    Scratch<double> scratch_, folded_;
    double latest_sigma_ = 0.0, latest_index_[3] = {0, 0, 0};
    Segments latest_[3];
    IntegralSeries series_[3];
};

}  // namespace particlegrid
