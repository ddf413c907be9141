"""Projections: a shape with None, integrated along that axis."""

from __future__ import annotations

import json
import pickle
import warnings

import numpy as np
import pytest
from fourier import make_cell

from particlegrid import (
    AllAtoms,
    Batch,
    Binary,
    Box,
    Canvas,
    Elements,
    Gaussian,
    Grid,
    Structure,
    UnitCell,
    Volume,
    Voxelizer,
    reference,
    resample,
)
from particlegrid.errors import OutsideBoxWarning
from particlegrid.registry import from_dict

CELLS = {
    "orthorhombic": make_cell(4, 5, 6, 90, 90, 90),
    "turned": make_cell(4, 5, 6, 90, 90, 90) @ np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0],
    "hexagonal": make_cell(4, 4, 5, 90, 90, 120),
    "triclinic": make_cell(4, 5, 6, 70, 110, 50),
    "left-handed": make_cell(4, 5, 6, 70, 110, 50)[[1, 0, 2]],
    "small": make_cell(1.5, 1.2, 1.7, 80, 95, 110),
}
VALUES = (Gaussian("width"), Gaussian("width", "mean"), Gaussian("width", "point"), Gaussian("width", "point", False))
WHICH = Elements("H", "C", weight="weight")


def random_structure(rng: np.random.Generator, n: int = 5, spread: float = 4.0, **options) -> Structure:
    """Atoms of two elements, weights of both signs, widths of 0.2 to 1.2 A."""
    properties = {"weight": rng.normal(size=n), "width": rng.uniform(0.2, 1.2, n)}
    return Structure(rng.uniform(-spread, spread, (n, 3)), rng.choice([1, 6], n), properties=properties, **options)


def without(shape, axis: int) -> tuple:
    return tuple(None if d == axis else int(n) for d, n in enumerate(shape))


def check(where, what: Gaussian, structure: Structure, tol: float = 1e-9) -> np.ndarray:
    """The values, after a comparison with the definition."""
    vox = Voxelizer(where, WHICH, what, dtype="float64", tol=tol)
    values = vox(structure)
    expected = reference.voxelize(structure, where.place(Batch([structure]))[0], WHICH, what)
    assert values.shape == expected.shape
    # each image of an atom may be cut off by tol of its peak; here no more than a hundred touch a grid
    weights, widths = structure.properties["weight"], structure.properties["width"]
    peaks = 1 / (2 * np.pi * widths**2)
    if what.value == "integral":
        peaks = np.minimum(1, peaks * where.place(Batch([structure]))[0].voxel_volume)
    elif not what.normalize:
        peaks = np.sqrt(2 * np.pi) * widths
    assert abs(values - expected).max() <= 100 * tol * (abs(weights) * peaks).sum()
    assert abs(expected).max() > 1e-4 * (abs(weights) * peaks).max()  # something was drawn
    single = Voxelizer(where, WHICH, what)(structure)
    assert abs(single - expected).max() <= 5e-6 * (abs(weights) * peaks).sum()
    return values


@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize("what", VALUES[:2])
def test_is_a_box_summed_over_the_axis(what: Gaussian, axis: int) -> None:
    molecule, shape, spacing = random_structure(np.random.default_rng(1)), np.array([20, 24, 28]), (0.5, 0.4, 0.3)
    shape[axis] = 60
    tall = Voxelizer(Box(tuple(shape), spacing), WHICH, what, dtype="float64", tol=1e-9)(molecule).sum(axis=1 + axis)
    if what.value == "mean":
        tall *= spacing[axis]
    flat = Voxelizer(Box(without(shape, axis), spacing), WHICH, what, dtype="float64", tol=1e-9)(molecule)
    assert abs(flat - tall).max() <= 2e-8 * abs(tall).max()


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("axis", range(3))
def test_is_a_cell_summed_over_the_axis(name: str, axis: int) -> None:
    crystal = random_structure(np.random.default_rng(2), spread=9, cell=CELLS[name])
    full, flat = UnitCell((9, 8, 7)), UnitCell(without((9, 8, 7), axis))
    solid, seen = (Voxelizer(w, WHICH, VALUES[0], dtype="float64", tol=1e-9)(crystal) for w in (full, flat))
    summed = solid.sum(axis=1 + axis)
    assert abs(seen - summed).max() <= 1e-7 * abs(summed).max()


