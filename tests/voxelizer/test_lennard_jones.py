"""The native Lennard-Jones grid against lattice sums in float64."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from particlegrid import (
    AllAtoms,
    Batch,
    Box,
    ChannelScheme,
    Elements,
    Grid,
    LennardJones,
    Structure,
    UnitCell,
    Voxelizer,
    WithWidths,
    _native,
    reference,
)
from particlegrid.densities.energy_units import convert_energy

KELVIN = {unit: convert_energy(1, "K", unit) for unit in ("eV", "K", "kJ/mol")}
# rounding of the output type
ROUNDING = {"float64": 1e-14, "float32": 1.2e-7, "float16": 1e-3, "bfloat16": 8e-3}


@pytest.fixture(autouse=True)
def _restore_instruction_set():
    active = _native.active_instruction_set()
    yield
    _native.use_instruction_set(active)


def sum_over_lattice(structure: Structure, points: np.ndarray, what: LennardJones) -> np.ndarray:
    """U in `unit`, from every image in a block of cells that is larger than needed."""
    reach = what.cutoff + np.linalg.norm(points - structure.positions.mean(axis=0), axis=-1).max()
    reach += np.linalg.norm(structure.positions - structure.positions.mean(axis=0), axis=1).max()
    steps = [np.zeros(1)] * 3
    cell = np.zeros((3, 3))
    if structure.pbc.any():
        cell = np.asarray(structure.cell)
        heights = 1 / np.linalg.norm(np.linalg.inv(cell), axis=0)
        steps = [
            np.arange(-np.ceil(reach / h), np.ceil(reach / h) + 1) if p else np.zeros(1)
            for h, p in zip(heights, structure.pbc)
        ]
    translations = np.array(list(product(*steps))) @ cell
    batch = Batch([structure])
    energies = np.zeros(points.shape[:-1])
    s_probe = what.probe_parameters[1]
    middle = points.reshape(-1, 3).mean(axis=0)
    radius = what.cutoff + np.linalg.norm(points - middle, axis=-1).max()
    for position, sigma, strength in zip(structure.positions, what.atom_widths(batch), what.atom_strengths(batch)):
        images = position + translations
        images = images[np.linalg.norm(images - middle, axis=1) < radius]
        for part in np.array_split(images, len(images) // 1000 + 1):
            d = np.linalg.norm(points - part[:, None, None, None], axis=-1)
            x6 = ((sigma + s_probe) / 2 / d) ** 6
            c6 = ((sigma + s_probe) / 2 / what.cutoff) ** 6
            energies += np.where(d < what.cutoff, strength * (x6**2 - x6 - (c6**2 - c6) * what.shift), 0).sum(axis=0)
    return energies if what.cap is None else np.minimum(energies, what.cap)


def random_structure(rng: np.random.Generator, kind: str) -> Structure:
    """Two to five atoms, some outside the cell; the smallest cells are much smaller than the cutoff."""
    n = int(rng.integers(2, 6))
    numbers = rng.choice([1, 6, 8, 30], n)
    if kind == "molecule":
        return Structure(rng.uniform(-3, 3, (n, 3)), numbers)
    cell = np.diag(rng.uniform(3, 8, 3))
    if kind in ("sheared", "left-handed"):
        cell = cell + rng.uniform(-2, 2, (3, 3))
    if kind == "rotated":
        cell = cell @ np.linalg.qr(rng.normal(size=(3, 3)))[0]
    if (np.linalg.det(cell) < 0) != (kind == "left-handed"):
        cell[0] *= -1
    pbc = rng.random(3) < 0.6
    pbc[rng.integers(3)] = True
    return Structure(rng.uniform(-9, 9, (n, 3)), numbers, cell=cell, pbc=pbc if rng.random() < 0.5 else True)


def random_place(rng: np.random.Generator, structure: Structure) -> Grid:
    if structure.cell is not None and rng.random() < 0.5:
        registration = "voxel" if rng.random() < 0.5 else "point"
        where = UnitCell(tuple(int(n) for n in rng.integers(1, 10, 3)), registration=registration)
        return where.place(Batch([structure]))[0]
    axes = rng.uniform(0.2, 1.2) * (np.eye(3) + rng.uniform(-0.4, 0.4, (3, 3)))
    return Grid(tuple(int(n) for n in rng.integers(1, 9, 3)), axes, rng.uniform(-5, 2, 3))


@pytest.mark.parametrize("case", range(60))
def test_agrees_with_a_lattice_sum(case: int) -> None:
    rng = np.random.default_rng([21, case])
    kind = ("straight", "sheared", "left-handed", "rotated", "molecule")[case % 5]
    structure = random_structure(rng, kind)
    grid = random_place(rng, structure)
    unit = ("eV", "K", "kJ/mol")[case % 3]
    cap = None if case % 4 == 0 else float(rng.uniform(100, 5000) * KELVIN[unit])
    probe = ("CH4", "H", "Xe", (3.0, 2.0))[int(rng.integers(4))]
    what = LennardJones("UFF", probe, float(rng.uniform(3, 8)), unit, cap, shift=bool(rng.integers(2)))
    expected = sum_over_lattice(structure, grid.centers(), what)
    slow = reference.voxelize(structure, grid, AllAtoms(), what)[0]
    assert (abs(slow - expected) <= 1e-9 * (abs(expected) + KELVIN[unit])).all()
    for name in _native.list_instruction_sets():
        _native.use_instruction_set(name)
        for dtype, rounding in ROUNDING.items():
            drawn = Voxelizer(grid, AllAtoms(), what, dtype=dtype)(structure)[0].astype(np.float64)
            # without a cap, energies leave the range of the type
            largest = 3e38 if dtype != "float16" else 65504
            fits = expected < largest if dtype != "float64" else np.ones_like(expected, bool)
            bound = 1e-5 * (abs(expected) + KELVIN[unit]) if dtype[0] == "f" and dtype != "float16" else 0
            bound = bound + rounding * abs(expected) + (6e-8 if dtype == "float16" else 0)
            assert (abs(drawn - expected) <= bound)[fits].all(), (case, name, dtype)
            assert (drawn[~fits] >= largest * 0.99).all()


def test_doubles_are_as_good_as_the_definition() -> None:
    """Where repulsion and attraction cancel, single precision would be off by 1e-4 K."""
    rng = np.random.default_rng(3)
    cell = np.array([[9.0, 0, 0], [1.5, 8.5, 0], [-1.0, 2.0, 10.0]])
    crystal = Structure(rng.uniform(0, 9, (12, 3)), rng.choice([6, 8, 30], 12), cell=cell)
    what = LennardJones(unit="K")
    grid = UnitCell(14).place(Batch([crystal]))[0]
    expected = reference.voxelize(crystal, grid, AllAtoms(), what)
    drawn = Voxelizer(UnitCell(14), AllAtoms(), what, dtype="float64")(crystal)
    assert (abs(drawn - expected) <= 1e-12 * abs(expected) + 1e-9).all()
    assert abs(expected).min() < 50 < 1e6 < expected.max(), "no voxel near zero, or none deep inside an atom"


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
@pytest.mark.parametrize("cap", [None, 1000.0])
def test_an_atom_at_a_voxel_gives_the_cap_or_infinity(dtype: str, cap: float | None) -> None:
    what = LennardJones(unit="K", cap=cap)
    for registration, at in (("voxel", [1.25, 0.25, 3.75]), ("point", [1.0, 2.0, 3.5])):
        crystal = Structure([at, [np.pi, 1, 1]], ["C", "C"], cell=np.diag([4.0, 3.0, 5.0]))
        where = UnitCell((8, 6, 10), registration=registration)
        grid = Voxelizer(where, AllAtoms(), what, dtype=dtype)(crystal)[0].astype(np.float64)
        shift = 0.5 if registration == "voxel" else 0.0
        index = tuple(int(i) for i in np.array(at) / 0.5 - shift)
        assert grid[index] == (np.inf if cap is None else cap)
        assert not np.isnan(grid).any()
        if cap is not None:
            assert grid.max() == cap


def test_atoms_of_both_signs_at_one_voxel_are_no_nan() -> None:
    both = Structure([[0, 0, 0]] * 2, ["C", "C"], properties={"w": [1.0, -1.0]})
    point = Grid(1, np.eye(3), [-0.5] * 3)
    for cap, value in ((None, np.inf), (50.0, 50.0)):
        what = LennardJones(unit="K", cap=cap)
        assert Voxelizer(point, AllAtoms(weight="w"), what)(both).item() == value
        with np.errstate(invalid="ignore"):
            assert reference.voxelize(both, point, AllAtoms(weight="w"), what).item() == value
    nothing = Structure([[0, 0, 0]], ["C"])
    for which, what in ((AllAtoms(), LennardJones({"C": (0, 3.0)})), (AllAtoms(weight="w"), LennardJones())):
        absent = Structure(nothing.positions, ["C"], properties={"w": [0.0]})
        assert Voxelizer(point, which, what)(absent).item() == 0
        assert reference.voxelize(absent, point, which, what).item() == 0


def test_a_tiny_cell_equals_its_supercell() -> None:
    rng = np.random.default_rng(5)
    cell = np.array([[2.1, 0, 0], [0.7, 2.4, 0], [0.3, -0.5, 2.2]])
    atoms = rng.uniform(0, 2, (2, 3))
    shifts = np.array(list(product(range(3), repeat=3))) @ cell
    small = Structure(atoms, ["O", "C"], cell=cell)
    large = Structure((atoms + shifts[:, None]).reshape(-1, 3), ["O", "C"] * 27, cell=3 * cell)
    what = LennardJones(unit="K", cutoff=11.3, shift=True)
    one = Voxelizer(UnitCell(5), AllAtoms(), what, dtype="float64")(small)
    many = Voxelizer(UnitCell(15), AllAtoms(), what, dtype="float64")(large)
    assert np.allclose(np.tile(one, (1, 3, 3, 3)), many, rtol=1e-9, atol=1e-7)


def test_weights_widths_and_channels() -> None:
    rng = np.random.default_rng(6)
    structure = Structure(
        rng.uniform(-2, 2, (6, 3)), ["C", "O", "C", "H", "O", "C"], properties={"w": rng.uniform(0.2, 2, 6)}
    )
    grid = Grid((7, 9, 8), np.eye(3) * 0.8, [-3.0] * 3)
    what = LennardJones({"C": (0.005, 3.4), "O": (0.003, 3.1), "H": (0.001, 2.6)}, probe=(0.01, 3.7), cutoff=4.4)
    schemes: list[ChannelScheme] = [
        Elements("C", "H", "O", weight="w"),
        WithWidths(Elements("O", "C", other="channel"), {"C": 3.0}),
        Elements("C", other="ignore") + AllAtoms(),
    ]
    for scheme in schemes:
        drawn = Voxelizer(grid, scheme, what, dtype="float64")(structure)
        expected = reference.voxelize(structure, grid, scheme, what)
        assert (abs(drawn - expected) <= 1e-12 * abs(expected) + 1e-14).all()
        assert (drawn.reshape(len(drawn), -1) != 0).any(axis=1).all()


def test_bits_depend_neither_on_threads_nor_on_the_batch() -> None:
    rng = np.random.default_rng(7)
    crystals = []
    for i in range(5):
        cell = np.diag(rng.uniform(4, 9, 3)) + rng.uniform(-1, 1, (3, 3))
        n = int(rng.integers(0, 9))
        crystals.append(Structure(rng.uniform(0, 9, (n, 3)), rng.choice([1, 6], n), cell=cell, pbc=i != 2))
    for dtype in ("float32", "float64", "float16"):
        vox = [
            Voxelizer(UnitCell((13, 9, 17)), Elements("H", "C"), LennardJones(cutoff=6.0), dtype=dtype, threads=t)
            for t in (1, 2, 7)
        ]
        grids = [v(crystals) for v in vox]
        for other in grids[1:]:
            assert np.array_equal(grids[0], other)
        for grid, crystal in zip(grids[0], crystals):
            assert np.array_equal(grid, vox[1](crystal))


def test_strided_output() -> None:
    structure = Structure([[0, 0, 0], [1, 1, 1]], ["C", "O"])
    vox = Voxelizer(Box((5, 6, 7), 0.7, outside="ignore"), Elements("C", "O"), LennardJones())
    expected = vox(structure)
    for out in (
        np.full((7, 6, 5, 2), 9, np.float32).T,
        np.full((2, 5, 6, 7), 9, np.float32)[:, ::-1, :, ::-1],
        np.full((4, 5, 12, 7), 9, np.float32)[::2, :, ::2],
    ):
        assert np.array_equal(vox(structure, out=out), expected)


def test_wrapping_changes_nothing() -> None:
    rng = np.random.default_rng(8)
    cell = np.array([[5.0, 0, 0], [-2.0, 6.0, 0], [1.0, 2.0, 7.0]])
    atoms = rng.uniform(0, 5, (4, 3))
    vox = Voxelizer(UnitCell(9), AllAtoms(), LennardJones(unit="K"), dtype="float64")
    one = vox(Structure(atoms, ["C"] * 4, cell=cell))
    moved = vox(Structure(atoms + rng.integers(-5, 6, (4, 3)) @ cell, ["C"] * 4, cell=cell))
    assert np.allclose(one, moved, rtol=1e-9, atol=1e-7)
    rolled = vox(Structure(atoms + cell[1] / 9, ["C"] * 4, cell=cell))
    assert np.allclose(np.roll(one, 1, axis=2), rolled, rtol=1e-9, atol=1e-7)


def test_a_molecule_far_from_its_box_is_not_seen() -> None:
    far = Structure([[1e300, 0, 0], [0, 0, -1e9], [100, 0, 0]], ["C", "C", "C"])
    box = Box(4, 0.5, center="origin", outside="ignore")
    assert (Voxelizer(box, AllAtoms(), LennardJones())(far) == 0).all()


def test_too_many_images_are_refused() -> None:
    crystal = Structure([[0, 0, 0]], ["C"], cell=np.eye(3) * 0.1)
    with pytest.raises(ValueError, match="more than 4 million periodic images lie within the cutoff of 12"):
        Voxelizer(UnitCell(2), AllAtoms(), LennardJones())(crystal)


def test_voxels_larger_than_the_cutoff() -> None:
    """Only what is near a voxel is looked at, however far the voxels are apart."""
    crystal = Structure([[0.3, 0.2, 0.1]], ["C"], cell=np.eye(3) * 4)
    grid = Grid((3, 2, 4), np.eye(3) * 1001.5, [0, 0, 0])
    what = LennardJones(unit="K", cutoff=7.0)
    drawn = Voxelizer(grid, AllAtoms(), what, dtype="float64")(crystal)
    near = Structure(crystal.positions, ["C"], cell=crystal.cell)
    for index in np.ndindex(3, 2, 4):
        point = np.mod(grid.centers()[index], 4.0)
        expected = sum_over_lattice(near, point.reshape(1, 1, 1, 3), what).item()
        assert drawn[0][index] == pytest.approx(expected, rel=1e-7)


def test_a_cap_that_float16_makes_infinite_is_refused() -> None:
    point, what = Grid(1, np.eye(3), [-0.5] * 3), LennardJones(cap=1e6)
    with pytest.raises(ValueError, match=r"`cap` is 1e\+06 eV, and float16 ends at 65504"):
        Voxelizer(point, AllAtoms(), what, dtype="float16")
    argon, out = Structure([[0, 0, 0]], ["Ar"]), np.full((1, 1, 1, 1), 7, np.float16)
    with pytest.raises(ValueError, match="float16 ends at 65504"):
        Voxelizer(point, AllAtoms(), what)(argon, out=out)
    assert out == 7
    assert Voxelizer(point, AllAtoms(), LennardJones(cap=65504), dtype="float16")(argon) == 65504
    assert Voxelizer(point, AllAtoms(), what)(argon) == 1e6
