"""What a derivative of a drawing is taken by, and what it is a gradient of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from particlegrid.densities.drawing import Drawing

__all__ = ["Tangent"]


@dataclass(frozen=True, eq=False)
class Tangent:
    """A number for every number that a `Drawing` depends on: a direction in which they change, or a gradient by them.

    All arrays are C-contiguous float64.

    Attributes
    ----------
    positions : ndarray, shape (N, 3)
    weights : ndarray, shape (m,)
    widths : ndarray, shape (m,), or None
        None in a gradient, together with `axes`, is not to compute either: positions alone take half the time.
    axes : ndarray, shape (n, 3, 3), or None
    origins : ndarray, shape (n, 3)
    lattices : ndarray, shape (n, 3, 3)
        0 where nothing repeats. The rows are independent of `axes`, also where a grid fills its cell.
    """

    positions: NDArray[np.float64]
    weights: NDArray[np.float64]
    widths: NDArray[np.float64] | None
    axes: NDArray[np.float64] | None
    origins: NDArray[np.float64]
    lattices: NDArray[np.float64]

    @classmethod
    def zeros(cls, drawing: Drawing) -> Tangent:
        """Zeros of the shapes of a drawing."""
        n = len(drawing.axes)
        return cls(
            np.zeros_like(drawing.positions),
            np.zeros_like(drawing.weights),
            np.zeros_like(drawing.widths),
            np.zeros((n, 3, 3)),
            np.zeros((n, 3)),
            np.zeros((n, 3, 3)),
        )
