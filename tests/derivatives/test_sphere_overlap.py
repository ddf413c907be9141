"""Derivatives of spheres' shares of voxels, against finite differences of the drawing."""

from dataclasses import fields, replace

import numpy as np
import pytest
from spheres import list_spheres

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
from particlegrid import SphereOverlap
from particlegrid.densities import Tangent

DENSITIES = [SphereOverlap(1.0, per, combine) for combine in ("sum", "max") for per in ("voxel", "atom", "volume")]
NAMES = ["positions", "weights", "widths", "axes", "origins", "lattices"]
# from less than a voxel's edge to spheres that overlap their own images and hold voxels whole
RADII = (0.4, 1.3)

each_density = pytest.mark.parametrize("what", DENSITIES, ids=lambda what: f"{what.per}-{what.combine}")
each_cell = pytest.mark.parametrize("cell", CELLS)


def make_smooth_direction(what, drawing, seed, names=tuple(NAMES)):
    """Random numbers, but 0 for the entry of weight 0 where the largest value counts, which has a kink there."""
    direction = make_direction(drawing, seed, names)
    if what.combine == "max":
        direction.weights[drawing.weights == 0] = 0
    return direction


# Finite differences.


@each_density
@each_cell
@pytest.mark.parametrize("name", NAMES)
def test_push_forward_is_the_derivative_of_the_drawing(what, cell, name):
    drawing = make_drawing(cell, widths=RADII)
    direction = make_smooth_direction(what, drawing, 1, (name,))
    found = push_forward(what, drawing, direction)
    expected = differentiate(lambda step: draw(what, move(drawing, direction, step)), 3e-5)
    assert name == "lattices" or abs(found).max() > 1e-3
    # a second derivative that jumps within a step shows as 4e-8
    assert abs(found - expected).max() < 2e-7 * max(1, abs(expected).max())


@each_density
@each_cell
@pytest.mark.parametrize("name", NAMES)
def test_second_derivatives(what, cell, name):
    drawing = make_drawing(cell, widths=RADII)
    upstream = np.random.default_rng(2).normal(size=drawing.out.shape)
    direction = make_smooth_direction(what, drawing, 3)
    other = make_smooth_direction(what, drawing, 1, (name,))
    found = contract(pull_back(what, drawing, upstream, direction), other)
    expected = differentiate(
        lambda step: (upstream * push_forward(what, move(drawing, other, step), direction)).sum(), 3e-6
    )
    assert found == pytest.approx(expected, rel=3e-8, abs=3e-8)


@pytest.mark.parametrize("case", range(60))
def test_second_derivatives_in_any_grid(case):
    rng = np.random.default_rng([5, case])
    axes = rng.normal(size=(3, 3))
    axes *= np.cbrt(0.1 / abs(np.linalg.det(axes)))
    drawing = list_spheres(axes, (4, 5, 6), rng.uniform(0, 4, (3, 3)) @ axes, rng.uniform(0.3, 1.5, 3))
    upstream = rng.normal(size=drawing.out.shape)
    direction, other = make_direction(drawing, case), make_direction(drawing, case + 100)
    what = DENSITIES[case % 3]
    found = contract(pull_back(what, drawing, upstream, direction), other)
    expected = differentiate(
        lambda step: (upstream * push_forward(what, move(drawing, other, step), direction)).sum(), 3e-6
    )
    scale = abs(pull_back(what, drawing, upstream, direction).axes).max()
    assert abs(found - expected) < 1e-6 * scale
    # second derivatives are symmetric
    assert found == pytest.approx(contract(pull_back(what, drawing, upstream, other), direction), abs=1e-11 * scale)


@each_density
@each_cell
def test_pull_back_is_the_adjoint_of_push_forward(what, cell):
    drawing = make_drawing(cell, widths=RADII)
    upstream = np.random.default_rng(4).normal(size=drawing.out.shape)
    direction = make_direction(drawing, 5)
    left = contract(pull_back(what, drawing, upstream), direction)
    assert left == pytest.approx((upstream * push_forward(what, drawing, direction)).sum(), rel=1e-12, abs=0)


