"""Derivatives of densities of the distance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from derivative_checks import (
    KINDS,
    check_adjoint,
    check_differences,
    check_types_and_threads,
    random_drawing,
    random_tangent,
)

from derivatives import draw, pull_back, push_forward
from particlegrid import Binary, Density, GaussianQuadratic, LennardJones, Occupancy, Radial
from particlegrid.densities import Boltzmann, Drawing, Tangent

# twelve cubic pieces up to 2 A: differences seldom cross from one to another, where second derivatives jump
BUMP = (1 - np.linspace(0, 1, 13) ** 2) ** 4 * (1 + np.linspace(0, 2, 13) ** 2)

DENSITIES: dict[str, Density] = {
    "quadratic": GaussianQuadratic(scale=1.3),
    "wide quadratic": GaussianQuadratic(multiple=0.4),
    "cut": GaussianQuadratic(multiple=-1.5),
    "occupancy": Occupancy(cutoff=2.2),
    "binary": Binary(),
    "table": Radial(BUMP, 2.0),
    "largest": Radial(BUMP, 2.0, combine="max"),
    "energy": LennardJones(probe=(0.5, 1.1), cutoff=2.4),
    "shifted": LennardJones(probe=(0.5, 1.1), cutoff=2.4, shift=True),
    "factor": Boltzmann(LennardJones(probe=(0.5, 1.1), cutoff=2.4), 300),
}
CASES = [(name, kind) for name in DENSITIES for kind in KINDS]


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_push_forward_and_pull_back_are_adjoint(name: str, kind: str) -> None:
    rng = np.random.default_rng(1)
    check_adjoint(DENSITIES[name], random_drawing(rng, kind), rng)


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_derivatives_are_limits_of_differences(name: str, kind: str) -> None:
    rng = np.random.default_rng(2)
    # an entry of weight 0 stands at a kink of a maximum: its value is above none on one side alone
    weights = (0.5, 2.0) if DENSITIES[name].combine == "max" else (-1.0, 2.0)
    drawing = random_drawing(rng, kind, weights=weights)
    if DENSITIES[name].combine == "max":
        drawing.weights[drawing.weights == 0] = 0.7
    check_differences(DENSITIES[name], drawing, rng)


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_types_and_threads(name: str, kind: str) -> None:
    rng = np.random.default_rng(3)
    check_types_and_threads(DENSITIES[name], random_drawing(rng, kind), rng)


def on_a_voxel(width: float = 1.0, weights: tuple[float, ...] = (1.0,), spots: tuple[float, ...] = (0.0,)) -> Drawing:
    """Atoms along z at these distances from the centre of the voxel in the middle of 5 x 5 x 5 of 0.5 A."""
    count = len(weights)
    return Drawing(
        positions=np.array([[0, 0, z] for z in spots], float),
        atoms=np.arange(count),
        channels=np.zeros(count, int),
        weights=np.array(weights),
        widths=np.full(count, width),
        offsets=np.array([0, count]),
        axes=0.5 * np.eye(3)[None],
        origins=np.full((1, 3), -1.25),
        lattices=None,
        periodic=None,
        out=np.zeros((1, 1, 5, 5, 5)),
        tol=1e-12,
        threads=1,
    )


@pytest.mark.parametrize("name", DENSITIES)
def test_a_voxel_at_an_atom_pulls_it_nowhere(name: str) -> None:
    what, drawing = DENSITIES[name], on_a_voxel()
    g = np.zeros((1, 1, 5, 5, 5))
    g[0, 0, 2, 2, 2] = 1
    gradient = pull_back(what, drawing, g)
    np.testing.assert_array_equal(gradient.positions, 0)
    twice = pull_back(what, drawing, g, random_tangent(np.random.default_rng(0), drawing))
    assert all(np.isfinite(getattr(twice, field)).all() for field in vars(twice))
    if name in ("energy", "shifted", "factor"):
        assert np.isinf(draw(what, drawing)[0, 0, 2, 2, 2])
        assert gradient.weights[0] == pytest.approx(0, abs=0.01)


def test_voxels_without_a_gradient_add_nothing_where_an_energy_is_infinite() -> None:
    what, drawing = LennardJones(probe=(0.5, 1.0), cutoff=2.0), on_a_voxel()
    g = np.random.default_rng(0).normal(size=(1, 1, 5, 5, 5))
    g[0, 0, 2, 2, 2] = 0
    there, beside = pull_back(what, drawing, g), pull_back(what, on_a_voxel(spots=(1e-9,)), g)
    for name in ("positions", "weights", "widths", "axes"):
        expected = getattr(beside, name)
        np.testing.assert_allclose(getattr(there, name), expected, rtol=0, atol=1e-6 * abs(expected).max())
    assert not any(getattr(pull_back(what, drawing, 0 * g), name).any() for name in vars(there))


@pytest.mark.parametrize("what", [Occupancy(), Binary(), DENSITIES["largest"]], ids=["occupancy", "binary", "table"])
def test_of_equal_values_the_first_entry_counts(what: Density) -> None:
    drawing, g = on_a_voxel(weights=(0.0, 1.0, 1.0, 0.5), spots=(0.1, 0.1, 0.1, 0.1)), np.ones((1, 1, 5, 5, 5))
    alone = pull_back(what, on_a_voxel(spots=(0.1,)), g)
    gradient = pull_back(what, drawing, g)
    np.testing.assert_array_equal(gradient.weights, [0, alone.weights[0], 0, 0])
    np.testing.assert_array_equal(gradient.positions, [[0, 0, 0], alone.positions[0], [0, 0, 0], [0, 0, 0]])


def test_of_equal_images_the_first_counts() -> None:
    """Two images at the same distance from the middle plane of a cell of one atom."""
    drawing = on_a_voxel(spots=(1.25,), width=1.2)
    lattice = np.diag([9.0, 9.0, 2.5])[None]
    drawing = replace(drawing, lattices=lattice, periodic=np.array([[False, False, True]]))
    g = np.zeros((1, 1, 5, 5, 5))
    g[0, 0, 2, 2, 2] = 1
    what = Occupancy(cutoff=2.0)
    gradient = pull_back(what, drawing, g)
    step = np.zeros((1, 3))
    step[0, 2] = 1e-6
    nearer = draw(what, replace(drawing, positions=drawing.positions + step)) - draw(what, drawing)
    # the image at -1.25 comes first, and comes nearer
    assert gradient.positions[0, 2] == pytest.approx(nearer[0, 0, 2, 2, 2] / 1e-6, rel=1e-4)
    assert gradient.positions[0, 2] > 0
    assert gradient.lattices[0, 2, 2] == -gradient.positions[0, 2]


@pytest.mark.parametrize("name", ["quadratic", "table", "energy"])
def test_entries_of_weight_0_have_a_gradient_by_their_weight(name: str) -> None:
    what, g = DENSITIES[name], np.random.default_rng(4).normal(size=(1, 1, 5, 5, 5))
    spot = (0.13,)
    nothing = pull_back(what, on_a_voxel(weights=(0.0,), spots=spot), g)
    something = pull_back(what, on_a_voxel(weights=(1.0,), spots=spot), g)
    assert nothing.weights[0] == something.weights[0] != 0
    assert not nothing.positions.any()
    assert not nothing.widths.any()
    assert something.positions[0, 2] != 0


def test_a_table_knows_no_width() -> None:
    rng = np.random.default_rng(5)
    drawing = random_drawing(rng, "box")
    g, t = rng.normal(size=drawing.out.shape), random_tangent(rng, drawing)
    assert not pull_back(DENSITIES["table"], drawing, g).widths.any()
    assert not pull_back(DENSITIES["table"], drawing, g, t).widths.any()


def test_a_ball_of_ones_has_a_gradient_by_its_weight_alone() -> None:
    rng = np.random.default_rng(6)
    drawing = random_drawing(rng, "triclinic cell", weights=(0.5, 1.0))
    gradient = pull_back(Binary(), drawing, rng.normal(size=drawing.out.shape))
    assert gradient.weights.any()
    assert not any(getattr(gradient, name).any() for name in vars(gradient) if name != "weights")


@pytest.mark.parametrize("name", ["occupancy", "energy"])
def test_what_is_refused(name: str) -> None:
    what, drawing = DENSITIES[name], on_a_voxel()
    zeros = Tangent.zeros(drawing)
    for field in vars(zeros):
        with pytest.raises(ValueError, match=rf"tangent\.{field}"):
            what.push_forward(drawing, replace(zeros, **{field: np.zeros((7, 3))}))
        if field not in ("widths", "axes"):
            with pytest.raises(ValueError, match=rf"tangent\.{field}"):
                what.pull_back(drawing, replace(zeros, **{field: None}))
    with pytest.raises(ValueError, match=r"tangent\.weights"):
        what.pull_back(drawing, zeros, replace(zeros, weights=np.zeros(1, "float32")))
    with pytest.raises(ValueError, match="float32 or float64"):
        what.pull_back(replace(drawing, out=drawing.out.astype("float16")), zeros)
    with pytest.raises(ValueError, match="one block"):
        what.push_forward(replace(drawing, out=drawing.out[..., ::2]), zeros)
    with pytest.raises(ValueError, match="width"):
        what.pull_back(replace(drawing, widths=np.array([-1.0])), zeros)


def test_no_entries() -> None:
    drawing = on_a_voxel(weights=(), spots=())
    drawing = replace(drawing, positions=np.zeros((0, 3)))
    for what in DENSITIES.values():
        gradient = pull_back(what, drawing, np.ones((1, 1, 5, 5, 5)))
        assert not any(getattr(gradient, name).any() for name in vars(gradient))
        assert not push_forward(what, drawing, Tangent.zeros(drawing)).any()
