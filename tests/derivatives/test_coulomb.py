"""Derivatives of `Coulomb`: against differences of the sums, against the definition, and in crystals that are known."""

from __future__ import annotations

from dataclasses import fields, replace
from functools import partial
from typing import Any

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
from particlegrid import Coulomb
from particlegrid.densities import Drawing, Tangent
from particlegrid.densities.coulomb import COULOMB_CONSTANT as K
from particlegrid.reference.coulomb import sum_directly, sum_ewald

NAMES = tuple(field.name for field in fields(Tangent))
COULOMB = Coulomb()


def close(a: Any, b: Any, rtol: float, name: str = "") -> None:
    """Each number within rtol of the largest."""
    np.testing.assert_allclose(a, b, rtol=0, atol=rtol * np.abs(b).max(), err_msg=name)


def compare(a: Tangent, b: Tangent, rtol: float) -> None:
    for name in NAMES:
        close(getattr(a, name), getattr(b, name), rtol, name)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("cell", CELLS)
def test_push_forward_and_pull_back_are_adjoint(cell: str, seed: int) -> None:
    drawing = make_drawing(cell, seed)
    upstream = np.random.default_rng(seed).normal(size=drawing.out.shape)
    s, t = make_direction(drawing, 1), make_direction(drawing, 2)
    along = upstream * push_forward(COULOMB, drawing, t)
    assert abs(contract(pull_back(COULOMB, drawing, upstream), t) - along.sum()) <= 1e-12 * abs(along).sum()
    # second derivatives are symmetric
    one, other = pull_back(COULOMB, drawing, upstream, s), pull_back(COULOMB, drawing, upstream, t)
    size = sum(abs(getattr(one, name) * getattr(t, name)).sum() for name in NAMES)
    assert abs(contract(one, t) - contract(other, s)) <= 1e-12 * size


def pull_back_at(drawing: Drawing, direction: Tangent, upstream: np.ndarray, name: str, step: float) -> np.ndarray:
    """One field of the gradient, so far along a direction."""
    return np.asarray(getattr(pull_back(COULOMB, move(drawing, direction, step), upstream), name))


@pytest.mark.parametrize("name", ["positions", "weights", "axes", "origins", "lattices"])
@pytest.mark.parametrize("cell", CELLS)
def test_derivatives_are_limits_of_differences(cell: str, name: str) -> None:
    drawing = make_drawing(cell)
    direction = make_direction(drawing, 1, (name,))
    upstream = np.random.default_rng(2).normal(size=drawing.out.shape)
    change = push_forward(COULOMB, drawing, direction)
    expected = differentiate(lambda step: draw(COULOMB, move(drawing, direction, step)), 1e-4)
    close(change, expected, 1e-8)
    second = pull_back(COULOMB, drawing, upstream, direction)
    for other in NAMES:
        expected = differentiate(partial(pull_back_at, drawing, direction, upstream, other), 1e-4)
        close(getattr(second, other), expected, 1e-7, other)


def define(drawing: Drawing) -> np.ndarray:
    """The values by the definition of the sums."""
    out = np.zeros(drawing.out.shape)
    index = np.stack(np.meshgrid(*(np.arange(n) + 0.5 for n in out.shape[2:]), indexing="ij"), -1).reshape(-1, 3)
    for s, channel in np.ndindex(*out.shape[:2]):
        own = np.arange(drawing.offsets[s], drawing.offsets[s + 1])
        own = own[drawing.channels[own] == channel]
        points = drawing.origins[s] + index @ drawing.axes[s]
        charges = drawing.positions[drawing.atoms[own]], drawing.weights[own]
        if drawing.lattices is None:
            out[s, channel] = sum_directly(points, *charges).reshape(out.shape[2:])
        else:
            out[s, channel] = sum_ewald(points, *charges, drawing.lattices[s], alpha=0.8).reshape(out.shape[2:])
    return out


@pytest.mark.parametrize("cell", ["box", "triclinic", "window"])
def test_changes_are_those_of_the_definition(cell: str) -> None:
    drawing = make_drawing(cell, 3, shape=(3, 2, 4))
    direction = make_direction(drawing, 4)
    expected = differentiate(lambda step: define(move(drawing, direction, step)), 3e-4)
    close(push_forward(COULOMB, drawing, direction), expected, 1e-8)


