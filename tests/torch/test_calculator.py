"""`GridCalculator` in ASE: forces, stress, relaxations, and what it refuses."""

from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch")
ase = pytest.importorskip("ase")

from ase.calculators.calculator import PropertyNotImplementedError  # noqa: E402
from ase.calculators.fd import calculate_numerical_forces, calculate_numerical_stress  # noqa: E402
from energy_networks import SmallEnergy  # noqa: E402
from torch import nn  # noqa: E402

import particlegrid as pg  # noqa: E402
import particlegrid.torch as pgt  # noqa: E402


class Springs(nn.Module):
    """An energy with a known minimum: every voxel wants the density `rest`."""

    def __init__(self, rest):
        super().__init__()
        self.rest = rest

    def forward(self, grid):
        return ((grid - self.rest) ** 2).sum(dim=(1, 2, 3, 4))


def make_voxelizer(where, which=None, **options):
    which = which or pg.Elements("H", "O")
    return pgt.Voxelizer(pg.Voxelizer(where, which, pg.Gaussian(0.7, **options), dtype="float64", tol=1e-10))


def make_crystal(pbc=True):
    cell = [[4.2, 0.0, 0.0], [0.6, 4.0, 0.0], [-0.5, 0.7, 4.4]]
    return ase.Atoms("OH2", [[0.4, 0.9, 1.2], [2.3, 2.6, 1.9], [4.0, 1.2, 3.7]], cell=cell, pbc=pbc)


def make_molecule():
    return ase.Atoms("OH2", [[0.1, -0.2, 0.3], [0.9, 0.4, -0.1], [-0.6, 0.7, 0.5]])


@pytest.mark.parametrize("where", [pg.UnitCell((6, 6, 8)), pg.Box(6, 0.7, "origin")], ids=["cell", "window"])
def test_forces_and_stress_of_a_crystal_are_ases_finite_differences(where):
    atoms = make_crystal()
    atoms.calc = pgt.GridCalculator(make_voxelizer(where), SmallEnergy(2, "circular"))
    forces, stress = atoms.get_forces(), atoms.get_stress()
    assert abs(forces).max() > 1e-2
    assert abs(stress).max() > 1e-4
    numerical = calculate_numerical_forces(atoms, eps=1e-4)
    np.testing.assert_allclose(forces, numerical, rtol=0, atol=1e-6 * abs(forces).max())
    numerical = calculate_numerical_stress(atoms, eps=1e-4)
    np.testing.assert_allclose(stress, numerical, rtol=0, atol=1e-6 * abs(stress).max())
    assert atoms.get_potential_energy(force_consistent=True) == atoms.get_potential_energy()


def test_a_slab_has_a_stress_if_it_has_a_cell():
    atoms = make_crystal(pbc=(True, True, False))
    atoms.calc = pgt.GridCalculator(make_voxelizer(pg.UnitCell((6, 6, 8))), SmallEnergy(2))
    numerical = calculate_numerical_stress(atoms, eps=1e-4)
    np.testing.assert_allclose(atoms.get_stress(), numerical, rtol=0, atol=1e-6 * abs(numerical).max())


def test_a_molecule_has_forces_and_no_stress():
    atoms = make_molecule()
    atoms.calc = pgt.GridCalculator(make_voxelizer(pg.Box(8, 0.7)), SmallEnergy(2))
    forces = atoms.get_forces()
    np.testing.assert_allclose(
        forces, calculate_numerical_forces(atoms, eps=1e-4), rtol=0, atol=1e-6 * abs(forces).max()
    )
    assert abs(forces.sum(axis=0)).max() < 1e-12
    with pytest.raises(PropertyNotImplementedError, match="stress"):
        atoms.get_stress()


def test_positions_and_cell_relax():
    from ase.filters import FrechetCellFilter
    from ase.optimize import FIRE

    atoms = ase.Atoms("O", [[0.3, 0.1, 0.2]], cell=np.diag([3.0, 3.4, 3.2]) + 0.1, pbc=True)
    rest = 1 / 40  # of the mean density: an atom in 40 A^3
    atoms.calc = pgt.GridCalculator(make_voxelizer(pg.UnitCell(4), pg.AllAtoms(), value="mean"), Springs(rest))
    before = atoms.get_potential_energy()
    assert FIRE(FrechetCellFilter(atoms), logfile=None).run(fmax=5e-3, steps=100)
    assert atoms.get_potential_energy() < 0.9 * before
    assert abs(atoms.get_stress() * atoms.get_volume()).max() < 1e-2


