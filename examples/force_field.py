"""A voxel force field for copper: training on energies and forces, dynamics, and the relaxation of a crystal in ASE.

python examples/force_field.py [FOLDER]     pictures into FOLDER (docs/pictures); prints the figures of the page

The long version of docs/tutorials/force_field.md, which quotes what this prints.
"""

from __future__ import annotations

import copy
import sys
import time
from dataclasses import replace
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
from numpy.typing import NDArray
from torch import Tensor, nn

import particlegrid as pg
import particlegrid.torch as pgt

matplotlib.use("Agg")
import matplotlib.pyplot as plt

MORSE = {"epsilon": 0.3429, "r0": 2.866, "rho0": 1.3588 * 2.866}  # eV, A: copper, Girifalco and Weizer 1959
WIDTHS = (0.7, 1.0, 1.4)  # A
ROUNDS = 12  # of ten steps
CLUSTER_BOX, CRYSTAL_CELL = pg.Box(14, 0.65, outside="ignore"), pg.UnitCell(8)


def make_voxelizer(where: pg.Box | pg.UnitCell) -> pg.Voxelizer:
    """Every atom in three channels: a narrow, a middle and a wide Gaussian."""
    which = pg.WithWidths(pg.AllAtoms(), WIDTHS[0])
    for width in WIDTHS[1:]:
        which = which + pg.WithWidths(pg.AllAtoms(), width)
    return pg.Voxelizer(where, which, pg.Gaussian(value="point"))


class EnergyNetwork(nn.Module):
    """An energy of each voxel from the densities there, averaged over the atoms; smooth.

    Kernels of one voxel know no directions: neighbours come in through the wide Gaussians.
    """

    def __init__(self, atoms: int, hidden: int = 16) -> None:
        super().__init__()
        self.atoms = atoms
        self.register_buffer("center", torch.zeros(len(WIDTHS)))
        self.register_buffer("whitening", torch.eye(len(WIDTHS)))
        self.register_buffer("energy_scale", torch.tensor(1.0))
        self.register_buffer("energy_shift", torch.tensor(0.0))
        self.layers = nn.Sequential(
            nn.Conv3d(len(WIDTHS), hidden, 1),
            nn.SiLU(),
            nn.Conv3d(hidden, hidden, 1),
            nn.SiLU(),
            nn.Conv3d(hidden, 1, 1),
        )

    def forward(self, grid: Tensor) -> Tensor:
        centered = grid - self.center[:, None, None, None]
        inputs = nn.functional.conv3d(centered, self.whitening[:, :, None, None, None])
        weights = grid[:, :1]
        mean = (weights * self.layers(inputs)).sum(dim=(1, 2, 3, 4)) / weights.sum(dim=(1, 2, 3, 4))
        return self.atoms * (self.energy_scale * mean + self.energy_shift)

    def standardize(self, grids: Tensor) -> None:
        """Give the layers inputs of mean 0 and spread 1 that do not go together; the three densities nearly do."""
        densities = grids.double().transpose(0, 1).flatten(1)
        weights = densities[0] / densities[0].sum()
        self.center.copy_(densities @ weights)
        centered = densities - (densities @ weights)[:, None]
        self.whitening.copy_(torch.linalg.inv(torch.linalg.cholesky((weights * centered) @ centered.T)))


# ---- what is to be learned


def make_cluster() -> ase.Atoms:
    """Cu7, a pentagonal bipyramid, where Morse's potential has its minimum."""
    angles = 2 * np.pi * np.arange(5) / 5
    ring = 2.4 * np.stack([np.cos(angles), np.sin(angles), 0 * angles], axis=1)
    atoms = ase.Atoms("Cu7", [*ring, [0, 0, 1.4], [0, 0, -1.4]], calculator=MorsePotential(**MORSE))
    BFGS(atoms, logfile=None).run(fmax=1e-3)
    return atoms


def sample_clusters(count: int, seed: int, stdev: float = 0.15) -> list[ase.Atoms]:
    """The cluster with its atoms moved by up to `stdev` (A, normal, each axis), turned at random."""
    random, start = np.random.default_rng(seed), make_cluster()
    return [_rattle(start, random, stdev, turn=True) for _ in range(count)]


def sample_crystals(
    count: int, seed: int, stdev: float = 0.15, strain: float = 0.04, shear: bool = False
) -> list[ase.Atoms]:
    """Four atoms of fcc copper: the edges strained, or all components of a strain (normal), and the atoms moved."""
    random = np.random.default_rng(seed)
    structures = []
    for _ in range(count):
        atoms = bulk("Cu", "fcc", a=3.6, cubic=True)
        deformation = random.normal(scale=strain, size=(3, 3))
        symmetric = 0.5 * (deformation + deformation.T) if shear else np.diag(deformation.diagonal())
        atoms.set_cell(atoms.cell @ (np.eye(3) + symmetric), scale_atoms=True)
        atoms.positions += random.uniform(size=3) @ atoms.cell.array  # anywhere between the voxels
        structures.append(_rattle(atoms, random, stdev, turn=False))
    return structures


