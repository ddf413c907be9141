#include "gaussian_derivatives.hpp"

#include <algorithm>
#include <cmath>

#include "differentiate.hpp"
#include "dispatch.hpp"
#include "gaussian_frame.hpp"
#include "integral_series.hpp"
#include "scratch.hpp"
#include "separable_brush.hpp"
#include "sheared_brush.hpp"
#include "sheared_series.hpp"

namespace particlegrid {

namespace {

template <class T>
const Derivatives<T>& find_kernels() {
    if constexpr (sizeof(T) == sizeof(float)) return active_kernels().single_derivatives;
    else return active_kernels().twice_derivatives;
}

template <class T>
class GaussianDifferential {
public:
    // `positions_alone`: neither directions nor gradients go beyond positions and weights
    GaussianDifferential(const GaussianJob& job, bool positions_alone)
        : job_(job), kernels_(find_kernels<T>()), positions_alone_(positions_alone) {}

    void begin(std::int64_t structure, const Site& site) {
        structure_ = structure;
        site_ = &site;
        frame_ = Frame(site.grid);
        is_sheared_ = !site.grid.is_orthogonal();
        widest_ = site.repeats(0) && site.repeats(1) && site.repeats(2) ? find_uniform_width(site.lattice()) : kLargestLength;
        series_of_ = 0.0;
        weighed_ = false;
    }

    double reach(const Site& site, std::int64_t e) const {
        const double sigma = std::min(job_.entry_widths[e], widest_);
        if (!is_sheared_) return job_.cut * sigma + longest_diagonal(site.grid);
        return std::sqrt(3.0) * find_half_width(site.grid, sigma);
    }

    void pull_back(const Image& image, const ImageChange* direction, ImageChange& gradient) {
        const int orders = (direction != nullptr ? 2 : 1) * (positions_alone_ ? 1 : 2);
        const GaussianImage g = describe(image);
        DerivativeMoments moments;
        if (!collect(image, orders, moments)) return;
        const double scale = find_scale(image);
        for (int i = 0; i <= orders; ++i)
            for (int j = 0; i + j <= orders; ++j)
                for (int k = 0; i + j + k <= orders; ++k) moments[i][j][k] *= scale;
        FrameChange slope;
        if (direction != nullptr) {
            find_second_slope(g, frame_.turn(*direction), moments, positions_alone_, slope);
        } else {
            slope.weight = kNone.of(moments);
            if (positions_alone_) add_position_slope(moments, kNone, g.weight, slope);
            else add_slope(g, moments, kNone, g.weight, slope);
        }
        frame_.turn_back(slope, gradient);
    }

    void push_forward(const Image& image, const ImageChange& direction, const Planes& planes) {
        const GaussianImage g = describe(image);
        const FrameChange change = frame_.turn(direction);
        Factors factors;
        find_factors(g, change, factors);
        const double scale = find_scale(image);
        for (auto& plane : factors)
            for (auto& row : plane)
                for (double& factor : row) factor *= scale * g.weight;
        kNone.of(factors) += scale * change.weight;
        T* const channel = find_channel<T>(job_, structure_, image.channel);
        if (is_sheared_) {
            ShearedGaussian sheared;
            if (!describe_sheared(image, kMostSpread, planes, sheared)) return;
            scale_orders(kMostSpread, factors);
            kernels_.spread_sheared(sheared, factors, scratch_.data(), channel);
            return;
        }
        DerivativeWindow<T> window;
        std::ptrdiff_t first;
        if (weigh(image, kMostSpread, planes, window, first)) kernels_.spread(window, factors, channel + first);
    }

private:
    static constexpr std::int64_t kUnit = kRowBytes / static_cast<std::int64_t>(sizeof(T));

    static double longest_diagonal(const Basis& grid) { return norm(grid.row(0)) + norm(grid.row(1)) + norm(grid.row(2)); }

    // Of the support on sheared voxels, in A.
    double find_half_width(const Basis& grid, double sigma) const {
        return is_point(job_) ? find_radius(grid, job_.sheared_cut, sigma) : job_.sheared_cut * sigma;
    }

    // Wider Gaussians than find_uniform_width() are drawn as uniform, as this one is to 1e-19.
    double find_sigma(const Image& image) const { return std::min(image.width, widest_); }

    double find_scale(const Image& image) const {
        const double sigma = find_sigma(image);
        // of a wider one the density's integral is what the narrower one is drawn with
        const double clipped = job_.value == Value::peak ? std::pow(image.width / sigma, 3) : 1.0;
        return clipped * density_scale(job_, site_->grid.volume, sigma);
    }

