"""Periodic structures: images, wrapping, windows, slabs."""

from __future__ import annotations

import numpy as np
import pytest

from particlegrid import AllAtoms, Batch, Box, Gaussian, Grid, Structure, UnitCell, Voxelizer, reference

TOL = 1e-9


def random_crystal(rng: np.random.Generator, kind: str) -> Structure:
    """Three atoms, some far outside the cell; edges of 2 to 9 A, so that wide Gaussians have many images."""
    cell = np.diag(rng.uniform(2, 9, 3))
    if kind == "rotated":
        cell = cell @ np.linalg.qr(rng.normal(size=(3, 3)))[0]
    if kind == "sheared":
        cell = cell + rng.uniform(-1, 1, (3, 3))
    return Structure(rng.uniform(-15, 15, (3, 3)), ["C"] * 3, cell=cell, pbc=rng.random(3) < 0.7)


def peak_on_the_lattice(what: Gaussian, sigma: float, grid: Grid) -> float:
    """No value of one atom is larger than this on any grid of these voxels."""
    if what.value == "point":
        return (2 * np.pi * sigma**2) ** -1.5 if what.normalize else 1.0
    density = min((2 * np.pi * sigma**2) ** -1.5, 1 / grid.voxel_volume)
    return density if what.value == "mean" else density * grid.voxel_volume


@pytest.mark.parametrize("case", range(120))
def test_agrees_with_the_sum_over_images(case: int) -> None:
    rng = np.random.default_rng([11, case])
    kind = ("straight", "rotated", "sheared", "window")[case % 4]
    crystal = random_crystal(rng, kind)
    value = ("integral", "mean", "point")[case % 3]
    sigma = float(rng.uniform(0.3, 2.5))
    what = Gaussian(sigma, value, normalize=not (value == "point" and case % 2))
    where = UnitCell(tuple(int(n) for n in rng.integers(1, 9, 3)))
    if kind in ("sheared", "window"):
        where = Box(6, 0.5, center=(0, 1, 2), outside="ignore")
    vox = Voxelizer(where, AllAtoms(), what, dtype="float64", tol=TOL)
    grid = where.place(Batch([crystal]))[0]
    expected = reference.voxelize(crystal, grid, vox.which, what)
    # tol bounds each image that is cut off; those farther than 10 sigma add up to nothing
    images = sum(len(reference.list_images(crystal, grid, atom, 10 * sigma)) for atom in crystal.positions)
    bound = TOL * images * peak_on_the_lattice(what, sigma, grid)
    assert abs(vox(crystal) - expected).max() <= bound + 1e-12 * expected.max()


def test_a_small_cell_with_a_wide_gaussian_equals_its_supercell() -> None:
    rng = np.random.default_rng(1)
    atoms = rng.uniform(0, 2, (2, 3))
    small = Structure(atoms, ["C", "C"], cell=np.eye(3) * 2)
    shifts = 2.0 * np.stack(np.meshgrid(*[np.arange(5)] * 3, indexing="ij"), -1).reshape(-1, 3)
    large = Structure((atoms + shifts[:, None]).reshape(-1, 3), ["C"] * 250, cell=np.eye(3) * 10)
    for value in ("integral", "mean", "point"):
        one = Voxelizer(UnitCell(4), AllAtoms(), Gaussian(1.5, value), dtype="float64")(small)
        many = Voxelizer(UnitCell(20), AllAtoms(), Gaussian(1.5, value), dtype="float64")(large)
        assert abs(np.tile(one, (1, 5, 5, 5)) - many).max() <= 1e-6 * many.max()


@pytest.mark.parametrize("cell", [np.diag([6.0, 7.0, 5.0]), np.diag([6.0, 7.0, 5.0]) * [[1], [-1], [1]]])
def test_moving_atoms_by_a_voxel_rolls_the_grid(cell: np.ndarray) -> None:
    rng = np.random.default_rng(2)
    vox = Voxelizer(UnitCell((12, 14, 10)), AllAtoms(), Gaussian(0.6), dtype="float64")
    positions = rng.uniform(0, 5, (4, 3))
    grid = vox(Structure(positions, ["C"] * 4, cell=cell))
    for axis in range(3):
        step = cell[axis] / grid.shape[1 + axis]
        moved = vox(Structure(positions + step, ["C"] * 4, cell=cell))
        assert abs(np.roll(grid, 1, axis=1 + axis) - moved).max() <= 1e-9 * grid.max()
        wrapped = vox(Structure(positions + 3 * cell[axis], ["C"] * 4, cell=cell))
        assert abs(wrapped - grid).max() <= 1e-9 * grid.max()
    assert grid.sum() == pytest.approx(4, abs=4e-6)


