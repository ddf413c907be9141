#include "ewald_split.hpp"

#include <limits>
#include <string>
#include <vector>

namespace particlegrid {

namespace {

constexpr double kPi = 3.14159265358979323846;

// The charges of one channel, as far as the bounds ask.
struct Charges {
    double count = 0.0, sum = 0.0, largest = 0.0;  // of magnitudes
    double zeros = 0.0;
};

std::vector<Charges> survey(const CoulombJob& job, std::int64_t structure) {
    std::vector<Charges> channels(static_cast<std::size_t>(job.channels));
    for (std::int64_t e = job.entry_offsets[structure]; e < job.entry_offsets[structure + 1]; ++e) {
        const double charge = std::fabs(job.entry_weights[e]);
        Charges& channel = channels[static_cast<std::size_t>(job.entry_channels[e])];
        if (charge == 0.0) {
            channel.zeros += 1.0;
            continue;
        }
        channel.count += 1.0;
        channel.sum += charge;
        channel.largest = std::max(channel.largest, charge);
    }
    // where there is nothing but charges of 0, derivatives by them are sums over charges of 1
    for (Charges& channel : channels)
        if (channel.count == 0.0 && channel.zeros > 0.0) channel = {channel.zeros, channel.zeros, 1.0, 0.0};
    return channels;
}

// The least x for which bound(x), which falls, is allowed; 5.9, where double precision no longer knows erfc from 0, if
// none is.
template <class Bound>
double find_cut(const Bound& bound, double allowed) {
    double low = 0.5, high = 5.9;
    for (int i = 0; i < 40; ++i) {
        const double middle = 0.5 * (low + high);
        (bound(middle) > allowed ? low : high) = middle;
    }
    return high;
}

// Cut-offs at which each sum leaves out less than a quarter of the tolerance even if all its terms had one sign. Integrals
// stand for sums in these bounds, and a dozen terms that may lie just beyond the cut-off are added.
EwaldSplit cut_off(const std::vector<Charges>& channels, const Basis& lattice, double tol, double alpha) {
    constexpr double kShell = 12.0;
    EwaldSplit split;
    split.alpha = alpha;
    const double volume = lattice.volume;
    double near = 0.5, far = 0.5;
    for (const Charges& c : channels) {
        if (c.count == 0.0) continue;
        const double allowed = 0.25 * tol * c.largest / std::cbrt(volume / c.count);
        // beyond the reach x / alpha: sum / V times the integral of 4 pi d erfc(alpha d)
        near = std::max(near, find_cut([&](double x) {
            return std::erfc(x) * (2.0 * kPi * c.sum / (volume * alpha * alpha) + kShell * c.largest * alpha / x);
        }, allowed));
        // beyond k = 2 alpha x: 4 pi / V sum exp(-k^2 / 4 alpha^2) / k^2 |S|, where |S| <= sum
        far = std::max(far, find_cut([&](double x) {
            return c.sum * (2.0 / std::sqrt(kPi) * alpha * std::erfc(x) +
                            kShell * kPi / (volume * alpha * alpha * x * x) * std::exp(-x * x));
        }, allowed));
    }
    split.reach = near / alpha;
    split.largest = 2.0 * alpha * far;
    split.waves = WaveRange(lattice, split.largest);
    return split;
}

// Nanoseconds on one thread, roughly, and whether memory allows it.
double estimate_cost(const EwaldSplit& split, const CoulombJob& job, const Basis& grid, const Basis& lattice,
                     double charges, bool separable) {
    constexpr double kPair = 3.0, kRow = 8.0, kImage = 30.0, kMultiplyAdd = 0.12;  // ns
    constexpr double kMostNumbers = 4e7, kMostImages = 5e6;
    const double x = static_cast<double>(job.shape[0]), y = static_cast<double>(job.shape[1]),
                 z = static_cast<double>(job.shape[2]);
    const double density = charges / lattice.volume, r = split.reach;
    // images around a box that has the grid's plane distances
    const double spans[3] = {x * grid.plane_spacing[0] + 2 * r, y * grid.plane_spacing[1] + 2 * r,
                             z * grid.plane_spacing[2] + 2 * r};
    const double stretch = grid.volume / (grid.plane_spacing[0] * grid.plane_spacing[1] * grid.plane_spacing[2]);
    const double images = density * spans[0] * spans[1] * spans[2] * stretch;
    const double pairs = density * x * y * z * 4.0 / 3.0 * kPi * r * r * r;
    const double rows = density * x * y * kPi * r * r * (z * norm(grid.row(2)) + 4.0 / 3.0 * r);
    const double k = split.waves.size(), k_columns = static_cast<double>(split.waves.columns());
    double sums = 4.0 * k * charges, numbers = 2.0 * k;
    if (separable) {
        sums += 4.0 * x * (k + y * static_cast<double>(split.waves.rows()) * k_columns) + 2.0 * x * y * z * k_columns;
    } else {
        const double inside = 0.52 * k;  // of a box around a sphere
        sums += inside * x * y * (6.0 + 2.0 * z);
        numbers += 2.0 * inside * (x + y + z);
    }
    if (numbers > kMostNumbers || images > kMostImages) return std::numeric_limits<double>::infinity();
    return kPair * pairs + kRow * rows + kImage * images + kMultiplyAdd * sums;
}

}  // namespace

WaveRange::WaveRange(const Basis& lattice, double largest) {
    // k . a_d = 2 pi m_d
    for (int d = 0; d < 3; ++d) {
        const double bound = std::floor(largest * norm(lattice.row(d)) / (2.0 * kPi) + 1e-9);
        most[static_cast<std::size_t>(d)] = static_cast<std::int64_t>(std::min(bound, 1e8));
    }
}

double WaveRange::size() const {
    return static_cast<double>(planes()) * static_cast<double>(rows()) * static_cast<double>(columns());
}

bool has_separable_phases(const CoulombJob& job, const Basis& grid, const Basis& lattice) {
    for (int a = 0; a < 3; ++a)
        for (int d = 0; d < 3; ++d) {
            // what is left out moves the farthest voxel by 1e-12 of the cell, as rounding of positions may
            const double drift = lattice.coordinate(a, grid.row(d)) * static_cast<double>(job.shape[d]);
            if (a != d && std::fabs(drift) > 1e-12) return false;
        }
    return true;
}

EwaldSplit choose_split(const CoulombJob& job, std::int64_t structure) {
    const Basis lattice(job.lattices + 9 * structure), grid(job.axes + 9 * structure);
    const std::vector<Charges> channels = survey(job, structure);
    double charges = 0.0;
    for (const Charges& c : channels) charges += c.count;
    const bool separable = has_separable_phases(job, grid, lattice);
    // both sums are equally long in a cell that is sampled at its atoms where alpha = sqrt(pi) (n / V^2)^(1/6)
    const double middle = std::sqrt(kPi) * std::pow(std::max(charges, 1.0) / (lattice.volume * lattice.volume), 1.0 / 6.0);
    EwaldSplit best;
    double least = std::numeric_limits<double>::infinity();
    for (int step = job.split > 0.0 ? 0 : -12; step <= (job.split > 0.0 ? 0 : 16); ++step) {
        const double alpha = job.split > 0.0 ? job.split : middle * std::pow(1.2, step);
        const EwaldSplit split = cut_off(channels, lattice, job.tol, alpha);
        const double cost = estimate_cost(split, job, grid, lattice, charges, separable);
        if (cost < least) {
            least = cost;
            best = split;
        }
    }
    require(least < std::numeric_limits<double>::infinity(), [&] {
        return "structure " + std::to_string(structure) + ": the Ewald sum needs more than 5 million periodic images "
               "or 320 MB of wave vectors; the grid is too large for the cell, or the cell too flat";
    });
    return best;
}

}  // namespace particlegrid
