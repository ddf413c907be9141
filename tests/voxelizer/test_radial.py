"""Radial densities against their definitions, on every kind of grid."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable

import numpy as np
import pytest

from particlegrid import (
    AllAtoms,
    Binary,
    Box,
    Density,
    Elements,
    Gaussian,
    GaussianQuadratic,
    Grid,
    Occupancy,
    Radial,
    Structure,
    UnitCell,
    Voxelizer,
    WithWidths,
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


def test_one_structure_alone_and_in_a_batch_of_other_cells() -> None:
    rng = np.random.default_rng(3)
    cells = [np.diag([4.0, 5, 6]), np.diag([5.0, 4, 6]), np.diag([4.0, 5, 6]) + 0.8 * np.eye(3, k=1), np.eye(3) * 4]
    crystals = [Structure(rng.uniform(0, 5, (n + 1, 3)), ["C"] * (n + 1), cell=cell) for n, cell in enumerate(cells)]
    for what in (Gaussian(0.5, "point"), Occupancy(), Radial(bump, 2.3)):
        vox = Voxelizer(UnitCell(13), AllAtoms(), what)
        for grid, crystal in zip(vox(crystals), crystals):
            assert np.array_equal(grid, vox(crystal))


@pytest.mark.parametrize("dtype", DTYPES)
def test_large_grids_have_the_same_bits_for_any_threads(dtype: str) -> None:
    rng = np.random.default_rng(6)
    cell = np.diag([30.0, 25, 22]) + rng.uniform(-4, 4, (3, 3))
    crystal = Structure(rng.uniform(0, 25, (300, 3)), rng.choice([1, 6], 300), cell=cell)
    for what in (Gaussian(0.6, "point"), GaussianQuadratic("xs"), Occupancy(), Binary()):
        grids = [
            Voxelizer(UnitCell((70, 61, 57)), Elements("H", "C"), what, dtype=dtype, threads=threads)(crystal)
            for threads in (1, 2, 7)
        ]
        assert np.array_equal(grids[0], grids[1])
        assert np.array_equal(grids[0], grids[2])


@pytest.mark.parametrize("what", [Gaussian(0.4, "point"), GaussianQuadratic("vdw"), Occupancy(), Binary()])
def test_moving_atoms_by_a_voxel_rolls_the_grid(what: Density) -> None:
    rng = np.random.default_rng(2)
    cell = np.diag([6.0, 7.0, 5.0]) + rng.uniform(-1, 1, (3, 3))
    vox = Voxelizer(UnitCell((12, 14, 10)), AllAtoms(), what, dtype="float64")
    positions = rng.uniform(0, 5, (4, 3))
    grid = vox(Structure(positions, ["C"] * 4, cell=cell))
    for axis in range(3):
        moved = vox(Structure(positions + cell[axis] / grid.shape[1 + axis], ["C"] * 4, cell=cell))
        assert abs(np.roll(grid, 1, axis=1 + axis) - moved).max() <= 1e-9 * grid.max()
        wrapped = vox(Structure(positions + 3 * cell[axis], ["C"] * 4, cell=cell))
        assert abs(wrapped - grid).max() <= 1e-9 * grid.max()


def test_a_sphere_ends_where_its_radius_says() -> None:
    """Positions that floats hold exactly: the distance decides, and a voxel at the radius is outside."""
    for spacing, radius in ((0.25, 1.0), (0.5, 2.5), (0.125, 0.75)):
        n = 2 * int(radius / spacing) + 3
        atom = Structure([[0, 0, 0]], ["C"])
        squares = ((np.arange(n) - n // 2) * spacing) ** 2
        inside = squares[:, None, None] + squares[:, None] + squares < radius**2
        box = Box(n, spacing, center="origin")
        for dtype in DTYPES:
            binary = Voxelizer(box, AllAtoms(), Binary(radius), dtype=dtype)(atom)[0]
            assert np.array_equal(binary, inside)
            for what in (
                Occupancy(radius, cutoff=radius),
                GaussianQuadratic(radius, multiple=-1.0),
                Radial([1.0, 1.0], radius),
            ):
                assert np.array_equal(Voxelizer(box, AllAtoms(), what, dtype=dtype)(atom)[0] > 0, inside)


def test_a_radial_profile_samples_its_function() -> None:
    rng = np.random.default_rng(4)
    grid = Grid(12, np.eye(3) * 0.5 + 0.1 * np.eye(3, k=1), [0, 0, 0])
    atom = Structure([rng.uniform(1, 5, 3)], ["C"])
    drawn = Voxelizer(grid, AllAtoms(), Radial(lambda d: np.exp(-(d**2) / 2), 6.0), dtype="float64")(atom)[0]
    distances = np.linalg.norm(grid.centers() - atom.positions[0], axis=-1)
    expected = np.where(distances < 6, np.exp(-(distances**2) / 2), 0)
    assert abs(drawn - expected).max() < 4e-10


def test_widths_of_the_entries_are_radii() -> None:
    atom = Structure([[0, 0, 0]], ["C"])
    box = Box(21, 0.25, center="origin")
    for what in (GaussianQuadratic(1.0, scale=0.5), Occupancy(1.0), Binary(1.0), Gaussian(1.0, "point")):
        wider = type(what)(**{**what.__dict__, ("sigma" if isinstance(what, Gaussian) else "radius"): 1.4})
        given = Voxelizer(box, WithWidths(AllAtoms(), 1.4), what)(atom)
        assert np.array_equal(given, Voxelizer(box, AllAtoms(), wider)(atom))


@pytest.mark.parametrize("name", DENSITIES)
def test_a_description_makes_the_same_density(name: str) -> None:
    what = DENSITIES[name]
    assert pickle.loads(pickle.dumps(what)) == what
    vox = Voxelizer(Box(8, 0.5), AllAtoms(), what)
    again = Voxelizer.from_dict(json.loads(json.dumps(vox.to_dict())))
    assert again == vox
    assert hash(again) == hash(vox)
    assert hash(again.what) == hash(what)
    assert len(repr(what)) < 120


def test_a_dict_of_radii_is_hashable() -> None:
    assert len({Binary({"C": 1.0}), Binary({"C": 1.0}), Binary({"C": 2.0})}) == 2


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Binary(-1.0), "`radius` must be positive"),
        (lambda: Occupancy(cutoff=0), "`cutoff` must be positive"),
        (lambda: GaussianQuadratic(scale=0), "`scale` must be positive"),
        (lambda: GaussianQuadratic(multiple=0), r"`abs\(multiple\)` must be positive"),
        (lambda: Occupancy({"Q": 1.0}), "'Q' is not the symbol of an element"),
        (lambda: Radial([1.0], 2.0), "at least 2 values, got 1"),
        (lambda: Radial([1.0, np.inf], 2.0), r"`profile\[1\]` is inf"),
        (lambda: Radial(lambda d: d[:3], 2.0), r"`profile\(distances\)` must have shape \(4097,\)"),
        (lambda: Radial([1.0, 0.0], 2.0, combine="product"), "`combine` must be one of"),
    ],
)
def test_bad_parameters_are_named(make: Callable[[], Density], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_radii_that_are_missing_are_named() -> None:
    promethium = Structure([[0, 0, 0]], ["Pm"])
    with pytest.raises(ValueError, match="the table 'vdw' has no radius for Pm; give numbers instead"):
        Voxelizer(Box(8, 0.5), AllAtoms(), Binary())(promethium)
    with pytest.raises(ValueError, match="has no property 'size'"):
        Voxelizer(Box(8, 0.5), AllAtoms(), Binary("size"))(promethium)
    two = Structure([[0, 0, 0]], ["C"], properties={"size": np.ones((1, 2))})
    with pytest.raises(ValueError, match="property 'size' must hold one radius for each atom"):
        Voxelizer(Box(8, 0.5), AllAtoms(), Binary("size"))(two)


def test_a_profile_for_single_distances_is_told_to_take_arrays() -> None:
    with pytest.raises(ValueError, match=r"array of 4,097 distances and must take one \(np.where"):
        Radial(lambda d: 1.0 if d < 1 else 0.0, 3.0)
