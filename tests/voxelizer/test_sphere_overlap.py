"""Spheres' shares of voxels: closed forms, totals in any cell, the definition, threads."""

from __future__ import annotations

from math import pi

import numpy as np
import pytest

from particlegrid import AllAtoms, Batch, Box, Elements, Grid, SphereOverlap, Structure, UnitCell, Voxelizer, reference
from particlegrid.radii import VDW

BALL = 4 / 3 * pi
CARBON = Structure([[0, 0, 0]], ["C"])


def draw(what: SphereOverlap, grid: Grid, *positions: tuple[float, float, float]) -> np.ndarray:
    atoms = Structure(positions, ["C"] * len(positions))
    return Voxelizer(grid, AllAtoms(), what, dtype="float64")(atoms)[0]


def cube(n: int, spacing: float) -> Grid:
    return Grid(n, spacing * np.eye(3), [-n * spacing / 2] * 3)


@pytest.mark.parametrize(
    ("position", "radius", "voxel", "volume"),
    [
        ((0, 0, 0), 0.5, (1, 1, 1), BALL / 8),  # touches six faces
        ((0.1, 0, -0.1), 0.3, (1, 1, 1), BALL * 0.027),
        ((0.5, 0, 0), 0.5, (2, 1, 1), BALL / 16),  # on a face
        ((0.5, -0.5, 0), 0.5, (2, 0, 1), BALL / 32),  # on an edge
        ((0.5, 0.5, 0.5), 0.5, (2, 2, 2), BALL / 64),  # on a corner
        ((0.2, 0, 0), 0.4, (2, 1, 1), pi * 0.1**2 * (3 * 0.4 - 0.1) / 3),  # a cap of height 0.1
        ((0.2, 0, 0), 0.4, (1, 1, 1), BALL * 0.4**3 - pi * 0.1**2 * (3 * 0.4 - 0.1) / 3),
        ((0, 0, 0), 0.5 * 3**0.5, (1, 1, 1), 1.0),  # through all corners
        ((0, 0, 0), 0.6, (2, 1, 1), pi * 0.1**2 * (3 * 0.6 - 0.1) / 3),
        ((0, 0, 0), 0.6, (1, 1, 1), BALL * 0.216 - 6 * pi * 0.1**2 * (3 * 0.6 - 0.1) / 3),
        ((0, 0, 0), 0.5, (2, 1, 1), 0.0),  # touched in a point
    ],
)
def test_closed_forms(
    position: tuple[float, float, float], radius: float, voxel: tuple[int, int, int], volume: float
) -> None:
    grid = cube(3, 1.0)
    for per, divisor in (("voxel", 1.0), ("volume", 1.0), ("atom", BALL * radius**3)):
        value = draw(SphereOverlap(radius, per), grid, position)[voxel]
        assert value == pytest.approx(volume / divisor, rel=1e-12, abs=1e-15)


def test_the_three_divisors() -> None:
    grid = cube(1, 2.0)
    assert draw(SphereOverlap(1.0, "voxel"), grid, (0, 0, 0)).item() == pytest.approx(BALL / 8, rel=1e-14)
    assert draw(SphereOverlap(1.0, "volume"), grid, (0, 0, 0)).item() == pytest.approx(BALL, rel=1e-14)
    assert draw(SphereOverlap(1.0, "atom"), grid, (0, 0, 0)).item() == pytest.approx(1, rel=1e-14)


def test_voxels_inside_are_exactly_one_and_voxels_outside_exactly_zero() -> None:
    grid = Grid(24, np.eye(3) / 4 + 0.02, [-3.5] * 3)
    shares = draw(SphereOverlap(2.0), grid, (0.1, 0.2, 0.3))
    corners = np.stack(np.meshgrid(*[np.arange(25)] * 3, indexing="ij"), -1) @ np.asarray(grid.axes) + grid.origin
    distance = np.linalg.norm(corners - [0.1, 0.2, 0.3], axis=-1)
    boxes = np.stack([distance[i : 24 + i, j : 24 + j, k : 24 + k] for i in (0, 1) for j in (0, 1) for k in (0, 1)])
    inside = (boxes <= 2).all(axis=0)
    assert inside.sum() > 500
    assert (shares[inside] == 1).all()
    assert (shares[boxes.min(axis=0) > 2 + np.linalg.norm(grid.spacing)] == 0).all()
    assert ((shares >= 0) & (shares <= 1)).all()


