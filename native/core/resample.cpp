#include "resample.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

#include "parallel.hpp"

namespace particlegrid {

namespace {

void require(bool condition, const char* message) {
    if (!condition) throw std::invalid_argument(message);
}

void check(const ResampleJob& job) {
    constexpr std::int64_t kLongestAxis = 1 << 20;
    constexpr double kFarthest = 1e9;  // voxels; doubles still resolve 1e-7 of one there
    require(job.structures >= 0 && job.channels >= 0, "counts must not be negative");
    require(job.threads >= 1 && job.threads <= 1024, "threads must lie between 1 and 1024");
    for (int d = 0; d < 3; ++d) {
        require(job.source_shape[d] >= 1 && job.source_shape[d] <= kLongestAxis,
                "an axis of the source must have 1 to 2^20 voxels");
        require(job.target_shape[d] >= 1 && job.target_shape[d] <= kLongestAxis,
                "an axis of the target must have 1 to 2^20 voxels");
        double farthest = std::fabs(job.start[d]);
        for (int axis = 0; axis < 3; ++axis)
            farthest += std::fabs(job.steps[axis][d]) * static_cast<double>(job.target_shape[axis] - 1);
        require(farthest <= kFarthest, "the target must lie within 1e9 of the source's voxels from the source");
    }
}

// Weights of the voxels at floor(t), floor(t) + 1; f = t - floor(t).
template <class T>
inline void weigh(double f, T (&w)[2]) {
    w[0] = static_cast<T>(1.0 - f);
    w[1] = static_cast<T>(f);
}

// Weights of the voxels at floor(t) - 1 .. floor(t) + 2: Keys' kernel at 1 + f, f, 1 - f, 2 - f.
template <class T>
inline void weigh(double f, T (&w)[4]) {
    w[0] = static_cast<T>(((1.0 - 0.5 * f) * f - 0.5) * f);
    w[1] = static_cast<T>((1.5 * f - 2.5) * f * f + 1.0);
    w[2] = static_cast<T>(((2.0 - 1.5 * f) * f + 0.5) * f);
    w[3] = static_cast<T>((0.5 * f - 0.5) * f * f);
}

// The source's voxels that one voxel of the target reads. Most read kTaps along each axis, which lie side by side: the
// inner ones. The others read fewer: none outside, one where they meet a centre.
template <class T, int kTaps>
struct Point {
    bool inner;
    std::ptrdiff_t base;  // bytes to the first voxel, if inner
    T weight[3][kTaps];
    int count[3];                      // if not inner
    std::ptrdiff_t offset[3][kTaps];  // bytes, if not inner
};

// Keep the taps of axis `d` that are inside and not of weight zero.
template <class T, int kTaps>
void list_taps(std::int64_t first, bool on_centre, std::int64_t n, bool periodic, std::ptrdiff_t stride, int d,
               Point<T, kTaps>& point) {
    constexpr int kBefore = kTaps / 2 - 1;
    int count = 0;
    for (int k = on_centre ? kBefore : 0; k < (on_centre ? kBefore + 1 : kTaps); ++k) {
        std::int64_t i = first + k;
        if (periodic) i = (i % n + n) % n;
        if (i < 0 || i >= n) continue;
        point.offset[d][count] = i * stride;
        point.weight[d][count++] = on_centre ? T(1) : point.weight[d][k];
    }
    point.count[d] = count;
}

template <class T, int kTaps>
void find_point(const ResampleJob& job, const double (&t)[3], Point<T, kTaps>& point) {
    // closer to a centre than this counts as on it, so that a grid meets its own centres in spite of rounding
    constexpr double kOnCentre = 1e-9;
    std::int64_t first[3];
    bool on_centre[3];
    point.inner = true;
    point.base = 0;
    for (int d = 0; d < 3; ++d) {
        std::int64_t i = static_cast<std::int64_t>(t[d]);
        i -= t[d] < static_cast<double>(i);  // floor
        const double f = t[d] - static_cast<double>(i);
        weigh(f, point.weight[d]);
        on_centre[d] = f < kOnCentre || f > 1.0 - kOnCentre;
        first[d] = i + (f > 0.5 && on_centre[d]) - (kTaps / 2 - 1);
        point.inner &= !on_centre[d] && first[d] >= 0 && first[d] + kTaps <= job.source_shape[d];
        point.base += first[d] * job.source_strides[d + 2];
    }
    if (point.inner) return;
    for (int d = 0; d < 3; ++d)
        list_taps(first[d], on_centre[d], job.source_shape[d], job.periodic[d], job.source_strides[d + 2], d, point);
}

// What the voxels of one row of the target, along z, read.
template <class T, int kTaps>
class PointRow {
public:
    explicit PointRow(const ResampleJob& job) : job_(job), points_(static_cast<std::size_t>(job.target_shape[2])) {}

