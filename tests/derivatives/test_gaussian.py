"""Derivatives of Gaussians by everything they depend on, against finite differences of the drawing."""

from dataclasses import fields, replace

import numpy as np
import pytest

from derivatives import (
    CELLS,
    contract,
    differentiate,
    draw,
    make_direction,
    make_drawing,
    move,
    pull_back,
    push_forward,
)
from particlegrid import Gaussian
from particlegrid.densities import Tangent

DENSITIES = [
    Gaussian(value="integral"),
    Gaussian(value="mean"),
    Gaussian(value="point"),
    Gaussian(value="point", normalize=False),
]
NAMES = ["positions", "weights", "widths", "axes", "origins", "lattices"]

each_density = pytest.mark.parametrize("what", DENSITIES, ids=lambda what: what.native_value)
each_cell = pytest.mark.parametrize("cell", CELLS)


@each_density
@each_cell
@pytest.mark.parametrize("name", NAMES)
def test_push_forward_is_the_derivative_of_the_drawing(what, cell, name):
    drawing = make_drawing(cell)
    direction = make_direction(drawing, 1, (name,))
    found = push_forward(what, drawing, direction)
    expected = differentiate(lambda step: draw(what, move(drawing, direction, step)))
    assert abs(found - expected).max() < 2e-9 * max(1, abs(expected).max())


@each_density
@each_cell
def test_pull_back_is_the_adjoint_of_push_forward(what, cell):
    drawing = make_drawing(cell)
    upstream = np.random.default_rng(2).normal(size=drawing.out.shape)
    direction = make_direction(drawing, 3)
    gradient = pull_back(what, drawing, upstream)
    left, right = contract(gradient, direction), (upstream * push_forward(what, drawing, direction)).sum()
    assert left == pytest.approx(right, rel=1e-12, abs=0)


@each_density
@each_cell
@pytest.mark.parametrize("name", NAMES)
def test_second_derivatives(what, cell, name):
    drawing = make_drawing(cell)
    upstream = np.random.default_rng(4).normal(size=drawing.out.shape)
    direction, other = make_direction(drawing, 5), make_direction(drawing, 6, (name,))
    found = contract(pull_back(what, drawing, upstream, direction), other)
    expected = differentiate(
        lambda step: (upstream * push_forward(what, move(drawing, other, step), direction)).sum(), 3e-4
    )
    assert found == pytest.approx(expected, rel=1e-8, abs=1e-8)


@each_density
@each_cell
def test_positions_alone_give_the_same(what, cell):
    drawing = make_drawing(cell)
    upstream = np.random.default_rng(7).normal(size=drawing.out.shape)
    direction = make_direction(drawing, 8, ("positions", "weights", "origins", "lattices"))
    for along in (None, direction):
        full = pull_back(what, drawing, upstream, along)
        part = replace(Tangent.zeros(drawing), widths=None, axes=None)
        assert what.pull_back(replace(drawing, out=upstream), part, along)
        for name in ("positions", "weights", "origins", "lattices"):
            expected = getattr(full, name)
            np.testing.assert_allclose(getattr(part, name), expected, rtol=0, atol=1e-12 * max(1, abs(expected).max()))


@each_density
@each_cell
@pytest.mark.parametrize("shape", [(6, 5, 7), (9, 8, 19)])
def test_single_precision(what, cell, shape):
    twice, single = make_drawing(cell, shape=shape), make_drawing(cell, shape=shape, dtype=np.float32)
    upstream = np.random.default_rng(9).normal(size=twice.out.shape).astype(np.float32)
    direction = make_direction(twice, 10)
    change, expected = push_forward(what, single, direction), push_forward(what, twice, direction)
    assert change.dtype == np.float32
    assert abs(change - expected).max() < 1e-5 * abs(expected).max()
    for along in (None, direction):
        found, expected = pull_back(what, single, upstream, along), pull_back(what, twice, upstream, along)
        for field in fields(Tangent):
            a, b = getattr(found, field.name), getattr(expected, field.name)
            assert abs(a - b).max() <= 1e-5 * abs(b).max(), field.name


@each_density
@pytest.mark.parametrize("cell", ["box", "orthogonal", "triclinic"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_threads_change_no_bit(what, cell, dtype):
    one, three = (make_drawing(cell, threads=threads, dtype=dtype, shape=(19, 6, 9)) for threads in (1, 3))
    upstream = np.random.default_rng(11).normal(size=one.out.shape)
    direction = make_direction(one, 12)
    assert np.array_equal(push_forward(what, one, direction), push_forward(what, three, direction))
    for along in (None, direction):
        found, expected = (pull_back(what, drawing, upstream, along) for drawing in (three, one))
        for field in fields(Tangent):
            assert np.array_equal(getattr(found, field.name), getattr(expected, field.name)), field.name


@each_density
@pytest.mark.parametrize("cell", ["orthogonal", "triclinic"])
def test_gaussians_wider_than_their_cell(what, cell):
    """What is left of a harmonic of the lattice is 1e-19 at 1.5 periods, and the drawing is a constant beyond."""
    drawing = make_drawing(cell, shape=(4, 3, 4), widths=(1.4, 7.0), tol=1e-13)
    upstream = np.random.default_rng(13).normal(size=drawing.out.shape)
    direction = make_direction(drawing, 14)
    gradient = pull_back(what, drawing, upstream)
    size = abs(upstream * draw(what, drawing)).sum()
    other = make_direction(drawing, 15)
    expected = differentiate(lambda step: (upstream * draw(what, move(drawing, other, step))).sum(), 1e-2)
    assert contract(gradient, other) == pytest.approx(expected, rel=0, abs=1e-9 * size)
    assert contract(gradient, direction) == pytest.approx(
        (upstream * push_forward(what, drawing, direction)).sum(), rel=1e-12
    )


def test_a_weight_of_zero_has_a_gradient():
    drawing = make_drawing("box")
    assert drawing.weights[4] == 0
    upstream = np.ones(drawing.out.shape)
    expected = draw(Gaussian(), replace(drawing, weights=np.eye(6)[4])).sum()
    assert pull_back(Gaussian(), drawing, upstream).weights[4] == pytest.approx(expected, rel=1e-12)


def test_wrong_arrays_are_refused():
    drawing = make_drawing("box")
    with pytest.raises(ValueError, match=r"tangent\.widths has another type or shape"):
        Gaussian().push_forward(drawing, replace(Tangent.zeros(drawing), widths=np.zeros(5)))
    with pytest.raises(ValueError, match=r"tangent\.axes has another type or shape"):
        Gaussian().pull_back(drawing, replace(Tangent.zeros(drawing), axes=None))
    with pytest.raises(ValueError, match="one block of values, z fastest"):
        Gaussian().pull_back(
            replace(drawing, out=np.zeros((2, 2, 7, 5, 6)).transpose(0, 1, 4, 3, 2)), Tangent.zeros(drawing)
        )
    with pytest.raises(ValueError, match="float32 or float64"):
        Gaussian().pull_back(replace(drawing, out=np.zeros(drawing.out.shape, np.float16)), Tangent.zeros(drawing))