def random_cell(rng: np.random.Generator) -> np.ndarray:
    """A cell of any handedness, its angles between 30 and 150 degrees."""
    while True:
        directions = rng.normal(size=(3, 3))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        cosines = abs((directions @ directions.T)[[0, 0, 1], [1, 2, 2]])
        if cosines.max() < np.cos(np.pi / 6) and abs(np.linalg.det(directions)) > 0.2:
            return np.asarray(directions * rng.uniform(1.5, 6, (3, 1)))


SPECIAL = {
    "cubic": np.eye(3) * 4,
    "orthorhombic": np.diag([3.0, 4.0, 5.0]),
    "left-handed": np.diag([3.0, -4.0, 5.0]),
    "hexagonal": np.array([[3, 0, 0], [-1.5, 1.5 * 3**0.5, 0], [0, 0, 5]]),
    "fcc primitive": 2.0 * np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]),
    "bcc primitive": 1.5 * np.array([[-1, 1, 1], [1, -1, 1], [1, 1, -1]]),
    "monoclinic 130": np.array([[4, 0, 0], [0, 3, 0], [5 * np.cos(np.radians(130)), 0, 5 * np.sin(np.radians(130))]]),
}


@pytest.mark.parametrize("case", [*SPECIAL, *range(60)])
def test_totals_in_any_cell(case: str | int) -> None:
    rng = np.random.default_rng([1, case] if isinstance(case, int) else 7)
    cell = random_cell(rng) if isinstance(case, int) else SPECIAL[case]
    # up to twice the shortest edge: the sphere overlaps its own images
    radii = [0.3, 1.7, float(np.linalg.norm(cell, axis=1).min() * rng.uniform(0.5, 2))]
    at = np.array([[0, 0, 0], [0.5, 0.5, 0.25], rng.random(3) * 4 - 2]) @ cell
    shape = tuple(int(n) for n in rng.integers(1, 12, 3))
    for radius in radii:
        for position in at:
            crystal = Structure([position], ["C"], cell=cell)
            values = Voxelizer(UnitCell(shape), AllAtoms(), SphereOverlap(radius, "volume"), dtype="float64")(crystal)
            assert values.sum() == pytest.approx(BALL * radius**3, rel=1e-11)
            shares = Voxelizer(UnitCell(shape), AllAtoms(), SphereOverlap(radius, "atom"))(crystal)
            assert shares.sum(dtype=np.float64) == pytest.approx(1, rel=1e-6)


