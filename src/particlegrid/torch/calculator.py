"""`GridCalculator`: energies, forces and stresses in ASE, of a network that reads grids.

Loaded when it is first asked for: its class is ASE's, and nothing else of `particlegrid.torch` needs ASE.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from particlegrid.adapt import as_structure
from particlegrid.errors import require
from particlegrid.structure import Structure
from particlegrid.torch.voxelizer import Voxelizer

__all__ = ["GridCalculator"]

_ase: Any = require("ase.calculators.calculator", "io")
_VOIGT = ((0, 1, 2, 1, 0, 0), (0, 1, 2, 2, 2, 1))  # ASE's order: xx, yy, zz, yz, xz, xy


class GridCalculator(_ase.Calculator):  # type: ignore[misc]
    """An ASE calculator: atoms to a grid, the grid to an energy, forces and stress by autograd.

    Parameters
    ----------
    voxelizer : particlegrid.torch.Voxelizer
        Draws the atoms.
    network : nn.Module
        Its ``forward(grid)`` maps a grid of shape (1, C, X, Y, Z) to one number: the energy in eV. It is put into
        evaluation mode.
    **kwargs
        Of ``ase.calculators.calculator.Calculator``, such as ``atoms`` or ``label``.

    Raises
    ------
    ImportError
        If ASE is not installed.
    TypeError
        If the arguments are other things.
    ValueError
        When it calculates: if the network does not give one number, or one that does not depend on the grid
        differentiably.

    Notes
    -----
    ``energy`` and ``free_energy`` (the same) are in eV, ``forces`` (N, 3) in eV/A: minus the derivative of the energy
    by the positions. ``stress`` (6,) is in eV/A^3: the derivative by a symmetric strain of positions and cell together,
    divided by the cell's volume; xx, yy, zz, yz, xz, xy, positive where the cell would shrink, as everywhere in ASE.
    It is there if the cell has three vectors.

    Forces are exact derivatives of the energy as computed, so that dynamics conserve it as far as the numbers' type
    allows: with a Voxelizer of ``dtype="float64"`` and a network in float64, rounding is nowhere to be seen. A `Box` on
    the centroid moves with the atoms, and the forces add up to zero; an energy that turns with the molecule is what the
    network must learn.

    Tensors are made where the network's parameters are. Arrays of the Atoms are the properties that channel schemes
    ask for, `initial_charges` for ``"charge"``; none of them has a derivative here.

    Examples
    --------
    >>> import ase
    >>> import particlegrid as pg
    >>> from particlegrid.torch import GridCalculator, Voxelizer
    >>> class Overlap(nn.Module):
    ...     def forward(self, grid):
    ...         return (grid**2).sum(dim=(1, 2, 3, 4))
    >>> layer = Voxelizer(pg.Voxelizer(pg.Box(16, 0.5), pg.AllAtoms(), pg.Gaussian(0.5, "mean"), dtype="float64"))
    >>> pair = ase.Atoms("He2", [[0, 0, 0], [0, 0, 1.0]], calculator=GridCalculator(layer, Overlap()))
    >>> pair.get_forces().round(3) + 0.0  # they repel each other along z
    array([[ 0.   ,  0.   , -1.867],
           [ 0.   ,  0.   ,  1.867]])
    """

    name = "particlegrid"
    implemented_properties: ClassVar[list[str]] = ["energy", "free_energy", "forces", "stress"]

    voxelizer: Voxelizer
    network: nn.Module

    def __init__(self, voxelizer: Voxelizer, network: nn.Module, **kwargs: Any) -> None:
        if not isinstance(voxelizer, Voxelizer):
            raise TypeError(
                f"`voxelizer` must be a particlegrid.torch.Voxelizer, got {type(voxelizer).__name__}; "
                "one is made of a particlegrid.Voxelizer by particlegrid.torch.Voxelizer(vox)"
            )
        if not isinstance(network, nn.Module):
            raise TypeError(f"`network` must be a torch.nn.Module, got {type(network).__name__}")
        super().__init__(**kwargs)
        self.voxelizer = voxelizer
        self.network = network.eval()

    def calculate(
        self,
        atoms: Any = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = _ase.all_changes,
    ) -> None:
        """Fill ``results`` with all properties: each costs little beside the energy.

        Parameters
        ----------
        atoms : ase.Atoms, optional
            By default those of the last time.
        properties, system_changes : sequence of str
            As ASE asks and tells; neither changes what is computed.
        """
        super().calculate(atoms, list(properties), list(system_changes))
        energy, forces, virial = self._differentiate(as_structure(self.atoms))
        self.results = {"energy": energy, "free_energy": energy, "forces": forces.cpu().numpy()}
        if self.atoms.cell.rank == 3:
            self.results["stress"] = virial.cpu().numpy()[_VOIGT] / self.atoms.get_volume()

    def _differentiate(self, structure: Structure) -> tuple[float, Tensor, Tensor]:
        """The energy in eV, forces (N, 3) in eV/A and its derivative by strain, (3, 3) in eV."""
        device = _find_device(self.network, self.voxelizer)

        def send(values: Any) -> Tensor:
            return torch.tensor(values, device=device)

        # ASE calls from where it likes: under no_grad as well
        with torch.inference_mode(False), torch.enable_grad():
            positions = send(structure.positions).requires_grad_()
            strain = positions.new_zeros((3, 3)).requires_grad_()
            symmetric = 0.5 * (strain + strain.T)
            cell = None
            if structure.cell is not None:
                cell = send(structure.cell)
                cell = cell + cell @ symmetric
            grid = self.voxelizer(
                positions + positions @ symmetric,
                send(structure.numbers).long(),
                cell=cell,
                pbc=None if cell is None else send(structure.pbc),
                properties={name: send(values) for name, values in structure.properties.items() if _is_number(values)},
            )
            energy = _check_energy(self.network(grid))
            by_positions, by_strain = torch.autograd.grad(energy, (positions, strain))
        return energy.item(), -by_positions, by_strain


def _check_energy(energy: Any) -> Tensor:
    """The network's answer without its axes.

    Raises
    ------
    ValueError
        If it is not one number, or autograd cannot follow it.
    """
    if not isinstance(energy, Tensor) or energy.numel() != 1:
        given = f"shape {tuple(energy.shape)}" if isinstance(energy, Tensor) else type(energy).__name__
        raise ValueError(f"`network` must give one number, the energy in eV, for one grid; got {given}")
    if not energy.requires_grad:
        raise ValueError(
            "the energy does not depend on the grid as far as autograd sees: `network` must not detach what it "
            "computes, nor work under no_grad"
        )
    return energy.reshape(())


def _find_device(*modules: nn.Module) -> torch.device:
    for tensor in chain.from_iterable(chain(module.parameters(), module.buffers()) for module in modules):
        return tensor.device
    return torch.device("cpu")


def _is_number(values: Any) -> bool:
    return values.dtype.kind in "fiub"
