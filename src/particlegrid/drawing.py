"""What a Voxelizer hands to a native kernel, and the shape of what comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from particlegrid.batch import Batch
from particlegrid.densities import Drawing
from particlegrid.grid import Grids, count_voxels
from particlegrid.placements import find_lattices
from particlegrid.projection import project

if TYPE_CHECKING:
    from particlegrid.voxelizer import Voxelizer

__all__ = ["find_shape", "make_drawing"]


def make_drawing(vox: Voxelizer, batch: Batch, grids: Grids, out: NDArray[Any], **options: Any) -> Drawing:
    """The entries of a batch on its grids; `options` are more fields of `Drawing`."""
    entries = vox.which.list_entries(batch)
    widths = vox.what.atom_widths(batch)[entries.atoms]
    if entries.widths is not None:
        widths = np.where(np.isnan(entries.widths), widths, entries.widths)
    strengths = vox.what.atom_strengths(batch)
    weights = entries.weights if strengths is None else entries.weights * strengths[entries.atoms]
    lattices, periodic = find_lattices(batch, grids)
    drawing = Drawing(
        positions=batch.positions,
        atoms=entries.atoms,
        channels=entries.channels,
        weights=weights,
        widths=widths,
        offsets=entries.offsets,
        axes=np.ascontiguousarray(grids.axes),
        origins=np.ascontiguousarray(grids.origins),
        lattices=lattices,
        periodic=periodic,
        out=out,
        tol=vox.tol,
        threads=vox._count_threads(out),
        **options,
    )
    return drawing if grids.projection is None else project(drawing, grids.projection, vox.what)


def find_shape(vox: Voxelizer, batch: Batch, grids: Grids) -> tuple[int, ...]:
    """The result's shape for a batch whose grids share theirs: (n, C, X, Y, Z), or an axis less for a projection.

    Raises
    ------
    ValueError
        If the batch is empty and the placement does not say.
    """
    if len(batch):
        shape = grids.shapes[0].tolist()
    elif getattr(vox.where, "shape", None) is not None:
        shape = list(count_voxels(vox.where.shape))  # type: ignore[attr-defined]
    else:
        raise ValueError("no structures came, and the placement alone does not say the shape of a grid")
    if grids.projection is not None:
        del shape[grids.projection]
    return (len(batch), len(vox.channels), *shape)
