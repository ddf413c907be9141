"""The native Gaussian against the definition: 10,000 random cases, each dtype, thread count and instruction set."""

from __future__ import annotations

from math import erf, pi, sqrt

import numpy as np
import pytest

from particlegrid import Box, Elements, Gaussian, Grid, Structure, Voxelizer, _native, reference

CASES, CHUNKS = 10_000, 20
TOL = 1e-6
# relative rounding of the largest value, and where the type itself underflows: point values
# of a narrow Gaussian between two centres are as small as 1e-100, which float32 and float16 do not hold
ROUNDING = {
    "float64": (1e-6, np.finfo("float64").tiny),
    "float32": (1e-6, np.finfo("float32").tiny),
    "float16": (2 * np.finfo("float16").eps, np.finfo("float16").smallest_subnormal),
}


@pytest.fixture(autouse=True)
def _restore_instruction_set():
    active = _native.active_instruction_set()
    yield
    _native.use_instruction_set(active)


def random_case(rng: np.random.Generator, case: int):
    """Non-cubic shapes down to one voxel, anisotropic spacing, atoms inside, outside and on faces, any width."""
    shape = tuple(int(n) for n in rng.integers(1, 14, 3)) if case % 10 else (1, 1, 1)
    spacing = rng.uniform(0.2, 1.5, 3)
    origin = rng.uniform(-20, 20, 3)
    n = int(rng.integers(0, 6))
    index = rng.uniform(-0.4, 1.4, (n, 3)) * shape
    on_face = rng.random((n, 3)) < 0.2
    index = np.where(on_face, np.round(index), index)
    value = ("integral", "mean", "point")[case % 3]
    sigma = float(np.exp(rng.uniform(np.log(0.05), np.log(5.0))) * spacing[rng.integers(3)])
    what = Gaussian("width" if case % 4 == 0 else sigma, value, normalize=not (value == "point" and case % 2))
    properties = {"width": sigma * rng.uniform(0.5, 1.0, n), "weight": rng.normal(size=n)}
    properties["weight"][rng.random(n) < 0.1] = 0.0
    structure = Structure(origin + index * spacing, rng.choice([1, 6, 8], n), properties=properties)
    grid = Grid(shape, np.diag(spacing), origin)
    return structure, grid, Elements("H", "C", "O", weight="weight" if case % 2 else None), what


def lattice_peak(structure: Structure, atom: int, sigma: float, grid: Grid, what: Gaussian) -> float:
    """Peak of one entry's rho over the voxels of the lattice, inside the grid or not."""
    peak = 1.0
    for axis in range(3):
        h = grid.spacing[axis]
        x = (structure.positions[atom, axis] - grid.origin[axis]) / h
        if what.value == "point":
            gap = abs(x - np.floor(x) - 0.5) * h
            peak *= np.exp(-(gap**2) / (2 * sigma**2)) / (sqrt(2 * pi) * sigma if what.normalize else 1.0)
        else:
            low, high = (np.floor(x) - x) * h, (np.floor(x) + 1 - x) * h
            mass = 0.5 * (erf(high / sigma / sqrt(2)) - erf(low / sigma / sqrt(2)))
            peak *= mass / h if what.value == "mean" else mass
    return float(peak)


def allowed_error(structure: Structure, grid: Grid, which: Elements, what: Gaussian) -> np.ndarray:
    """tol times the sum of abs(weight) times peak, one number a channel."""
    from particlegrid.batch import Batch

    batch = Batch([structure])
    entries = which.list_entries(batch)
    bound = np.zeros(len(which.channels))
    widths = reference.entry_widths(batch, which, what)
    for atom, channel, weight, sigma in zip(entries.atoms, entries.channels, entries.weights, widths):
        bound[channel] += TOL * abs(weight) * lattice_peak(structure, atom, sigma, grid, what)
    return bound[:, None, None, None]


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_agrees_with_the_reference(chunk: int) -> None:
    sets = _native.list_instruction_sets()
    assert sets
    per_chunk = CASES // CHUNKS
    for case in range(chunk * per_chunk, (chunk + 1) * per_chunk):
        structure, grid, which, what = random_case(np.random.default_rng([7, case]), case)
        expected = reference.voxelize(structure, grid, which, what)
        truncation = allowed_error(structure, grid, which, what)
        largest = abs(expected).max()
        for dtype, (relative, absolute) in ROUNDING.items():
            if largest > np.finfo(dtype).max:
                continue
            bound = truncation + relative * largest + absolute
            results = []
            for name in sets:
                _native.use_instruction_set(name)
                for threads in (1, 3):
                    vox = Voxelizer(grid, which, what, dtype=dtype, tol=TOL, threads=threads)
                    results.append(vox(structure))
                assert np.array_equal(results[-1], results[-2]), "the thread count changed bits"
            for result in results:
                assert result.dtype == dtype
                assert (abs(result.astype(np.float64) - expected) <= bound).all(), (case, dtype, what, grid)


