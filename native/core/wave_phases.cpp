#include "wave_phases.hpp"

#include "drawer.hpp"

namespace particlegrid {

namespace {

constexpr std::int64_t kUnit = kRowBytes / static_cast<std::int64_t>(sizeof(double));
constexpr std::int64_t kChunk = 256;  // waves whose factors are in the cache together
constexpr std::int64_t kRowBlock = 8;

std::size_t length(std::int64_t n) { return static_cast<std::size_t>(n); }

}  // namespace

WavePhases::WavePhases(const CoulombJob& job, std::int64_t structure, const WaveRange& waves,
                       const std::vector<double>& weights, const Kernels& kernels)
    : job_(job),
      waves_(waves),
      kernels_(kernels),
      columns_(waves.padded_columns()),
      depth_(round_up(job.shape[2], kUnit)) {
    const Basis lattice(job.lattices + 9 * structure), grid(job.axes + 9 * structure);
    separable_ = has_separable_phases(job, grid, lattice);
    for (int a = 0; a < 3; ++a)
        for (int d = 0; d < 3; ++d) steps_[static_cast<std::size_t>(3 * a + d)] = lattice.coordinate(a, grid.row(d));
    if (separable_) {
        make_separable_phases();
        return;
    }
    for (std::size_t i = 0; i < weights.size(); ++i)
        if (weights[i] != 0.0) inside_.push_back(static_cast<std::int64_t>(i));
    make_general_phases();
}

WaveFactors WavePhases::select(WaveFactors all) const {
    if (separable_) return all;
    WaveFactors selected;
    selected.reserve(2 * inside_.size());
    for (const std::size_t part : {std::size_t{0}, all.size() / 2})
        for (const std::int64_t i : inside_) selected.push_back(all[part + length(i)]);
    return selected;
}

void WavePhases::make_separable_phases() {
    const std::int64_t planes = waves_.planes(), rows = waves_.rows(), y_count = job_.shape[1];
    // rows (real | -imaginary) and (imaginary | real): times a column of (real; imaginary) they make the product
    const auto fill = [](Numbers& table, std::int64_t real_row, std::int64_t imaginary_row, std::int64_t waves_count,
                         std::int64_t wave, const Phase& phase) {
        const std::int64_t width = 2 * waves_count;
        table[length(real_row * width + wave)] = phase.real;
        table[length(real_row * width + waves_count + wave)] = -phase.imaginary;
        table[length(imaginary_row * width + wave)] = phase.imaginary;
        table[length(imaginary_row * width + waves_count + wave)] = phase.real;
    };
    x_phases_.resize(length(4 * job_.shape[0] * planes));
    for (std::int64_t x = 0; x < job_.shape[0]; ++x)
        for (std::int64_t i = 0; i < planes; ++i)
            fill(x_phases_, 2 * x, 2 * x + 1, planes, i, Phase(step(0, 0) * static_cast<double>((i - waves_.most[0]) * x)));
    y_phases_.resize(length(4 * y_count * rows));
    for (std::int64_t y = 0; y < y_count; ++y)
        for (std::int64_t j = 0; j < rows; ++j)
            fill(y_phases_, y, y_count + y, rows, j, Phase(step(1, 1) * static_cast<double>((j - waves_.most[1]) * y)));
    z_real_.resize(length(columns_ * depth_));
    z_imaginary_.resize(z_real_.size());
    for (std::int64_t k = 0; k < columns_; ++k)
        for (std::int64_t z = 0; z < depth_; ++z) {
            const Phase phase(step(2, 2) * static_cast<double>(k * z));
            z_real_[length(k * depth_ + z)] = phase.real;
            z_imaginary_[length(k * depth_ + z)] = -phase.imaginary;
        }
}

void WavePhases::make_general_phases() {
    const std::size_t count = inside_.size();
    x_phases_.resize(2 * count * length(job_.shape[0]));
    y_phases_.resize(2 * count * length(job_.shape[1]));
    z_real_.resize(count * length(depth_));
    z_imaginary_.resize(z_real_.size());
    for (std::size_t n = 0; n < count; ++n) {
        const std::array<std::int64_t, 3> m = waves_.indices(inside_[n]);
        const auto turns = [&](int d) {
            return static_cast<double>(m[0]) * step(0, d) + static_cast<double>(m[1]) * step(1, d) +
                   static_cast<double>(m[2]) * step(2, d);
        };
        for (int d = 0; d < 2; ++d) {
            Numbers& table = d == 0 ? x_phases_ : y_phases_;
            for (std::int64_t v = 0; v < job_.shape[length(d)]; ++v) {
                const Phase phase(turns(d) * static_cast<double>(v));
                table[2 * count * length(v) + n] = phase.real;
                table[2 * count * length(v) + count + n] = phase.imaginary;
            }
        }
        for (std::int64_t z = 0; z < depth_; ++z) {
            const Phase phase(turns(2) * static_cast<double>(z));
            z_real_[n * length(depth_) + length(z)] = phase.real;
            z_imaginary_[n * length(depth_) + length(z)] = -phase.imaginary;
        }
    }
}

void WavePhases::add(const Factors& factors, std::int64_t x, Scratch& scratch, double* plane) const {
    if (separable_) add_separable(factors, x, scratch, plane);
    else add_general(factors, x, scratch, plane);
}

void WavePhases::add_separable(const Factors& factors, std::int64_t x, Scratch& scratch, double* plane) const {
    const std::int64_t planes = waves_.planes(), rows = waves_.rows(), y_count = job_.shape[1];
    const std::int64_t plane_size = 2 * rows * columns_, row_size = 2 * y_count * columns_, size = y_count * depth_;
    const auto along_x = [&](const double* from, double* to) {
        kernels_.add_product({2, 2 * planes, rows * columns_, x_phases_.data() + 4 * x * planes, from, to, 2 * planes,
                              rows * columns_, rows * columns_});
    };
    const auto along_y = [&](const double* from, double* to) {
        kernels_.add_product({2 * y_count, 2 * rows, columns_, y_phases_.data(), from, to, 2 * rows, columns_, columns_});
    };
    const auto along_z = [&](const double* from, double* to) {
        kernels_.add_product({y_count, columns_, depth_, from, z_real_.data(), to, columns_, depth_, depth_});
        kernels_.add_product({y_count, columns_, depth_, from + y_count * columns_, z_imaginary_.data(), to, columns_,
                              depth_, depth_});
    };
    scratch.plane_factors.assign(length(plane_size), 0.0);
    scratch.row_factors.assign(length(row_size), 0.0);
    double *plane_factors = scratch.plane_factors.data(), *row_factors = scratch.row_factors.data();
    along_x(factors.constant, plane_factors);
    if (factors.slopes[0] == nullptr) {
        along_y(plane_factors, row_factors);
        along_z(row_factors, plane);
        return;
    }
    scratch.slopes.assign(length(3 * plane_size + 2 * row_size + size), 0.0);
    double *plane_slopes[3], *row_slopes[2];
    for (int d = 0; d < 3; ++d) {
        plane_slopes[d] = scratch.slopes.data() + d * plane_size;
        along_x(factors.slopes[d], plane_slopes[d]);
    }
    for (std::int64_t i = 0; i < plane_size; ++i) plane_factors[i] += static_cast<double>(x) * plane_slopes[0][i];
    along_y(plane_factors, row_factors);
    for (int d = 0; d < 2; ++d) {
        row_slopes[d] = scratch.slopes.data() + 3 * plane_size + d * row_size;
        along_y(plane_slopes[d + 1], row_slopes[d]);
    }
    for (std::int64_t i = 0; i < row_size; ++i)
        row_factors[i] += static_cast<double>(i / columns_ % y_count) * row_slopes[0][i];
    along_z(row_factors, plane);
    double* slope = scratch.slopes.data() + 3 * plane_size + 2 * row_size;
    along_z(row_slopes[1], slope);
    for (std::int64_t i = 0; i < size; ++i) plane[i] += static_cast<double>(i % depth_) * slope[i];
}

void WavePhases::add_general(const Factors& factors, std::int64_t x, Scratch& scratch, double* plane) const {
    const std::int64_t total = static_cast<std::int64_t>(inside_.size()), size = job_.shape[1] * depth_;
    const bool sloped = factors.slopes[0] != nullptr;
    // along x, then times the phases along y: real and imaginary parts of the factors, and of their slopes along z
    scratch.plane_factors.resize(length(8 * kChunk));
    scratch.row_factors.resize(length(4 * kRowBlock * kChunk));
    if (sloped) scratch.slopes.assign(length(size), 0.0);
    double *plane_part[4], *row_part[2];
    for (int d = 0; d < 4; ++d) plane_part[d] = scratch.plane_factors.data() + 2 * d * kChunk;
    for (int d = 0; d < 2; ++d) row_part[d] = scratch.row_factors.data() + 2 * d * kRowBlock * kChunk;
    const double *x_real = x_phases_.data() + 2 * total * x, *x_imaginary = x_real + total;
    double turned[2 * kChunk];
    for (std::int64_t first = 0; first < total; first += kChunk) {
        const std::int64_t count = std::min(kChunk, total - first);
        const auto along_x = [&](const double* from, double* to) {
            kernels_.multiply_complex(
                {count, x_real + first, x_imaginary + first, from + first, from + total + first, to, to + kChunk});
        };
        along_x(factors.constant, plane_part[0]);
        for (int d = 0; sloped && d < 3; ++d) along_x(factors.slopes[d], plane_part[d + 1]);
        for (std::int64_t i = 0; sloped && i < 2 * kChunk; ++i)
            plane_part[0][i] += static_cast<double>(x) * plane_part[1][i];
        const double *z_real = z_real_.data() + first * depth_, *z_imaginary = z_imaginary_.data() + first * depth_;
        for (std::int64_t y = 0; y < job_.shape[1]; y += kRowBlock) {
            const std::int64_t rows = std::min(kRowBlock, job_.shape[1] - y);
            for (std::int64_t j = 0; j < rows; ++j) {
                const double* y_real = y_phases_.data() + 2 * total * (y + j) + first;
                const auto along_y = [&](const double* from, double* to) {
                    kernels_.multiply_complex(
                        {count, from, from + kChunk, y_real, y_real + total, to, to + kRowBlock * kChunk});
                };
                const double* from = plane_part[0];
                if (sloped) {
                    for (std::int64_t i = 0; i < 2 * kChunk; ++i)
                        turned[i] = plane_part[0][i] + static_cast<double>(y + j) * plane_part[2][i];
                    from = turned;
                    along_y(plane_part[3], row_part[1] + j * kChunk);
                }
                along_y(from, row_part[0] + j * kChunk);
            }
            const auto along_z = [&](const double* row, double* to) {
                kernels_.add_product({rows, count, depth_, row, z_real, to, kChunk, depth_, depth_});
                kernels_.add_product(
                    {rows, count, depth_, row + kRowBlock * kChunk, z_imaginary, to, kChunk, depth_, depth_});
            };
            along_z(row_part[0], plane + y * depth_);
            if (sloped) along_z(row_part[1], scratch.slopes.data() + y * depth_);
        }
    }
    for (std::int64_t i = 0; sloped && i < size; ++i)
        plane[i] += static_cast<double>(i % depth_) * scratch.slopes[length(i)];
}

}  // namespace particlegrid
