#include "kernels.hpp"

#include "kernels/axis_weights.hpp"
#include "kernels/charge_slopes.hpp"
#include "kernels/matrices.hpp"
#include "kernels/collect.hpp"
#include "kernels/derivative_rows.hpp"
#include "kernels/pair_sums.hpp"
#include "kernels/plane_writer.hpp"
#include "kernels/radial_moments.hpp"
#include "kernels/radial_rows.hpp"
#include "kernels/row_stream.hpp"
#include "kernels/rows.hpp"
#include "kernels/sheared_orders.hpp"
#include "kernels/sheared_rows.hpp"

namespace particlegrid {
namespace {

template <class T, class Out>
void write_plane(const PlaneOutput& plane, T* tile) {
    if (plane.bypass_cache) write_tile<true, T, Out>(plane, tile);
    else write_tile<false, T, Out>(plane, tile);
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
    {{{collect_values<float>, collect_blocks<float>},
      {write_plane<float, Half>, write_plane<float, float>, nullptr, write_plane<float, Brain>},
      {write_box<float, Half>, write_box<float, float>, nullptr, write_box<float, Brain>}},
     weigh_axis<float>,
     add_windows<float>,
     add_sheared<float>,
     paint_radial<float>,
     add_moments<float>},
    {{{collect_values<double>, collect_blocks<double>},
      {nullptr, nullptr, write_plane<double, double>, nullptr},
      {nullptr, nullptr, write_box<double, double>, nullptr}},
     weigh_axis<double>,
     add_windows<double>,
     add_sheared<double>,
     paint_radial<double>,
     add_moments<double>},
    add_charges,
    add_charge_drift,
    add_product,
    multiply_complex,
    {find_near, add_lennard_jones, {write_block<Half>, write_block<float>, write_block<double>, write_block<Brain>}},
    {sum_radial_once, sum_radial_twice, add_radial_change, contend_radial},
    {weigh_line<float>, collect_derivatives<float>, spread_derivatives<float>, collect_sheared<float>, spread_sheared<float>},
    {weigh_line<double>, collect_derivatives<double>, spread_derivatives<double>, collect_sheared<double>, spread_sheared<double>},
#if defined(__AVX2__) && defined(__F16C__)
    {stream_rows<Half>, stream_rows<float>, nullptr, stream_rows<Brain>},
    end_rows,
#else
    {},
    nullptr,
#endif
    finish_stores,
};

}  // namespace particlegrid