@pytest.mark.parametrize("second", [False, True])
@pytest.mark.parametrize("cell", ["box", "orthogonal", "triclinic"])
def test_types_and_threads(cell: str, second: bool) -> None:
    drawing = make_drawing(cell, 5, shape=(17, 5, 6))
    upstream = np.random.default_rng(6).normal(size=drawing.out.shape).astype(np.float32)
    single = replace(drawing, out=drawing.out.astype(np.float32))
    t = make_direction(drawing, 7)
    direction = t if second else None
    wide, narrow = (pull_back(COULOMB, d, upstream, direction) for d in (drawing, single))
    compare(narrow, wide, 1e-5)
    many = pull_back(COULOMB, replace(single, threads=3), upstream, direction)
    for name in NAMES:
        np.testing.assert_array_equal(getattr(many, name), getattr(narrow, name), err_msg=name)
    some = replace(Tangent.zeros(drawing), widths=None, axes=None)
    assert COULOMB.pull_back(replace(single, out=upstream), some, direction)
    for name in ("positions", "weights", "origins", "lattices"):
        np.testing.assert_array_equal(getattr(some, name), getattr(narrow, name), err_msg=name)
    change = push_forward(COULOMB, single, t)
    close(change, push_forward(COULOMB, drawing, t), 1e-5)
    np.testing.assert_array_equal(change, push_forward(COULOMB, replace(single, threads=3), t))


@pytest.mark.parametrize("cell", CELLS)
def test_gradients_by_charges_of_zero_are_potentials(cell: str) -> None:
    drawing = make_drawing(cell, 8)
    drawing.weights[:] = 0  # not one charge that could say how far the sums must go
    upstream = np.random.default_rng(9).normal(size=drawing.out.shape)
    gradient = pull_back(COULOMB, drawing, upstream)
    for entry in range(len(drawing.weights)):
        one = replace(drawing, weights=np.eye(len(drawing.weights))[entry])
        assert gradient.weights[entry] == pytest.approx((upstream * draw(COULOMB, one)).sum(), rel=1e-9, abs=1e-9)
    for name in ("positions", "axes", "origins", "lattices", "widths"):
        assert not getattr(gradient, name).any()


def put_at_a_voxel(cell: str) -> tuple[Drawing, tuple[int, ...]]:
    """A drawing one of whose charges lies at the centre of voxel (2, 3, 1) of structure 0, channel 0."""
    drawing = make_drawing(cell, 10)
    drawing.positions[0] = drawing.origins[0] + np.array([2.5, 3.5, 1.5]) @ drawing.axes[0]
    return drawing, (0, 0, 2, 3, 1)


@pytest.mark.parametrize("cell", CELLS)
def test_a_voxel_at_a_charge(cell: str) -> None:
    drawing, voxel = put_at_a_voxel(cell)
    t = make_direction(drawing, 11)
    assert np.isinf(draw(COULOMB, drawing)[voxel])
    upstream = np.random.default_rng(12).normal(size=drawing.out.shape)
    upstream[voxel] = 0
    change = push_forward(COULOMB, drawing, t)
    assert np.isfinite(change).all()
    others = np.isfinite(draw(COULOMB, drawing))
    expected = differentiate(lambda step: np.where(others, draw(COULOMB, move(drawing, t, step)), 0), 1e-4)
    close(change[others], expected[others], 1e-8)
    for direction in (None, t):
        nothing = pull_back(COULOMB, drawing, np.zeros_like(upstream), direction)
        gradient = pull_back(COULOMB, drawing, upstream, direction)
        for name in NAMES:
            assert not getattr(nothing, name).any()
            assert np.isfinite(getattr(gradient, name)).all()
    along = upstream * change
    assert abs(contract(pull_back(COULOMB, drawing, upstream), t) - along.sum()) <= 1e-12 * abs(along).sum()


