#include "kernels.hpp"

#include "kernels/axis_weights.hpp"
#include "kernels/plane_writer.hpp"
#include "kernels/rows.hpp"

namespace particlegrid {
namespace {

template <class T, class Out>
void draw_plane(const PlaneJob& job, const T* weights, T* tile) {
    accumulate(job, weights, tile);
    if (job.bypass_cache) write_plane<true, T, Out>(job, tile);
    else write_plane<false, T, Out>(job, tile);
}

void finish_stores() {
#if defined(PG_X86)
    _mm_sfence();
#endif
}

}  // namespace

#define PG_JOIN_(a, b) a##b
#define PG_JOIN(a, b) PG_JOIN_(a, b)
#define PG_TEXT_(a) #a
#define PG_TEXT(a) PG_TEXT_(a)

extern const Kernels PG_JOIN(kernels_, PG_TARGET);
const Kernels PG_JOIN(kernels_, PG_TARGET) = {
    PG_TEXT(PG_TARGET),
    {weigh_axis<float>, {draw_plane<float, Half>, draw_plane<float, float>, nullptr}},
    {weigh_axis<double>, {nullptr, nullptr, draw_plane<double, double>}},
    finish_stores,
};

}  // namespace particlegrid
