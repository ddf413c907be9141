#include "wave_moments.hpp"

#include "differentiate.hpp"

namespace particlegrid {

namespace {

constexpr std::int64_t kPlanes = 16;  // planes whose sums over y and z are kept together
constexpr std::int64_t kChunk = 64;   // waves whose sums along z are in the cache together

std::size_t length(std::int64_t n) { return static_cast<std::size_t>(n); }

// Sums over y and z come before those over x: the powers of y and z.
constexpr std::array<std::array<int, 2>, 6> kPairs{{{0, 0}, {1, 0}, {0, 1}, {2, 0}, {1, 1}, {0, 2}}};

std::int64_t find_pair(const std::array<int, 3>& powers) {
    const std::array<int, 2> own{powers[1], powers[2]};
    return std::find(kPairs.begin(), kPairs.end(), own) - kPairs.begin();
}

double power(std::int64_t n, int p) { return p == 0 ? 1.0 : p == 1 ? static_cast<double>(n) : static_cast<double>(n * n); }

}  // namespace

WaveMoments::WaveMoments(const CoulombJob& job, std::int64_t structure, const WaveRange& waves, const Numbers& weights,
                         int order, const Kernels& kernels)
    : job_(job),
      structure_(structure),
      waves_(waves),
      kernels_(kernels),
      order_(order),
      columns_(waves.padded_columns()),
      depth_(round_up(job.shape[2], kRowVoxels)) {
    const Basis lattice(job.lattices + 9 * structure), grid(job.axes + 9 * structure);
    for (int a = 0; a < 3; ++a)
        for (int d = 0; d < 3; ++d) steps_[length(3 * a + d)] = lattice.coordinate(a, grid.row(d));
    separable_ = has_separable_phases(job, grid, lattice);
    if (!separable_) {
        for (std::size_t i = 0; i < weights.size(); ++i)
            if (weights[i] != 0.0) inside_.push_back(static_cast<std::int64_t>(i));
        return;
    }
    x_ = make_tables(0, waves.planes(), -waves.most[0]);
    y_ = make_tables(1, waves.rows(), -waves.most[1]);
    z_.assign(length(depth_ * 2 * (order + 1) * columns_), 0.0);
    for (std::int64_t z = 0; z < job.shape[2]; ++z)
        for (std::int64_t k = 0; k < columns_; ++k) {
            const Phase phase(step(2, 2) * static_cast<double>(k * z));
            for (int p = 0; p <= order; ++p) {
                double* at = &z_[length((z * (order + 1) + p) * 2 * columns_ + k)];
                at[0] = power(z, p) * phase.real;
                at[columns_] = power(z, p) * phase.imaginary;
            }
        }
}

WaveMoments::Tables WaveMoments::make_tables(int d, std::int64_t count, std::int64_t first) const {
    Tables tables;
    const std::int64_t voxels = job_.shape[length(d)];
    for (int p = 0; p <= order_; ++p)
        for (std::int64_t i = 0; i < count; ++i)
            for (std::int64_t v = 0; v < voxels; ++v) {
                const Phase phase(step(d, d) * static_cast<double>((first + i) * v));
                tables.real[length(p)].push_back(power(v, p) * phase.real);
                tables.imaginary[length(p)].push_back(power(v, p) * phase.imaginary);
                tables.minus[length(p)].push_back(-power(v, p) * phase.imaginary);
            }
    return tables;
}

std::vector<WaveMoments::Numbers> WaveMoments::sum(std::int64_t channel) const {
    std::vector<Numbers> sums(count(), Numbers(length(2 * waves_.elements()), 0.0));
    if (separable_) sum_separable(channel, sums);
    else sum_general(channel, sums);
    return sums;
}

// Rows are padded with zeros.
void WaveMoments::load_plane(std::int64_t channel, std::int64_t x, double* plane) const {
    const auto load = [&]<class T>(const T* values) {
        values += x * job_.shape[1] * job_.shape[2];
        for (std::int64_t y = 0; y < job_.shape[1]; ++y)
            for (std::int64_t z = 0; z < job_.shape[2]; ++z)
                plane[y * depth_ + z] = static_cast<double>(values[y * job_.shape[2] + z]);
    };
    if (job_.output == OutputType::float64) load(find_channel<double>(job_, structure_, channel));
    else load(find_channel<float>(job_, structure_, channel));
}

void WaveMoments::sum_separable(std::int64_t channel, std::vector<Numbers>& sums) const {
    const std::int64_t rows = waves_.rows(), size = rows * columns_, width = 2 * (order_ + 1) * columns_;
    const std::int64_t voxels_x = job_.shape[0], voxels_y = job_.shape[1];
    const std::int64_t pairs = order_ == 1 ? 3 : 6;
    // of every plane in a block: real and imaginary parts by (row, column) for each pair of powers
    Numbers planes(length(pairs * kPlanes * 2 * size));
    const auto at = [&](std::int64_t pair, std::int64_t x) { return planes.data() + (pair * kPlanes + x) * 2 * size; };
    for (std::int64_t first = 0; first < voxels_x; first += kPlanes) {
        const std::int64_t count = std::min(kPlanes, voxels_x - first);
        run_tasks(count, job_.threads, [&] {
            return [&, values = Numbers(length(voxels_y * depth_), 0.0), along_z = Numbers()](std::int64_t x) mutable {
                load_plane(channel, first + x, values.data());
                along_z.assign(length(voxels_y * width), 0.0);
                kernels_.add_product(
                    {voxels_y, depth_, width, values.data(), z_.data(), along_z.data(), depth_, width, width});
                for (std::int64_t pair = 0; pair < pairs; ++pair) {
                    const auto [p, q] = kPairs[length(pair)];
                    const double* from = along_z.data() + 2 * q * columns_;
                    double *real = at(pair, x), *imaginary = real + size;
                    std::fill_n(real, 2 * size, 0.0);
                    const auto add = [&](const std::array<Numbers, 3>& table, const double* b, double* to) {
                        kernels_.add_product(
                            {rows, voxels_y, columns_, table[length(p)].data(), b, to, voxels_y, width, columns_});
                    };
                    add(y_.real, from, real);
                    add(y_.minus, from + columns_, real);
                    add(y_.imaginary, from, imaginary);
                    add(y_.real, from + columns_, imaginary);
                }
            };
        });
        run_tasks(static_cast<std::int64_t>(sums.size()), job_.threads, [&] {
            return [&](std::int64_t moment) {
                const std::array<int, 3>& powers = kIndexPowers[length(moment)];
                const double* from = at(find_pair(powers), 0);
                double* real = sums[length(moment)].data();
                double* imaginary = real + waves_.planes() * size;
                const auto add = [&](const std::array<Numbers, 3>& table, const double* b, double* to) {
                    const double* a = table[length(powers[0])].data() + first;
                    kernels_.add_product({waves_.planes(), count, size, a, b, to, voxels_x, 2 * size, size});
                };
                add(x_.real, from, real);
                add(x_.minus, from + size, real);
                add(x_.imaginary, from, imaginary);
                add(x_.real, from + size, imaginary);
            };
        });
    }
}

void WaveMoments::sum_general(std::int64_t channel, std::vector<Numbers>& sums) const {
    const std::int64_t total = static_cast<std::int64_t>(inside_.size()), voxels_y = job_.shape[1];
    const std::int64_t width = 2 * (order_ + 1) * kChunk, pairs = order_ == 1 ? 3 : 6;
    run_tasks((total + kChunk - 1) / kChunk, job_.threads, [&] {
        return [&, values = Numbers(length(voxels_y * depth_), 0.0), z_table = Numbers(length(depth_ * width), 0.0),
                y_table = Numbers(length(voxels_y * 2 * kChunk), 0.0), along_z = Numbers(),
                along_y = Numbers()](std::int64_t task) mutable {
            const std::int64_t first = task * kChunk, count = std::min(kChunk, total - first);
            const auto turns = [&](std::int64_t n, int d) {
                const std::array<std::int64_t, 3> m = waves_.indices(inside_[length(first + n)]);
                return static_cast<double>(m[0]) * step(0, d) + static_cast<double>(m[1]) * step(1, d) +
                       static_cast<double>(m[2]) * step(2, d);
            };
            for (std::int64_t n = 0; n < count; ++n) {
                for (std::int64_t y = 0; y < voxels_y; ++y) {
                    const Phase phase(turns(n, 1) * static_cast<double>(y));
                    y_table[length(2 * y * kChunk + n)] = phase.real;
                    y_table[length((2 * y + 1) * kChunk + n)] = phase.imaginary;
                }
                for (std::int64_t z = 0; z < job_.shape[2]; ++z) {
                    const Phase phase(turns(n, 2) * static_cast<double>(z));
                    for (int p = 0; p <= order_; ++p) {
                        double* at = &z_table[length((z * (order_ + 1) + p) * 2 * kChunk + n)];
                        at[0] = power(z, p) * phase.real;
                        at[kChunk] = power(z, p) * phase.imaginary;
                    }
                }
            }
            for (std::int64_t x = 0; x < job_.shape[0]; ++x) {
                load_plane(channel, x, values.data());
                along_z.assign(length(voxels_y * width), 0.0);
                kernels_.add_product(
                    {voxels_y, depth_, width, values.data(), z_table.data(), along_z.data(), depth_, width, width});
                along_y.assign(length(pairs * 2 * kChunk), 0.0);
                for (std::int64_t pair = 0; pair < pairs; ++pair) {
                    const auto [p, q] = kPairs[length(pair)];
                    double *real = along_y.data() + pair * 2 * kChunk, *imaginary = real + kChunk;
                    for (std::int64_t y = 0; y < voxels_y; ++y) {
                        const double *a = along_z.data() + y * width + 2 * q * kChunk, *b = y_table.data() + 2 * y * kChunk;
                        const double scale = power(y, p);
                        for (std::int64_t n = 0; n < kChunk; ++n) {
                            real[n] += scale * (a[n] * b[n] - a[kChunk + n] * b[kChunk + n]);
                            imaginary[n] += scale * (a[n] * b[kChunk + n] + a[kChunk + n] * b[n]);
                        }
                    }
                }
                for (std::int64_t n = 0; n < count; ++n) {
                    const Phase phase(turns(n, 0) * static_cast<double>(x));
                    const std::size_t to = length(inside_[length(first + n)]);
                    for (std::size_t moment = 0; moment < sums.size(); ++moment) {
                        const std::array<int, 3>& powers = kIndexPowers[moment];
                        const double* a = along_y.data() + find_pair(powers) * 2 * kChunk + n;
                        const double scale = power(x, powers[0]);
                        sums[moment][to] += scale * (a[0] * phase.real - a[kChunk] * phase.imaginary);
                        sums[moment][length(waves_.elements()) + to] +=
                            scale * (a[0] * phase.imaginary + a[kChunk] * phase.real);
                    }
                }
            }
        };
    });
}

}  // namespace particlegrid