# Types, threads, refusals.


@each_density
@each_cell
def test_single_precision(what, cell):
    twice = make_drawing(cell, widths=RADII)
    single = replace(twice, out=twice.out.astype(np.float32))
    upstream = np.random.default_rng(16).normal(size=twice.out.shape).astype(np.float32)
    direction = make_direction(twice, 17)
    change, expected = push_forward(what, single, direction), push_forward(what, twice, direction)
    assert change.dtype == np.float32
    assert abs(change - expected).max() < 1e-6 * abs(expected).max()
    for along in (None, direction):
        found, expected = pull_back(what, single, upstream, along), pull_back(what, twice, upstream, along)
        for field in fields(Tangent):
            assert np.array_equal(getattr(found, field.name), getattr(expected, field.name)), field.name


@each_density
@pytest.mark.parametrize("cell", ["box", "orthogonal", "triclinic"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_threads_change_no_bit(what, cell, dtype):
    one, three = (
        make_drawing(cell, widths=RADII, threads=threads, dtype=dtype, shape=(37, 6, 9)) for threads in (1, 3)
    )
    upstream = np.random.default_rng(18).normal(size=one.out.shape)
    direction = make_direction(one, 19)
    assert np.array_equal(push_forward(what, one, direction), push_forward(what, three, direction))
    for along in (None, direction):
        found, expected = (pull_back(what, drawing, upstream, along) for drawing in (three, one))
        for field in fields(Tangent):
            assert np.array_equal(getattr(found, field.name), getattr(expected, field.name)), field.name


@each_cell
def test_positions_alone_give_the_same(cell):
    drawing = make_drawing(cell, widths=RADII)
    upstream = np.random.default_rng(20).normal(size=drawing.out.shape)
    full = pull_back(DENSITIES[0], drawing, upstream)
    part = replace(Tangent.zeros(drawing), widths=None, axes=None)
    assert DENSITIES[0].pull_back(replace(drawing, out=upstream), part)
    for name in ("positions", "weights", "origins", "lattices"):
        assert np.array_equal(getattr(part, name), getattr(full, name))


@each_density
def test_a_weight_of_zero_has_a_gradient_in_a_sum(what):
    drawing = make_drawing("triclinic", widths=RADII)
    assert drawing.weights[4] == 0
    expected = draw(what, replace(drawing, weights=np.eye(6)[4])).sum()
    found = pull_back(what, drawing, np.ones(drawing.out.shape)).weights[4]
    assert found == (0 if what.combine == "max" else pytest.approx(expected, rel=1e-12))


def test_nothing_to_draw():
    drawing = list_spheres(np.eye(3), (2, 2, 2), [[9.0, 9, 9]], 0.5)
    for what in DENSITIES:
        assert not push_forward(what, drawing, make_direction(drawing, 21)).any()
        gradient = pull_back(what, drawing, np.ones(drawing.out.shape), make_direction(drawing, 22))
        assert not any(getattr(gradient, field.name).any() for field in fields(Tangent))


def test_wrong_arrays_are_refused():
    drawing = make_drawing("box", widths=RADII)
    what, zeros = SphereOverlap(1.0), Tangent.zeros(drawing)
    with pytest.raises(ValueError, match=r"tangent\.widths has another type or shape"):
        what.push_forward(drawing, replace(zeros, widths=np.zeros(5)))
    with pytest.raises(ValueError, match=r"tangent\.axes has another type or shape"):
        what.pull_back(drawing, replace(zeros, axes=None))
    with pytest.raises(ValueError, match="one block of values, z fastest"):
        what.pull_back(replace(drawing, out=np.zeros((2, 2, 7, 5, 6)).transpose(0, 1, 4, 3, 2)), zeros)
    with pytest.raises(ValueError, match="float32 or float64"):
        what.push_forward(replace(drawing, out=np.zeros(drawing.out.shape, np.float16)), zeros)
    with pytest.raises(ValueError, match="more than 464 times the edge of a voxel"):
        what.pull_back(replace(drawing, widths=np.full(6, 300.0)), zeros)
