"""A voxel force field for copper: training on energies and forces, dynamics, and the relaxation of a crystal in ASE.

python examples/force_field.py [FOLDER]     pictures into FOLDER (docs/pictures); prints the figures of the page

The long version of docs/tutorials/force_field.md, which quotes what this prints.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import ase
import matplotlib
import numpy as np
import torch
from ase import units
from ase.build import bulk
from ase.calculators.fd import calculate_numerical_forces, calculate_numerical_stress
from ase.calculators.morse import MorsePotential
from ase.filters import FrechetCellFilter
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution, Stationary, ZeroRotation
from ase.md.verlet import VelocityVerlet
from ase.optimize import BFGS
from copper_network import (
    CLUSTER_BOX,
    CRYSTAL_CELL,
    MORSE,
    ROUNDS,
    EnergyNetwork,
    Samples,
    make_calculator,
    make_cluster,
    make_voxelizer,
    report_errors,
    sample_clusters,
    sample_crystals,
    train,
)
from numpy.typing import NDArray

import particlegrid.torch as pgt

matplotlib.use("Agg")
import matplotlib.pyplot as plt

# ---- dynamics and relaxation


class Trajectory(NamedTuple):
    """Energies in eV after each step."""

    times: NDArray[np.float64]  # fs
    kinetic: NDArray[np.float64]
    potential: NDArray[np.float64]
    morse: NDArray[np.float64]  # the potential energy that was to be learned

    @property
    def total(self) -> NDArray[np.float64]:
        return self.kinetic + self.potential


def run_dynamics(atoms: ase.Atoms, temperature: float, steps: int, timestep: float, every: int = 5) -> Trajectory:
    """NVE from velocities of a temperature (K), at rest as a whole; energies of every few steps of `timestep` (fs)."""
    MaxwellBoltzmannDistribution(atoms, temperature_K=temperature, rng=np.random.default_rng(0))
    Stationary(atoms)
    if not atoms.pbc.any():
        ZeroRotation(atoms)
    rows = []

    def note() -> None:
        true = atoms.copy()
        true.calc = MorsePotential(**MORSE)
        rows.append(
            (
                dynamics.nsteps * timestep,
                atoms.get_kinetic_energy(),
                atoms.get_potential_energy(),
                true.get_potential_energy(),
            )
        )

    dynamics = VelocityVerlet(atoms, timestep * units.fs)
    dynamics.attach(note, interval=every)
    dynamics.run(steps)
    return Trajectory(*np.array(rows).T)


def report_conservation(run: Trajectory) -> None:
    slope, _ = np.polyfit(run.times, run.total, 1)
    kinetic = run.kinetic.mean()
    drift = slope * (run.times[-1] - run.times[0])
    wiggle = (run.total - np.polyval(np.polyfit(run.times, run.total, 1), run.times)).std()
    print(
        f"NVE, {run.times[-1]:.0f} fs: mean kinetic energy {kinetic:.4f} eV; drift of the total {drift:+.2e} eV "
        f"({abs(drift) / kinetic:.1e} of it); fluctuation {wiggle:.1e} eV ({wiggle / kinetic:.1e}); potential and "
        f"kinetic energy fluctuate by {run.kinetic.std():.3f} eV; against Morse the potential energy is off by "
        f"{(run.potential - run.morse).std():.3f} eV (mean {(run.potential - run.morse).mean():+.3f})"
    )


def report_rotation(calculator: pgt.GridCalculator) -> None:
    random = np.random.default_rng(3)
    energies = []
    for _ in range(50):
        atoms = make_cluster()
        turned, _ = np.linalg.qr(random.normal(size=(3, 3)))
        atoms.positions = atoms.positions @ turned
        atoms.calc = calculator
        energies.append(atoms.get_potential_energy())
    print(f"energy of the cluster turned at random: standard deviation {1000 * np.std(energies):.2f} meV over 50")


def report_derivatives(atoms: ase.Atoms) -> None:
    """Forces, and the stress where there is one, against ASE's finite differences of the energy."""
    forces = atoms.get_forces()
    error = abs(calculate_numerical_forces(atoms, eps=1e-3) - forces).max() / abs(forces).max()
    print(f"forces against finite differences: {error:.1e} of the largest")
    if atoms.pbc.all():
        stress = atoms.get_stress()
        error = abs(calculate_numerical_stress(atoms, eps=1e-4) - stress).max() / abs(stress).max()
        print(f"stress against finite differences: {error:.1e} of the largest")


def relax(calculator: Any, seed: int = 5) -> ase.Atoms:
    """A strained and rattled cell, its atoms and its vectors let go; fmax 1e-3 eV/A."""
    (atoms,) = sample_crystals(1, seed, shear=True)
    atoms.calc = calculator
    if not BFGS(FrechetCellFilter(atoms), logfile=None).run(fmax=1e-3, steps=300):
        raise RuntimeError("the crystal has not relaxed in 300 steps")
    return atoms


