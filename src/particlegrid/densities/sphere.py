"""`SphereOverlap`: atoms as solid spheres, whose volume is shared out to the voxels exactly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from particlegrid import _native
from particlegrid.batch import Batch
from particlegrid.densities.base import Density
from particlegrid.densities.drawing import Drawing
from particlegrid.densities.lengths import atom_lengths, hash_length
from particlegrid.densities.tangent import Tangent
from particlegrid.errors import choose
from particlegrid.radii import Lengths, check_lengths

__all__ = ["SphereOverlap"]


@dataclass(frozen=True, init=False)
class SphereOverlap(Density):
    """The volume that an atom's sphere and a voxel have in common, exact for orthogonal and for sheared voxels.

    The voxel is cut into tetrahedra with their apex in the sphere's centre, whose intersections with the sphere have a
    closed form; `native/core/ball_cells.hpp` derives it. (Another closed form, for convex polyhedra: S. Strobl,
    A. Formella, T. Poeschel, J. Comput. Phys. 311 (2016) 158, doi:10.1016/j.jcp.2016.02.003.) A value is off by less
    than 2e-14 of the cube of the radius, divided like the volume; smaller volumes are given as 0.

    Derivatives are exact, by positions, weights, radii and the voxels' axes, to second order. Those of first order are
    continuous. Those of second order jump where a sphere touches a face from one side, and are there those of a sphere
    that does not reach it; from where it touches an edge they change like the square root of the distance. A whole or
    empty voxel follows from its own volume and the divisor alone. With ``combine="max"`` the derivatives are those of
    the largest value, of the first entry (and of its first image) among those that agree to rounding, and 0 where none
    exceeds 0.

    Parameters
    ----------
    radius : float, dict of str to float, or str
        In A: of every atom, by element, from a table ("vdw", "covalent", "xs"; see `particlegrid.radii`), or the name
        of a per-atom property. At most 464 times the edge of a cube of the voxel's volume.
    per : {"voxel", "atom", "volume"}
        What the common volume is divided by: the voxel's volume (1 inside the sphere), the sphere's volume (the values
        of an atom add up to its weight), or nothing (A^3).
    combine : {"sum", "max"}
        Whether a voxel takes the sum over atoms or the largest value, which is never below 0.

    Raises
    ------
    ValueError
        If a radius is not positive, an element is unknown, or `per` or `combine` is none of these.

    Examples
    --------
    A sphere of radius 1 A in the middle of a voxel of 2 A, and on the face between two voxels:

    >>> from particlegrid import AllAtoms, Grid, Structure, Voxelizer
    >>> pair = Grid((2, 1, 1), 2 * np.eye(3), [0, -1, -1])
    >>> vox = Voxelizer(pair, AllAtoms(), SphereOverlap(1.0), dtype="float64")
    >>> vox(Structure([[1, 0, 0]], ["C"])).ravel().round(6)  # pi / 6
    array([0.523599, 0.      ])
    >>> vox(Structure([[2, 0, 0]], ["C"])).ravel().round(6)
    array([0.261799, 0.261799])
    """

    radius: Lengths = "vdw"
    per: str = "voxel"
    combine: str = "sum"  # type: ignore[misc]  # a parameter here, a constant of other densities

    def __init__(self, radius: Lengths = "vdw", per: str = "voxel", combine: str = "sum") -> None:
        object.__setattr__(self, "radius", check_lengths(radius, "radius"))
        object.__setattr__(self, "per", choose(per, "per", ("voxel", "atom", "volume")))
        object.__setattr__(self, "combine", choose(combine, "combine", ("sum", "max")))

    def __hash__(self) -> int:
        return hash((hash_length(self.radius), self.per, self.combine))

    def atom_widths(self, batch: Batch) -> NDArray[np.float64]:
        """Radius of every atom, shape (N,), in A."""
        return atom_lengths(self.radius, batch, "radius")

    def draw_natively(self, drawing: Drawing) -> bool:
        """Draw with the kernel of sphere overlaps."""
        _native.draw_sphere_overlaps(drawing, self.per, self.combine == "max")
        return True

    def push_forward(self, drawing: Drawing, direction: Tangent) -> bool:
        """Write how fast the values change along a direction, with the kernel of sphere overlaps."""
        _native.push_forward_sphere_overlaps(drawing, direction, self.per, self.combine == "max")
        return True

    def pull_back(self, drawing: Drawing, gradient: Tangent, direction: Tangent | None = None) -> bool:
        """Write the gradient, or a product with second derivatives, with the kernel of sphere overlaps."""
        _native.pull_back_sphere_overlaps(drawing, gradient, direction, self.per, self.combine == "max")
        return True
