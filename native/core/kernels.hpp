// What is compiled once for each instruction set: loops over raw pointers, and nothing that allocates or throws.
// kernels.cpp keeps everything in an unnamed namespace and exports one table, so that no inline function compiled for
// a newer processor can be merged into code that runs on an older one.
#pragma once

#include <cstdint>

#include "derivative_jobs.hpp"
#include "radial_moments.hpp"
#include "sheared_stroke.hpp"

namespace particlegrid {

// Rows of weights are padded with zeros to this many bytes: one AVX register, two SSE or NEON ones.
inline constexpr std::int64_t kRowBytes = 32;

// The integral of a Gaussian over a voxel whose centre lies s sigmas away is exp(-s^2 / 2) times a polynomial in s^2 that
// depends on the voxel's length in sigmas alone. Seven terms leave 1e-8 of the largest weight up to kSeriesLimit.
inline constexpr int kSeriesTerms = 7;
inline constexpr double kSeriesLimit = 1.25;  // sigmas

// Blocks of sparse output have this many voxels along each axis.
inline constexpr std::int64_t kBlockEdge = 8;
inline constexpr std::int64_t kBlockVoxels = kBlockEdge * kBlockEdge * kBlockEdge;

// One Gaussian along one axis. Voxel i covers [i h, (i + 1) h] and the atom sits at `offset`, all in A.
struct AxisJob {
    double offset;
    double sigma;
    double spacing;
    double scale;          // multiplies every weight
    std::int64_t first;    // first voxel of the support
    std::int64_t count;    // voxels in the support
    std::int64_t padded;   // weights to write, a multiple of the elements in kRowBytes; those beyond count are zero
    bool point;            // exp(-d^2 / 2 sigma^2) at the voxel's centre, else the integral over the voxel
    const float* series;   // coefficients for single precision; null where it would not be exact enough, or for points
};

// Where an entry touches the grid, and where its weights along x, y, z begin in the weights buffer.
struct Window {
    std::int64_t first[3];
    std::int64_t count[3];
    std::int64_t padded_z;
    std::int64_t weights[3];
    std::int32_t channel;
};

// The windows to add to the tile (y, z) of plane x.
struct PlaneWindows {
    std::int64_t x;
    std::int64_t columns;  // Z
    const Window* windows;
    const std::int32_t* numbers;  // which windows, in drawing order
    std::int64_t count;
};

// A point charge by the index coordinates of its place, where voxel (i, j, k) has its centre at (i, j, k).
struct PointCharge {
    double index[3];
    double charge;  // times the Coulomb constant
};

// Plane x of a grid whose voxels' edges are (across[0..2]), (0, along[0..1]) and (0, 0, length) in a frame turned so. Rows
// of the plane are padded to `stride` elements, a multiple of kRowBytes.
struct TurnedPlane {
    double across[3], along[2], length;  // A
    std::int64_t x, rows, columns, stride;
    double alpha;  // 1/A: charges have the potential erfc(alpha d) / d; 0 for 1 / d
    double reach;  // A: no farther; infinite for all
};

// The charges to add to such a plane.
struct ChargedPlane : TurnedPlane {
    const PointCharge* charges;
    const std::int32_t* numbers;  // which charges, in drawing order
    std::int64_t count;
};
inline constexpr double kAtACharge = 1e-9;  // A: positions are no more exact, so nearer than that is there

// Derivatives of a potential f(d^2) of one charge are sums over voxels of these, where u is a voxel's index less the
// charge's: 1, u_x, u_y, u_z, then u_x^2, u_x u_y, u_x u_z, u_y^2, u_y u_z, u_z^2. With g a value given for each voxel:
struct ChargeMoments {
    double potential;   // sum g f
    double slope[10];   // moments of 2 g f', f' = df / d(d^2)
    double second[10];  // moments of 4 g f'' (delta . change of delta)
};

// How delta, from a charge to a voxel, changes along itself: delta . change = square (as the six products above) and
// linear in u.
struct ChargeDrift {
    double linear[3], square[6];
};

// c += a b for matrices in rows of so many elements; `columns` and the rows of b and c are multiples of kRowBytes.
struct MatrixProduct {
    std::int64_t rows, inner, columns;
    const double *a, *b;
    double* c;
    std::int64_t a_stride, b_stride, c_stride;
};

// Element by element products of complex numbers, kept as two arrays each.
struct ComplexProduct {
    std::int64_t count;
    const double *a_real, *a_imaginary, *b_real, *b_imaginary;
    double *real, *imaginary;
};

// One plane of one channel of the output: write the tile there and leave it zero.
struct PlaneOutput {
    std::int64_t rows, columns;        // Y, Z
    std::int64_t first_row, last_row;        // the part of the tile that may hold anything: [first, last)
    std::int64_t first_column, last_column;  // ... of write_box; the others take whole rows
    void* out;                         // element (0, 0) of the plane
    std::int64_t row_stride, column_stride;  // bytes
    bool bypass_cache;                       // write around the cache: the output is larger than it
};

// Rows of a plane that are summed and written without a tile. Entry e has the weights z[e * columns + k] along a row,
// y[e * y_stride + j] along the plane's rows and x[x_places[e] + plane] for the plane; zero where it does not reach.
struct RowPlane {
    std::int64_t first_row, last_row;  // of the plane; the first is a multiple of rows_together(columns / 8)
    std::int64_t columns;              // a multiple of 8, and of 16 for output of 16 bits; 64 at most
    std::int64_t plane;
    const float *x, *y, *z;
    const std::int64_t* x_places;
    std::int64_t y_stride;
    std::int64_t words;             // of 64 entries each
    const std::uint64_t* in_plane;  // (words,): a bit for each entry that reaches the plane
    const std::uint64_t* in_rows;   // (rows / rows_together, words): ... and for each that reaches these rows
    void* out;                      // the first element; a multiple of 16 bytes
};

// So many rows are summed at once, of so many vectors each: what the registers hold.
constexpr int rows_together(int vectors) { return vectors <= 2 ? 4 : vectors <= 4 ? 3 : vectors <= 6 ? 2 : 1; }

// Where the last row ended, so that what follows it in memory goes on in the same line.
struct RowStream {
    alignas(16) unsigned char kept[16];  // written with what follows
    char* next = nullptr;
    bool shifted = false;  // by 16 bytes from a multiple of 32
    bool begun = false;    // `kept` holds something
};

// The part of a plane's tile that may hold anything.
struct PlaneExtent {
    std::int64_t rows, columns;  // Y, Z: all of the tile
    std::int64_t first_row, last_row, first_column, last_column;
};

// Values that are looked at together: the bits of a word tell which of them are not zero.
inline constexpr std::int64_t kCollected = 64;

// Take what is not zero out of the tile and leave it zero.
template <class T>
struct Collector {
    // Write values and their places, which are `place` at the tile's first element, and return their number. Up to
    // 2 kCollected of each may be read behind the tile and written behind them.
    std::int64_t (*collect_values)(const PlaneExtent&, T* tile, std::int32_t place, T* values, std::int32_t* places);
    // Write plane x into blocks of 8^3: slots[y / 8 * ceil(columns / 8) + z / 8] is a block's number in `blocks`, -1
    // where it has none yet and takes the next, counted from `used`. Bit x % 8 of written[number] tells that the block's
    // plane was written; the others hold anything. Returns the new count.
    std::int32_t (*collect_blocks)(const PlaneExtent&, T* tile, std::int64_t x, std::int32_t* slots, std::int32_t used,
                                   std::uint8_t* written, T* blocks);
};

// The tile has rows * columns elements and a padding of kRowBytes behind them. Functions by OutputType; null where T
// does not serve it.
template <class T>
struct Writer : Collector<T> {
    void (*write_plane[4])(const PlaneOutput&, T* tile);  // every element of the plane
    void (*write_box[4])(const PlaneOutput&, T* tile);    // only the part given
};

template <class T>
struct Accumulator : Writer<T> {
    // Scratch of `count + 1` doubles, rounded up to 8.
    void (*weigh_axis)(const AxisJob&, double* scratch, T* weights);
    void (*add_windows)(const PlaneWindows&, const T* weights, T* tile);
    void (*add_sheared)(const ShearedStroke&, const double* nodes, const T* tables, T* tile);
    void (*paint_radial)(const RadialPlane&, T* tile);
    // Add the moments of one charge, by its index coordinates, in a plane of the values g (rows without padding). The
    // drift is null where `second` is not wanted.
    void (*add_moments)(const TurnedPlane&, const double* index, const ChargeDrift*, const T* values, ChargeMoments&);
};

// Which of the atoms [first, last) lie within reach of a box.
struct NearQuery {
    const double* positions[3];  // x, y and z of all atoms; kRowBytes more can be read behind each
    std::int64_t first, last;
    double center[3], half[3];  // of the box
    double reach2;
};

// One source of pair terms: c12 / d^12 - c6 / d^6 - at_cutoff.
struct PairAtom {
    double position[3];
    double c12, c6, at_cutoff;
};

// Voxels come in rows of so many along x, a vector of doubles; the voxels of a row have the same y and z.
inline constexpr std::int64_t kRowVoxels = kRowBytes / static_cast<std::int64_t>(sizeof(double));

struct PairBlock {
    const double *x, *y, *z;  // the voxels' centres: x of every voxel, y and z of every row
    std::int64_t rows;        // a multiple of kRowVoxels
    const PairAtom* atoms;
    const std::int32_t* numbers;  // which atoms
    std::int64_t count;
    double cutoff2;
};

// Part of one channel of the output, and where its values begin.
struct BlockOutput {
    void* out;
    std::int64_t count[3];    // the last runs fastest in the sums
    std::int64_t strides[3];  // bytes
};

struct PairSums {
    // Numbers of those whose distance from the box is less than the reach; room for last - first + kRowBytes of them.
    std::int64_t (*find_near)(const NearQuery&, std::int32_t* numbers);
    void (*add_lennard_jones)(const PairBlock&, double* sums);  // over all atoms with d < cutoff; overwrites the sums
    void (*write_block[4])(const BlockOutput&, const double* sums);  // by OutputType; lines are padded to rows
};

struct Kernels {
    const char* name;
    Accumulator<float> single;
    Accumulator<double> twice;
    // 1 / d or erfc(alpha d) / d; at a charge what is left of the latter without 1 / d.
    void (*add_charges)(const ChargedPlane&, double* plane);
    // Add what the potential of a charge changes by: that of `change`, and charge.charge times that of the drift.
    void (*add_charge_drift)(const TurnedPlane&, const PointCharge&, double change, const ChargeDrift&, double* plane);
    void (*add_product)(const MatrixProduct&);
    void (*multiply_complex)(const ComplexProduct&);
    PairSums pairs;
    RadialDerivatives radial;
    Derivatives<float> single_derivatives;
    Derivatives<double> twice_derivatives;
    // Rows around the cache, by OutputType; null where T or the processor does not serve it.
    void (*stream_rows[4])(const RowPlane&, RowStream&);
    void (*end_rows)(RowStream&);  // before the stream goes
    void (*finish_stores)();  // after cache-bypassing stores, before another thread reads them
};

// Tables of erf and its derivative at k / 16, k = 0 .. 96, for the kernels' Taylor steps; filled before main.
inline constexpr int kErfNodes = 97;
struct ErfTable {
    double value[kErfNodes];
    double slope[kErfNodes];  // 2 / sqrt(pi) exp(-x^2)
};
extern const ErfTable erf_table;

}  // namespace particlegrid
