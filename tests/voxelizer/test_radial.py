"""Radial densities against their definitions, on every kind of grid."""

from __future__ import annotations

import numpy as np
import pytest

from particlegrid import (
    Binary,
    Density,
    Elements,
    Gaussian,
    GaussianQuadratic,
    Grid,
    Occupancy,
    Radial,
    Structure,
    Voxelizer,
    _native,
    reference,
)

KINDS = ("straight", "rotated", "sheared", "left-handed", "cell", "slab", "window", "tiny cell")
DTYPES = ("float64", "float32", "float16")
TOL = 1e-6


def bump(distance: np.ndarray) -> np.ndarray:
    """A profile of one's own, with a kink at 1 A and a step at its end."""
    return np.where(distance < 1, 1.5 - distance, 0.5 * np.cos(distance - 1))


DENSITIES: dict[str, Density] = {
    "point": Gaussian("width", "point"),
    "peak": Gaussian("width", "point", normalize=False),
    "quadratic": GaussianQuadratic("width", scale=1.3),
    "wide quadratic": GaussianQuadratic("width", multiple=0.4),
    "cut": GaussianQuadratic("width", multiple=-1.5),
    "occupancy": Occupancy("width", cutoff=2.7),
    "binary": Binary("width"),
    "sum": Radial(bump, 2.3),
    "max": Radial(bump, 2.3, combine="max"),
    "table": Radial([1, 0.2, 0.5, 0.3, 0.1], 2.0),
}


@pytest.fixture(autouse=True)
def _restore_instruction_set():
    active = _native.active_instruction_set()
    yield
    _native.use_instruction_set(active)


def random_grid(rng: np.random.Generator, kind: str) -> tuple[np.ndarray, Grid, np.ndarray | None, np.ndarray | None]:
    """A grid, its corner's edges, and the cell and axes along which the structure repeats."""
    shape = tuple(int(n) for n in rng.integers(1, 12, 3))
    axes = np.diag(rng.uniform(0.25, 0.8, 3))
    cell, pbc = None, None
    if kind == "rotated":
        axes = axes @ np.linalg.qr(rng.normal(size=(3, 3)))[0]
    elif kind != "straight":
        axes = axes + rng.uniform(-0.2, 0.2, (3, 3))
    if kind == "left-handed":
        axes[1] = -axes[1]
    origin = rng.uniform(-9, 9, 3)
    if kind in ("cell", "slab", "tiny cell"):
        shape = tuple(int(n) for n in rng.integers(1, 4 if kind == "tiny cell" else 12, 3))
        cell, pbc = axes * np.array(shape)[:, None], np.ones(3, bool)
        if kind == "slab":
            pbc = rng.random(3) < 0.6
    if kind == "window":
        cell, pbc = np.diag(rng.uniform(2, 5, 3)) + rng.uniform(-1, 1, (3, 3)), rng.random(3) < 0.7
    grid = Grid(shape, axes, origin, pbc if kind in ("cell", "slab", "tiny cell") else (False,) * 3)
    return axes, grid, cell, pbc


def random_case(rng: np.random.Generator, kind: str, name: str) -> tuple[Structure, Grid]:
    axes, grid, cell, pbc = random_grid(rng, kind)
    n = int(rng.integers(1, 5))
    positions = np.asarray(grid.origin) + (rng.uniform(-0.6, 1.6, (n, 3)) * grid.shape) @ axes
    # from much narrower than a voxel to wider than the grid, but for what counts thousands of images
    widest = {"tiny cell": 0.2, "cell": 0.8, "slab": 0.8, "window": 0.8}.get(kind, 4.0)
    widths = np.exp(rng.uniform(np.log(0.04), np.log(widest), n))
    if name == "point":
        widths = np.maximum(widths, 0.1)  # the peak would leave the range of half precision
    properties = {"width": widths, "weight": np.where(rng.random(n) < 0.1, 0.0, rng.uniform(-1, 2, n))}
    return Structure(positions, rng.choice([1, 6], n), cell=cell, pbc=pbc, properties=properties), grid


def peak_on_the_lattice(what: Density, position: np.ndarray, width: float, grid: Grid) -> float:
    """Largest value of one atom on the lattice of the grid, inside it or not."""
    middle = np.round(grid.world_to_index(position))
    near = Grid(5, grid.axes, np.asarray(grid.origin) + (middle - 2) @ np.asarray(grid.axes))
    return float(abs(reference.evaluate(what, position, width, near)).max())


def allowed_error(structure: Structure, grid: Grid, what: Density) -> float:
    """tol times the sum of abs(weight) times peak over all images; what is cut nowhere has none."""
    if not isinstance(what, Gaussian):
        return 0.0
    total = 0.0
    for i, width in enumerate(structure.properties["width"]):
        images = reference.list_images(structure, grid, structure.positions[i], reference.find_reach(what, width))
        peak = peak_on_the_lattice(what, structure.positions[i], width, grid)
        total += abs(structure.properties["weight"][i]) * peak * len(images)
    return TOL * total


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", DENSITIES)
def test_agrees_with_the_definition(name: str, kind: str) -> None:
    what = DENSITIES[name]
    which = Elements("H", "C", weight="weight")
    # the definition looks at thousands of images in a cell of a few voxels
    for case in range(2 if kind == "tiny cell" else 5):
        rng = np.random.default_rng([KINDS.index(kind), list(DENSITIES).index(name), case])
        structure, grid = random_case(rng, kind, name)
        expected = reference.voxelize(structure, grid, which, what)
        # sums round as their largest partial sums do, which weights of both signs hide
        absolute = {**structure.properties, "weight": abs(structure.properties["weight"])}
        magnitudes = Structure(structure.positions, structure.numbers, structure.cell, structure.pbc, None, absolute)
        magnitude = reference.voxelize(magnitudes, grid, which, what).max()
        truncation = allowed_error(structure, grid, what)
        for dtype in DTYPES:
            results = []
            for isa in _native.list_instruction_sets():
                _native.use_instruction_set(isa)
                for threads in (1, 3):
                    vox = Voxelizer(grid, which, what, dtype=dtype, tol=TOL, threads=threads)
                    results.append(vox(structure).astype(np.float64))
                assert np.array_equal(results[-1], results[-2]), "the thread count changed bits"
            rounding = {"float64": 1e-12, "float32": 1e-6, "float16": 2 * np.finfo("float16").eps}[dtype]
            least = np.finfo(dtype).smallest_subnormal if dtype == "float16" else np.finfo(dtype).tiny
            bound = truncation + rounding * magnitude + least
            for result in results:
                assert abs(result - expected).max() <= bound, (case, dtype, abs(result - expected).max() / magnitude)