def test_properties_reach_the_channels():
    atoms = make_molecule()
    atoms.set_initial_charges([-0.8, 0.4, 0.4])
    layer = make_voxelizer(pg.Box(8, 0.7), pg.Property("charge"))
    atoms.calc = pgt.GridCalculator(layer, Springs(0.0))
    grid = layer(
        torch.from_numpy(atoms.positions),
        torch.from_numpy(atoms.numbers),
        weights=torch.from_numpy(atoms.get_initial_charges())[:, None],
    )
    energy = atoms.get_potential_energy()
    assert energy == pytest.approx((grid**2).sum().item(), rel=1e-12)
    atoms.set_initial_charges([-0.4, 0.2, 0.2])
    assert atoms.get_potential_energy() == pytest.approx(energy / 4, rel=1e-12)


def test_it_calculates_where_gradients_are_off():
    atoms = make_molecule()
    atoms.calc = pgt.GridCalculator(make_voxelizer(pg.Box(8, 0.7)), SmallEnergy(2))
    forces = atoms.get_forces()
    for off in (torch.no_grad, torch.inference_mode):
        atoms.calc.reset()
        with off():
            assert np.array_equal(atoms.get_forces(), forces)


def test_float32_forces_are_close():
    atoms = make_molecule()
    atoms.calc = pgt.GridCalculator(make_voxelizer(pg.Box(8, 0.7)), SmallEnergy(2))
    forces = atoms.get_forces()
    single = pgt.Voxelizer(pg.Voxelizer(pg.Box(8, 0.7), pg.Elements("H", "O"), pg.Gaussian(0.7)))
    atoms.calc = pgt.GridCalculator(single, SmallEnergy(2, dtype=torch.float32))
    np.testing.assert_allclose(atoms.get_forces(), forces, rtol=0, atol=1e-5 * abs(forces).max())


def test_the_network_is_evaluated():
    network = nn.Sequential(SmallEnergy(2), nn.Dropout(0.5))
    atoms = make_molecule()
    atoms.calc = pgt.GridCalculator(make_voxelizer(pg.Box(8, 0.7)), network)
    energies = []
    for _ in range(3):
        atoms.calc.reset()
        energies.append(atoms.get_potential_energy())
    assert len(set(energies)) == 1


def test_it_is_pickled():
    atoms = make_molecule()
    atoms.calc = pgt.GridCalculator(make_voxelizer(pg.Box(8, 0.7)), SmallEnergy(2))
    again = pickle.loads(pickle.dumps(atoms.calc))
    assert again.get_potential_energy(make_molecule()) == atoms.get_potential_energy()


class Detached(nn.Module):
    def forward(self, grid):
        return grid.detach().sum()


def test_bad_arguments_are_refused():
    layer = make_voxelizer(pg.Box(8, 0.7))
    with pytest.raises(TypeError, match=r"`voxelizer` must be a particlegrid\.torch\.Voxelizer, got Voxelizer; one is"):
        pgt.GridCalculator(layer.vox, SmallEnergy(2))
    with pytest.raises(TypeError, match=r"`network` must be a torch\.nn\.Module, got function"):
        pgt.GridCalculator(layer, lambda grid: grid.sum())
    with pytest.raises(ValueError, match=r"must give one number.*got shape \(1, 2, 8, 8, 8\)"):
        pgt.GridCalculator(layer, nn.Identity()).get_potential_energy(make_molecule())
    with pytest.raises(ValueError, match="must not detach"):
        pgt.GridCalculator(layer, Detached()).get_potential_energy(make_molecule())


def test_ase_is_loaded_when_it_is_asked_for():
    code = """
import sys
import particlegrid.torch as pgt
assert "GridCalculator" in pgt.__all__ and "ase" not in sys.modules
sys.modules["ase.calculators.calculator"] = None
try:
    pgt.GridCalculator
except ImportError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 'this needs ase, which is not installed: pip install "particlegrid[io]"' in done.stdout
