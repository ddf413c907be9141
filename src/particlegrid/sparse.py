"""Sparse grids: the values that are not zero, one by one or in blocks of 8^3."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from particlegrid.errors import choose, require

__all__ = ["EDGE", "SparseBlocks", "SparseGrids", "sparse_class"]

EDGE = 8
"""Voxels along each edge of a block."""


@dataclass(frozen=True, eq=False, repr=False)
class SparseGrids:
    """The values of one or many grids that are not zero, in coordinate (COO) form: sorted, each voxel at most once.

    Parameters
    ----------
    shape : tuple of int
        Of the dense array: (C, X, Y, Z), or (n, C, X, Y, Z) for many structures.
    offsets : ndarray, shape (n + 1,), int64
        Structure i owns the items ``offsets[i]:offsets[i + 1]``.
    places : ndarray, shape (m,), int32
        Where each value belongs in its structure: the flat index in (C, X, Y, Z). `indices` spells it out.
    values : ndarray, shape (m,)
    memory : tuple of ndarray, optional
        What `values` and `places` were cut from, for `Voxelizer.sparse` to write to again.

    Examples
    --------
    >>> from particlegrid import Box, Elements, Gaussian, Structure, Voxelizer
    >>> vox = Voxelizer(Box(32, spacing=0.5), Elements("H", "O"), Gaussian(0.3))
    >>> water = Structure([[0, 0, 0], [0.76, 0.59, 0], [-0.76, 0.59, 0]], ["O", "H", "H"])
    >>> grids = vox.sparse([water, water])
    >>> grids.shape, grids.indices.shape == (len(grids.values), 5)
    ((2, 2, 32, 32, 32), True)
    >>> bool((grids.to_dense() == vox([water, water])).all())
    True
    """

    shape: tuple[int, ...]
    offsets: NDArray[np.int64]
    places: NDArray[np.int32]
    values: NDArray[Any]
    memory: tuple[NDArray[Any], NDArray[np.int32]] | None = None

    @classmethod
    def from_dense(cls, array: NDArray[Any]) -> Self:
        """Of an array (C, X, Y, Z) or (n, C, X, Y, Z)."""
        flat = array.reshape(*((1,) if array.ndim == 4 else ()), *array.shape).reshape(-1, np.prod(array.shape[-4:]))
        owners, places = np.nonzero(flat)
        return cls(array.shape, _offsets(owners, len(flat)), places.astype(np.int32), flat[owners, places])

    @property
    def owners(self) -> NDArray[np.int64]:
        """The structure that each item belongs to, shape (m,)."""
        return np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))

    @property
    def indices(self) -> NDArray[np.int32]:
        """Index of each item in the dense array, shape (m, 4) or (m, 5), int32, in ascending order.

        Of blocks: (structure,) channel, x // 8, y // 8, z // 8.
        """
        within = np.unravel_index(self.places, self._item_shape)
        columns = within if len(self.shape) == 4 else (self.owners, *within)
        return np.stack(columns, axis=1).astype(np.int32)

    @property
    def nbytes(self) -> int:
        """Bytes of values, places and offsets."""
        return self.values.nbytes + self.places.nbytes + self.offsets.nbytes

    @property
    def _item_shape(self) -> tuple[int, ...]:
        return self.shape[-4:]

    @property
    def _flat(self) -> NDArray[np.int64]:
        """Index of each item among those of all structures."""
        size = int(np.prod(self._item_shape))
        return self.owners * size + self.places

    def to_dense(self) -> NDArray[Any]:
        """The dense array, of `shape`: bit for bit what the Voxelizer draws, but for the sign of zeros."""
        dense = np.zeros(self.shape, self.values.dtype)
        dense.reshape(-1)[self._flat] = self.values
        return dense

    def to_torch(self) -> Any:
        """A coalesced ``torch.sparse_coo_tensor`` of `shape`; values share memory, indices become int64.

        Raises
        ------
        ImportError
            If torch is not installed.
        """
        torch = require("torch", "torch")
        indices = torch.from_numpy(self.indices.T.astype(np.int64))
        return torch.sparse_coo_tensor(
            indices, torch.from_numpy(self.values), self.shape, is_coalesced=True, check_invariants=False
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.values.shape[0]:,} items of {self.shape}, {self.nbytes / 1e6:.3g} MB)"


class SparseBlocks(SparseGrids):
    """The blocks of 8 x 8 x 8 voxels that hold anything: sorted, each at most once.

    Parameters
    ----------
    shape : tuple of int
        Of the dense array: (C, X, Y, Z), or (n, C, X, Y, Z) for many structures.
    offsets : ndarray, shape (n + 1,), int64
        Structure i owns the blocks ``offsets[i]:offsets[i + 1]``.
    places : ndarray, shape (m,), int32
        Which block of its structure each one is: the flat index in (C, ceil(X / 8), ceil(Y / 8), ceil(Z / 8)).
    values : ndarray, shape (m, 8, 8, 8)
        Zero beyond the end of the grid.
    """

    @classmethod
    def from_dense(cls, array: NDArray[Any]) -> Self:
        """Of an array (C, X, Y, Z) or (n, C, X, Y, Z)."""
        blocks = _cut(array if array.ndim == 5 else array[None])
        n = 1 if array.ndim == 4 else len(array)
        blocks = blocks.reshape(n, -1, EDGE, EDGE, EDGE)
        owners, places = np.nonzero((blocks != 0).any(axis=(2, 3, 4)))
        return cls(array.shape, _offsets(owners, n), places.astype(np.int32), blocks[owners, places])

    @property
    def _item_shape(self) -> tuple[int, ...]:
        return (self.shape[-4], *(-(-n // EDGE) for n in self.shape[-3:]))

    def to_dense(self) -> NDArray[Any]:
        """The dense array, of `shape`: bit for bit what the Voxelizer draws, but for the sign of zeros."""
        channels, *counts = self._item_shape
        blocks = np.zeros((len(self.offsets) - 1, channels, *counts, *(EDGE,) * 3), self.values.dtype)
        blocks.reshape(-1, *(EDGE,) * 3)[self._flat] = self.values
        n, x, y, z = (len(blocks), *(count * EDGE for count in counts))
        joined = blocks.transpose(0, 1, 2, 5, 3, 6, 4, 7).reshape(n, channels, x, y, z)
        return np.ascontiguousarray(joined[..., : self.shape[-3], : self.shape[-2], : self.shape[-1]]).reshape(
            self.shape
        )

    def to_torch(self) -> Any:
        """Blocks have no counterpart in torch.

        Raises
        ------
        TypeError
            Always: `values` and `indices` are what block-sparse convolutions take.
        """
        raise TypeError('torch has no tensor of blocks; take layout="coo", or values and indices as they are')


def sparse_class(layout: str) -> type[SparseGrids]:
    """The class of a layout, "coo" or "blocks"."""
    choose(layout, "layout", ("coo", "blocks"))
    return SparseGrids if layout == "coo" else SparseBlocks


def _offsets(owners: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(np.bincount(owners, minlength=n))])


def _cut(array: NDArray[Any]) -> NDArray[Any]:
    """Blocks of an array (n, C, X, Y, Z), shape (n, C, bx, by, bz, 8, 8, 8), padded with zeros."""
    counts = [-(-n // EDGE) for n in array.shape[2:]]
    padded = np.zeros((*array.shape[:2], *(c * EDGE for c in counts)), array.dtype)
    padded[:, :, : array.shape[2], : array.shape[3], : array.shape[4]] = array
    x, y, z = counts
    return padded.reshape(*array.shape[:2], x, EDGE, y, EDGE, z, EDGE).transpose(0, 1, 2, 4, 6, 3, 5, 7)