    const std::vector<Point<T, kTaps>>& find(std::int64_t x, std::int64_t y) {
        const double i = static_cast<double>(x), j = static_cast<double>(y);
        for (std::size_t z = 0; z < points_.size(); ++z) {
            double t[3];
            for (std::size_t d = 0; d < 3; ++d)
                t[d] = job_.start[d] + i * job_.steps[0][d] + j * job_.steps[1][d] +
                       static_cast<double>(z) * job_.steps[2][d];
            find_point(job_, t, points_[z]);
        }
        return points_;
    }

private:
    const ResampleJob& job_;
    std::vector<Point<T, kTaps>> points_;
};

// The weighted sum of what a point reads.
template <class T, int kTaps>
inline T read_point(const Point<T, kTaps>& p, const char* from, std::ptrdiff_t sx, std::ptrdiff_t sy,
                    std::ptrdiff_t sz) {
    T sum = T(0);
    if (p.inner) {
        from += p.base;
        for (int a = 0; a < kTaps; ++a) {
            T plane = T(0);
            for (int b = 0; b < kTaps; ++b) {
                T row = T(0);
                for (int c = 0; c < kTaps; ++c)
                    row += p.weight[2][c] * *reinterpret_cast<const T*>(from + a * sx + b * sy + c * sz);
                plane += p.weight[1][b] * row;
            }
            sum += p.weight[0][a] * plane;
        }
        return sum;
    }
    for (int a = 0; a < p.count[0]; ++a)
        for (int b = 0; b < p.count[1]; ++b)
            for (int c = 0; c < p.count[2]; ++c)
                sum += p.weight[0][a] * p.weight[1][b] * p.weight[2][c] *
                       *reinterpret_cast<const T*>(from + p.offset[0][a] + p.offset[1][b] + p.offset[2][c]);
    return sum;
}

// The transpose: add `value` times its weight to each voxel that a point reads.
template <class T, int kTaps>
inline void add_point(const Point<T, kTaps>& p, T value, char* to, std::ptrdiff_t sx, std::ptrdiff_t sy,
                      std::ptrdiff_t sz) {
    if (p.inner) {
        to += p.base;
        for (int a = 0; a < kTaps; ++a)
            for (int b = 0; b < kTaps; ++b) {
                const T w = value * p.weight[0][a] * p.weight[1][b];
                for (int c = 0; c < kTaps; ++c)
                    *reinterpret_cast<T*>(to + a * sx + b * sy + c * sz) += w * p.weight[2][c];
            }
        return;
    }
    for (int a = 0; a < p.count[0]; ++a)
        for (int b = 0; b < p.count[1]; ++b)
            for (int c = 0; c < p.count[2]; ++c)
                *reinterpret_cast<T*>(to + p.offset[0][a] + p.offset[1][b] + p.offset[2][c]) +=
                    value * p.weight[0][a] * p.weight[1][b] * p.weight[2][c];
}

// Fields (a structure's channel each) that are worked on together: finding what a row reads costs as much as reading it.
struct Groups {
    std::int64_t fields, size, count;