    GaussianImage describe(const Image& image) const {
        GaussianImage g{image.weight,  image.width, find_sigma(image), {}, job_.value != Value::integral,
                        job_.value == Value::peak};
        frame_.turn(image.position, g.position);
        return g;
    }

    bool collect(const Image& image, int orders, DerivativeMoments& moments) {
        const T* const channel = find_channel<const T>(job_, structure_, image.channel);
        const Planes all{0, job_.shape[0]};
        if (is_sheared_) {
            ShearedGaussian sheared;
            if (!describe_sheared(image, orders, all, sheared)) return false;
            kernels_.collect_sheared(sheared, channel, scratch_.data(), moments);
            scale_orders(orders, moments);
            return true;
        }
        DerivativeWindow<T> window;
        std::ptrdiff_t first;
        if (!weigh(image, orders, all, window, first)) return false;
        kernels_.collect(window, channel + first, moments);
        return true;
    }

    // The window of an image in some planes, its weights, and the offset of its first voxel in the channel; false where
    // there is none.
    bool weigh(const Image& image, int orders, const Planes& planes, DerivativeWindow<T>& window, std::ptrdiff_t& offset) {
        const double sigma = find_sigma(image);
        // an atom in several channels has its weights made once
        const bool known = weighed_ && sigma == weighed_sigma_ && orders == weighed_orders_ &&
                           std::equal(image.index, image.index + 3, weighed_index_);
        std::int64_t first[3], count[3], lead[3] = {0, 0, 0}, stride[3];
        const double lengths[3] = {frame_.outer[0], frame_.middle[0], frame_.inner};
        for (std::size_t d = 0; d < 3; ++d) {
            const Range range = find_range(image.index[d], job_.cut * sigma / lengths[d], is_point(job_));
            // clamped while still double: far atoms and wide Gaussians overflow an integer
            const double low = std::max(range.first, 0.0), high = std::min(range.last, static_cast<double>(job_.shape[d]));
            if (!(low < high)) return false;
            first[d] = static_cast<std::int64_t>(low);
            count[d] = static_cast<std::int64_t>(high) - first[d];
            stride[d] = round_up(count[d], kUnit);
        }
        // weights of all planes, whatever the slab: their bits depend on where they begin
        const std::int64_t skipped = std::max(planes.first - first[0], std::int64_t{0});
        const std::int64_t left = std::min(planes.last - first[0], count[0]) - skipped;
        if (left <= 0) return false;
        // whole registers of columns: before the window where they would run over the end of the row
        lead[2] = std::min(first[2], std::max(first[2] + stride[2] - job_.shape[2], std::int64_t{0}));
        stride[2] = round_up(lead[2] + count[2], kUnit);
        const std::int64_t start = first[2] - lead[2];
        std::int64_t total = 0, begin[3];
        for (std::size_t d = 0; d < 3; ++d) {
            begin[d] = total;
            total += (orders + 1) * stride[d];
        }
        offset = ((first[0] + skipped) * job_.shape[1] + first[1]) * job_.shape[2] + start;
        if (!known) {
            // while weights are made, the first planes come from memory
            const T* row = find_channel<const T>(job_, structure_, image.channel) + offset;
            for (std::int64_t x = 0; x < std::min<std::int64_t>(left, 2); ++x)
                for (std::int64_t y = 0; y < count[1]; ++y) {
                    const T* const from = row + (x * job_.shape[1] + y) * job_.shape[2];
                    __builtin_prefetch(from);
                    __builtin_prefetch(from + count[2] - 1);
                }
            weights_.resize(static_cast<std::size_t>(total));
            scratch_.resize(static_cast<std::size_t>(line_scratch(std::max({count[0], count[1], count[2]}))));
            for (std::size_t d = 0; d < 3; ++d)
                kernels_.weigh_line({(static_cast<double>(first[d]) - image.index[d]) * lengths[d], lengths[d], sigma,
                                     is_point(job_), orders, count[d], lead[d], stride[d],
                                     is_point(job_) ? nullptr : axis_series_[d].find(lengths[d] / sigma)},
                                    scratch_.data(), weights_.data() + begin[d]);
            weighed_ = true;
            weighed_sigma_ = sigma;
            weighed_orders_ = orders;
            std::copy_n(image.index, 3, weighed_index_);
        }
        const T* const w = weights_.data();
        window = {left, count[1], stride[2], std::min(stride[2], job_.shape[2] - start), job_.shape[1] * job_.shape[2],
                  job_.shape[2], w + begin[0] + skipped, w + begin[1], w + begin[2], stride[0], stride[1], stride[2], orders};
        return true;
    }

