// The atoms of one channel of one structure, binned so that those near a block of voxels are found without looking at
// all: the cost of a block does not grow with the box, nor with the number of periods that the box spans.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "kernels.hpp"
#include "lattice.hpp"

namespace particlegrid {

// Orthonormal directions along a grid's axes (Gram-Schmidt), taken in some order: boxes along them enclose blocks of
// voxels tightly, and along the first axis taken, only the first coordinate changes.
struct Frame {
    double rows[9];

    Frame(const Basis& grid, const std::array<int, 3>& order) {
        for (int d = 0; d < 3; ++d) {
            double* row = rows + 3 * d;
            const double* edge = grid.row(order[static_cast<std::size_t>(d)]);
            std::copy(edge, edge + 3, row);
            for (int e = 0; e < d; ++e) {
                const double along = dot(rows + 3 * e, edge);
                for (int k = 0; k < 3; ++k) row[k] -= along * rows[3 * e + k];
            }
            const double length = norm(row);
            for (int k = 0; k < 3; ++k) row[k] /= length;
        }
    }

    std::array<double, 3> turn(const double* vector) const {
        return {dot(rows, vector), dot(rows + 3, vector), dot(rows + 6, vector)};
    }
};

// A box in the frame of the grid, about the grid's origin, in A.
struct FrameBox {
    std::array<double, 3> center, half;
};

// Atoms, and their positions once more as columns.
struct PairAtoms {
    std::vector<PairAtom> atoms;
    std::vector<double> columns[3];  // with room for one vector more

    void fill_columns() {
        for (std::size_t d = 0; d < 3; ++d) {
            columns[d].resize(atoms.size() + kRowBytes / sizeof(double));
            for (std::size_t i = 0; i < atoms.size(); ++i) columns[d][i] = atoms[i].position[d];
        }
    }

    // Numbers of those of [first, last) within reach of a box.
    std::int64_t find_near(const FrameBox& box, double reach, std::int64_t first, std::int64_t last,
                           const PairSums& kernels, std::vector<std::int32_t>& numbers) const {
        NearQuery query{{columns[0].data(), columns[1].data(), columns[2].data()}, first, last, {}, {}, reach * reach * (1.0 + 1e-12)};
        std::copy(box.center.begin(), box.center.end(), query.center);
        std::copy(box.half.begin(), box.half.end(), query.half);
        const std::size_t room = static_cast<std::size_t>(last - first + kRowBytes);
        if (numbers.size() < room) numbers.resize(room);
        return kernels.find_near(query, numbers.data());
    }
};

class NearAtoms {
public:
    // `repeats` and `lattice` as in GridJob; `region` encloses all voxels.
    NearAtoms(const Basis& lattice, std::array<bool, 3> repeats, const Frame& frame, const FrameBox& region, double reach)
        : lattice_(lattice), reach_(reach) {
        for (int a = 0; a < 3; ++a) {
            const std::size_t i = static_cast<std::size_t>(a);
            axes_[i].repeats = repeats[i];
            steps_[i] = frame.turn(lattice.row(a));
            duals_[i] = frame.turn(lattice.duals.data() + 3 * a);
            if (repeats[i]) continue;
            const auto [low, high] = find_range(region, i);
            axes_[i].low = low;
            axes_[i].span = high - low;
        }
    }

    // How many translations of one atom may come near a box of this size: an upper bound.
    double count_translations(const FrameBox& box) const {
        double count = 1.0;
        for (std::size_t a = 0; a < 3; ++a) {
            const auto [low, high] = find_range(box, a);
            if (axes_[a].repeats) count *= std::floor(high - low) + 2.0;
        }
        return count;
    }

    // An atom `offset` (A) from the grid's origin. Its image of the first period is kept; one that no voxel can see on
    // an axis that does not repeat is left out.
    void add(const Frame& frame, const double* offset, PairAtom atom) {
        double moved[3] = {offset[0], offset[1], offset[2]};
        double fractions[3];
        for (int a = 0; a < 3; ++a) {
            const Axis& axis = axes_[static_cast<std::size_t>(a)];
            double f = lattice_.coordinate(a, offset);
            if (axis.repeats) {
                // whole translations of the position as given: a product with the fraction would round
                const double periods = std::floor(f);
                for (int k = 0; k < 3; ++k) moved[k] -= periods * lattice_.row(a)[k];
                f -= periods;
            } else if (!(f >= axis.low && f <= axis.low + axis.span)) {
                return;
            }
            fractions[a] = f;
        }
        const std::array<double, 3> position = frame.turn(moved);
        std::copy(position.begin(), position.end(), atom.position);
        sorted_.atoms.push_back(atom);
        fractions_.insert(fractions_.end(), fractions, fractions + 3);
    }

    // Sort what was added into bins, keeping the order within each.
    void bin() {
        if (sorted_.atoms.empty()) return;
        choose_bins();
        const std::size_t n = sorted_.atoms.size();
        std::vector<std::int64_t> bins(n);
        first_.assign(static_cast<std::size_t>(axes_[0].bins * axes_[1].bins * axes_[2].bins) + 1, 0);
        for (std::size_t i = 0; i < n; ++i) {
            std::int64_t bin = 0;
            for (std::size_t a = 0; a < 3; ++a) bin = bin * axes_[a].bins + find_bin(axes_[a], fractions_[3 * i + a]);
            bins[i] = bin;
            ++first_[static_cast<std::size_t>(bin) + 1];
        }
        for (std::size_t b = 1; b < first_.size(); ++b) first_[b] += first_[b - 1];
        std::vector<std::int64_t> cursor(first_.begin(), first_.end() - 1);
        std::vector<PairAtom> sorted(n);
        for (std::size_t i = 0; i < n; ++i)
            sorted[static_cast<std::size_t>(cursor[static_cast<std::size_t>(bins[i])]++)] = sorted_.atoms[i];
        sorted_.atoms = std::move(sorted);
        sorted_.fill_columns();
        fractions_ = {};
    }

