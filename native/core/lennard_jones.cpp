#include "lennard_jones.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "dispatch.hpp"
#include "near_atoms.hpp"
#include "parallel.hpp"
#include "require.hpp"

namespace particlegrid {

namespace {

constexpr std::int64_t kBlockVoxels = 64;
constexpr std::int64_t kRun = 4;  // blocks along z that share a list of atoms

// How the grid of one structure is cut into blocks: at most kBlockVoxels voxels, as cubic as they can be, because what
// surrounds a block within the cutoff is more than what surrounds each voxel (1.5 times for 4^3 voxels of 0.8 A and
// 12.8 A). Edges stay below the cutoff.
struct Blocks {
    std::array<std::int64_t, 3> size{1, 1, 1}, count{};
    std::int64_t runs;  // along z
    std::array<int, 3> order{2, 1, 0};  // the axis that the blocks are longest along comes first: rows lie along it

    Blocks(const GridJob& job, const Basis& grid, double cutoff) {
        for (std::int64_t voxels = 1; voxels < kBlockVoxels; voxels *= 2) {
            int shortest = -1;
            double edge = 0.0;
            for (int d = 0; d < 3; ++d) {
                const std::size_t i = static_cast<std::size_t>(d);
                const double length = static_cast<double>(size[i]) * norm(grid.row(d));
                if (size[i] >= job.shape[i] || 2.0 * length > cutoff || (shortest >= 0 && length >= edge)) continue;
                shortest = d;
                edge = length;
            }
            if (shortest < 0) break;
            size[static_cast<std::size_t>(shortest)] *= 2;
        }
        for (std::size_t d = 0; d < 3; ++d) count[d] = (job.shape[d] + size[d] - 1) / size[d];
        runs = (count[2] + kRun - 1) / kRun;
        for (std::size_t d = 1; d < 3; ++d)
            if (size[static_cast<std::size_t>(order[d])] > size[static_cast<std::size_t>(order[0])]) std::swap(order[0], order[d]);
    }

    std::int64_t tasks() const { return count[0] * count[1] * runs; }
};

// Everything about one structure that its blocks have in common.
struct Scene {
    Basis grid;
    Blocks blocks;
    Frame frame;
    std::array<double, 9> edges;  // of a voxel, in the frame
    Basis lattice;
    std::array<bool, 3> repeats{};

    Scene(const LennardJonesJob& job, std::int64_t structure)
        : grid(job.axes + 9 * structure), blocks(job, grid, job.cutoff), frame(grid, blocks.order) {
        for (std::size_t a = 0; a < 3 && job.periodic != nullptr; ++a)
            repeats[a] = job.periodic[3 * structure + static_cast<std::int64_t>(a)] != 0;
        // atoms that do not repeat may be sorted along any axes
        lattice = repeats_anywhere() ? Basis(job.lattices + 9 * structure) : grid;
        for (int d = 0; d < 3; ++d) {
            const std::array<double, 3> edge = frame.turn(grid.row(d));
            std::copy(edge.begin(), edge.end(), edges.begin() + 3 * d);
        }
    }

    bool repeats_anywhere() const { return repeats[0] || repeats[1] || repeats[2]; }

    // No atoms yet, around the whole grid.
    NearAtoms surround(const GridJob& job, double reach) const {
        return {lattice, repeats, frame, enclose({0, 0, 0}, job.shape), reach};
    }

