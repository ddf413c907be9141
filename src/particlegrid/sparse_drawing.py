"""What `Voxelizer.sparse` does: a native kernel draws into lists whose length is known only afterwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from particlegrid import _native
from particlegrid.adapt import as_batch
from particlegrid.batch import Batch
from particlegrid.drawing import find_shape, make_drawing
from particlegrid.memory import allocate, store
from particlegrid.sparse import EDGE, SparseGrids, sparse_class

if TYPE_CHECKING:
    from particlegrid.voxelizer import Voxelizer

__all__ = ["draw_sparse"]

_Draw = Callable[[_native.SparseSink, NDArray[Any]], bool]


def draw_sparse(vox: Voxelizer, structures: Any, layout: str, out: SparseGrids | None) -> Any:
    """See `particlegrid.Voxelizer.sparse`."""
    cls = sparse_class(layout)
    if out is not None and not isinstance(out, SparseGrids):
        raise TypeError(f"`out` must be an earlier result of sparse(), got {type(out).__name__}")
    batch, single = as_batch(structures)
    vox = vox._resolve(batch)
    result = _draw_molecules(vox, batch, cls, out)
    if result is None:
        grids = vox.where.place(batch)
        if grids.projection is not None:
            raise ValueError("sparse() keeps grids of three axes; draw a projection by calling the Voxelizer")
        if not single and not grids.share_shape:
            if out is not None:
                raise ValueError("the structures' grids differ in shape, so `out` cannot hold them; leave it out")
            return [draw_sparse(vox, structure, layout, None) for structure in batch]
        shape = find_shape(vox, batch, grids)
        # a density that changes sums afterwards may make something of nothing, and one that does not know what it
        # touches is not drawn plane by plane
        if vox._can_mark and len(batch):

            def draw(sink: _native.SparseSink, stand_in: NDArray[Any]) -> bool:
                drawing = make_drawing(vox, batch, grids, stand_in, sink=sink)
                # two kernels that share a batch cannot share a sink
                return len(set(drawing.oblique_pairs.tolist())) == 1 and vox.what.draw_natively(drawing)

            result = _fill(cls, shape, vox.dtype, draw, out)
        if result is None:
            dense = np.empty(shape, "float64" if vox.dtype == "float64" else "float32")
            vox._draw(batch, grids, dense)
            result = cls.from_dense(dense)
    result = _as_dtype(result, vox.dtype)
    return replace(result, shape=result.shape[1:]) if single else result


def _draw_molecules(
    vox: Voxelizer, batch: Batch, cls: type[SparseGrids], out: SparseGrids | None
) -> SparseGrids | None:
    """The short way of `particlegrid.molecules`; None if it does not lead there."""
    style = vox._style
    if style is None or batch.cells is not None:
        return None
    outside = 0

    def draw(sink: _native.SparseSink, stand_in: NDArray[Any]) -> bool:
        nonlocal outside
        threads = vox._count_threads(stand_in)
        outside = style.draw(batch.positions, batch.numbers, batch.offsets, stand_in, threads, None, sink)
        return outside >= 0

    result = _fill(cls, (len(batch), *vox._molecule_shape), vox.dtype, draw, out)
    if outside > 0:
        vox.where.place(batch)  # says so
    return result


def _fill(
    cls: type[SparseGrids], shape: tuple[int, ...], dtype: str, draw: _Draw, out: SparseGrids | None
) -> SparseGrids | None:
    """Draw into an earlier result's memory, and where that is too small once more; None if `draw` cannot."""
    dtype = "float64" if dtype == "float64" else "float32"
    item = () if cls is SparseGrids else (EDGE,) * 3
    values, places = _reuse(out, item, dtype)
    counts = np.zeros(shape[0], np.int64)
    # one element that stands for all; it says the shape and the type
    stand_in = np.lib.stride_tricks.as_strided(np.zeros(1, dtype), shape, (0,) * 5)
    while True:
        sink = _native.SparseSink(values, places, counts)
        if not draw(sink, stand_in) or not sink.is_complete:
            return None
        if sink.needed <= len(places):
            break
        # an eighth more, so that the next batch, which may be a little fuller, fits
        capacity = sink.needed + sink.needed // 8
        values, places = allocate((capacity, *item), dtype), allocate((capacity,), "int32")
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
    return cls(shape, offsets, places[: sink.needed], values[: sink.needed], (values, places))


def _reuse(out: SparseGrids | None, item: tuple[int, ...], dtype: str) -> tuple[NDArray[Any], NDArray[np.int32]]:
    if out is not None and out.memory is not None:
        values, places = out.memory
        if values.dtype == dtype and values.shape[1:] == item:
            return values, places
    return np.empty((0, *item), dtype), np.empty(0, np.int32)


def _as_dtype(grids: SparseGrids, dtype: str) -> SparseGrids:
    """Round to a 16-bit type; the memory in the type of the sums is kept for reuse."""
    if grids.values.dtype.name == dtype:
        return grids
    values = allocate(grids.values.shape, dtype)
    store(grids.values, values)
    return replace(grids, values=values)
