"""`Gaussian`: integrals over voxels, or values at their centres."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import erfc, log, sqrt
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from particlegrid import _native
from particlegrid.batch import Batch
from particlegrid.densities.base import Density, Drawing
from particlegrid.elements import SYMBOLS, atomic_number
from particlegrid.errors import as_positive, choose

__all__ = ["Gaussian", "find_cut"]


@dataclass(frozen=True, init=False)
class Gaussian(Density):
    """An isotropic Gaussian, whose integral over all space is the entry's weight.

    Parameters
    ----------
    sigma : float, dict of str to float, or str
        Width in A: of every atom, by element, or the name of a per-atom property that holds it.
    value : {"integral", "mean", "point"}
        What a voxel holds: the integral of the Gaussian over the voxel (values add up to the weight), the integral
        divided by the voxel's volume (1/A^3), or the Gaussian at the voxel's centre (1/A^3). Point values alias when
        sigma is small against the spacing h: what is left at the Nyquist frequency is exp(-(pi sigma / h)^2 / 2).
    normalize : bool
        False, with "point": exp(-d^2 / 2 sigma^2), whose peak is 1.

    Raises
    ------
    ValueError
        If a width is not positive, an element is unknown, or `normalize` is False for another value than "point".

    Examples
    --------
    >>> Gaussian(0.5)
    Gaussian(sigma=0.5, value='integral', normalize=True)
    >>> Gaussian({"H": 0.3, "C": 0.5}).sigma["H"]
    0.3
    """

    sigma: float | Mapping[str, float] | str = 0.5
    value: str = "integral"
    normalize: bool = True
    marks_touched: ClassVar[bool] = True

    def __init__(
        self, sigma: float | Mapping[str, float] | str = 0.5, value: str = "integral", normalize: bool = True
    ) -> None:
        if isinstance(sigma, Mapping):
            sigma = {_checked_symbol(s): as_positive(w, f"sigma[{s!r}]", "A") for s, w in sigma.items()}
        elif not isinstance(sigma, str):
            sigma = as_positive(sigma, "sigma", "A")
        object.__setattr__(self, "sigma", sigma)
        object.__setattr__(self, "value", choose(value, "value", ("integral", "mean", "point")))
        object.__setattr__(self, "normalize", bool(normalize))
        if not self.normalize and self.value != "point":
            raise ValueError(f'normalize=False goes with value="point", not with {value!r}')

    def __hash__(self) -> int:
        sigma = tuple(sorted(self.sigma.items())) if isinstance(self.sigma, Mapping) else self.sigma
        return hash((sigma, self.value, self.normalize))

    def atom_widths(self, batch: Batch) -> NDArray[np.float64]:
        """Sigma of every atom, shape (N,), in A.

        Raises
        ------
        ValueError
            If an element has no width, or a width of the named property is not positive.
        """
        if isinstance(self.sigma, str):
            widths: NDArray[np.float64] = np.asarray(batch.property(self.sigma), np.float64)
            if widths.shape != (len(batch.numbers),):
                raise ValueError(f"property {self.sigma!r} must hold one sigma for each atom, got shape {widths.shape}")
            return widths
        if isinstance(self.sigma, Mapping):
            table = self.element_widths()
            assert table is not None
            widths = np.asarray(table[batch.numbers])
            if not (widths > 0).all():
                missing = sorted({SYMBOLS[z] for z in batch.numbers[widths == 0]})
                raise ValueError(
                    f"`sigma` has no width for {', '.join(missing)}; add {'it' if len(missing) == 1 else 'them'}"
                )
            return widths
        return np.full(len(batch.numbers), self.sigma)

    def element_widths(self) -> NDArray[np.float64] | None:
        """Sigma by atomic number, shape (119,), in A, 0 where there is none; None if a property holds it."""
        if isinstance(self.sigma, str):
            return None
        if not isinstance(self.sigma, Mapping):
            return np.full(len(SYMBOLS), self.sigma)
        table = np.zeros(len(SYMBOLS))
        for name, width in self.sigma.items():
            table[atomic_number(name)] = width
        return table

    @property
    def native_value(self) -> str:
        """The kernel's name for what a voxel holds."""
        return self.value if self.normalize else "peak"

    def draw_natively(self, drawing: Drawing) -> bool:
        """Draw with the separable kernel."""
        if not drawing.is_orthogonal:
            return False
        _native.draw_gaussians(drawing, self.native_value, find_cut(drawing.tol))
        return True


@lru_cache
def find_cut(tol: float) -> float:
    """Half-width of the support along each axis, in sigmas.

    Three axes together leave out at most 3 erfc(cut / sqrt 2) of the mass, which is to be tol / 2, and a value that is
    left out is at most exp(-cut^2 / 2) of the peak, which is to be tol.
    """
    low, high = 0.0, 12.0
    while high - low > 1e-9:
        middle = 0.5 * (low + high)
        low, high = (middle, high) if 3 * erfc(middle / sqrt(2)) > tol / 2 else (low, middle)
    return max(high, sqrt(-2 * log(tol)))


def _checked_symbol(name: str) -> str:
    atomic_number(name)
    return name
