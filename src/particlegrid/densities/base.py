"""What every density has."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from particlegrid.batch import Batch
from particlegrid.densities.drawing import Drawing
from particlegrid.densities.tangent import Tangent
from particlegrid.registry import Noun

__all__ = ["Density"]


class Density(Noun):
    """Base of the densities. Its formula in float64 stands in `particlegrid.reference`.

    A grid value is the sum over the entries of weight x strength x rho(voxel; position, width), or their maximum where
    `combine` is "max" (never below 0), and then what `finish` makes of it.
    """

    combine: ClassVar[str] = "sum"
    marks_touched: ClassVar[bool] = False
    """Whether `draw_natively` heeds ``drawing.touched`` and ``drawing.sink``."""
    serial_bytes: ClassVar[int] = 1 << 20
    """Smaller outputs are drawn by one thread: where writing is the work, more do not pay below 1 MB."""

    def atom_widths(self, batch: Batch) -> NDArray[np.float64]:
        """Width of every atom of a batch, shape (N,), in A; a channel scheme may override it entry by entry."""
        raise NotImplementedError

    def atom_strengths(self, batch: Batch) -> NDArray[np.float64] | None:
        """What multiplies the weights of every atom's entries, shape (N,); None stands for 1."""
        return None

    def check_type(self, dtype: str) -> None:
        """Raise a ValueError if values of that type cannot hold what the density is asked for."""

    def draw_natively(self, drawing: Drawing) -> bool:
        """Write every voxel of ``drawing.out`` and return True; False if there is no native kernel."""
        return False

    def finish(self, values: NDArray[Any]) -> None:
        """Change the combined values in place, such as by a cap."""

    def push_forward(self, drawing: Drawing, direction: Tangent) -> bool:
        """Write to ``drawing.out`` how fast the combined values change along a direction (jvp); before `finish`.

        Returns False if there is no native kernel, and writes nothing.
        """
        return False

    def pull_back(self, drawing: Drawing, gradient: Tangent, direction: Tangent | None = None) -> bool:
        """Write the gradient of the sum of ``drawing.out`` times the combined values (vjp); before `finish`.

        ``drawing.out`` is only read: what a loss changes by with every value. With a direction, the gradient is that of
        the sum of ``drawing.out`` times `push_forward` of this direction: a product with second derivatives. Returns
        False if there is no native kernel, and writes nothing.
        """
        return False
