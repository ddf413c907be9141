"""Crystals of any cell: images, supercells, shifts, slabs, registration."""

from __future__ import annotations

import numpy as np
import pytest
from fourier import integrate_periodic, make_cell

from particlegrid import AllAtoms, Box, Gaussian, Grid, Structure, UnitCell, Voxelizer, reference

CELLS = {
    "hexagonal": make_cell(2, 2, 2.5, 90, 90, 120),
    "fcc primitive": make_cell(2, 2, 2, 60, 60, 60),
    "monoclinic": make_cell(2, 2.5, 3, 90, 130, 90),
    "triclinic": make_cell(2, 2.5, 2, 70, 110, 50),
    "left-handed": make_cell(2, 2.5, 2, 70, 110, 50)[[1, 0, 2]],
}
VALUES = ("integral", "mean")
cells = pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)


def draw(shape, atoms, cell, sigma: float, value: str = "integral", pbc=True) -> np.ndarray:
    crystal = Structure(atoms, ["C"] * len(atoms), cell=cell, pbc=pbc)
    grid: np.ndarray = Voxelizer(UnitCell(shape), AllAtoms(), Gaussian(sigma, value), dtype="float64")(crystal)[0]
    return grid


@cells
@pytest.mark.parametrize("value", VALUES)
def test_a_small_cell_with_a_wide_gaussian_equals_its_supercell(cell: np.ndarray, value: str) -> None:
    atoms = np.random.default_rng(1).uniform(0, 2, (2, 3))
    steps = np.stack(np.meshgrid(*[np.arange(5)] * 3, indexing="ij"), -1).reshape(-1, 3)
    many = (atoms + (steps @ cell)[:, None]).reshape(-1, 3)
    small, large = draw(3, atoms, cell, 1.5, value), draw(15, many, 5 * cell, 1.5, value)
    assert abs(np.tile(small, (5, 5, 5)) - large).max() <= 1e-6 * large.max()


@cells
@pytest.mark.parametrize("value", VALUES)
def test_shifts_by_voxels_roll_and_shifts_by_lattice_vectors_change_nothing(cell: np.ndarray, value: str) -> None:
    rng = np.random.default_rng(2)
    cell, shape = 3 * cell, (10, 12, 9)
    atoms = rng.uniform(0, 5, (4, 3))
    grid = draw(shape, atoms, cell, 0.5, value)
    for axis in range(3):
        moved = draw(shape, atoms + cell[axis] / shape[axis], cell, 0.5, value)
        assert abs(np.roll(grid, 1, axis=axis) - moved).max() <= 1e-6 * grid.max()
    wrapped = draw(shape, atoms + rng.integers(-30, 30, (4, 3)) @ cell, cell, 0.5, value)
    assert abs(wrapped - grid).max() <= 1e-6 * grid.max()


@cells
def test_a_gaussian_far_wider_than_its_cell_is_uniform(cell: np.ndarray) -> None:
    for sigma in (8.0, 50.0, 1e5):  # the widest would have 10^15 images
        assert draw((3, 2, 4), [[0.3, 0.2, 0.1]], cell, sigma) == pytest.approx(1 / 24, rel=2e-6)
        assert draw((3, 2, 4), [[0.3, 0.2, 0.1]], cell, sigma, "mean") == pytest.approx(
            1 / abs(np.linalg.det(cell)), rel=2e-6
        )


@cells
@pytest.mark.parametrize("pbc", [(True, True, False), (False, True, False), (False, True, True), (False, False, False)])
def test_slabs_and_wires(cell: np.ndarray, pbc) -> None:
    rng = np.random.default_rng(3)
    crystal = Structure(rng.uniform(-4, 4, (2, 3)), ["C", "C"], cell=cell * 1.5, pbc=pbc)
    vox = Voxelizer(UnitCell((4, 3, 5)), AllAtoms(), Gaussian(0.6), dtype="float64", tol=1e-9)
    expected = reference.voxelize(crystal, vox.volume(crystal).grid, vox.which, vox.what)
    # tol of the peak for each image that is cut off; the atoms themselves may lie outside the slab
    peak = vox.volume(crystal).grid.voxel_volume * (2 * np.pi * 0.6**2) ** -1.5
    assert abs(vox(crystal) - expected).max() <= 1e-8 * peak


@cells
def test_windows_into_a_crystal(cell: np.ndarray) -> None:
    """Sheared, rotated and anisotropic grids, on none of the crystal's axes."""
    rng = np.random.default_rng(4)
    crystal = Structure(rng.uniform(-9, 9, (2, 3)), ["C", "C"], cell=cell * 1.5)
    axes = np.diag([0.4, 0.6, 0.5]) @ np.linalg.qr(rng.normal(size=(3, 3)))[0]
    for grid in (Grid((2, 3, 2), axes, [3, 1, 2]), Grid((3, 2, 2), axes + 0.2 * cell, [3, 1, 2])):
        vox = Voxelizer(grid, AllAtoms(), Gaussian(0.5), dtype="float64", tol=1e-9)
        expected = reference.voxelize(crystal, grid, vox.which, vox.what)
        assert abs(vox(crystal) - expected).max() <= 1e-8 * expected.max()


def test_a_box_cut_from_a_crystal_holds_its_density() -> None:
    cell = CELLS["triclinic"]
    box = Voxelizer(Box(20, 0.5, center="origin"), AllAtoms(), Gaussian(0.8), dtype="float64")
    total = box(Structure([[0.1, 0.2, 0.3]], ["C"], cell=cell)).sum()
    assert total == pytest.approx(1000 / abs(np.linalg.det(cell)), rel=0.01)


@cells
def test_points_are_where_they_are_said_to_be(cell: np.ndarray) -> None:
    cell, atom, shape, sigma = cell * 2, np.array([0.3, 0.9, -0.4]), (6, 7, 5), 0.6
    crystal = Structure([atom], ["C"], cell=cell)
    where = UnitCell(shape, registration="point")
    points = Voxelizer(where, AllAtoms(), Gaussian(sigma, "point"), dtype="float64", tol=1e-9)(crystal)[0]
    index = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1)
    lattice = np.stack(np.meshgrid(*[np.arange(-6, 7)] * 3, indexing="ij"), -1).reshape(-1, 3) @ cell
    squares = ((index @ (cell / np.array(shape)[:, None]))[..., None, :] - atom - lattice) ** 2
    expected = np.exp(-squares.sum(-1) / (2 * sigma**2)).sum(-1) * (2 * np.pi * sigma**2) ** -1.5
    assert abs(points - expected).max() <= 1e-7 * expected.max()
    # and the voxels of an integral are centred on these points
    integrals = Voxelizer(where, AllAtoms(), Gaussian(sigma), dtype="float64", tol=1e-9)(crystal)[0]
    shifted = integrate_periodic(cell, shape, atom + 0.5 * (cell / np.array(shape)[:, None]).sum(axis=0), sigma)
    assert abs(integrals - shifted).max() <= 1e-7 * shifted.max()