def test_crystals_of_different_cells_make_one_batch() -> None:
    rng = np.random.default_rng(3)
    crystals = [
        Structure(rng.uniform(0, 4, (3, 3)), ["C"] * 3, cell=np.diag(rng.uniform(3, 6, 3)), pbc=pbc)
        for pbc in (True, False, (True, True, False))
    ]
    vox = Voxelizer(UnitCell(16), AllAtoms(), Gaussian(0.5))
    grids = vox(crystals)
    assert grids.shape == (3, 1, 16, 16, 16)
    for grid, crystal in zip(grids, crystals):
        assert np.array_equal(grid, vox(crystal))


def test_a_periodic_grid_repeats_a_molecule() -> None:
    grid = Grid(8, np.eye(3) / 2, [0, 0, 0], pbc=True)
    molecule = Structure([[0, 0, 0]], ["C"])
    values = Voxelizer(grid, AllAtoms(), Gaussian(0.5))(molecule)
    assert values.sum() == pytest.approx(1, abs=1e-6)
    in_cell = Voxelizer(UnitCell(8), AllAtoms(), Gaussian(0.5))(Structure([[0, 0, 0]], ["C"], cell=np.eye(3) * 4))
    assert np.array_equal(values, in_cell)


def test_a_periodic_grid_must_hold_whole_cells() -> None:
    crystal = Structure([[0, 0, 0]], ["C"], cell=np.eye(3) * 4)
    for shape, pbc in ((7, True), ((8, 8, 7), (False, False, True))):
        with pytest.raises(ValueError, match="no lattice vector of structure 0; take UnitCell"):
            Voxelizer(Grid(shape, np.eye(3) / 2, [0, 0, 0], pbc=pbc), AllAtoms(), Gaussian(0.5))(crystal)
    two_cells = Voxelizer(Grid(16, np.eye(3) / 2, [0, 0, 0], pbc=True), AllAtoms(), Gaussian(0.5))(crystal)
    assert two_cells.sum() == pytest.approx(8, abs=1e-5)
    slab = Structure([[0, 0, 0]], ["C"], cell=np.eye(3) * 4, pbc=(True, True, False))
    with pytest.raises(ValueError, match="no lattice vector"):
        Voxelizer(Grid(8, np.eye(3) / 2, [0, 0, 0], pbc=True), AllAtoms(), Gaussian(0.5))(slab)


def test_positions_too_far_to_wrap_are_refused() -> None:
    crystal = Structure([[1e12, 0, 0]], ["C"], cell=np.eye(3) * 4)
    with pytest.raises(ValueError, match="atom 0 lies more than 1e9 A from a periodic cell"):
        Voxelizer(UnitCell(8), AllAtoms(), Gaussian(0.5))(crystal)


def test_a_gaussian_too_wide_for_its_cell_is_refused_where_its_images_must_be_counted_out() -> None:
    crystal = Structure([[0, 0, 0]], ["C"], cell=np.eye(3) * 4)
    uniform = Voxelizer(UnitCell(8), AllAtoms(), Gaussian(1e5))(crystal)
    assert uniform == pytest.approx(1 / 512, rel=1e-6)
    with pytest.raises(ValueError, match="entry 0: more than 10 million periodic images"):
        Voxelizer(Box(6, 0.5, center="origin"), AllAtoms(), Gaussian(1e5))(crystal)


def test_no_crystals_make_no_grids() -> None:
    assert Voxelizer(UnitCell(4), AllAtoms(), Gaussian(0.5))([]).shape == (0, 1, 4, 4, 4)
    with pytest.raises(ValueError, match="placement alone does not say the shape"):
        Voxelizer(UnitCell(spacing=0.5), AllAtoms(), Gaussian(0.5))([])
    with pytest.raises(ValueError, match="structure 0 has no cell"):
        Voxelizer(UnitCell(4), AllAtoms(), Gaussian(0.5))([Structure([[0, 0, 0]], ["C"])])