    // The box around the centres of some voxels.
    FrameBox enclose(const std::array<std::int64_t, 3>& first, const std::array<std::int64_t, 3>& voxels) const {
        FrameBox box{};
        for (std::size_t d = 0; d < 3; ++d)
            for (std::size_t k = 0; k < 3; ++k) {
                const double half = 0.5 * static_cast<double>(voxels[d] - 1);
                box.center[k] += (static_cast<double>(first[d]) + half + 0.5) * edges[3 * d + k];
                box.half[k] += half * std::fabs(edges[3 * d + k]);
            }
        return box;
    }
};

PairAtom make_atom(const LennardJonesJob& job, std::int64_t e) {
    const double width = 0.5 * (job.entry_widths[e] + job.probe_width);
    const double power6 = std::pow(width, 6), cutoff6 = std::pow(job.cutoff, 6);
    PairAtom atom{};
    atom.c6 = job.entry_weights[e] * power6;
    atom.c12 = atom.c6 * power6;
    if (job.shift) atom.at_cutoff = (atom.c12 / cutoff6 - atom.c6) / cutoff6;
    return atom;
}

// Atoms of one channel of one structure, and the first of its tasks, which are runs of blocks along z.
struct Field {
    std::int64_t scene, channel;
    std::int64_t first_task;
    NearAtoms atoms;
};

std::vector<Field> list_fields(const LennardJonesJob& job, const std::vector<Scene>& scenes, std::int64_t& tasks) {
    std::vector<Field> fields;
    fields.reserve(static_cast<std::size_t>(job.structures * job.channels));
    tasks = 0;
    for (std::int64_t s = 0; s < job.structures; ++s) {
        const Scene& scene = scenes[static_cast<std::size_t>(s)];
        const NearAtoms none = scene.surround(job, job.cutoff);
        for (std::int64_t c = 0; c < job.channels; ++c, tasks += scene.blocks.tasks())
            fields.push_back({s, c, tasks, none});
        Field* of_structure = fields.data() + s * job.channels;
        for (std::int64_t e = job.entry_offsets[s]; e < job.entry_offsets[s + 1]; ++e) {
            if (job.entry_weights[e] == 0.0) continue;
            double offset[3];
            for (int d = 0; d < 3; ++d) offset[d] = job.positions[3 * job.entry_atoms[e] + d] - job.origins[3 * s + d];
            of_structure[job.entry_channels[e]].atoms.add(scene.frame, offset, make_atom(job, e));
        }
        for (std::int64_t c = 0; c < job.channels; ++c) of_structure[c].atoms.bin();
    }
    return fields;
}

// Draws runs of blocks; holds the memory it reuses from one to the next.
class BlockDrawer {
public:
    BlockDrawer(const LennardJonesJob& job, const std::vector<Scene>& scenes, const std::vector<Field>& fields)
        : job_(job), scenes_(scenes), fields_(fields), kernels_(active_kernels().pairs) {}

    void operator()(std::int64_t task) {
        const auto after = std::upper_bound(fields_.begin(), fields_.end(), task,
                                            [](std::int64_t t, const Field& field) { return t < field.first_task; });
        const Field& field = *(after - 1);
        const Scene& scene = scenes_[static_cast<std::size_t>(field.scene)];
        const Blocks& blocks = scene.blocks;
        std::int64_t run = task - field.first_task;
        std::array<std::int64_t, 3> first, voxels;
        first[2] = run % blocks.runs * kRun * blocks.size[2];
        run /= blocks.runs;
        first[1] = run % blocks.count[1] * blocks.size[1];
        first[0] = run / blocks.count[1] * blocks.size[0];
        for (std::size_t d = 0; d < 3; ++d)
            voxels[d] = std::min((d == 2 ? kRun : 1) * blocks.size[d], job_.shape[d] - first[d]);
        field.atoms.list_near(scene.enclose(first, voxels), kernels_, numbers_, near_);
        const std::int64_t end = first[2] + voxels[2];
        for (; first[2] < end; first[2] += blocks.size[2]) {
            voxels[2] = std::min(blocks.size[2], end - first[2]);
            draw_block(field, scene, first, voxels);
        }
    }

private:
    void draw_block(const Field& field, const Scene& scene, const std::array<std::int64_t, 3>& first,
                    const std::array<std::int64_t, 3>& voxels) {
        const std::int64_t near = near_.find_near(scene.enclose(first, voxels), job_.cutoff, 0,
                                                  static_cast<std::int64_t>(near_.atoms.size()), kernels_, numbers_);
        kernels_.add_lennard_jones({x_, y_, z_, place_voxels(scene, first, voxels), near_.atoms.data(), numbers_.data(),
                                    near, job_.cutoff * job_.cutoff},
                                   sums_);
        BlockOutput block{};
        char* out = static_cast<char*>(job_.out) + field.scene * job_.strides[0] + field.channel * job_.strides[1];
        for (std::size_t d = 0; d < 3; ++d) {
            const std::size_t axis = static_cast<std::size_t>(scene.blocks.order[2 - d]);
            block.count[d] = voxels[axis];
            block.strides[d] = job_.strides[axis + 2];
            out += first[axis] * job_.strides[axis + 2];
        }
        block.out = out;
        kernels_.write_block[static_cast<int>(job_.output)](block, sums_);
    }