    // All images within reach of a box, in an order that the box alone decides. `numbers` is scratch.
    void list_near(const FrameBox& box, const PairSums& kernels, std::vector<std::int32_t>& numbers, PairAtoms& found) const {
        found.atoms.clear();
        found.fill_columns();
        if (sorted_.atoms.empty()) return;
        std::array<std::int64_t, 3> first{}, last{};
        for (std::size_t a = 0; a < 3; ++a) {
            const auto [low, high] = find_range(box, a);
            first[a] = find_bin_unbounded(axes_[a], low);
            last[a] = find_bin_unbounded(axes_[a], high);
            if (axes_[a].repeats) continue;
            first[a] = std::max<std::int64_t>(first[a], 0);
            last[a] = std::min(last[a], axes_[a].bins - 1);
        }
        for (std::int64_t i = first[0]; i <= last[0]; ++i)
            for (std::int64_t j = first[1]; j <= last[1]; ++j)
                for (std::int64_t k = first[2]; k <= last[2];) {
                    const Place x(i, axes_[0].bins), y(j, axes_[1].bins), z(k, axes_[2].bins);
                    // bins along the last axis lie one after another up to the end of the period
                    const std::int64_t run = std::min(last[2] - k, axes_[2].bins - 1 - z.bin) + 1;
                    k += run;
                    const std::size_t at = static_cast<std::size_t>((x.bin * axes_[1].bins + y.bin) * axes_[2].bins + z.bin);
                    const std::int64_t from = first_[at], to = first_[at + static_cast<std::size_t>(run)];
                    if (from == to) continue;
                    FrameBox moved = box;
                    std::array<double, 3> shift;
                    for (std::size_t d = 0; d < 3; ++d) {
                        shift[d] = x.period * steps_[0][d] + y.period * steps_[1][d] + z.period * steps_[2][d];
                        moved.center[d] -= shift[d];
                    }
                    const std::int64_t count = sorted_.find_near(moved, reach_, from, to, kernels, numbers);
                    for (std::int64_t m = 0; m < count; ++m) {
                        found.atoms.push_back(sorted_.atoms[static_cast<std::size_t>(numbers[static_cast<std::size_t>(m)])]);
                        for (std::size_t d = 0; d < 3; ++d) found.atoms.back().position[d] += shift[d];
                    }
                }
        found.fill_columns();
    }

private:
    // Bins along one of the lattice's axes.
    struct Axis {
        bool repeats = false;
        double low = 0.0, span = 1.0;  // of the bins, in lattice coordinates
        std::int64_t bins = 1;
    };

    // Bin number i counted over all periods: which bin of which period.
    struct Place {
        std::int64_t bin;
        double period;
        Place(std::int64_t i, std::int64_t bins) {
            const std::int64_t whole = i >= 0 ? i / bins : -((bins - 1 - i) / bins);
            bin = i - whole * bins;
            period = static_cast<double>(whole);
        }
    };

    // Lattice coordinates along axis a of all that is within reach of a box.
    std::pair<double, double> find_range(const FrameBox& box, std::size_t a) const {
        const double* dual = duals_[a].data();
        const double middle = dot(dual, box.center.data());
        double width = reach_ * norm(dual) + 1e-9;
        for (std::size_t d = 0; d < 3; ++d) width += std::fabs(dual[d]) * box.half[d];
        return {middle - width, middle + width};
    }

    static std::int64_t find_bin_unbounded(const Axis& axis, double f) {
        const double bin = std::floor((f - axis.low) / axis.span * static_cast<double>(axis.bins));
        constexpr double kFarthest = 9e15;  // far beyond any bin, and still an integer
        return static_cast<std::int64_t>(bin > -kFarthest ? std::min(bin, kFarthest) : -kFarthest);
    }
    static std::int64_t find_bin(const Axis& axis, double f) {
        return std::clamp<std::int64_t>(find_bin_unbounded(axis, f), 0, axis.bins - 1);
    }

    // Bins of a fifth of the reach, but no more than two for each atom.
    void choose_bins() {
        for (std::size_t a = 0; a < 3; ++a) {
            if (!axes_[a].repeats) {
                double low = fractions_[a], high = low;
                for (std::size_t i = a; i < fractions_.size(); i += 3) {
                    low = std::min(low, fractions_[i]);
                    high = std::max(high, fractions_[i]);
                }
                axes_[a].low = low;
                axes_[a].span = std::max(high - low, 1e-9);
            }
            const double thickness = axes_[a].span * lattice_.plane_spacing[a];
            axes_[a].bins = static_cast<std::int64_t>(std::clamp(thickness / (0.2 * reach_), 1.0, 1000.0));
        }
        const std::int64_t most = 2 * static_cast<std::int64_t>(sorted_.atoms.size());
        while (axes_[0].bins * axes_[1].bins * axes_[2].bins > most) {
            Axis* largest = &axes_[0];
            for (Axis& axis : axes_)
                if (axis.bins > largest->bins) largest = &axis;
            largest->bins = (largest->bins + 1) / 2;
        }
    }

    Basis lattice_;
    double reach_;
    std::array<std::array<double, 3>, 3> steps_, duals_;  // the lattice's vectors and their duals, in the frame
    std::array<Axis, 3> axes_;
    PairAtoms sorted_;               // by bin; until then in the order of adding,
    std::vector<double> fractions_;  // with their lattice coordinates
    std::vector<std::int64_t> first_;  // of each bin's atoms
};

}  // namespace particlegrid