    // False where the image does not reach the grid.
    bool describe_sheared(const Image& image, int orders, const Planes& planes, ShearedGaussian& g) {
        const double sigma = find_sigma(image);
        if (sigma != series_of_) {
            series_of_ = sigma;
            if (is_point(job_)) series_.set_points(frame_, sigma);
            else series_.set_means(site_->grid, frame_, sigma, job_.tol);
        }
        g.reach = find_half_width(site_->grid, sigma) / sigma;
        frame_.turn(image.position, g.position);
        for (double& x : g.position) x /= sigma;
        series_.describe(g);
        g.orders = orders;
        g.first_plane = planes.first, g.last_plane = planes.last;
        std::copy(job_.shape.begin(), job_.shape.end(), g.shape);
        scratch_.resize(static_cast<std::size_t>(sheared_scratch(std::max(orders, kMostSpread) + series_.orders())));
        return touches_grid(g);
    }

    // Whether the support and the box around these planes, both in the frame, overlap: most images of a crystal do not.
    static bool touches_grid(const ShearedGaussian& g) {
        const double first = static_cast<double>(g.first_plane * g.pieces[0]);
        const double last = static_cast<double>(g.last_plane * g.pieces[0]);
        const double rows = static_cast<double>(g.shape[1] * g.pieces[1]);
        const double columns = static_cast<double>(g.shape[2] * g.pieces[2]);
        const double along[3] = {0.0, g.middle[0] * rows, g.middle[1] * rows};
        for (int d = 0; d < 3; ++d) {
            const double one = g.outer[d] * first, other = g.outer[d] * last;
            const double low = std::min(one, other) + std::min(along[d], 0.0);
            const double high = std::max(one, other) + std::max(along[d], 0.0) + (d == 2 ? g.inner * columns : 0.0);
            if (!(low < g.position[d] + g.reach && high > g.position[d] - g.reach)) return false;
        }
        return true;
    }

    // From derivatives of a density of peak 1 by places in sigmas to those of what is drawn.
    template <class Array>
    void scale_orders(int orders, Array& numbers) const {
        const double sigma = series_of_;
        const double whole = is_point(job_) ? 1.0 : site_->grid.volume * point_peak(sigma) / series_.count_pieces();
        double scales[kMostDerivatives + 1] = {whole};
        for (int n = 0; n < orders; ++n) scales[n + 1] = scales[n] / -sigma;
        for (int i = 0; i <= orders; ++i)
            for (int j = 0; i + j <= orders; ++j)
                for (int k = 0; i + j + k <= orders; ++k) numbers[i][j][k] *= scales[i + j + k];
    }

    const GaussianJob& job_;
    const Derivatives<T>& kernels_;
    const bool positions_alone_;
    std::int64_t structure_ = 0;
    const Site* site_ = nullptr;
    Frame frame_{};
    bool is_sheared_ = false;
    double widest_ = kLargestLength;
    double series_of_ = 0.0;  // the width that series_ is for
    ShearedSeries series_;
    bool weighed_ = false;  // weights_ holds those of an image here
    double weighed_sigma_ = 0.0, weighed_index_[3] = {0, 0, 0};
    int weighed_orders_ = 0;
    Scratch<T> weights_;
    Scratch<double> scratch_;
    IntegralSeries axis_series_[3];
};

bool has_any(const double* numbers, std::int64_t count) {
    return std::any_of(numbers, numbers + count, [](double x) { return x != 0.0; });
}

void check_all(const GaussianJob& job) {
    check_gaussians(job, true);
    require(job.sheared_cut > 0 && job.sheared_cut <= 30, [] { return std::string("cuts must lie between 0 and 30 sigmas"); });
    check_block(job);
}

}  // namespace

void push_forward_gaussians(const GaussianJob& job, const Direction& direction) {
    check_all(job);
    const auto push = [&]<class T>(T) {
        push_forward_entries(job, direction, [&] { return GaussianDifferential<T>(job, false); });
    };
    if (job.output == OutputType::float64) push(double{});
    else push(float{});
}

void pull_back_gaussians(const GaussianJob& job, const Gradient& gradient, const Direction* direction) {
    check_all(job);
    const bool positions_alone = gradient.axes == nullptr && (direction == nullptr || !(has_any(direction->widths, job.entries) ||
                                                                      has_any(direction->axes, 9 * job.structures)));
    const auto pull = [&]<class T>(T) {
        pull_back_entries(job, gradient, direction, [&] { return GaussianDifferential<T>(job, positions_alone); });
    };
    if (job.output == OutputType::float64) pull(double{});
    else pull(float{});
}

}  // namespace particlegrid