    explicit Groups(const ResampleJob& job) : fields(job.structures * job.channels) {
        size = std::clamp<std::int64_t>(fields / (std::int64_t{2} * job.threads), 1, 8);
        count = (fields + size - 1) / size;
    }
    std::int64_t first(std::int64_t group) const { return group * size; }
    std::int64_t last(std::int64_t group) const { return std::min(fields, first(group) + size); }
};

std::ptrdiff_t field_offset(const ResampleJob& job, const std::array<std::ptrdiff_t, 5>& strides, std::int64_t field) {
    return field / job.channels * strides[0] + field % job.channels * strides[1];
}

// Threads are worth their start only for more than about 0.3 ms of work.
int useful_threads(const ResampleJob& job) {
    const double taps = job.method == Interpolation::cubic ? 64.0 : 8.0;
    double work = taps * static_cast<double>(job.structures) * static_cast<double>(job.channels);
    for (const std::int64_t n : job.target_shape) work *= static_cast<double>(n);
    return work < 4e5 ? 1 : job.threads;
}

template <class T, int kTaps>
void gather(const ResampleJob& job, const char* source, char* target) {
    const Groups groups(job);
    const std::ptrdiff_t sx = job.source_strides[2], sy = job.source_strides[3], sz = job.source_strides[4];
    const std::int64_t planes = job.target_shape[0];
    run_tasks(groups.count * planes, useful_threads(job), [&] {
        return [&, row = PointRow<T, kTaps>(job)](std::int64_t task) mutable {
            const std::int64_t group = task / planes, x = task % planes;
            for (std::int64_t y = 0; y < job.target_shape[1]; ++y) {
                const auto& points = row.find(x, y);
                for (std::int64_t field = groups.first(group); field < groups.last(group); ++field) {
                    const char* from = source + field_offset(job, job.source_strides, field);
                    char* to = target + field_offset(job, job.target_strides, field) + x * job.target_strides[2] +
                               y * job.target_strides[3];
                    for (const auto& point : points) {
                        *reinterpret_cast<T*>(to) = read_point(point, from, sx, sy, sz);
                        to += job.target_strides[4];
                    }
                }
            }
        };
    });
}

template <class T>
void clear(const ResampleJob& job, char* field) {
    for (std::int64_t x = 0; x < job.source_shape[0]; ++x)
        for (std::int64_t y = 0; y < job.source_shape[1]; ++y) {
            char* to = field + x * job.source_strides[2] + y * job.source_strides[3];
            for (std::int64_t z = 0; z < job.source_shape[2]; ++z, to += job.source_strides[4])
                *reinterpret_cast<T*>(to) = T(0);
        }
}

template <class T, int kTaps>
void scatter(const ResampleJob& job, const char* target, char* source) {
    const Groups groups(job);
    const std::ptrdiff_t sx = job.source_strides[2], sy = job.source_strides[3], sz = job.source_strides[4];
    run_tasks(groups.count, useful_threads(job), [&] {
        return [&, row = PointRow<T, kTaps>(job)](std::int64_t group) mutable {
            for (std::int64_t field = groups.first(group); field < groups.last(group); ++field)
                clear<T>(job, source + field_offset(job, job.source_strides, field));
            for (std::int64_t x = 0; x < job.target_shape[0]; ++x)
                for (std::int64_t y = 0; y < job.target_shape[1]; ++y) {
                    const auto& points = row.find(x, y);
                    for (std::int64_t field = groups.first(group); field < groups.last(group); ++field) {
                        char* to = source + field_offset(job, job.source_strides, field);
                        const char* from = target + field_offset(job, job.target_strides, field) +
                                           x * job.target_strides[2] + y * job.target_strides[3];
                        for (const auto& point : points) {
                            add_point(point, *reinterpret_cast<const T*>(from), to, sx, sy, sz);
                            from += job.target_strides[4];
                        }
                    }
                }
        };
    });
}

}  // namespace

void resample(const ResampleJob& job, const void* source, void* target) {
    check(job);
    const char* from = static_cast<const char*>(source);
    char* to = static_cast<char*>(target);
    const bool cubic = job.method == Interpolation::cubic;
    if (job.twice) cubic ? gather<double, 4>(job, from, to) : gather<double, 2>(job, from, to);
    else cubic ? gather<float, 4>(job, from, to) : gather<float, 2>(job, from, to);
}

void resample_adjoint(const ResampleJob& job, const void* target, void* source) {
    check(job);
    const char* from = static_cast<const char*>(target);
    char* to = static_cast<char*>(source);
    const bool cubic = job.method == Interpolation::cubic;
    if (job.twice) cubic ? scatter<double, 4>(job, from, to) : scatter<double, 2>(job, from, to);
    else cubic ? scatter<float, 4>(job, from, to) : scatter<float, 2>(job, from, to);
}

}  // namespace particlegrid
