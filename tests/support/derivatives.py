"""Drawings to differentiate, and what any derivative must fulfil."""

from dataclasses import fields, replace

import numpy as np

from particlegrid.densities import Drawing, Tangent

CELLS = {
    "box": None,
    "orthogonal": np.diag([3.1, 2.6, 2.9]),
    "rotated": np.array([[2.4, 1.8, 0.0], [-1.5, 2.0, 0.0], [0.0, 0.0, 2.9]]),
    "monoclinic": np.array([[3.1, 0.0, 0.0], [0.0, 2.6, 0.0], [-1.1, 0.0, 2.7]]),
    "triclinic": np.array([[3.1, 0.2, -0.1], [0.9, 2.7, 0.3], [-0.6, 0.7, 2.9]]),
    "window": np.array([[3.1, 0.2, -0.1], [0.9, 2.7, 0.3], [-0.6, 0.7, 2.9]]),
}
SHAPE = (6, 5, 7)


def make_drawing(cell, seed=0, shape=SHAPE, widths=(0.35, 0.7), tol=1e-12, threads=1, dtype=float):
    """Two structures of three and two atoms, of whose entries two share an atom and one has weight 0."""
    rng = np.random.default_rng(seed)
    lattice = CELLS[cell]
    axes, origins = np.diag([0.5, 0.45, 0.4]), np.array([-1.4, -1.1, -1.3])
    if lattice is not None and cell != "window":
        axes, origins = lattice / np.array(shape)[:, None], np.zeros(3)
    edges = axes * np.array(shape)[:, None]
    positions = np.vstack([rng.uniform(0.15, 0.85, (3, 3)) @ edges, rng.uniform(-0.2, 1.2, (2, 3)) @ edges]) + origins
    weights = rng.uniform(0.5, 1.5, 6)
    weights[4] = 0
    squeezed = [edges_of * scale for edges_of, scale in ((axes, 1.0), (axes, 1.1))]
    periods = np.zeros((3, 3)) if lattice is None else lattice
    return Drawing(
        positions=positions,
        atoms=np.array([0, 1, 2, 1, 3, 4]),
        channels=np.array([0, 1, 0, 0, 1, 0]),
        weights=weights,
        widths=rng.uniform(*widths, 6),
        offsets=np.array([0, 4, 6]),
        axes=np.array(squeezed),
        origins=np.array([origins, origins - 0.05]),
        lattices=None if lattice is None else np.array([periods, periods * 1.1]),
        periodic=None if lattice is None else np.ones((2, 3), bool),
        out=np.zeros((2, 2, *shape), dtype),
        tol=tol,
        threads=threads,
    )


def draw(what, drawing):
    """The combined values, before `finish`, in float64."""
    drawing = replace(drawing, out=np.zeros(drawing.out.shape))
    assert what.draw_natively(drawing)
    return drawing.out


def make_direction(drawing, seed, names=("positions", "weights", "widths", "axes", "origins", "lattices")):
    """Random numbers in the named fields, and zeros in the others."""
    rng = np.random.default_rng(seed)
    direction = Tangent.zeros(drawing)
    for name in names:
        if name != "lattices" or drawing.lattices is not None:
            getattr(direction, name)[...] = rng.normal(size=getattr(direction, name).shape)
    return direction


def move(drawing, direction, step):
    """The drawing with its numbers changed along a direction."""
    moved = {}
    for field in fields(Tangent):
        if getattr(drawing, field.name) is not None:
            moved[field.name] = getattr(drawing, field.name) + step * getattr(direction, field.name)
    return replace(drawing, **moved)


def push_forward(what, drawing, direction):
    """The change of the values along a direction."""
    drawing = replace(drawing, out=np.full_like(drawing.out, np.nan))
    assert what.push_forward(drawing, direction)
    return drawing.out


def pull_back(what, drawing, upstream, direction=None):
    """The gradient of the sum of upstream times the values, or times their change along a direction."""
    gradient = Tangent.zeros(drawing)
    for field in fields(gradient):
        getattr(gradient, field.name)[...] = np.nan
    assert what.pull_back(replace(drawing, out=np.array(upstream, drawing.out.dtype)), gradient, direction)
    return gradient


def contract(gradient, direction):
    """The inner product of two tangents."""
    return sum(float((getattr(gradient, f.name) * getattr(direction, f.name)).sum()) for f in fields(Tangent))


def differentiate(function, step=1e-3):
    """The derivative at 0 by central differences of sixth order."""
    parts = [(45, 1), (-9, 2), (1, 3)]
    return sum(c * (function(k * step) - function(-k * step)) for c, k in parts) / (60 * step)
