"""Grids and placements."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from particlegrid import Around, Batch, Box, Grid, Structure, UnitCell
from particlegrid.errors import OutsideBoxWarning
from particlegrid.registry import from_dict

floats = st.floats(-5, 5)


@given(st.lists(floats, min_size=9, max_size=9), st.lists(floats, min_size=3, max_size=3))
def test_world_and_index_are_inverse(noise: list[float], point: list[float]) -> None:
    axes = np.eye(3) + 0.05 * np.reshape(noise, (3, 3))
    grid = Grid((3, 4, 5), axes, [1, 2, 3])
    assert grid.index_to_world(grid.world_to_index(point)) == pytest.approx(np.array(point), abs=1e-9)


def test_grid_of_the_definition() -> None:
    grid = Grid((2, 3, 4), np.diag([1, 2, 3]), [10, 20, 30])
    assert grid.centers().shape == (2, 3, 4, 3)
    assert grid.centers()[1, 2, 3].tolist() == [11.5, 25, 40.5]
    assert grid.voxel_volume == pytest.approx(6)
    assert Grid(2, np.diag([1, 1, -1]), [0, 0, 0]).voxel_volume == pytest.approx(1)


@pytest.mark.parametrize("n", [1, 2, 31, 32])
def test_box_is_centred_for_even_and_odd_shapes(n: int) -> None:
    batch = Batch([Structure([[1, 2, 3], [2, 4, 5]], ["C", "C"]), Structure([[0, 0, 0]], ["H"])])
    grids = Box(n, 0.5, outside="ignore").place(batch)
    for i, centre in enumerate([[1.5, 3, 4], [0, 0, 0]]):
        assert grids[i].centers().reshape(-1, 3).mean(axis=0) == pytest.approx(np.array(centre, float))
    assert Box(n, 0.5, "origin", outside="ignore").place(batch)[0].origin == pytest.approx((-n / 4,) * 3)
    assert Box(n, 0.5, (1, 1, 1), outside="ignore").place(batch)[0].origin == pytest.approx((1 - n / 4,) * 3)


def test_atoms_outside_are_counted() -> None:
    s = Structure([[0, 0, 0], [0, 0, 9], [0, 0, -9]], ["C"] * 3)
    with pytest.warns(OutsideBoxWarning, match="2 of 3 atoms lie outside the box of 4 x 4 x 4 A"):
        Box(8, 0.5).place(Batch([s]))
    with pytest.warns(OutsideBoxWarning, match=r"4 of 6 atoms lie outside the box \(in 2 of 2 structures\)"):
        Box(8, 0.5).place(Batch([s, s]))
    with pytest.raises(ValueError, match="2 of 3 atoms lie outside the box"):
        Box(8, 0.5, outside="error").place(Batch([s]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Box(8, 0.5, outside="ignore").place(Batch([s]))
        Box(8, 0.5).place(Batch([Structure([[0, 0, 0], [4, 4, 4]], ["C"] * 2)]))  # on the faces is inside


def test_around_holds_the_atoms_and_the_padding() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        s = Structure(rng.normal(0, 3, (5, 3)), [6] * 5)
        grid = Around((0.3, 0.4, 0.5), padding=1.5).place(Batch([s]))[0]
        low, high = np.array(grid.origin), np.array(grid.origin) + np.multiply(grid.shape, grid.spacing)
        assert (low <= s.positions.min(axis=0) - 1.5 + 1e-9).all()
        assert (high >= s.positions.max(axis=0) + 1.5 - 1e-9).all()
        assert (high - low < np.ptp(s.positions, axis=0) + 3 + grid.spacing + 1e-9).all()
    assert Around(0.5, 0).place(Batch([Structure([], [])]))[0].shape == (1, 1, 1)


def test_unit_cell_grids() -> None:
    cell = np.array([[4, 0, 0], [1, 5, 0], [0, 0, 6.0]])
    batch = Batch([Structure([[0, 0, 0]], ["Na"], cell=cell)])
    grid = UnitCell((4, 5, 6)).place(batch)[0]
    assert np.multiply(grid.axes, np.array(grid.shape)[:, None]) == pytest.approx(cell)
    assert grid.pbc == (True,) * 3
    assert UnitCell(spacing=0.5).place(batch)[0].shape == (8, 11, 12)
    points = UnitCell(4, registration="point").place(batch)[0]
    assert points.index_to_world([0, 0, 0]) == pytest.approx([0, 0, 0])
    with pytest.raises(ValueError, match="structure 0 has no cell"):
        UnitCell(4).place(Batch([Structure([[0, 0, 0]], ["Na"])]))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Box(0, 0.5), ValueError, "`shape` must be at least 1 voxel"),
        (lambda: Box(3.5, 0.5), TypeError, "`shape` must hold whole numbers"),
        (lambda: Box((3, 3), 0.5), ValueError, "`shape` must be one or three"),
        (lambda: Box(3, -0.5), ValueError, "`spacing` must be positive"),
        (lambda: Box(3, (1, 2)), ValueError, r"`spacing` must have shape \(3,\)"),
        (lambda: Box(3, 0.5, "middle"), ValueError, "`center` must be one of 'centroid', 'origin'"),
        (lambda: Box(3, 0.5, outside="clip"), ValueError, "`outside` must be one of"),
        (lambda: Around(0.5, -1), ValueError, "`padding` must be positive"),
        (lambda: UnitCell(), ValueError, "either `shape` or `spacing`"),
        (lambda: UnitCell(4, 0.5), ValueError, "either `shape` or `spacing`"),
        (lambda: Grid(3, np.zeros((3, 3)), [0, 0, 0]), ValueError, "`axes` .* span no volume"),
    ],
)
def test_bad_parameters_are_named(make, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize(
    "noun",
    [
        Box(32, 0.5),
        Box((3, 4, 5), (0.1, 0.2, 0.3), center=(1, 2, 3), outside="error"),
        Around(0.5, 2),
        UnitCell(spacing=0.3),
        UnitCell((3, 4, 5), registration="point"),
        Grid((2, 3, 4), np.diag([1, 2, 3]), [0, 0, 0]),
    ],
)
def test_description_survives_json(noun) -> None:
    again = from_dict(json.loads(json.dumps(noun.to_dict())))
    assert again == noun
    assert hash(again) == hash(noun)


def test_periodic_structures_need_a_centre() -> None:
    crystal = Structure([[0, 0, 0]], ["Na"], cell=np.eye(3) * 4)
    with pytest.raises(ValueError, match="periodic structure has no centroid"):
        Box(8, 0.5).place(Batch([crystal]))
    with pytest.raises(ValueError, match="periodic structure has no outermost atoms"):
        Around(0.5, 1).place(Batch([crystal]))