def report_relaxation(name: str, atoms: ase.Atoms) -> None:
    a, b, c, *angles = atoms.cell.cellpar()
    print(
        f"relaxed by {name}: a, b, c = {a:.3f}, {b:.3f}, {c:.3f} A, angles "
        f"{', '.join(f'{angle:.2f}' for angle in angles)}, {atoms.get_potential_energy() / len(atoms):.4f} eV an atom"
    )


# ---- pictures


def draw_dynamics(run: Trajectory, path: Path) -> None:
    fig, (upper, lower) = plt.subplots(2, 1, figsize=(7, 5), sharex=True, layout="constrained", height_ratios=(2, 1))
    start = run.total[0]
    upper.plot(run.times, run.kinetic, label="kinetic")
    upper.plot(run.times, run.potential - run.potential[0], label="potential, from the start")
    upper.plot(run.times, run.total - run.potential[0], "k", label="total")
    upper.set_ylabel("energy (eV)")
    upper.set_ylim(-0.01, 1.25 * run.total.max() - 1.25 * run.potential[0])
    upper.legend(loc="upper center", ncols=3, fontsize=8)
    lower.plot(run.times, 1e3 * (run.total - start), "k")
    lower.set_ylabel("total, from\nthe start (meV)")
    lower.set_xlabel("time (fs)")
    fig.savefig(path, dpi=110)
    plt.close(fig)


def draw_crystal(calculator: pgt.GridCalculator, relaxed: ase.Atoms, path: Path) -> None:
    lengths = np.linspace(3.4, 3.85, 19)
    fig, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    for name, calc, style in (("Morse", MorsePotential(**MORSE), "k-"), ("network", calculator, "C1--")):
        energies = []
        for length in lengths:
            atoms = bulk("Cu", "fcc", a=length, cubic=True)
            atoms.calc = calc
            energies.append(atoms.get_potential_energy() / len(atoms))
        axes.plot(lengths, energies, style, label=name)
    length = relaxed.get_volume() ** (1 / 3)
    axes.plot([length], [relaxed.get_potential_energy() / len(relaxed)], "C1o", label="relaxed through the grid")
    axes.set_xlabel("lattice constant (A)")
    axes.set_ylabel("energy (eV an atom)")
    axes.legend()
    fig.savefig(path, dpi=110)
    plt.close(fig)


def show_cluster(folder: Path) -> None:
    begin = time.perf_counter()
    torch.manual_seed(0)
    cluster_layer, cluster_network = pgt.Voxelizer(make_voxelizer(CLUSTER_BOX)), EnergyNetwork(7)
    train(cluster_layer, cluster_network, Samples.calculate(sample_clusters(64, seed=0)), rounds=ROUNDS)
    report_errors("Cu7", cluster_layer, cluster_network, Samples.calculate(sample_clusters(64, seed=1)))
    calculator = make_calculator(cluster_layer, cluster_network)
    atoms = make_cluster()
    atoms.rattle(0.05, seed=1)
    atoms.calc = calculator
    report_derivatives(atoms)
    report_rotation(calculator)
    atoms = make_cluster()
    atoms.calc = calculator
    run = run_dynamics(atoms, temperature=300, steps=1000, timestep=2.0)
    report_conservation(run)
    draw_dynamics(run, folder / "force-field-nve.png")
    print(f"({time.perf_counter() - begin:.0f} s)", flush=True)


def show_crystal(folder: Path) -> None:
    begin = time.perf_counter()
    torch.manual_seed(0)
    crystal_layer, crystal_network = pgt.Voxelizer(make_voxelizer(CRYSTAL_CELL)), EnergyNetwork(4)
    train(crystal_layer, crystal_network, Samples.calculate(sample_crystals(32, seed=0)), rounds=ROUNDS)
    report_errors("fcc copper", crystal_layer, crystal_network, Samples.calculate(sample_crystals(64, seed=1)))
    sheared = Samples.calculate(sample_crystals(16, seed=4, shear=True))
    report_errors("fcc copper, cells sheared, which none was in training", crystal_layer, crystal_network, sheared)
    calculator = make_calculator(crystal_layer, crystal_network)
    (atoms,) = sample_crystals(1, seed=2, shear=True)
    atoms.calc = calculator
    report_derivatives(atoms)
    relaxed = relax(calculator)
    report_relaxation("the network", relaxed)
    report_relaxation("Morse's potential", relax(MorsePotential(**MORSE)))
    draw_crystal(calculator, relaxed, folder / "force-field-crystal.png")
    print(f"({time.perf_counter() - begin:.0f} s)")


def main(folder: Path) -> None:
    torch.set_num_threads(1)  # sums round alike then, and figures repeat
    show_cluster(folder)
    show_crystal(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[1] / "docs" / "pictures"))
