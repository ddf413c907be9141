"""`Canvas`: a batch of grids in memory that is drawn on again and again."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from particlegrid.errors import check_out
from particlegrid.memory import as_bits

__all__ = ["Canvas"]


class Canvas:
    """Memory for a batch of grids that knows which voxels hold anything, so that a drawing clears only those.

    Molecules leave most voxels of most channels empty. A drawing into a plain array writes every voxel; one into a
    canvas writes what it touches and what the drawing before it touched. Nothing else may write to the array as long as
    the canvas is in use.

    Parameters
    ----------
    array : ndarray, shape (n, C, X, Y, Z)
        Where to draw, as `out` of a `Voxelizer`; its old content is cleared. Up to n structures fit.

    Examples
    --------
    >>> from particlegrid import Box, Canvas, Elements, Gaussian, Structure, Voxelizer
    >>> vox = Voxelizer(Box(8, 0.5), Elements("H"), Gaussian(0.5))
    >>> canvas = Canvas(np.empty((2, 1, 8, 8, 8), np.float32))
    >>> pair = [Structure([[0, 0, 0]], ["H"]), Structure([[0, 0, 0.2]], ["H"])]
    >>> grids = vox(pair, out=canvas)
    >>> grids.shape, grids is not canvas.array, np.shares_memory(grids, canvas.array)
    ((2, 1, 8, 8, 8), True, True)
    """

    def __init__(self, array: NDArray[Any]) -> None:
        if not isinstance(array, np.ndarray) or array.ndim != 5:
            raise ValueError(
                f"a canvas needs an array of shape (n, C, X, Y, Z), got {getattr(array, 'shape', type(array).__name__)}"
            )
        self.array = check_out(array, array.shape, ("float32", "float64", "float16", "bfloat16", "uint16"))
        as_bits(self.array)[...] = 0
        self.marks = np.zeros((*array.shape[:3], 4), np.int32)
        """First and last row, first and last column of what each plane holds."""

    def cut(self, shape: tuple[int, ...]) -> tuple[NDArray[Any], NDArray[np.int32]]:
        """The array and marks for a result of `shape`: n grids, or one without the first axis.

        Raises
        ------
        ValueError
            If grids of that shape or so many of them do not fit.
        """
        n, grid = (shape[0], shape[1:]) if len(shape) == 5 else (1, shape)
        if grid != self.array.shape[1:] or n > len(self.array):
            raise ValueError(f"`out` is a canvas of shape {self.array.shape}; {n} grids of shape {grid} do not fit it")
        return (self.array[:n] if len(shape) == 5 else self.array[0]), self.marks[:n]

    def mark_all(self, n: int) -> None:
        """Note that the first n grids may hold anything anywhere."""
        self.marks[:n] = (0, self.array.shape[3], 0, self.array.shape[4])

    def __repr__(self) -> str:
        return f"Canvas{self.array.shape}"
