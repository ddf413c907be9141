"""`Coulomb` against its definition, and the definition against sums of other kinds."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from particlegrid import (
    AllAtoms,
    Around,
    Batch,
    Box,
    Coulomb,
    Elements,
    Grid,
    Property,
    Structure,
    UnitCell,
    Voxelizer,
    reference,
)
from particlegrid.densities.coulomb import COULOMB_CONSTANT as K
from particlegrid.reference.coulomb import sum_directly, sum_ewald
from particlegrid.registry import from_dict

_Floats = np.ndarray[Any, np.dtype[np.float64]]

FCC = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
# positions in the cubic cell, charges, nearest neighbour's distance in edges, Madelung's constant: R. E. Crandall,
# J. P. Buhler, J. Phys. A 20, 5497 (1987); Y. Sakamoto, J. Chem. Phys. 28, 164 (1958)
CRYSTALS = {
    "NaCl": (np.concatenate([FCC, FCC + 0.5]), [1] * 4 + [-1] * 4, 0.5, 1.74756459463318),
    "CsCl": (np.array([[0, 0, 0], [0.5, 0.5, 0.5]]), [1, -1], np.sqrt(3) / 2, 1.76267477307099),
    "ZnS": (np.concatenate([FCC, FCC + 0.25]), [1] * 4 + [-1] * 4, np.sqrt(3) / 4, 1.63805505338879),
}


def ions(positions: Any, charges: Any, cell: Any = None, pbc: Any = None) -> Structure:
    return Structure(
        positions, ["C"] * len(positions), cell=cell, pbc=pbc, properties={"charge": np.array(charges, float)}
    )


def random_crystal(rng: np.random.Generator) -> Structure:
    """One to four charges, some far outside; edges of 2 to 9 A; straight, rotated, sheared or left-handed cells."""
    cell = np.diag(rng.uniform(2, 9, 3)) + rng.choice([0, 1]) * rng.uniform(-1, 1, (3, 3))
    cell = cell @ np.linalg.qr(rng.normal(size=(3, 3)))[0]
    n = int(rng.integers(1, 5))
    return ions(rng.uniform(-15, 15, (n, 3)), rng.normal(size=n), cell)


def natural_scale(crystal: Structure) -> float:
    """The largest charge over the charges' mean distance, in eV/e."""
    charges = crystal.properties["charge"]
    distance = (abs(np.linalg.det(crystal.cell)) / len(charges)) ** (1 / 3)
    return float(K * abs(charges).max() / distance)


def random_placement(rng: np.random.Generator) -> Any:
    shape = tuple(int(n) for n in rng.integers(1, 7, 3))
    places = (
        UnitCell(shape),
        UnitCell(shape, registration="point"),
        Box(shape, 0.6, center=(0, 1, 2), outside="ignore"),
        Grid(shape, rng.normal(0, 0.3, (3, 3)) + np.eye(3), rng.normal(size=3)),
    )
    return places[int(rng.integers(4))]


@pytest.mark.parametrize("case", range(60))
def test_ewald_sums_agree_with_the_definition(case: int) -> None:
    rng = np.random.default_rng([21, case])
    crystal = random_crystal(rng)
    tol = (1e-3, 1e-6, 1e-10)[case % 3]
    vox = Voxelizer(random_placement(rng), AllAtoms(), Coulomb(), dtype="float64", tol=tol)
    volume = vox.volume(crystal)
    expected = reference.voxelize(crystal, volume.grid, vox.which, vox.what)
    assert abs(volume.array - expected).max() <= tol * natural_scale(crystal) + 1e-12 * abs(expected).max()