    // Centres of the voxels; each line along the first axis is padded to whole rows, and the rows to whole vectors.
    // Returns the number of rows.
    std::int64_t place_voxels(const Scene& scene, const std::array<std::int64_t, 3>& first,
                              const std::array<std::int64_t, 3>& voxels) {
        const auto [a, b, c] = scene.blocks.order;
        const double* along = scene.edges.data() + 3 * a;
        std::int64_t row = 0;
        const auto place_row = [&](std::int64_t k, const double* corner) {
            for (std::int64_t lane = 0; lane < kRowVoxels; ++lane)
                x_[row * kRowVoxels + lane] = corner[0] + (static_cast<double>(k + lane) + 0.5) * along[0];
            y_[row] = corner[1];
            z_[row] = corner[2];
            ++row;
        };
        double corner[3] = {0, 0, 0};
        const std::int64_t start = first[static_cast<std::size_t>(a)], end = start + voxels[static_cast<std::size_t>(a)];
        for (std::int64_t i = 0; i < voxels[static_cast<std::size_t>(c)]; ++i)
            for (std::int64_t j = 0; j < voxels[static_cast<std::size_t>(b)]; ++j) {
                for (int d = 0; d < 3; ++d)
                    corner[d] = (static_cast<double>(first[static_cast<std::size_t>(c)] + i) + 0.5) * scene.edges[static_cast<std::size_t>(3 * c + d)] +
                                (static_cast<double>(first[static_cast<std::size_t>(b)] + j) + 0.5) * scene.edges[static_cast<std::size_t>(3 * b + d)];
                for (std::int64_t k = start; k < end; k += kRowVoxels) place_row(k, corner);
            }
        while (row % kRowVoxels != 0) place_row(start, corner);
        return row;
    }

    const LennardJonesJob& job_;
    const std::vector<Scene>& scenes_;
    const std::vector<Field>& fields_;
    const PairSums& kernels_;
    std::vector<std::int32_t> numbers_;
    PairAtoms near_;  // of the run
    double x_[kBlockVoxels], y_[kBlockVoxels / kRowVoxels], z_[kBlockVoxels / kRowVoxels], sums_[kBlockVoxels];
};

}  // namespace

void check_lennard_jones(const LennardJonesJob& job) {
    check(job);
    const auto is_length = [](double x) { return x >= kSmallestLength && x <= kLargestLength; };
    require(is_length(job.probe_width), [] { return std::string("the probe's width must lie between 1e-6 and 1e6 A"); });
    require(is_length(job.cutoff), [] { return std::string("the cutoff must lie between 1e-6 and 1e6 A"); });
    constexpr double kMostImages = 4e6;
    for (std::int64_t s = 0; s < job.structures; ++s) {
        const Scene scene(job, s);
        const std::int64_t first = job.entry_offsets[s], last = job.entry_offsets[s + 1];
        const double entries = static_cast<double>(last - first);
        const double images = entries * scene.surround(job, job.cutoff).count_translations(scene.enclose({0, 0, 0}, {scene.blocks.size[0], scene.blocks.size[1], kRun * scene.blocks.size[2]}));
        require(images <= std::max(entries, kMostImages), [&] {
            return "structure " + std::to_string(s) + ": more than 4 million periodic images lie within the cutoff of " +
                   std::to_string(job.cutoff) + " A, which is too large for the cell";
        });
        require(!scene.repeats_anywhere() || norm(job.origins + 3 * s) <= 1e9,
                [&] { return "grid " + std::to_string(s) + " lies more than 1e9 A from a periodic cell"; });
        for (std::int64_t e = first; e < last; ++e) {
            const PairAtom atom = make_atom(job, e);
            require(std::fabs(atom.c12) <= 1e300 && std::fabs(atom.at_cutoff) <= 1e300,
                    [&] { return "entry " + std::to_string(e) + ": epsilon sigma^12 overflows a double"; });
        }
    }
}

void draw_lennard_jones(const LennardJonesJob& job) {
    check_lennard_jones(job);
    if (job.structures == 0 || job.channels == 0) return;
    std::vector<Scene> scenes;
    scenes.reserve(static_cast<std::size_t>(job.structures));
    for (std::int64_t s = 0; s < job.structures; ++s) scenes.emplace_back(job, s);
    std::int64_t tasks = 0;
    const std::vector<Field> fields = list_fields(job, scenes, tasks);
    // a thread costs as much as 30,000 pairs of voxel and atom
    const double voxels = static_cast<double>(job.shape[0]) * static_cast<double>(job.shape[1]) * static_cast<double>(job.shape[2]);
    const double pairs = voxels * static_cast<double>(job.entries) * static_cast<double>(job.channels);
    run_tasks(tasks, pairs < 3e5 ? 1 : job.threads, [&] { return BlockDrawer(job, scenes, fields); });
}

}  // namespace particlegrid
