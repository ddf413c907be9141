"""Copper for force_field.py: what is to be learned, a network that reads grids, and its training."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any, NamedTuple

import ase
import numpy as np
import torch
from ase.build import bulk
from ase.calculators.morse import MorsePotential
from ase.optimize import BFGS
from torch import Tensor, nn

import particlegrid as pg
import particlegrid.torch as pgt

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