def _rattle(atoms: ase.Atoms, random: np.random.Generator, stdev: float, turn: bool) -> ase.Atoms:
    atoms = atoms.copy()
    atoms.positions += random.normal(scale=random.uniform(0, stdev), size=atoms.positions.shape)
    if turn:
        axis = random.normal(size=3)
        turned, _ = np.linalg.qr(random.normal(size=(3, 3)))
        atoms.positions = atoms.positions @ turned * np.sign(axis[0])
    atoms.calc = MorsePotential(**MORSE)
    return atoms


# ---- training


class Samples(NamedTuple):
    """Structures of as many atoms each, with their energies and forces: n of N atoms."""

    positions: Tensor  # (n, N, 3), A
    cells: Tensor | None  # (n, 3, 3), A
    energies: Tensor  # (n,), eV
    forces: Tensor  # (n, N, 3), eV/A
    virials: Tensor | None  # (n, 3, 3), eV: stress times volume

    @classmethod
    def calculate(cls, structures: list[ase.Atoms]) -> Samples:
        def stack(values: list[Any]) -> Tensor:
            return torch.tensor(np.array(values))

        cells = virials = None
        if structures[0].pbc.all():
            cells = stack([atoms.cell.array for atoms in structures])
            virials = stack([atoms.get_stress(voigt=False) * atoms.get_volume() for atoms in structures])
        return cls(
            stack([atoms.positions for atoms in structures]),
            cells,
            stack([atoms.get_potential_energy() for atoms in structures]),
            stack([atoms.get_forces() for atoms in structures]),
            virials,
        )


def draw(layer: pgt.Voxelizer, positions: Tensor, cells: Tensor | None) -> Tensor:
    """Grids of n structures of N atoms, from positions (n, N, 3)."""
    n, size = positions.shape[:2]
    batch = torch.arange(n).repeat_interleave(size)
    grids: Tensor = layer(positions.reshape(-1, 3), torch.full((n * size,), 29), batch=batch, batch_size=n, cell=cells)
    return grids


def predict(
    layer: pgt.Voxelizer, network: nn.Module, samples: Samples, create_graph: bool = False
) -> tuple[Tensor, Tensor, Tensor]:
    """Energies (n,), forces (n, N, 3) and virials (n, 3, 3) of the network; with create_graph to be trained on."""
    positions = samples.positions.detach().requires_grad_()
    strain = torch.zeros(len(positions), 3, 3, dtype=positions.dtype, requires_grad=True)
    deformation = torch.eye(3) + 0.5 * (strain + strain.mT)
    cells = None if samples.cells is None else samples.cells @ deformation
    energies = network(draw(layer, positions @ deformation, cells))
    gradient, virials = torch.autograd.grad(energies.sum(), (positions, strain), create_graph=create_graph)
    return energies, -gradient, virials


def train(layer: pgt.Voxelizer, network: EnergyNetwork, samples: Samples, rounds: int) -> list[float]:
    """Fit energies, forces and crystals' stresses by L-BFGS on all samples at once; the loss before each ten steps."""
    energy_scale, force_scale = samples.energies.std(), samples.forces.std()
    # forces and energies of the right size to begin with; otherwise hundreds of steps go by before it learns anything
    network.standardize(draw(layer, samples.positions, samples.cells))
    network.energy_scale *= force_scale / predict(layer, network, samples)[1].std()
    network.energy_shift += (samples.energies - predict(layer, network, samples)[0].detach()).mean() / network.atoms
    optimizer = torch.optim.LBFGS(network.parameters(), max_iter=10, history_size=50, line_search_fn="strong_wolfe")

    def compute_loss() -> Tensor:
        optimizer.zero_grad()
        energies, forces, virials = predict(layer, network, samples, create_graph=True)
        loss = ((energies - samples.energies) / energy_scale).square().mean()
        loss = loss + ((forces - samples.forces) / force_scale).square().mean()
        if samples.virials is not None:
            loss = loss + ((virials - samples.virials) / samples.virials.std()).square().mean()
        loss.backward()
        return loss

    return [optimizer.step(compute_loss).item() for _ in range(rounds)]


def report_errors(name: str, layer: pgt.Voxelizer, network: EnergyNetwork, test: Samples) -> None:
    energies, forces, _ = predict(layer, network, test)
    of_energies = (energies.detach() - test.energies).square().mean().sqrt() / network.atoms
    of_forces = (forces - test.forces).square().mean().sqrt()
    print(
        f"{name}: {1000 * of_energies:.1f} meV an atom (spread {1000 * test.energies.std() / network.atoms:.1f}), "
        f"{1000 * of_forces:.0f} meV/A a component of force (spread {1000 * test.forces.std():.0f}), root mean "
        f"squares of {len(test.energies)} structures that were not trained on"
    )


def make_calculator(layer: pgt.Voxelizer, network: EnergyNetwork) -> pgt.GridCalculator:
    """In float64: what is trained in float32 is simulated without rounding."""
    exact = pgt.Voxelizer(replace(layer.vox, dtype="float64", tol=1e-9))
    return pgt.GridCalculator(exact, copy.deepcopy(network).double())


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
