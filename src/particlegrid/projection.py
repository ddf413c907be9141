"""Projections: grids that are integrated along one axis, drawn by the kernels for grids of three.

Along the axis stands one voxel so long that it holds whole atoms. Everything else is seen along the axis: moved onto
the plane at right angles to it. The sum over the images along the axis, integrated over one period, is one of them
integrated over the whole line; so a lattice vector along the axis goes.
"""

from __future__ import annotations

from dataclasses import replace
from math import pi, sqrt

import numpy as np
from numpy.typing import NDArray

from particlegrid.densities import Density, Drawing, Gaussian
from particlegrid.structure import complete_cell

__all__ = ["LONG", "PARALLEL", "WIDEST", "check_density", "flatten_lattices", "project"]

_Floats = NDArray[np.float64]
LONG = 20  # sigmas; what lies beyond 10 on either side is 1e-23
WIDEST = 2e4  # A; a voxel's edge may be 1e6
PARALLEL = 1e-6  # sine of an angle; cells are known to no more


def check_density(what: Density) -> None:
    """Raise a ValueError unless the density can be integrated along an axis."""
    # a class of one's own may have another formula
    if type(what) is not Gaussian:
        raise ValueError(
            f"a projection (a shape with None) takes Gaussian; got {what!r}: give a whole shape and sum over the axis"
        )


def project(drawing: Drawing, axis: int, what: Density) -> Drawing:
    """The drawing in three dimensions that makes a projection.

    Parameters
    ----------
    drawing : Drawing
        With `out` of shape (n, C, X, Y).
    axis : int
        The axis that `out` lacks.
    what : Gaussian
        Says what the values are.

    Returns
    -------
    Drawing
        With `out` of shape (n, C, X, 1, Y): rows along the last axis are what the kernels are quick at, and planes
        along the first are what threads share.

    Raises
    ------
    ValueError
        If the density is another, a width is above 2e4 A, or a structure repeats so that the integral is infinite.
    """
    check_density(what)
    assert isinstance(what, Gaussian)
    first, last = (d for d in range(3) if d != axis)
    order = [first, axis, last]
    owners = np.repeat(np.arange(len(drawing.axes)), np.diff(drawing.offsets))
    edges = drawing.axes[:, axis]
    normals = edges / np.linalg.norm(edges, axis=1, keepdims=True)
    widest = np.full(len(normals), 0.1)
    np.fmax.at(widest, owners, drawing.widths)  # the core names what is no number
    if (widest > WIDEST).any():
        raise ValueError(f"a projection takes widths up to {WIDEST:g} A, got {widest.max():g}")
    # a point value is taken at the atom's height; powers of two scale without rounding, so nothing depends on them
    lengths = np.exp2(np.ceil(np.log2(widest * (1 if what.value == "point" else LONG))))[:, None]
    axes = _flatten(drawing.axes[:, order], normals[:, None])
    axes[:, 1] = lengths * normals
    weights = drawing.weights
    if what.value == "mean":
        weights = weights * lengths[owners, 0]
    elif what.value == "point":
        weights = weights * (sqrt(2 * pi) * drawing.widths)
    lattices, periodic = drawing.lattices, drawing.periodic
    if lattices is not None and periodic is not None:
        lattices, periodic = flatten_lattices(lattices[:, order], periodic[:, order], normals)
    return replace(
        drawing,
        positions=_flatten(drawing.positions[drawing.atoms], normals[owners]),
        atoms=np.arange(len(owners), dtype=np.int64),
        weights=weights,
        axes=axes,
        origins=np.ascontiguousarray(_flatten(drawing.origins, normals) - 0.5 * lengths * normals),
        lattices=lattices,
        periodic=periodic,
        out=drawing.out[:, :, :, None],
    )


def _flatten(vectors: _Floats, normals: _Floats) -> _Floats:
    """The vectors without their parts along the normals."""
    return np.ascontiguousarray(vectors - (vectors * normals).sum(axis=-1, keepdims=True) * normals)


def flatten_lattices(
    lattices: _Floats, periodic: NDArray[np.bool_], normals: _Floats
) -> tuple[_Floats, NDArray[np.bool_]]:
    """What structures repeat along, seen along the normals: vectors (n, 3, 3) in A, and which of them count.

    Raises
    ------
    ValueError
        If they make no lattice of the plane, so that the integral is infinite.
    """
    flat = _flatten(lattices, normals[:, None])
    periodic = periodic & (np.linalg.norm(flat, axis=2) > PARALLEL * np.linalg.norm(lattices, axis=2))
    for i in np.flatnonzero(periodic.any(axis=1)):
        rows = flat[i, periodic[i]]
        if len(rows) > 2 or (len(rows) == 2 and _are_parallel(*rows)):
            vectors = lattices[i, periodic[i]].round(6).tolist()
            raise ValueError(
                f"structure {i} repeats along {vectors} A; seen along {normals[i].round(6).tolist()} these make no "
                "lattice of the plane, so that the integral is infinite: project along a lattice vector, as in "
                "UnitCell((32, 32, None))"
            )
        flat[i] = complete_cell(flat[i], ~periodic[i])
    return flat, np.ascontiguousarray(periodic)


def _are_parallel(a: _Floats, b: _Floats) -> bool:
    return bool(np.linalg.norm(np.cross(a, b)) <= PARALLEL * np.linalg.norm(a) * np.linalg.norm(b))
