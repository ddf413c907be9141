#include "wave_sum.hpp"

#include "drawer.hpp"
#include "parallel.hpp"

namespace particlegrid {

namespace {

constexpr double kTwoPi = 6.28318530717958647692;
constexpr std::int64_t kUnit = kRowBytes / static_cast<std::int64_t>(sizeof(double));
constexpr std::int64_t kChunk = 256;  // entries or waves whose factors are in the cache together
constexpr std::int64_t kRowBlock = 8;

std::size_t length(std::int64_t n) { return static_cast<std::size_t>(n); }

struct Phase {
    double real, imaginary;
    explicit Phase(double turns) {
        turns -= std::round(turns);
        real = std::cos(kTwoPi * turns);
        imaginary = std::sin(kTwoPi * turns);
    }
};

}  // namespace

WaveSum::WaveSum(const CoulombJob& job, std::int64_t structure, const EwaldSplit& split, const Kernels& kernels)
    : job_(job),
      split_(split),
      kernels_(kernels),
      lattice_(job.lattices + 9 * structure),
      separable_(has_separable_phases(job, Basis(job.axes + 9 * structure), lattice_)),
      columns_(round_up(split.waves.columns(), kUnit)),
      depth_(round_up(job.shape[2], kUnit)) {
    for (int a = 0; a < 3; ++a)
        for (int d = 0; d < 3; ++d)
            steps_[static_cast<std::size_t>(3 * a + d)] = lattice_.coordinate(a, job.axes + 9 * structure + 3 * d);
    const Numbers weights = weigh_waves();
    if (separable_) {
        make_separable_phases();
    } else {
        for (std::size_t i = 0; i < weights.size(); ++i)
            if (weights[i] > 0.0) inside_.push_back(static_cast<std::int64_t>(i));
        make_general_phases();
    }
    channels_.resize(length(job.channels));
    const std::vector<std::vector<Entry>> entries = sort_entries(structure);
    for (std::size_t c = 0; c < channels_.size(); ++c)
        if (!entries[c].empty()) channels_[c] = make_channel(entries[c], weights);
}

// The entries of each channel.
std::vector<std::vector<WaveSum::Entry>> WaveSum::sort_entries(std::int64_t structure) const {
    std::vector<std::vector<Entry>> sorted(length(job_.channels));
    const double *axes = job_.axes + 9 * structure, *origin = job_.origins + 3 * structure;
    for (std::int64_t e = job_.entry_offsets[structure]; e < job_.entry_offsets[structure + 1]; ++e) {
        if (job_.entry_weights[e] == 0.0) continue;
        const double* position = job_.positions + 3 * job_.entry_atoms[e];
        double offset[3];
        for (int k = 0; k < 3; ++k) offset[k] = position[k] - (origin[k] + 0.5 * (axes[k] + axes[3 + k] + axes[6 + k]));
        Entry entry{{}, job_.entry_weights[e]};
        for (int a = 0; a < 3; ++a) {
            const double coordinate = lattice_.coordinate(a, offset);
            entry.fraction[static_cast<std::size_t>(a)] = coordinate - std::floor(coordinate);
        }
        sorted[length(job_.entry_channels[e])].push_back(entry);
    }
    return sorted;
}

WaveSum::Channel WaveSum::make_channel(const std::vector<Entry>& entries, const Numbers& weights) const {
    Channel channel;
    double total = 0.0;
    for (const Entry& entry : entries) total += entry.charge;
    channel.background = -0.5 * kTwoPi * total / (lattice_.volume * split_.alpha * split_.alpha);
    Numbers sums = add_up(entries);
    const std::size_t size = weights.size();
    for (std::size_t i = 0; i < size; ++i) {
        sums[i] *= weights[i];
        sums[size + i] *= weights[i];
    }
    if (separable_) {
        channel.coefficients = std::move(sums);
        return channel;
    }
    channel.coefficients.reserve(2 * inside_.size());
    for (const std::size_t part : {std::size_t{0}, size})
        for (const std::int64_t i : inside_) channel.coefficients.push_back(sums[part + length(i)]);
    return channel;
}

// S(k) for all elements of (planes, rows, columns): real parts, then imaginary ones.
WaveSum::Numbers WaveSum::add_up(const std::vector<Entry>& entries) const {
    const WaveRange& waves = split_.waves;
    const std::int64_t rows = waves.rows(), plane_size = rows * columns_, size = waves.planes() * plane_size;
    Numbers sums(length(2 * size), 0.0);
    // exp(-2 pi i m f) along the rows' index as (index, entry) and along the columns' as (entry, index)
    Numbers row_real(length(rows * kChunk)), row_imaginary(row_real), column_real(length(kChunk * columns_)),
        column_imaginary(column_real), column_minus(column_real);
    const std::int64_t total = static_cast<std::int64_t>(entries.size());
    for (std::int64_t first = 0; first < total; first += kChunk) {
        const std::int64_t count = std::min(kChunk, total - first);
        const Entry* chunk = entries.data() + first;
        for (std::int64_t n = 0; n < count; ++n) {
            for (std::int64_t j = 0; j < rows; ++j) {
                const Phase phase(-static_cast<double>(j - waves.most[1]) * chunk[n].fraction[1]);
                row_real[length(j * kChunk + n)] = phase.real;
                row_imaginary[length(j * kChunk + n)] = phase.imaginary;
            }
            for (std::int64_t k = 0; k < columns_; ++k) {
                const Phase phase(-static_cast<double>(k) * chunk[n].fraction[2]);
                column_real[length(n * columns_ + k)] = phase.real;
                column_imaginary[length(n * columns_ + k)] = phase.imaginary;
                column_minus[length(n * columns_ + k)] = -phase.imaginary;
            }
        }
        run_tasks(waves.planes(), job_.threads, [&] {
            // of one plane: the charge times the phases along the first two indices, as (row, entry)
            return [&, real = Numbers(length(rows * kChunk)), imaginary = Numbers(length(rows * kChunk)),
                    plane_real = Numbers(length(kChunk)), plane_imaginary = Numbers(length(kChunk))](std::int64_t i) mutable {
                for (std::int64_t n = 0; n < count; ++n) {
                    const Phase phase(-static_cast<double>(i - waves.most[0]) * chunk[n].fraction[0]);
                    plane_real[length(n)] = chunk[n].charge * phase.real;
                    plane_imaginary[length(n)] = chunk[n].charge * phase.imaginary;
                }
                for (std::int64_t j = 0; j < rows; ++j) {
                    const std::size_t at = length(j * kChunk);
                    kernels_.multiply_complex({count, plane_real.data(), plane_imaginary.data(), &row_real[at],
                                               &row_imaginary[at], &real[at], &imaginary[at]});
                }
                double *to_real = &sums[length(i * plane_size)], *to_imaginary = &sums[length(size + i * plane_size)];
                const auto add = [&](const Numbers& a, const Numbers& b, double* to) {
                    kernels_.add_product({rows, count, columns_, a.data(), b.data(), to, kChunk, columns_, columns_});
                };
                add(real, column_real, to_real);
                add(imaginary, column_minus, to_real);
                add(real, column_imaginary, to_imaginary);
                add(imaginary, column_real, to_imaginary);
            };
        });
    }
    return sums;
}

// What multiplies S(k), for the elements of (planes, rows, columns): 0 beyond the radius and at k = 0, and twice as much
// where -k is left out.
WaveSum::Numbers WaveSum::weigh_waves() const {
    const WaveRange& waves = split_.waves;
    Numbers weights(length(waves.planes() * waves.rows() * columns_), 0.0);
    std::size_t at = 0;
    for (std::int64_t i = 0; i < waves.planes(); ++i)
        for (std::int64_t j = 0; j < waves.rows(); ++j, at += length(columns_))
            for (std::int64_t k = 0; k < waves.columns(); ++k) {
                double vector[3] = {0, 0, 0};
                const std::int64_t m[3] = {i - waves.most[0], j - waves.most[1], k};
                for (int a = 0; a < 3; ++a)
                    for (int d = 0; d < 3; ++d)
                        vector[d] += kTwoPi * static_cast<double>(m[a]) * lattice_.duals[static_cast<std::size_t>(3 * a + d)];
                const double square = dot(vector, vector);
                const bool origin = m[0] == 0 && m[1] == 0 && k == 0;
                if (origin || square > split_.largest * split_.largest) continue;
                weights[at + length(k)] = (k > 0 ? 4.0 : 2.0) * kTwoPi / lattice_.volume *
                                          std::exp(-square / (4.0 * split_.alpha * split_.alpha)) / square;
            }
    return weights;
}

void WaveSum::make_separable_phases() {
    const WaveRange& waves = split_.waves;
    const std::int64_t planes = waves.planes(), rows = waves.rows(), y_count = job_.shape[1];
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
            fill(x_phases_, 2 * x, 2 * x + 1, planes, i, Phase(step(0, 0) * static_cast<double>((i - waves.most[0]) * x)));
    y_phases_.resize(length(4 * y_count * rows));
    for (std::int64_t y = 0; y < y_count; ++y)
        for (std::int64_t j = 0; j < rows; ++j)
            fill(y_phases_, y, y_count + y, rows, j, Phase(step(1, 1) * static_cast<double>((j - waves.most[1]) * y)));
    z_real_.resize(length(columns_ * depth_));
    z_imaginary_.resize(z_real_.size());
    for (std::int64_t k = 0; k < columns_; ++k)
        for (std::int64_t z = 0; z < depth_; ++z) {
            const Phase phase(step(2, 2) * static_cast<double>(k * z));
            z_real_[length(k * depth_ + z)] = phase.real;
            z_imaginary_[length(k * depth_ + z)] = -phase.imaginary;
        }
}

void WaveSum::make_general_phases() {
    const WaveRange& waves = split_.waves;
    const std::size_t count = inside_.size();
    x_phases_.resize(2 * count * length(job_.shape[0]));
    y_phases_.resize(2 * count * length(job_.shape[1]));
    z_real_.resize(count * length(depth_));
    z_imaginary_.resize(z_real_.size());
    for (std::size_t n = 0; n < count; ++n) {
        const std::int64_t row = inside_[n] / columns_;
        const double m[3] = {static_cast<double>(row / waves.rows() - waves.most[0]),
                             static_cast<double>(row % waves.rows() - waves.most[1]),
                             static_cast<double>(inside_[n] % columns_)};
        const auto turns = [&](int d) { return m[0] * step(0, d) + m[1] * step(1, d) + m[2] * step(2, d); };
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

void WaveSum::paint(std::int64_t channel, std::int64_t x, Scratch& scratch, double* plane) const {
    const Channel& own = channels_[length(channel)];
    for (std::int64_t i = 0; i < job_.shape[1] * depth_; ++i) plane[i] += own.background;
    if (separable_) paint_separable(own, x, scratch, plane);
    else paint_general(own, x, scratch, plane);
}

void WaveSum::paint_separable(const Channel& channel, std::int64_t x, Scratch& scratch, double* plane) const {
    const std::int64_t planes = split_.waves.planes(), rows = split_.waves.rows(), y_count = job_.shape[1];
    scratch.plane_factors.assign(length(2 * rows * columns_), 0.0);
    scratch.row_factors.assign(length(2 * y_count * columns_), 0.0);
    double *plane_factors = scratch.plane_factors.data(), *row_factors = scratch.row_factors.data();
    kernels_.add_product({2, 2 * planes, rows * columns_, x_phases_.data() + 4 * x * planes,
                          channel.coefficients.data(), plane_factors, 2 * planes, rows * columns_, rows * columns_});
    kernels_.add_product(
        {2 * y_count, 2 * rows, columns_, y_phases_.data(), plane_factors, row_factors, 2 * rows, columns_, columns_});
    kernels_.add_product(
        {y_count, columns_, depth_, row_factors, z_real_.data(), plane, columns_, depth_, depth_});
    kernels_.add_product({y_count, columns_, depth_, row_factors + y_count * columns_, z_imaginary_.data(), plane,
                          columns_, depth_, depth_});
}

void WaveSum::paint_general(const Channel& channel, std::int64_t x, Scratch& scratch, double* plane) const {
    const std::int64_t total = static_cast<std::int64_t>(inside_.size());
    scratch.plane_factors.resize(length(2 * kChunk));
    scratch.row_factors.resize(length(2 * kRowBlock * kChunk));
    double *plane_real = scratch.plane_factors.data(), *plane_imaginary = plane_real + kChunk;
    double *row_real = scratch.row_factors.data(), *row_imaginary = row_real + kRowBlock * kChunk;
    const double *x_real = x_phases_.data() + 2 * total * x, *x_imaginary = x_real + total;
    for (std::int64_t first = 0; first < total; first += kChunk) {
        const std::int64_t count = std::min(kChunk, total - first);
        kernels_.multiply_complex({count, x_real + first, x_imaginary + first, channel.coefficients.data() + first,
                                   channel.coefficients.data() + total + first, plane_real, plane_imaginary});
        const double *z_real = z_real_.data() + first * depth_, *z_imaginary = z_imaginary_.data() + first * depth_;
        for (std::int64_t y = 0; y < job_.shape[1]; y += kRowBlock) {
            const std::int64_t rows = std::min(kRowBlock, job_.shape[1] - y);
            for (std::int64_t j = 0; j < rows; ++j) {
                const double* y_real = y_phases_.data() + 2 * total * (y + j) + first;
                kernels_.multiply_complex({count, plane_real, plane_imaginary, y_real, y_real + total,
                                           row_real + j * kChunk, row_imaginary + j * kChunk});
            }
            double* to = plane + y * depth_;
            kernels_.add_product({rows, count, depth_, row_real, z_real, to, kChunk, depth_, depth_});
            kernels_.add_product({rows, count, depth_, row_imaginary, z_imaginary, to, kChunk, depth_, depth_});
        }
    }
}

}  // namespace particlegrid