@pytest.mark.parametrize("case", range(36))
def test_boxes_agree_with_the_definition(case: int) -> None:
    rng = np.random.default_rng([3, case])
    shape = without(rng.integers(1, 20, 3), case % 3)
    check(Box(shape, tuple(rng.uniform(0.3, 0.8, 3)), outside="ignore"), VALUES[case % 4], random_structure(rng))


@pytest.mark.parametrize("case", range(48))
def test_cells_agree_with_the_definition(case: int) -> None:
    rng = np.random.default_rng([4, case])
    cell = list(CELLS.values())[case % 6]
    pbc = True if case % 2 else rng.random(3) < 0.6
    crystal = random_structure(rng, cell=cell, pbc=pbc)
    fractions = rng.uniform(-0.1, 1.1, (5, 3)) + rng.integers(-2, 3, (5, 3)) * crystal.pbc
    crystal = Structure(fractions @ cell, crystal.numbers, cell=cell, pbc=pbc, properties=crystal.properties)
    where = UnitCell(without(rng.integers(1, 12, 3), case // 4 % 3), registration=("voxel", "point")[case // 2 % 2])
    check(where, VALUES[case // 12], crystal)


@pytest.mark.parametrize("case", range(24))
def test_oblique_grids_agree_with_the_definition(case: int) -> None:
    """Edges in no special direction, and the axis not at right angles to them; periodic ones too."""
    rng = np.random.default_rng([5, case])
    axes = list(CELLS.values())[case % 5] @ np.linalg.qr(rng.normal(size=(3, 3)))[0] / 8
    grid = Grid(without(rng.integers(3, 12, 3), case % 3), axes, rng.uniform(-3, 1, 3), pbc=rng.random(3) < 0.4)
    check(grid, VALUES[case // 3 % 4], random_structure(rng))


@pytest.mark.parametrize("value", range(4))
def test_a_window_into_a_crystal_takes_one_period(value: int) -> None:
    rng = np.random.default_rng(6)
    crystal = random_structure(rng, cell=[[4, 0, 0], [-2, 3.5, 0], [0, 0, 7]])
    values = check(Box((12, 10, None), 0.3, center=(1, 2, 3)), VALUES[value], crystal)
    moved = Structure(
        crystal.positions + np.outer(rng.integers(-3, 4, 5), crystal.cell[2]),
        crystal.numbers,
        cell=crystal.cell,
        properties=crystal.properties,
    )
    again = Voxelizer(Box((12, 10, None), 0.3, center="origin"), WHICH, VALUES[value], dtype="float64", tol=1e-9)
    near = Voxelizer(Box((12, 10, None), 0.3, center=(0, 0, 50)), WHICH, VALUES[value], dtype="float64", tol=1e-9)
    assert abs(again(moved) - near(crystal)).max() <= 1e-12 * abs(values).max()


def test_slabs_and_chains() -> None:
    rng = np.random.default_rng(7)
    cell = make_cell(3, 4, 9, 80, 100, 110)
    for pbc in ((True, True, False), (True, False, False), (False, False, True)):
        where = Box((12, 10, None), 0.3, center="origin", outside="ignore")
        check(where, VALUES[0], random_structure(rng, cell=cell, pbc=pbc))
    # seen along a vector in its plane, a slab is a chain
    slab = random_structure(rng, cell=[[3, 0, 0], [0, 4, 0], [0, 0, 9]], pbc=(True, True, False))
    check(Box((None, 12, 30), 0.3, center="origin", outside="ignore"), VALUES[0], slab)


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("axis", range(3))
def test_the_total_is_the_weight_and_mean_times_area_the_integral(name: str, axis: int) -> None:
    rng = np.random.default_rng(8)
    where = UnitCell(without((11, 9, 10), axis))
    for sigma in (0.1, 0.5, 1.5):
        atom = Structure(rng.uniform(-9, 9, (1, 3)), ["C"], cell=CELLS[name])
        for dtype in ("float32", "float64"):
            integral, mean = (
                Voxelizer(where, AllAtoms(), Gaussian(sigma, value), dtype=dtype).volume(atom)
                for value in ("integral", "mean")
            )
            assert abs(integral.array.sum(dtype=float) - 1) <= 1e-6
            area = np.linalg.norm(np.cross(*np.delete(integral.grid.axes, axis, axis=0)))
            seen = CELLS[name][axis] / np.linalg.norm(CELLS[name][axis])
            tilt = abs(np.cross(*np.delete(integral.grid.axes, axis, axis=0)) @ seen) / area
            assert integral.grid.voxel_volume == pytest.approx(area * tilt)
            assert mean.array * area * tilt == pytest.approx(integral.array, rel=1e-6)


def test_widths_of_four_orders_and_tight_tolerances() -> None:
    """The voxel along the axis is 20 of the widest, which the narrowest must not notice."""
    for what in VALUES:
        for narrow, grid in (
            (0.002, Grid((7, None, 9), np.diag([0.4, 9, 0.3]), [-1.3, 5, -1.2])),
            (0.02, Grid((7, None, 9), [[0.4, 0.1, 0], [0, 1, 0], [0.2, 0.1, 0.3]], [-2, 5, -1])),
        ):
            properties = {"width": [narrow, 0.1, 20.0], "weight": [1.0, 10.0, 100.0]}
            molecule = Structure(np.full((3, 3), 0.03), ["H"] * 3, properties=properties)
            vox = Voxelizer(grid, WHICH, what, dtype="float64", tol=1e-14)
            expected = reference.voxelize(molecule, grid, WHICH, what)
            assert abs(vox(molecule) - expected).max() <= 1e-12 * abs(expected).max()


@pytest.mark.parametrize("what", VALUES[:3])
def test_one_channel_does_not_depend_on_widths_in_another(what: Gaussian) -> None:
    rng = np.random.default_rng(14)
    positions, weight, width = rng.uniform(-2, 2, (5, 3)), np.ones(5), np.full(5, 0.3)
    grids = []
    for widest in (0.3, 0.7, 7.7):
        width[0] = widest
        molecule = Structure(positions, ["H"] + ["C"] * 4, properties={"weight": weight, "width": width})
        grids.append(Voxelizer(Box((16, None, 14), 0.37), WHICH, what)(molecule))
    assert np.array_equal(grids[0][1], grids[1][1])
    assert np.array_equal(grids[0][1], grids[2][1])
    assert not np.array_equal(grids[0][0], grids[1][0])


@pytest.mark.parametrize("axis", range(3))
def test_a_gaussian_much_wider_than_its_cell_is_uniform(axis: int) -> None:
    crystal = Structure([[0, 0, 0]], ["C"], cell=CELLS["orthorhombic"])
    grid = Voxelizer(UnitCell(without((8, 6, 4), axis)), AllAtoms(), Gaussian(1e4))(crystal)
    assert grid == pytest.approx(1 / grid.size, rel=1e-6)
    with pytest.raises(ValueError, match="a projection takes widths up to 20000 A, got 30000"):
        Voxelizer(UnitCell(without((8, 6, 4), axis)), AllAtoms(), Gaussian(3e4))(crystal)


def test_bits_depend_on_neither_threads_nor_the_batch() -> None:
    rng = np.random.default_rng(9)
    crystals = [
        random_structure(rng, n, cell=6 * CELLS[name], pbc=pbc)
        for n, (name, pbc) in enumerate(
            [("triclinic", True), ("turned", True), ("hexagonal", (True, False, True)), ("triclinic", False)]
        )
    ]
    molecules = [random_structure(rng, n) for n in range(4)]
    for axis in range(3):
        shape = without((260, 270, 280), axis)  # one grid of two channels in float64 is enough for threads to share
        for where, many in ((UnitCell(shape), crystals), (Box(shape, 0.1, outside="ignore"), molecules)):
            what = VALUES[axis]
            one, three = (Voxelizer(where, WHICH, what, dtype="float64", threads=threads) for threads in (1, 3))
            grids = one(many)
            assert grids.shape == (4, 2, *(n for n in shape if n))
            assert grids[0].nbytes >= what.serial_bytes
            assert np.array_equal(grids, three(many))
            for grid, structure in zip(grids, many):
                assert np.array_equal(grid, three(structure))


def test_dtypes_and_memory_of_any_strides() -> None:
    rng = np.random.default_rng(10)
    where, molecules = Box((14, None, 10), 0.5, outside="ignore"), [random_structure(rng) for _ in range(3)]
    exact = Voxelizer(where, WHICH, VALUES[0], dtype="float64")(molecules)
    for dtype, bound in (("float32", 1e-6), ("float16", 1e-3), ("bfloat16", 8e-3)):
        values = Voxelizer(where, WHICH, VALUES[0], dtype=dtype)(molecules)
        assert values.dtype.name == dtype
        assert abs(values.astype(float) - exact).max() <= bound * abs(exact).max()
    vox = Voxelizer(where, WHICH, VALUES[0])
    plain = vox(molecules)
    memory = np.full((10, 3, 14, 5), np.nan, np.float32)
    strided = memory.transpose(1, 3, 2, 0)[:, ::-2][:, :2, :, ::-1]
    assert vox(molecules, out=strided) is strided
    assert np.array_equal(strided, plain)
    assert np.isnan(memory).sum() == memory.size - plain.size
    assert np.array_equal(vox(molecules[0], out=np.full((2, 14, 10), np.nan, np.float32)), plain[0])
    with pytest.raises(ValueError, match=r"`out` must have shape \(3, 2, 14, 10\), got \(3, 2, 14, 1, 10\)"):
        vox(molecules, out=np.empty((3, 2, 14, 1, 10), np.float32))


def test_nothing_to_draw() -> None:
    for where in (Box((4, None, 6), 0.5), UnitCell((4, None, 6)), Grid((4, None, 6), np.eye(3), [0, 0, 0])):
        vox = Voxelizer(where, Elements("H", "C"), Gaussian(0.5))
        assert vox([]).shape == (0, 2, 4, 6)
    assert not Voxelizer(Box((4, None, 6), 0.5), AllAtoms(), Gaussian(0.5))(Structure(np.empty((0, 3)), [])).any()


def test_the_axis_has_no_inside() -> None:
    molecule = Structure([[0, 0, 0], [1, 0, 40]], ["C", "H"])
    vox = Voxelizer(Box((16, 16, None), 0.5), AllAtoms(), Gaussian(0.4))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert vox(molecule).sum() == pytest.approx(2, abs=1e-5)
    with pytest.warns(OutsideBoxWarning, match="1 of 2 atoms lie outside the box of 8 x 8 x inf A"):
        Voxelizer(Box((16, 16, None), 0.5, center=(4, 0, 0)), AllAtoms(), Gaussian(0.4))(
            Structure([[0.1, 0, 9], [-1, 0, -9]], ["C", "H"])
        )
    low, high = (Voxelizer(Box((16, 16, None), 0.5, center=(0, 0, z)), AllAtoms(), Gaussian(0.4)) for z in (-7, 99))
    assert np.array_equal(low(molecule), high(molecule))
    flat, tall = (Voxelizer(Box((16, 16, None), (0.5, 0.5, h)), AllAtoms(), Gaussian(0.4)) for h in (0.1, 30))
    assert np.array_equal(flat(molecule), tall(molecule))


def test_a_periodic_grid_need_not_hold_a_period_along_the_axis() -> None:
    crystal = random_structure(np.random.default_rng(11), cell=np.eye(3) * 4)
    grid = Grid((8, 8, None), np.diag([0.5, 0.5, 0.7]), [0, 0, 0], pbc=True)
    cell = Voxelizer(UnitCell((8, 8, None)), WHICH, VALUES[0])(crystal)
    assert np.array_equal(Voxelizer(grid, WHICH, VALUES[0])(crystal), cell)


def test_descriptions_round_trip() -> None:
    for where in (
        Box((8, None, 6), 0.5, center="origin"),
        UnitCell((None, 8, 6)),
        Grid((8, 6, None), np.eye(3), [0, 1, 2], pbc=True),
    ):
        again = from_dict(json.loads(json.dumps(where.to_dict())))
        assert again == where
        assert hash(again) == hash(where)
        assert pickle.loads(pickle.dumps(where)) == where
        vox = Voxelizer(where, AllAtoms(), Gaussian(0.5))
        assert Voxelizer.from_dict(json.loads(json.dumps(vox.to_dict()))) == vox
    assert Box((8, None, 6), 0.5) != Box((8, 1, 6), 0.5)
    assert Box((8, None, 6), 0.5).place(Batch([Structure([[0, 0, 0]], ["C"])]))[0].shape == (8, None, 6)


def test_a_volume_is_kept_and_drawn(tmp_path) -> None:
    crystal = random_structure(np.random.default_rng(12), cell=CELLS["triclinic"])
    volume = Voxelizer(UnitCell((8, None, 6)), WHICH, VALUES[0]).volume(crystal)
    assert repr(volume) == "Volume(2 channels H C, 8 x 6 pixels of 0.5 x 1 A)"
    assert volume["C"].shape == (8, 6)
    assert volume.grid.centers().shape == (8, 6, 3)
    volume.save(tmp_path / "seen.npz")
    again = Volume.load(tmp_path / "seen.npz")
    assert again.grid == volume.grid
    assert np.array_equal(again.array, volume.array)
    with pytest.raises(ValueError, match=r"a cube file holds three axes, .* write \.npz"):
        volume.save(tmp_path / "seen.cube")
    assert not list(tmp_path.glob("*.cube"))


def test_what_needs_three_axes_says_so() -> None:
    crystal = random_structure(np.random.default_rng(13), cell=CELLS["triclinic"])
    vox = Voxelizer(UnitCell((8, None, 6)), WHICH, VALUES[0])
    volume = vox.volume(crystal)
    with pytest.raises(ValueError, match=r"sparse\(\) keeps grids of three axes"):
        vox.sparse(crystal)
    pages = pytest.importorskip("particlegrid.view.pages")
    with pytest.raises(ValueError, match="a page shows three axes"):
        pages.snapshot_3d(volume)
    with pytest.raises(ValueError, match="a canvas keeps grids of three axes"):
        vox([crystal], out=Canvas(np.empty((1, 2, 8, 1, 6), np.float32)))
    with pytest.raises(ValueError, match="`source` must have three axes, got a projection"):
        volume.resample(Box(8, 0.5, center="origin"))
    with pytest.raises(ValueError, match="`target` must have three axes, got a projection"):
        resample(np.zeros((2, 2, 2)), Grid(2, np.eye(3), [0, 0, 0]), volume.grid)


def test_other_densities_and_shapes_are_refused() -> None:
    class Wider(Gaussian):
        pass

    for what in (Binary(1.0), Wider(0.5)):
        with pytest.raises(ValueError, match=r"a projection \(a shape with None\) takes Gaussian; got"):
            Voxelizer(Box((8, 8, None), 0.5), AllAtoms(), what)
        with pytest.raises(ValueError, match="takes Gaussian"):
            reference.voxelize(
                Structure([[0, 0, 0]], ["C"]), Grid((2, 2, None), np.eye(3), [0, 0, 0]), AllAtoms(), what
            )
    for shape in (None, (8, None, None)):
        with pytest.raises(ValueError, match="`shape` may have one axis of None"):
            Box(shape, 0.5)
    with pytest.raises(ValueError, match="one axis of None"):
        UnitCell((None, None, 8))
    with pytest.raises(ValueError, match="one or three numbers"):
        UnitCell((None, 8))
    with pytest.raises(ValueError, match="at least 1 voxel"):
        Grid((None, 0, 8), np.eye(3), [0, 0, 0])


def test_widths_that_are_no_numbers_are_named() -> None:
    atom = Structure([[0, 0, 0]], ["C"], properties={"weight": [1.0], "width": [np.nan]})
    for what in VALUES:
        with pytest.raises(ValueError, match="entry 0: the width must lie between"):
            Voxelizer(Box((8, 8, None), 0.5), WHICH, what)(atom)


def test_a_placement_of_ones_own_may_project() -> None:
    class Seen:
        def place(self, batch: Batch):
            return Box((8, 6, None), 0.5).place(batch)

    atom = Structure([[0, 0, 0]], ["C"])
    vox = Voxelizer(Seen(), AllAtoms(), Gaussian(0.5))
    assert np.array_equal(vox(atom), Voxelizer(Box((8, 6, None), 0.5), AllAtoms(), Gaussian(0.5))(atom))
    with pytest.raises(ValueError, match="takes Gaussian"):
        Voxelizer(Seen(), AllAtoms(), Binary(1.0))(atom)


def test_an_infinite_integral_is_refused() -> None:
    vox = Voxelizer(Box((8, 8, None), 0.5, center="origin"), AllAtoms(), Gaussian(0.5))
    fine = Structure([[0, 0, 0]], ["C"], cell=CELLS["orthorhombic"])
    tilted = Structure([[0, 0, 0]], ["C"], cell=CELLS["triclinic"])
    with pytest.raises(ValueError, match=r"structure 1 repeats along .* so that the integral is infinite"):
        vox([fine, tilted])
    # a slab whose plane holds the axis, but whose vectors do not lie along it
    slab = Structure([[0, 0, 0]], ["C"], cell=[[3, 0, 3], [3, 0, -3], [0, 5, 0]], pbc=(True, True, False))
    with pytest.raises(ValueError, match="project along a lattice vector"):
        vox(slab)
