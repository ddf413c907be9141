"""Random drawings, directions in which they change, and what their derivatives must satisfy."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np

from derivatives import contract, draw, move, pull_back, push_forward
from particlegrid import Density
from particlegrid.densities import Drawing, Tangent

KINDS = ("box", "orthogonal cell", "triclinic cell", "window")
_NAMES = tuple(field.name for field in fields(Tangent))


def random_drawing(
    rng: np.random.Generator,
    kind: str,
    widths: tuple[float, float] = (0.5, 1.0),
    weights: tuple[float, float] = (-1.0, 2.0),
    shape: tuple[int, int, int] = (6, 5, 7),
    dtype: str = "float64",
) -> Drawing:
    """Two structures, two channels, twelve entries of eight atoms; one in six entries has weight 0.

    Voxels are about 0.5 A long. A window has voxels of its own, and its structures repeat along two vectors.
    """
    n, atoms, entries = 2, 8, 12
    axes = np.zeros((n, 3, 3)) + np.diag([0.5, 0.6, 0.45]) * rng.uniform(0.9, 1.1, (n, 3, 1))
    if kind in ("triclinic cell", "window"):
        axes = axes + rng.uniform(-0.12, 0.12, (n, 3, 3))
    lattices, periodic = None, None
    if "cell" in kind:
        lattices, periodic = axes * np.array(shape)[:, None], np.ones((n, 3), bool)
    elif kind == "window":
        lattices = np.zeros((n, 3, 3)) + np.diag([2.5, 3.0, 2.2]) + rng.uniform(-0.4, 0.4, (n, 3, 3))
        periodic = np.array([[True, False, True], [False, True, True]])
    origins = rng.uniform(-2, 2, (n, 3))
    offsets = np.array([0, entries // 2, entries])
    members = rng.integers(0, atoms // 2, entries) + np.repeat([0, atoms // 2], entries // 2)
    spots = rng.uniform(0, 1, (atoms, 3)) * shape
    owner = np.repeat([0, 1], atoms // 2)
    of_entries = rng.uniform(*weights, entries)
    of_entries[::6] = 0
    return Drawing(
        positions=origins[owner] + np.einsum("na,nak->nk", spots, axes[owner]),
        atoms=members,
        channels=rng.integers(0, 2, entries),
        weights=of_entries,
        widths=rng.uniform(*widths, entries),
        offsets=offsets,
        axes=axes,
        origins=origins,
        lattices=lattices,
        periodic=periodic,
        out=np.zeros((n, 2, *shape), dtype),
        tol=1e-12,
        threads=1,
    )


def random_tangent(rng: np.random.Generator, drawing: Drawing) -> Tangent:
    """Numbers about 1 for all that changes, 0.1 for the axes, which voxels add up; 0 where nothing repeats."""
    tangent = Tangent(**{name: rng.normal(size=getattr(Tangent.zeros(drawing), name).shape) for name in _NAMES})
    assert tangent.axes is not None
    tangent.axes[...] *= 0.1
    tangent.lattices[...] *= 0 if drawing.periodic is None else drawing.periodic[..., None]
    return tangent


def check_adjoint(what: Density, drawing: Drawing, rng: np.random.Generator) -> None:
    """<pull_back(g), t> = <g, push_forward(t)>, and second derivatives are symmetric, to 1e-12 of what is added up."""
    g, s, t = rng.normal(size=drawing.out.shape), random_tangent(rng, drawing), random_tangent(rng, drawing)
    along = g * push_forward(what, drawing, t)
    assert abs(contract(pull_back(what, drawing, g), t) - along.sum()) <= 1e-12 * abs(along).sum()
    once, other = pull_back(what, drawing, g, s), pull_back(what, drawing, g, t)
    scale = sum(abs(getattr(once, name) * getattr(t, name)).sum() for name in _NAMES)
    assert abs(contract(once, t) - contract(other, s)) <= 1e-12 * scale


def check_differences(what: Density, drawing: Drawing, rng: np.random.Generator, rtol: float = 1e-7) -> None:
    """Derivatives along a random direction, and of gradients along it, are the limits of central differences."""
    step = 1e-6
    g, t = rng.normal(size=drawing.out.shape), random_tangent(rng, drawing)
    ahead, behind = move(drawing, t, step), move(drawing, t, -step)
    expected = (draw(what, ahead) - draw(what, behind)) / (2 * step)
    np.testing.assert_allclose(push_forward(what, drawing, t), expected, rtol=0, atol=rtol * abs(expected).max())
    second = pull_back(what, drawing, g, t)
    before, after = pull_back(what, behind, g), pull_back(what, ahead, g)
    for name in _NAMES:
        difference = (getattr(after, name) - getattr(before, name)) / (2 * step)
        scale = abs(difference).max() + abs(getattr(after, name)).max()
        np.testing.assert_allclose(getattr(second, name), difference, rtol=0, atol=rtol * scale, err_msg=name)


def check_types_and_threads(what: Density, drawing: Drawing, rng: np.random.Generator) -> None:
    """float32 is within 1e-5 of float64; the bits are those of any number of threads; positions can come alone."""
    g, t = rng.normal(size=drawing.out.shape).astype("float32"), random_tangent(rng, drawing)
    single = replace(drawing, out=g.copy())
    for direction in (None, t):
        narrow, wide = (pull_back(what, drawing, g.astype(dtype), direction) for dtype in ("float32", "float64"))
        many = pull_back(what, replace(drawing, threads=3), g, direction)
        for name in _NAMES:
            a, b = getattr(narrow, name), getattr(wide, name)
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-5 * abs(b).max(), err_msg=name)
            np.testing.assert_array_equal(a, getattr(many, name), err_msg=name)
        some = replace(Tangent.zeros(drawing), widths=None, axes=None)
        assert what.pull_back(single, some, direction)
        for name in ("positions", "weights", "origins"):
            np.testing.assert_array_equal(getattr(some, name), getattr(narrow, name))
    wide = push_forward(what, drawing, t)
    narrow = push_forward(what, single, t)
    np.testing.assert_allclose(narrow, wide, rtol=0, atol=1e-5 * abs(wide).max())
    np.testing.assert_array_equal(narrow, push_forward(what, replace(single, threads=3), t))