@pytest.mark.parametrize("cell", [name for name in CELLS if name != "box"])
def test_gradients_do_not_depend_on_the_split(cell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # at a charge, what is left of its part in real space must match its part of the waves
    drawing, _ = put_at_a_voxel(cell)
    upstream = np.random.default_rng(13).normal(size=drawing.out.shape)
    t = make_direction(drawing, 14)
    results = []
    for split in (0.0, 0.6, 1.3):
        monkeypatch.setattr(Coulomb, "_split", split)
        results.append(
            (push_forward(COULOMB, drawing, t), *(pull_back(COULOMB, drawing, upstream, d) for d in (None, t)))
        )
    for change, gradient, second in results[1:]:
        close(change, results[0][0], 1e-8)
        compare(gradient, results[0][1], 1e-8)
        compare(second, results[0][2], 1e-8)


FCC = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
# positions in the cubic cell, charges, nearest neighbour's distance in edges, Madelung's constant: see
# tests/voxelizer/test_coulomb.py
CRYSTALS = {
    "NaCl": (np.concatenate([FCC, FCC + 0.5]), [1.0] * 4 + [-1.0] * 4, 0.5, 1.74756459463318),
    "CsCl": (np.array([[0, 0, 0], [0.5, 0.5, 0.5]]), [1.0, -1.0], np.sqrt(3) / 2, 1.76267477307099),
}


def put_voxels_at_ions(name: str, edge: float) -> Drawing:
    """A structure for every ion of a crystal, whose only voxel has the ion at its centre."""
    fractions, charges, _, _ = CRYSTALS[name]
    n = len(charges)
    positions = fractions * edge
    axes = 0.1 * np.eye(3)
    return Drawing(
        positions=np.tile(positions, (n, 1)),
        atoms=np.arange(n * n),
        channels=np.zeros(n * n, int),
        weights=np.tile(K * np.array(charges), n),
        widths=np.ones(n * n),
        offsets=np.arange(n + 1) * n,
        axes=np.tile(axes, (n, 1, 1)),
        origins=positions - 0.05,
        lattices=np.tile(edge * np.eye(3), (n, 1, 1)),
        periodic=np.ones((n, 3), bool),
        out=np.zeros((n, 1, 1, 1, 1)),
        tol=1e-12,
        threads=1,
    )


@pytest.mark.parametrize("name", CRYSTALS)
def test_forces_vanish_by_symmetry_and_energies_scale(name: str) -> None:
    edge = 4.2
    _, charges, neighbour, constant = CRYSTALS[name]
    drawing = put_voxels_at_ions(name, edge)
    # the energy of a cell: half the sum of charges times potentials of all others, with E = -N M k / (2 d)
    gradient = pull_back(COULOMB, drawing, 0.5 * np.array(charges).reshape(-1, 1, 1, 1, 1))
    energy = -len(charges) * constant * K / (2 * neighbour * edge)
    assert abs(gradient.origins).max() <= 1e-10 * abs(energy)
    # a strain moves everything: dE / d strain = -E / 3 along each axis, as E goes with 1 / edge
    strained = sum(
        np.einsum("nk,nl->kl", getattr(drawing, field).reshape(-1, 3), getattr(gradient, field).reshape(-1, 3))
        for field in ("positions", "axes", "origins", "lattices")
    )
    np.testing.assert_allclose(strained, -energy / 3 * np.eye(3), rtol=0, atol=1e-8 * abs(energy))
    # potentials are linear in the charges
    assert (drawing.weights * gradient.weights).sum() == pytest.approx(energy, rel=1e-10)


@pytest.mark.parametrize("seed", range(3))
def test_the_background_of_a_charged_cell(seed: int) -> None:
    lattice = np.array([[4.0, 0.3, 0.0], [-0.7, 3.5, 0.2], [0.1, 0.4, 3.8]])
    drawing = replace(
        make_drawing("window", 15),
        lattices=np.array([lattice, 1.2 * lattice]),
        weights=np.array([1.0, 2.0, 0.5, 1.5, 1.0, 2.0]),
    )
    upstream = np.ones(drawing.out.shape)  # the background alone is the same everywhere
    direction = make_direction(drawing, seed, ("lattices", "weights"))
    gradient = pull_back(COULOMB, drawing, upstream)
    expected = differentiate(lambda step: draw(COULOMB, move(drawing, direction, step)).sum(), 1e-4)
    assert contract(gradient, direction) == pytest.approx(expected, rel=1e-8)


def test_what_cannot_be_differentiated_is_refused() -> None:
    drawing = make_drawing("triclinic")
    direction, gradient = make_direction(drawing, 0), Tangent.zeros(drawing)
    strided = np.zeros((2, 2, 6, 5, 14))[..., ::2]
    for out in (strided, drawing.out.astype(np.float16)):
        wrong = replace(drawing, out=out)
        with pytest.raises(ValueError, match="derivatives"):
            COULOMB.push_forward(wrong, direction)
        for along in (None, direction):
            with pytest.raises(ValueError, match="derivatives"):
                COULOMB.pull_back(wrong, gradient, along)
    partly = replace(drawing, periodic=np.array([[True, True, True], [True, False, True]]))
    with pytest.raises(ValueError, match="structure 1 is periodic along 2 of 3 axes"):
        COULOMB.push_forward(partly, direction)
    with pytest.raises(ValueError, match="structure 1 is periodic along 2 of 3 axes"):
        COULOMB.pull_back(partly, gradient)
    short = replace(direction, weights=direction.weights[1:])
    with pytest.raises(ValueError, match=r"tangent\.weights"):
        COULOMB.push_forward(drawing, short)
    assert not any(getattr(gradient, name).any() for name in NAMES)
    assert not drawing.out.any()