@pytest.mark.parametrize("case", range(12))
def test_values_do_not_depend_on_the_split(case: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng([22, case])
    crystal, where = random_crystal(rng), random_placement(rng)
    vox = Voxelizer(where, AllAtoms(), Coulomb(), dtype="float64")
    values = vox(crystal)
    for split in np.array([0.5, 1, 2]) * np.sqrt(np.pi) / abs(np.linalg.det(crystal.cell)) ** (1 / 3):
        monkeypatch.setattr(Coulomb, "_split", float(split))
        assert abs(vox(crystal) - values).max() <= 1e-6 * natural_scale(crystal)


def potential_beside(crystal: Structure, site: _Floats, distance: float) -> float:
    """The potential on the x axis at a distance from a site, by the fast path at the default tolerance."""
    grid = Grid(1, np.eye(3) * 0.01, site + np.array([distance, 0, 0]) - 0.005)
    return float(Voxelizer(grid, AllAtoms(), Coulomb(), dtype="float64")(crystal)[0, 0, 0, 0])


@pytest.mark.parametrize("name", CRYSTALS)
@pytest.mark.parametrize("edge", [1.0, 5.64])
def test_madelung_constants(name: str, edge: float) -> None:
    # beside an ion the others' potential is constant up to the fourth order of the distance, by the site's symmetry and
    # Laplace's equation (the third-order term of tetrahedral sites vanishes on the axis)
    fractions, charges, neighbour, constant = CRYSTALS[name]
    crystal = ions(fractions * edge, charges, np.eye(3) * edge)
    for site in (0, -1):
        beside = 1e-3 * edge
        others = potential_beside(crystal, crystal.positions[site], beside) - K * charges[site] / beside
        assert abs(-others * neighbour * edge / (K * charges[site]) - constant) <= 1e-6


def test_a_cell_of_one_charge_in_its_background() -> None:
    # the cubic Wigner lattice: -2.837297479480619 q / L at the charge (B. R. A. Nijboer, T. W. Ruijgrok, J. Stat. Phys.
    # 53, 361 (1988)), and 2 pi d^2 q / 3 V more at a distance d, because of the background
    edge, beside = 4.0, 1e-3
    crystal = ions([[0.3, 0.2, 0.1]], [2.0], np.eye(3) * edge)
    others = potential_beside(crystal, crystal.positions[0], beside) / (2 * K) - 1 / beside
    assert others - 2 * np.pi / 3 * beside**2 / edge**3 == pytest.approx(-2.837297479480619 / edge, abs=1e-6 / edge)


def sum_with_convergence_factor(points: _Floats, crystal: Structure) -> _Floats:
    """Limit of sum q exp(-b d^2) / d - 2 pi Q / (b V) as b falls, which is the tin-foil potential.

    In reciprocal space the factor turns 4 pi / k^2 into 4 pi / k^2 (1 + 2 b / k^2 + ...), so that Richardson's
    extrapolation in b applies.
    """
    cell, charges = np.asarray(crystal.cell), crystal.properties["charge"]
    volume = abs(np.linalg.det(cell))
    rows = []
    factors = 0.04 / 2.0 ** np.arange(4)
    for b in factors:
        reach = np.sqrt(34 / b) + 2 * np.linalg.norm(cell, axis=1).sum()
        counts = np.ceil(reach * np.linalg.norm(np.linalg.inv(cell), axis=0)).astype(int)
        shifts = np.stack(np.meshgrid(*[np.arange(-n, n + 1) for n in counts], indexing="ij"), -1).reshape(-1, 3) @ cell
        total = np.full(len(points), -2 * np.pi * charges.sum() / (b * volume))
        for position, charge in zip(crystal.positions, charges):
            for i, point in enumerate(points):
                d = np.linalg.norm(point - position - shifts, axis=1)
                total[i] += charge * (np.exp(-b * d * d) / d).sum()
        rows.append(total)
    for order in range(1, len(factors)):
        rows = [(2**order * fine - coarse) / (2**order - 1) for coarse, fine in pairwise(rows)]
    return np.asarray(rows[0])


@pytest.mark.parametrize("case", range(2))
def test_the_definition_agrees_with_direct_sums(case: int) -> None:
    rng = np.random.default_rng([23, case])
    cell = np.diag(rng.uniform(2, 3, 3)) + rng.uniform(-0.6, 0.6, (3, 3))
    charges = rng.normal(size=3)
    if case % 2:
        charges -= charges.mean()
    crystal = ions(rng.uniform(-1, 3, (3, 3)), charges, cell)
    points = rng.uniform(-3, 3, (2, 3))
    direct = sum_with_convergence_factor(points, crystal)
    for alpha in (None, 0.5, 1.5):
        ewald = sum_ewald(points, crystal.positions, charges, cell, alpha)
        assert ewald == pytest.approx(direct, abs=2e-6 * abs(charges).max())


def test_molecules() -> None:
    rng = np.random.default_rng(24)
    for where in (
        Box((7, 8, 9), (0.5, 0.6, 0.4), center=(0.1, 0, 0)),
        Grid(5, rng.normal(size=(3, 3)), rng.normal(size=3)),
    ):
        molecule = ions(rng.uniform(-1, 1, (12, 3)), rng.normal(size=12))
        vox = Voxelizer(where, AllAtoms(), Coulomb(), dtype="float64")
        volume = vox.volume(molecule)
        direct = K * sum_directly(
            volume.grid.centers().reshape(-1, 3), molecule.positions, molecule.properties["charge"]
        )
        assert abs(volume.array.ravel() - direct).max() <= 1e-12 * abs(direct).max()
        defined = reference.voxelize(molecule, volume.grid, vox.which, vox.what).ravel()
        assert abs(defined - direct).max() <= 1e-12 * abs(direct).max()


@pytest.mark.parametrize("cell", [None, np.eye(3) * 3.0, [[3.0, 0, 0], [1, 3, 0], [0, 1, 3]]])
def test_at_a_charge(cell: Any) -> None:
    where = Box(3, 1.0, center="origin", outside="ignore")
    # the charges are at the centres of voxels (0, 0, 0) and (2, 1, 1); two opposite ones lie at (1, 1, 2)
    atoms = ions([[-1, -1, -1], [1 + 1e-12, 0, 0], [0, 0, 1], [0, 0, 1]], [0.5, -2, 1, -1], cell)
    vox = Voxelizer(where, AllAtoms(), Coulomb(), dtype="float64")
    volume = vox.volume(atoms)
    values = volume.array[0]
    assert values[0, 0, 0] == np.inf
    assert values[2, 1, 1] == -np.inf
    assert np.isinf(values).sum() == 2
    assert np.isfinite(values[1, 1, 2])
    expected = reference.voxelize(atoms, volume.grid, vox.which, vox.what)[0]
    finite = np.isfinite(values)
    assert np.array_equal(expected[~finite], values[~finite])
    assert abs(values[finite] - expected[finite]).max() <= 2e-6 * K
    for dtype in ("float16", "float32"):
        small = Voxelizer(where, AllAtoms(), Coulomb(), dtype=dtype)(atoms)[0]
        assert small == pytest.approx(values, rel=1e-3 if dtype == "float16" else 1e-6, abs=1e-3)


def test_channels_weights_and_tables_of_charges() -> None:
    rng = np.random.default_rng(25)
    positions, cell = rng.uniform(0, 4, (4, 3)), np.eye(3) * 4
    weights = rng.normal(size=4)
    salt = Structure(
        positions, ["Na", "Cl", "Na", "Cl"], cell=cell, properties={"w": weights, "charge": [1, -1, 1, -1]}
    )
    which = Elements("Na", "Cl") + Property("w") + Elements("Na", "Cl", "H", weight="w")
    by_element = Voxelizer(UnitCell(5), which, Coulomb({"Na": 1, "Cl": -1}), dtype="float64")
    by_property = Voxelizer(UnitCell(5), which, Coulomb("charge"), dtype="float64")
    values = by_element(salt)
    assert np.array_equal(values, by_property(salt))
    assert abs(values[3] + values[4] - values[2]).max() <= 1e-5
    assert not values[5].any()
    volume = by_element.volume(salt)
    expected = reference.voxelize(salt, volume.grid, which, by_element.what)
    assert abs(values - expected).max() <= 4e-6 * K * abs(weights).max()


def test_a_shift_by_a_voxel_rolls_the_grid_of_a_charged_cell() -> None:
    rng = np.random.default_rng(26)
    cell = np.array([[6.0, 0, 0], [1, 7, 0], [2, -1, 5]])
    positions, charges = rng.uniform(0, 5, (4, 3)), rng.normal(size=4) + 1
    vox = Voxelizer(UnitCell((12, 14, 10)), AllAtoms(), Coulomb(), dtype="float64", tol=1e-9)
    values = vox(ions(positions, charges, cell))
    for axis in range(3):
        moved = vox(ions(positions + cell[axis] * (1 / (12, 14, 10)[axis] + 3), charges, cell))
        assert moved == pytest.approx(np.roll(values, 1, axis=1 + axis), rel=1e-9, abs=1e-7)
    supercell = np.concatenate([positions, positions + cell[0]])
    twice = Voxelizer(UnitCell((24, 14, 10)), AllAtoms(), Coulomb(), dtype="float64", tol=1e-9)
    double = twice(ions(supercell, np.tile(charges, 2), cell * [[2], [1], [1]]))
    assert double == pytest.approx(np.tile(values, (1, 2, 1, 1)), rel=1e-9, abs=1e-7)


def test_a_periodic_grid_repeats_a_molecule() -> None:
    molecule = ions([[1, 1, 1], [2, 1.5, 1]], [1, -1])
    grid = Grid(8, np.eye(3) / 2, [0, 0, 0], pbc=True)
    values = Voxelizer(grid, AllAtoms(), Coulomb())(molecule)
    in_cell = Voxelizer(UnitCell(8), AllAtoms(), Coulomb())(ions(molecule.positions, [1, -1], np.eye(3) * 4))
    assert np.array_equal(values, in_cell)


@pytest.mark.parametrize("where", [UnitCell((9, 7, 11)), Box((9, 7, 11), 0.5, center=(1, 2, 0), outside="ignore")])
def test_bits_do_not_depend_on_threads_nor_on_the_batch(where: Any) -> None:
    rng = np.random.default_rng(27)
    crystals = [random_crystal(rng) for _ in range(4)]
    molecule = ions(rng.normal(size=(5, 3)), rng.normal(size=5), np.eye(3) * 5, pbc=False)
    batch = [*crystals, molecule]
    one = Voxelizer(where, AllAtoms(), Coulomb(), threads=1)(batch)
    for threads in (2, 5):
        assert np.array_equal(one, Voxelizer(where, AllAtoms(), Coulomb(), threads=threads)(batch))
    for structure, values in zip(batch, one):
        assert np.array_equal(values, Voxelizer(where, AllAtoms(), Coulomb(), threads=3)(structure))


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_smaller_types_are_rounded_once(dtype: str) -> None:
    rng = np.random.default_rng(28)
    crystal = random_crystal(rng)
    exact = Voxelizer(UnitCell(9), AllAtoms(), Coulomb(), dtype="float64")(crystal)
    out = np.empty((1, 9, 9, 9), dtype, order="F")
    Voxelizer(UnitCell(9), AllAtoms(), Coulomb())(crystal, out=out)
    single = exact.astype("float32")
    assert np.array_equal(out, single.astype(dtype))


def test_nothing_to_add() -> None:
    for cell in (None, np.eye(3) * 4):
        for positions, charges in (([[0.1, 0, 0]], [0]), (np.empty((0, 3)), [])):
            values = Voxelizer(Box(4, 0.5, center="origin"), AllAtoms(), Coulomb())(ions(positions, charges, cell))
            assert values.shape == (1, 4, 4, 4)
            assert not values.any()
    assert Voxelizer(Box(4, 0.5), AllAtoms(), Coulomb())([]).shape == (0, 1, 4, 4, 4)


def test_slabs_and_rods_are_refused() -> None:
    vox = Voxelizer(UnitCell(4), AllAtoms(), Coulomb())
    fine = ions([[0, 0, 0]], [1], np.eye(3) * 4)
    for pbc, axes in (((True, True, False), 2), ((False, False, True), 1)):
        slab = ions([[0, 0, 0]], [1], np.eye(3) * 4, pbc=pbc)
        with pytest.raises(
            ValueError, match=f"structure 1 is periodic along {axes} of 3 axes; Coulomb needs all three or"
        ):
            vox([fine, slab])
        with pytest.raises(ValueError, match="three periodic axes or none"):
            reference.voxelize(slab, vox.where.place(Batch([slab]))[0], vox.which, vox.what)


def test_charges_that_are_missing_or_wrong() -> None:
    vox = Voxelizer(Around(0.5, 1), AllAtoms(), Coulomb())
    with pytest.raises(ValueError, match="has no property 'charge'"):
        vox(Structure([[0, 0, 0]], ["C"]))
    with pytest.raises(ValueError, match=r"must hold one charge for each atom, got shape \(1, 2\)"):
        vox(Structure([[0, 0, 0]], ["C"], properties={"charge": [[1, 2]]}))
    with pytest.raises(ValueError, match="property 'charge' is nan at atom 1 of the batch"):
        vox(Structure([[0, 0, 0], [1, 0, 0]], ["C"] * 2, properties={"charge": [1, np.nan]}))
    with pytest.raises(ValueError, match="no charge for Cl, O; a neutral element's is 0"):
        Voxelizer(Around(0.5, 1), AllAtoms(), Coulomb({"C": 1}))(Structure([[0, 0, 0], [1, 0, 0]], ["Cl", "O"]))
    with pytest.raises(ValueError, match="not the symbol"):
        Coulomb({"Xx": 1.0})
    with pytest.raises(ValueError, match="finite number in e, got inf"):
        Coulomb({"C": np.inf})
    with pytest.raises(TypeError, match="`charges` must be"):
        Coulomb(1.0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="atom 0 lies more than 1e9 A from"):
        Voxelizer(Box(4, 0.5, center="origin", outside="ignore"), AllAtoms(), Coulomb())(ions([[2e9, 0, 0]], [1]))


def test_a_sum_too_large_is_refused() -> None:
    wide = ions([[0, 0, 0]], [1], np.diag([1e-3, 1e6, 1e6]))
    with pytest.raises(ValueError, match="structure 0: the Ewald sum needs more than"):
        Voxelizer(UnitCell(2), AllAtoms(), Coulomb())(wide)


def test_descriptions_go_round() -> None:
    for what in (Coulomb(), Coulomb("q"), Coulomb({"C": 0.5, "H": -0.125})):
        again = from_dict(what.to_dict())
        assert again == what
        assert hash(again) == hash(what)