@pytest.mark.parametrize("case", range(40))
def test_agrees_with_the_definition(case: int) -> None:
    rng = np.random.default_rng([2, case])
    cell = random_cell(rng) if case % 2 else np.diag(rng.uniform(2, 6, 3))
    pbc = rng.random(3) < 0.6
    crystal = Structure(rng.uniform(-0.2, 1.2, (3, 3)) @ cell, ["C", "O", "C"], cell=cell, pbc=pbc)
    what = SphereOverlap(
        {"C": rng.uniform(0.2, 2.2), "O": rng.uniform(0.2, 2.2)},
        ("voxel", "atom", "volume")[case % 3],
        ("sum", "max")[case % 4 // 2],
    )
    where = UnitCell(tuple(int(n) for n in rng.integers(1, 7, 3)))
    if case % 5 == 0:
        where = Box((5, 4, 6), (0.4, 0.7, 0.5), center=tuple(0.5 * cell.sum(axis=0)), outside="ignore")
    vox = Voxelizer(where, Elements("C", "O"), what, dtype="float64")
    grid = where.place(Batch([crystal]))[0]
    expected = reference.voxelize(crystal, grid, vox.which, what)
    got = vox(crystal)
    assert expected.max() > 1e-3
    assert abs(got - expected).max() <= 1e-11 * max(1.0, expected.max())
    single = Voxelizer(where, Elements("C", "O"), what)(crystal)
    assert abs(single - expected).max() <= 1e-6 * expected.max()


def test_per_axis_periodicity() -> None:
    cell = np.diag([4.0, 5.0, 6.0])
    inside = {}
    for pbc in ((True, True, True), (True, False, True), (False, False, False)):
        slab = Structure([[0, 0, 0]], ["C"], cell=cell, pbc=pbc)
        values = Voxelizer(UnitCell((8, 10, 12)), AllAtoms(), SphereOverlap(1.0, "atom"), dtype="float64")(slab)
        inside[pbc] = values.sum()
    assert list(inside.values()) == pytest.approx([1, 1 / 2, 1 / 8], rel=1e-12)


def test_combine() -> None:
    grid = cube(4, 1.0)
    apart, near = (-1.5, -1.5, -1.5), (-1.0, -1.5, -1.5)
    total = draw(SphereOverlap(0.5), grid, apart, near)
    largest = draw(SphereOverlap(0.5, combine="max"), grid, apart, near)
    one, other = draw(SphereOverlap(0.5), grid, apart), draw(SphereOverlap(0.5), grid, near)
    assert np.array_equal(total, one + other)
    assert np.array_equal(largest, np.maximum(one, other))
    negative = Structure([apart], ["C"], properties={"q": [-1.0]})
    drawn = Voxelizer(grid, AllAtoms(weight="q"), SphereOverlap(0.5, combine="max"))(negative)
    assert not drawn.any()


def test_the_bits_do_not_depend_on_threads_or_on_the_batch() -> None:
    rng = np.random.default_rng(5)
    crystals = [
        Structure(rng.uniform(0, 20, (60, 3)), ["C", "O"] * 30, cell=random_cell(rng) * 4, pbc=True) for _ in range(3)
    ]
    grids = [
        Voxelizer(UnitCell((67, 48, 51)), Elements("C", "O"), SphereOverlap(), threads=n)(crystals)
        for n in (1, 2, 3, 7)
    ]
    for other in grids[1:]:
        assert np.array_equal(grids[0], other)
    alone = Voxelizer(UnitCell((67, 48, 51)), Elements("C", "O"), SphereOverlap(), threads=1)(crystals[1])
    assert np.array_equal(grids[0][1], alone)


def test_radii() -> None:
    pair = Structure([[0, 0, 0], [0, 0, 8]], ["H", "O"], properties={"size": [1.0, 2.0]})
    grid = Grid((8, 8, 24), np.eye(3), [-4, -4, -6])

    def volumes(radius: object) -> list[float]:
        values = Voxelizer(grid, Elements("H", "O"), SphereOverlap(radius, "volume"), dtype="float64")(pair)
        return [float(v) for v in values.sum(axis=(1, 2, 3))]

    assert volumes("vdw") == pytest.approx([BALL * VDW["H"] ** 3, BALL * VDW["O"] ** 3])
    assert volumes({"H": 0.5, "O": 0.75}) == pytest.approx([BALL * 0.125, BALL * 0.75**3])
    assert volumes("size") == pytest.approx([BALL, BALL * 8])


def test_bad_input_is_refused() -> None:
    for arguments, message in (
        ({"radius": -1.0}, "`radius` must be positive"),
        ({"radius": {"C": 0.0}}, r"`radius\['C'\]` must be positive"),
        ({"per": "grid"}, "`per` must be one of 'voxel', 'atom', 'volume', got 'grid'"),
        ({"combine": "mean"}, "`combine` must be one of 'sum', 'max', got 'mean'"),
    ):
        with pytest.raises(ValueError, match=message):
            SphereOverlap(**arguments)
    with pytest.raises(ValueError, match=r"the radius 100\.000000 A is more than 464 times the edge of a voxel"):
        draw(SphereOverlap(100.0), cube(4, 0.1), (0, 0, 0))


def test_equality_hash_and_description() -> None:
    what = SphereOverlap({"C": 1.5}, "atom", "max")
    assert what == SphereOverlap({"C": 1.5}, "atom", "max")
    assert hash(what) == hash(SphereOverlap({"C": 1.5}, "atom", "max"))
    assert what != SphereOverlap({"C": 1.5}, "atom")
    vox = Voxelizer(Box(8, 0.5), AllAtoms(), what)
    assert Voxelizer.from_dict(vox.to_dict()) == vox
