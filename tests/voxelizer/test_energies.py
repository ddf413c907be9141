"""Parameters of `LennardJones`, and `Boltzmann`."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from particlegrid import (
    AllAtoms,
    Boltzmann,
    Box,
    Density,
    Gaussian,
    Grid,
    LennardJones,
    Structure,
    Voxelizer,
    reference,
)
from particlegrid.densities.energy_units import ENERGY_UNITS, convert_energy
from particlegrid.densities.force_fields import FORCE_FIELDS, PROBES, UFF
from particlegrid.registry import from_dict

ENERGIES = [
    LennardJones(),
    LennardJones("UFF", "Xe", 10, "kJ/mol", 20, True),
    LennardJones({"C": (0.1, 3.4), "H": (0, 2.5)}, (0.2, 3)),
]


def test_the_table_has_every_element_of_the_paper() -> None:
    from particlegrid.elements import SYMBOLS

    assert tuple(UFF) == SYMBOLS[1:104]


@pytest.mark.parametrize(
    ("name", "epsilon", "sigma"),
    # epsilon in K and sigma in A as RASPA 2 (MIT, forcefield/GenericMOFs) has them of its UFF atoms, six digits
    [("Zn", 62.3992, 2.46155), ("Cr", 7.54829, 2.69319), ("Cu", 2.5161, 3.11369), ("Zr", 34.7221, 2.78317),
     ("Ne", 21.1352, 2.88918), ("Te", 200.281, 3.98232), ("Be", 42.7736, 2.44552), ("Ga", 208.836, 3.90481)],
)  # fmt: skip
def test_parameters_agree_with_raspa(name: str, epsilon: float, sigma: float) -> None:
    assert FORCE_FIELDS["UFF"][name] == (pytest.approx(epsilon, rel=2e-5), pytest.approx(sigma, rel=2e-5))


def test_parameters_agree_with_rdkit() -> None:
    chem = pytest.importorskip("rdkit.Chem")
    rdlogger = pytest.importorskip("rdkit.RDLogger")
    params = pytest.importorskip("rdkit.Chem.rdForceFieldHelpers").GetUFFVdWParams
    rdlogger.DisableLog("rdApp.*")
    found = 0
    for number, (distance, depth) in enumerate(UFF.values(), 1):
        pair = chem.RWMol()
        for _ in range(2):
            atom = chem.Atom(number)
            atom.SetNoImplicit(True)
            pair.AddAtom(atom)
        chem.SanitizeMol(pair)
        known = params(pair.GetMol(), 0, 1)
        if known is not None:
            assert known == (pytest.approx(distance), pytest.approx(depth))
            found += 1
    rdlogger.EnableLog("rdApp.*")
    assert found >= 30


def test_units() -> None:
    scale = {"eV": 1.0, "K": 11604.518121550083, "kJ/mol": 96.48533212331001, "kcal/mol": 23.060547830619026}
    for unit, value in scale.items():
        assert convert_energy(1.0, "eV", unit) == pytest.approx(value, rel=1e-12)
    grid, ethene = Grid(6, np.eye(3) * 0.7, [1, 1, 1]), Structure([[0, 0, 0], [0, 0, 1.33]], ["C", "C"])
    drawn = {u: Voxelizer(grid, AllAtoms(), LennardJones(unit=u), dtype="float64")(ethene) for u in ENERGY_UNITS}
    for unit in ENERGY_UNITS:
        assert np.allclose(drawn[unit], drawn["eV"] * scale[unit], rtol=1e-12)
    assert drawn["K"].min() < -100


def test_the_minimum_lies_where_it_should() -> None:
    epsilon, sigma = np.sqrt(PROBES["CH4"][0] * FORCE_FIELDS["UFF"]["C"][0]), 0.5 * (3.73 + FORCE_FIELDS["UFF"]["C"][1])
    point = Grid(1, np.eye(3), [-0.5] * 3)
    atom = Structure([[2 ** (1 / 6) * sigma, 0, 0]], ["C"])
    value = Voxelizer(point, AllAtoms(), LennardJones(unit="K"), dtype="float64")(atom).item()
    assert value == pytest.approx(-epsilon, rel=1e-12)
    at_sigma = Structure([[0, sigma, 0]], ["C"])
    assert Voxelizer(point, AllAtoms(), LennardJones(unit="K"))(at_sigma).item() == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"forcefield": "GAFF"}, ValueError, r"`forcefield` must be one of 'UFF', or \{\"C\": .*got 'GAFF'"),
        ({"forcefield": {}}, ValueError, "names no element"),
        ({"forcefield": {"Xx": (1, 1)}}, ValueError, "'Xx' is not the symbol of an element"),
        ({"forcefield": {"C": 3}}, TypeError, r"`forcefield\['C'\]` must be two numbers, \(epsilon, sigma\), got 3"),
        ({"forcefield": {"C": (1, 0)}}, ValueError, r"`forcefield\['C'\]\[1\]` must be positive"),
        ({"forcefield": {"C": (-1, 2)}}, ValueError, r"`forcefield\['C'\]\[0\]` must be positive"),
        ({"forcefield": None}, TypeError, "must be a name or"),
        ({"probe": "N2"}, ValueError, "`probe` must be one of 'CH4', .*'N_N2'"),
        ({"probe": 3.0}, TypeError, r"`probe` must be two numbers"),
        ({"probe": (1, float("nan"))}, ValueError, r"`probe\[1\]` must be positive"),
        ({"cutoff": 0}, ValueError, "`cutoff` must be positive"),
        ({"cutoff": "12"}, TypeError, "`cutoff` must be a number in A"),
        ({"unit": "Ry"}, ValueError, "`unit` must be one of 'eV', 'K', 'kJ/mol', got 'Ry'"),
        ({"cap": -1}, ValueError, "`cap` must be positive"),
        ({"cap": float("inf")}, ValueError, "`cap` must be positive and finite"),
    ],
)
def test_bad_parameters(options: dict, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        LennardJones(**options)


def test_an_element_without_parameters_is_named() -> None:
    box = Box(4, 0.5, outside="ignore")
    with pytest.raises(ValueError, match="force field 'UFF' has no parameters for Og, Rf; give a table"):
        Voxelizer(box, AllAtoms(), LennardJones())(Structure([[0, 0, 0]] * 3, ["Rf", "Og", "C"]))
    with pytest.raises(ValueError, match="`forcefield` has no parameters for H"):
        Voxelizer(box, AllAtoms(), LennardJones({"C": (1, 3)}))(Structure([[0, 0, 0]], ["H"]))


@pytest.mark.parametrize("energy", ENERGIES)
def test_descriptions_go_there_and_back(energy: LennardJones) -> None:
    for what in (energy, Boltzmann(energy, 300)):
        vox = Voxelizer(Box(4, 0.5), AllAtoms(), what)
        again = Voxelizer.from_dict(vox.to_dict())
        assert again == vox
        assert (hash(again), again.digest) == (hash(vox), vox.digest)
        assert from_dict(what.to_dict()) == what == pickle.loads(pickle.dumps(what))
        assert hash(from_dict(what.to_dict())) == hash(what)
    assert Boltzmann(energy, 300) != Boltzmann(energy, 301)


@pytest.mark.parametrize("unit", ENERGY_UNITS)
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
def test_boltzmann_factors(unit: str, dtype: str) -> None:
    rng = np.random.default_rng(4)
    molecule = Structure(np.vstack([rng.uniform(-2, 2, (5, 3)), [[0.25, 0.25, 0.25]]]), ["C"] * 6)
    box = Box(12, 0.5, center="origin")
    for temperature in (77.0, 298.0):
        energy = LennardJones(probe="Kr", unit=unit)
        drawn = Voxelizer(box, AllAtoms(), Boltzmann(energy, temperature), dtype=dtype)(molecule).astype(np.float64)
        kelvin = Voxelizer(box, AllAtoms(), LennardJones(probe="Kr", unit="K"), dtype="float64")(molecule)
        expected = np.exp(-kelvin / temperature)
        rounding = {"float64": 1e-9, "float32": 1e-5, "float16": 1e-3, "bfloat16": 8e-3}[dtype]
        assert (abs(drawn - expected) <= rounding * expected + 1e-7).all()
        assert drawn[0, 6, 6, 6] == 0
        assert expected.max() > 2


def test_the_energy_is_capped_before_its_factor() -> None:
    point, atom = Grid(1, np.eye(3), [-0.5] * 3), Structure([[0, 0, 0]], ["C"])
    vox = Voxelizer(point, AllAtoms(), Boltzmann(LennardJones(unit="K", cap=600), 300), dtype="float64")
    assert vox(atom).item() == pytest.approx(np.exp(-2))
    assert reference.voxelize(atom, point, AllAtoms(), vox.what).item() == pytest.approx(np.exp(-2))


def test_boltzmann_agrees_with_its_definition() -> None:
    crystal = Structure([[0, 0, 0], [1.1, 2, 3]], ["C", "O"], cell=[[6, 0, 0], [1, 6, 0], [0, 2, 7]])
    what = Boltzmann(LennardJones(cutoff=8, shift=True), 300)
    grid = Grid((5, 6, 7), np.array(crystal.cell) / [[5], [6], [7]], [0, 0, 0], pbc=True)
    drawn = Voxelizer(grid, AllAtoms(), what, dtype="float64")(crystal)
    expected = reference.voxelize(crystal, grid, AllAtoms(), what)
    assert np.allclose(drawn, expected, rtol=1e-9, atol=1e-12)
    assert 0 <= expected.min() < 0.1 < 1 < expected.max()


@pytest.mark.parametrize("of", [Gaussian(0.5), Density(), "LennardJones", LennardJones])
def test_boltzmann_takes_energies_alone(of: object) -> None:
    with pytest.raises(TypeError, match="`of` must be an energy such as LennardJones"):
        Boltzmann(of, 300)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="`temperature` must be positive"):
        Boltzmann(LennardJones(), 0)
