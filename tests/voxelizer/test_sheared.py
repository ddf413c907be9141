"""Integrals over voxels of any cell: totals, and every voxel against exact Fourier coefficients and quadrature."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from fourier import integrate_periodic, make_cell

from particlegrid import AllAtoms, Box, Elements, Gaussian, Grid, Structure, UnitCell, Voxelizer, _native, reference

CELLS = {
    "cubic": make_cell(4, 4, 4, 90, 90, 90),
    "orthorhombic": make_cell(4, 5, 6, 90, 90, 90),
    "hexagonal": make_cell(4, 4, 5, 90, 90, 120),
    "fcc primitive": make_cell(4, 4, 4, 60, 60, 60),
    "bcc primitive": make_cell(4, 4, 4, 109.47, 109.47, 109.47),
    "monoclinic": make_cell(4, 5, 6, 90, 130, 90),
    "sheared in y and z": make_cell(5, 4, 6, 115, 90, 90),
    "triclinic": make_cell(4, 5, 6, 70, 110, 50),
    "left-handed": make_cell(4, 5, 6, 70, 110, 50)[[1, 0, 2]],
}


@pytest.fixture(autouse=True)
def _restore_instruction_set():
    active = _native.active_instruction_set()
    yield
    _native.use_instruction_set(active)


def random_triclinic(rng: np.random.Generator) -> np.ndarray:
    """Edges of 2 to 7 A, angles of 30 to 150 degrees; what closes no cell or a very flat one is drawn again."""
    while True:
        angles = rng.uniform(30, 150, 3)
        cos = np.cos(np.radians(angles))
        if 1 - (cos**2).sum() + 2 * cos.prod() > 0.05**2:
            return make_cell(*rng.uniform(2, 7, 3), *angles)


def draw(cell: np.ndarray, shape, position: np.ndarray, sigma: float, tol: float = 1e-6, dtype: str = "float64"):
    crystal = Structure([position], ["C"], cell=cell)
    return Voxelizer(UnitCell(shape), AllAtoms(), Gaussian(sigma), dtype=dtype, tol=tol)(crystal)[0]


def count_images(cell: np.ndarray, shape, position: np.ndarray, sigma: float) -> int:
    """Images whose support touches the cell: each may be cut off by tol of its peak."""
    grid = Grid(shape, cell / np.array(shape)[:, None], [0, 0, 0])
    return len(reference.list_images(Structure([position], ["C"], cell=cell), grid, position, 6 * sigma))


@pytest.mark.parametrize("ratio", [0.05, 0.3, 0.6, 1.25, 3.0])
@pytest.mark.parametrize("name", CELLS)
def test_every_voxel_and_the_total_of_a_known_cell(name: str, ratio: float) -> None:
    cell, rng = CELLS[name], np.random.default_rng(1)
    shape = (5, 6, 7) if ratio > 0.1 else (2, 1, 2)
    sigma = ratio * float(np.linalg.norm(cell, axis=1).max()) / max(shape)
    position = rng.uniform(-9, 9, 3)
    expected = integrate_periodic(cell, shape, position, sigma)
    for tol in (1e-3, 1e-6, 1e-9, 1e-12):
        bound = tol * expected.max() * (1 if ratio < 1 else count_images(cell, shape, position, sigma))
        values = draw(cell, shape, position, sigma, tol)
        assert abs(values - expected).max() <= bound + 1e-14
        assert abs(values.sum() - 1) <= tol + 1e-13
    for name in _native.list_instruction_sets():
        _native.use_instruction_set(name)
        single = draw(cell, shape, position, sigma, dtype="float32")
        assert abs(single - expected).max() <= 2e-6 * expected.max()
        assert abs(single.sum(dtype=np.float64) - 1) <= 1e-6


@pytest.mark.parametrize("chunk", range(10))
def test_every_voxel_and_the_total_of_random_triclinic_cells(chunk: int) -> None:
    for case in range(20 * chunk, 20 * (chunk + 1)):
        rng = np.random.default_rng([2, case])
        cell = random_triclinic(rng)
        shape = tuple(int(n) for n in rng.integers(1, 9, 3)) if case % 20 else (1, 1, 1)
        longest = float((np.linalg.norm(cell, axis=1) / shape).max())
        # sigma/h from 0.3 to 3; of the coarsest grids less, where that would be many cells
        sigma = float(np.exp(rng.uniform(np.log(0.3), np.log(3)))) * min(longest, 1.0)
        position = rng.uniform(-20, 20, 3)
        expected = integrate_periodic(cell, shape, position, sigma)
        values = draw(cell, shape, position, sigma)
        assert abs(values.sum() - 1) <= 1e-6, case
        images = count_images(cell, shape, position, sigma)
        assert abs(values - expected).max() <= 1e-6 * images * expected.max(), case


@pytest.mark.parametrize("name", ["hexagonal", "fcc primitive", "monoclinic"])
def test_grids_of_64(name: str) -> None:
    cell, position, shape = CELLS[name] * 6, np.array([1.0, -2.0, 3.0]), (64, 64, 64)
    sigma = 1.25 * float(np.linalg.norm(cell, axis=1).max()) / 64
    expected = integrate_periodic(cell, shape, position, sigma)
    values = draw(cell, shape, position, sigma)
    assert abs(values - expected).max() <= 1e-6 * expected.max()
    assert abs(values.sum() - 1) <= 1e-6


@pytest.mark.parametrize("case", range(21))
def test_sheared_grids_agree_with_quadrature(case: int) -> None:
    """Grids without periods, of every order of the axes: windows, atoms outside, clipped rows."""
    rng = np.random.default_rng([3, case])
    axes = list(CELLS.values())[2 + case % 7] / rng.integers(3, 9, 3)[:, None]
    axes = axes[list(list(permutations(range(3)))[case % 6])] @ np.linalg.qr(rng.normal(size=(3, 3)))[0]
    shape = tuple(int(n) for n in rng.integers(1, 8, 3))
    grid = Grid(shape, axes, rng.uniform(-5, 5, 3))
    index = rng.uniform(-0.4, 1.4, (4, 3)) * shape
    weights = rng.normal(size=4)
    structure = Structure(
        index @ axes + grid.origin,
        rng.choice([1, 6], 4),
        properties={"weight": weights, "width": rng.uniform(0.15, 1.5, 4)},
    )
    what = Gaussian("width", ("integral", "mean")[case % 2])
    which = Elements("H", "C", weight="weight")
    expected = reference.voxelize(structure, grid, which, what)
    peak = 1.0 if case % 2 == 0 else 1 / grid.voxel_volume
    largest = peak * np.minimum(1, grid.voxel_volume * (2 * np.pi * structure.properties["width"] ** 2) ** -1.5)
    for tol, dtype, rounding in ((1e-6, "float32", 1e-6), (1e-6, "float64", 0), (1e-12, "float64", 1e-14)):
        values = Voxelizer(grid, which, what, dtype=dtype, tol=tol)(structure)
        bound = tol * (abs(weights) * largest).sum() + rounding * abs(expected).max() + 1e-14 * largest.max()
        assert abs(values - expected).max() <= bound, (tol, dtype)


def test_bits_depend_on_neither_threads_nor_the_batch() -> None:
    rng = np.random.default_rng(4)
    crystals = [
        Structure(rng.uniform(-3, 9, (6, 3)), rng.choice([1, 6], 6), cell=cell * 2, pbc=pbc)
        for cell in CELLS.values()
        for pbc in (True, (True, False, True))
    ]
    for dtype in ("float32", "float64"):
        grids = [
            Voxelizer(UnitCell((44, 21, 25)), Elements("H", "C"), Gaussian(0.4), dtype=dtype, threads=threads)(crystals)
            for threads in (1, 2, 5)
        ]
        assert np.array_equal(grids[0], grids[1])
        assert np.array_equal(grids[0], grids[2])
        alone = Voxelizer(UnitCell((44, 21, 25)), Elements("H", "C"), Gaussian(0.4), dtype=dtype, threads=3)
        for grid, crystal in zip(grids[0], crystals):
            assert np.array_equal(grid, alone(crystal))


def test_voxels_and_widths_beyond_what_is_drawn_are_refused() -> None:
    atom = Structure([[0, 0, 0]], ["C"])
    flat = Grid(4, [[1, 0, 0], [0, 1, 0], [1, 1, 1e-5]], [0, 0, 0])
    with pytest.raises(ValueError, match="the voxels are too flat"):
        Voxelizer(flat, AllAtoms(), Gaussian(0.5))(atom)
    coarse = Grid(4, np.array([[1, 0, 0], [0.5, 1, 0], [0, 0, 1]]) * 100, [0, 0, 0])
    with pytest.raises(ValueError, match="entry 0: the width is less than a millionth of a sheared voxel's edge"):
        Voxelizer(coarse, AllAtoms(), Gaussian(1e-5))(atom)


def test_a_box_in_a_sheared_crystal_is_a_window_into_it() -> None:
    crystal = Structure([[0.3, 0.1, 0.2]], ["C"], cell=CELLS["triclinic"])
    window = Voxelizer(Box(9, 0.7, center=(1, 2, 3), outside="ignore"), AllAtoms(), Gaussian(0.6), dtype="float64")
    expected = reference.voxelize(crystal, window.volume(crystal).grid, window.which, window.what)
    assert abs(window(crystal) - expected).max() <= 1e-6 * expected.max()
