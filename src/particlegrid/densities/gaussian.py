"""`Gaussian`: integrals over voxels, or values at their centres."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import erfc, exp, log, pi, sqrt
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from particlegrid import _native
from particlegrid.batch import Batch
from particlegrid.densities.base import Density
from particlegrid.densities.drawing import Drawing
from particlegrid.densities.lengths import atom_lengths, hash_length
from particlegrid.densities.tangent import Tangent
from particlegrid.errors import choose
from particlegrid.radii import TABLES, Lengths, check_lengths, list_radii

__all__ = ["Gaussian", "find_cut"]


@dataclass(frozen=True, init=False)
class Gaussian(Density):
    """An isotropic Gaussian, whose integral over all space is the entry's weight.

    Parameters
    ----------
    sigma : float, dict of str to float, or str
        Width in A: of every atom, by element, the name of a per-atom property that holds it, or a table of radii
        ("vdw", "covalent", "xs").
    value : {"integral", "mean", "point"}
        What a voxel holds: the integral of the Gaussian over the voxel (values add up to the weight), the integral
        divided by the voxel's volume (1/A^3), or the Gaussian at the voxel's centre (1/A^3). Point values alias when
        sigma is small against the spacing h: what is left at the Nyquist frequency is exp(-(pi sigma / h)^2 / 2). In a
        projection (a shape with None) areas of pixels stand for volumes, and lines for points.
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

    sigma: Lengths = 0.5
    value: str = "integral"
    normalize: bool = True
    marks_touched: ClassVar[bool] = True

    def __init__(self, sigma: Lengths = 0.5, value: str = "integral", normalize: bool = True) -> None:
        object.__setattr__(self, "sigma", check_lengths(sigma, "sigma"))
        object.__setattr__(self, "value", choose(value, "value", ("integral", "mean", "point")))
        object.__setattr__(self, "normalize", bool(normalize))
        if not self.normalize and self.value != "point":
            raise ValueError(f'normalize=False goes with value="point", not with {value!r}')

    def __hash__(self) -> int:
        return hash((hash_length(self.sigma), self.value, self.normalize))

    def atom_widths(self, batch: Batch) -> NDArray[np.float64]:
        """Sigma of every atom, shape (N,), in A.

        Raises
        ------
        ValueError
            If an element has no width, or a width of the named property is not positive.
        """
        return atom_lengths(self.sigma, batch, "sigma")

    def element_widths(self) -> NDArray[np.float64] | None:
        """Sigma by atomic number, shape (119,), in A, 0 where there is none; None if a property holds it."""
        if isinstance(self.sigma, str) and self.sigma not in TABLES:
            return None
        return list_radii(self.sigma)

    @property
    def native_value(self) -> str:
        """The kernel's name for what a voxel holds."""
        return self.value if self.normalize else "peak"

    def draw_natively(self, drawing: Drawing) -> bool:
        """Draw with the product or the sheared kernel; point values on triclinic voxels with the radial one."""
        if self.value != "point":
            _native.draw_gaussians(drawing, self.value, find_cut(drawing.tol))
            return True
        # a structure is drawn by the same kernel alone and in a batch
        for pairs, part in drawing.split(np.minimum(drawing.oblique_pairs, 2)):
            if pairs == 0:
                _native.draw_gaussians(part, self.native_value, find_cut(drawing.tol))
            elif pairs == 1:
                _native.draw_gaussians(part, self.native_value, _find_radius(drawing.tol))
            else:
                _native.draw_radial(part, "gaussian", cut=_find_radius(drawing.tol), normalize=self.normalize)
        return True

    def push_forward(self, drawing: Drawing, direction: Tangent) -> bool:
        """From the products that draw, and their first and second derivatives by place."""
        _native.push_forward_gaussians(drawing, direction, self.native_value, *self.find_cuts(drawing.tol))
        return True

    def pull_back(self, drawing: Drawing, gradient: Tangent, direction: Tangent | None = None) -> bool:
        """From sums of ``drawing.out`` times each Gaussian's derivatives by place, up to the fourth."""
        _native.pull_back_gaussians(drawing, gradient, direction, self.native_value, *self.find_cuts(drawing.tol))
        return True

    def find_cuts(self, tol: float) -> tuple[float, float]:
        """Half-widths of the support on orthogonal and on sheared voxels, in sigmas."""
        return find_cut(tol), _find_radius(tol) if self.value == "point" else find_cut(tol)


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


@lru_cache
def _find_radius(tol: float) -> float:
    """Radius of the support of point values, in sigmas.

    The mass beyond it, erfc(cut / sqrt 2) + sqrt(2 / pi) cut exp(-cut^2 / 2), is to be tol / 2; the values left out are
    then far below tol of the peak.
    """
    low, high = 0.0, 12.0
    while high - low > 1e-9:
        cut = 0.5 * (low + high)
        left_out = erfc(cut / sqrt(2)) + sqrt(2 / pi) * cut * exp(-(cut**2) / 2)
        low, high = (cut, high) if left_out > tol / 2 else (low, cut)
    return high
