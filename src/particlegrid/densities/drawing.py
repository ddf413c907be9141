"""What a native kernel gets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from particlegrid import _native

__all__ = ["Drawing"]


@dataclass(frozen=True, eq=False)
class Drawing:
    """What a native kernel gets: entries on grids of one shape. All arrays but `out` are C-contiguous.

    Attributes
    ----------
    positions : ndarray, shape (N, 3), float64
        Of all atoms, in A.
    atoms, channels : ndarray, shape (m,), int64
    weights, widths : ndarray, shape (m,), float64
    offsets : ndarray, shape (n + 1,), int64
        Structure i owns the entries ``offsets[i]:offsets[i + 1]``.
    axes : ndarray, shape (n, 3, 3), float64
        Edge vectors of a voxel (rows) of each grid, in A.
    origins : ndarray, shape (n, 3), float64
        Corners of voxel (0, 0, 0), in A.
    lattices : ndarray, shape (n, 3, 3), float64, or None
        Vectors along which the atoms repeat (rows), in A; None where nothing repeats.
    periodic : ndarray, shape (n, 3), bool, or None
        Which of these vectors do.
    out : ndarray, shape (n, C, X, Y, Z)
        Of any strides.
    tol : float
    threads : int
    touched : ndarray, shape (n, C, X, 4), int32, or None
        Rows and columns of each plane of `out` that may hold anything but zero; only these are cleared.
    sink : SparseSink, optional
        Where the values go instead; `out` then is one element that stands for all. Only for densities that heed
        `touched`.
    """

    positions: NDArray[np.float64]
    atoms: NDArray[np.int64]
    channels: NDArray[np.int64]
    weights: NDArray[np.float64]
    widths: NDArray[np.float64]
    offsets: NDArray[np.int64]
    axes: NDArray[np.float64]
    origins: NDArray[np.float64]
    lattices: NDArray[np.float64] | None
    periodic: NDArray[np.bool_] | None
    out: NDArray[Any]
    tol: float
    threads: int
    touched: NDArray[np.int32] | None = None
    sink: _native.SparseSink | None = None

    tensors: ClassVar[Sequence[Any] | None] = None
    """Positions, weights, widths, axes, origins, lattices, atoms, channels, offsets and periodic as tensors that have
    DLPack's table of C functions; kernels then look at these alone."""

    @property
    def oblique_pairs(self) -> NDArray[np.int64]:
        """How many pairs of edges of each structure's voxels are not perpendicular, shape (n,).

        None: orthogonal voxels. One: the third edge is perpendicular to both. Two or three: triclinic ones.
        """
        if np.count_nonzero(self.axes) == 3 * len(self.axes):  # all that span a volume lie along x, y and z
            return np.zeros(len(self.axes), np.int64)
        edges = self.axes / np.linalg.norm(self.axes, axis=2, keepdims=True)
        cosines = edges @ edges.swapaxes(1, 2)
        return np.asarray((abs(cosines[:, (0, 1, 2), (1, 2, 0)]) > 1e-9).sum(axis=1))

    def split(self, kinds: NDArray[np.int64]) -> Iterator[tuple[int, Drawing]]:
        """Each run of structures of one kind, with the kind: how a density takes several kernels for one batch."""
        if len(kinds) and (kinds == kinds[0]).all():
            yield int(kinds[0]), self
            return
        ends = [*np.flatnonzero(np.diff(kinds)) + 1, len(kinds)]
        for start, end in zip([0, *ends[:-1]], ends):
            some = slice(start, end)
            entries = slice(self.offsets[start], self.offsets[end])
            yield (
                int(kinds[start]),
                replace(
                    self,
                    atoms=self.atoms[entries],
                    channels=self.channels[entries],
                    weights=self.weights[entries],
                    widths=self.widths[entries],
                    offsets=self.offsets[start : end + 1] - self.offsets[start],
                    axes=self.axes[some],
                    origins=self.origins[some],
                    lattices=None if self.lattices is None else self.lattices[some],
                    periodic=None if self.periodic is None else self.periodic[some],
                    out=self.out[some],
                    touched=None if self.touched is None else self.touched[some],
                ),
            )
