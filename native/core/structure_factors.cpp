#include "structure_factors.hpp"

#include "parallel.hpp"

namespace particlegrid {

namespace {

constexpr std::int64_t kChunk = 256;  // charges whose phases are in the cache together

std::size_t length(std::int64_t n) { return static_cast<std::size_t>(n); }

}  // namespace

std::vector<double> sum_structure_factors(const std::vector<WaveCharge>& charges, const WaveRange& waves, int threads,
                                          const Kernels& kernels) {
    using Numbers = std::vector<double>;
    const std::int64_t rows = waves.rows(), columns = waves.padded_columns(), plane_size = rows * columns,
                       size = waves.planes() * plane_size;
    Numbers sums(length(2 * size), 0.0);
    // exp(-2 pi i m f) along the rows' index as (index, entry) and along the columns' as (entry, index)
    Numbers row_real(length(rows * kChunk)), row_imaginary(row_real), column_real(length(kChunk * columns)),
        column_imaginary(column_real), column_minus(column_real);
    const std::int64_t total = static_cast<std::int64_t>(charges.size());
    for (std::int64_t first = 0; first < total; first += kChunk) {
        const std::int64_t count = std::min(kChunk, total - first);
        const WaveCharge* chunk = charges.data() + first;
        for (std::int64_t n = 0; n < count; ++n) {
            for (std::int64_t j = 0; j < rows; ++j) {
                const Phase phase(-static_cast<double>(j - waves.most[1]) * chunk[n].fraction[1]);
                row_real[length(j * kChunk + n)] = phase.real;
                row_imaginary[length(j * kChunk + n)] = phase.imaginary;
            }
            for (std::int64_t k = 0; k < columns; ++k) {
                const Phase phase(-static_cast<double>(k) * chunk[n].fraction[2]);
                column_real[length(n * columns + k)] = phase.real;
                column_imaginary[length(n * columns + k)] = phase.imaginary;
                column_minus[length(n * columns + k)] = -phase.imaginary;
            }
        }
        run_tasks(waves.planes(), threads, [&] {
            // of one plane: a charge times the phases along the first two indices, as (row, entry)
            return [&, real = Numbers(length(rows * kChunk)), imaginary = Numbers(length(rows * kChunk)),
                    plane_real = Numbers(length(kChunk)), plane_imaginary = Numbers(length(kChunk))](std::int64_t i) mutable {
                for (std::int64_t n = 0; n < count; ++n) {
                    const Phase phase(-static_cast<double>(i - waves.most[0]) * chunk[n].fraction[0]);
                    plane_real[length(n)] = chunk[n].charge * phase.real;
                    plane_imaginary[length(n)] = chunk[n].charge * phase.imaginary;
                }
                for (std::int64_t j = 0; j < rows; ++j) {
                    const std::size_t at = length(j * kChunk);
                    kernels.multiply_complex({count, plane_real.data(), plane_imaginary.data(), &row_real[at],
                                              &row_imaginary[at], &real[at], &imaginary[at]});
                }
                double *to_real = &sums[length(i * plane_size)], *to_imaginary = &sums[length(size + i * plane_size)];
                const auto add = [&](const Numbers& a, const Numbers& b, double* to) {
                    kernels.add_product({rows, count, columns, a.data(), b.data(), to, kChunk, columns, columns});
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

}  // namespace particlegrid