def test_float64_is_close_to_the_reference_where_nothing_is_cut() -> None:
    rng = np.random.default_rng(3)
    structure = Structure(rng.uniform(-2, 2, (8, 3)), rng.choice([1, 6], 8))
    grid = Grid(16, np.eye(3) * 0.4, [-3.2] * 3)
    which = Elements("H", "C")
    for value in ("integral", "mean", "point"):
        for sigma in (0.1, 0.4, 2.0):
            what = Gaussian(sigma, value)
            result = Voxelizer(grid, which, what, dtype="float64", tol=1e-15)(structure)
            expected = reference.voxelize(structure, grid, which, what)
            assert abs(result - expected).max() <= 2e-14 * abs(expected).max()


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
@pytest.mark.parametrize("shape", [(32, 32, 32), (33, 20, 47), (48, 48, 48)])
def test_many_threads_many_structures_same_bits(dtype: str, shape: tuple[int, int, int]) -> None:
    """Large enough to be split among threads and streamed past the cache."""
    rng = np.random.default_rng(5)
    structures = [Structure(rng.normal(0, 2.5, (n, 3)), rng.choice([1, 6, 7], n)) for n in rng.integers(0, 40, 9)]
    vox = [
        Voxelizer(Box(shape, 0.5, outside="ignore"), Elements("H", "C", "N"), Gaussian(0.45), dtype=dtype, threads=t)
        for t in (1, 2, 5)
    ]
    grids = [v(structures) for v in vox]
    assert np.array_equal(grids[0], grids[1])
    assert np.array_equal(grids[0], grids[2])
    for i, structure in enumerate(structures):
        assert np.array_equal(vox[1](structure), grids[0][i]), "alone and in a batch must be the same"


def test_one_large_structure_same_bits_for_any_threads() -> None:
    rng = np.random.default_rng(6)
    structure = Structure(rng.uniform(-20, 20, (3000, 3)), rng.choice([1, 6], 3000))
    grids = [
        Voxelizer(Box((90, 70, 61), 0.5, outside="ignore"), Elements("H", "C"), Gaussian(0.6), threads=t)(structure)
        for t in (1, 2, 4, 7)
    ]
    for grid in grids[1:]:
        assert np.array_equal(grids[0], grid)


def test_total_weight_is_conserved() -> None:
    rng = np.random.default_rng(8)
    for case in range(60):
        n = int(rng.integers(1, 30))
        weights = rng.normal(size=n)
        structure = Structure(rng.uniform(-1, 1, (n, 3)), [6] * n, properties={"weight": weights})
        h = float(rng.uniform(0.15, 0.8))
        sigma = float(rng.uniform(0.05, 2.0)) * h
        shape = int(np.ceil((2 + 14 * sigma) / h)) + 2
        grid = Voxelizer(
            Box(shape, h, center="origin"), Elements("C", weight="weight"), Gaussian(sigma), dtype="float64"
        )(structure)
        assert abs(grid.sum() - weights.sum()) <= 1e-6 * abs(weights).sum(), case


# case PG-05: an exact property that the code of the 2022 paper does not have (416a234)
@pytest.mark.parametrize(("x", "inside"), [(0.5, 1.0), (0.0, 0.5), (1.0, 0.5), (1.02, 0.344578), (-0.02, 0.344578)])
def test_atom_on_a_face_puts_half_its_weight_inside_pg05(x: float, inside: float) -> None:
    vox = Voxelizer(Box(32, 1 / 32, center=(0.5, 0.5, 0.5), outside="ignore"), Elements("C"), Gaussian(0.05))
    assert vox(Structure([[x, 0.5, 0.5]], ["C"])).sum(dtype=np.float64) == pytest.approx(inside, abs=1e-5)


def test_rotated_grid_equals_rotated_atoms() -> None:
    rng = np.random.default_rng(9)
    rotation = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    positions = rng.uniform(1, 4, (5, 3))
    plain = Voxelizer(Grid((12, 9, 10), np.diag([0.4, 0.5, 0.6]), [0, 0, 0]), Elements("C"), Gaussian(0.5))
    turned = Voxelizer(Grid((12, 9, 10), np.diag([0.4, 0.5, 0.6]) @ rotation, [0, 0, 0]), Elements("C"), Gaussian(0.5))
    a = plain(Structure(positions, ["C"] * 5))
    b = turned(Structure(positions @ rotation, ["C"] * 5))
    assert abs(a - b).max() < 1e-6 * a.max()
