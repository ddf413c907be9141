"""`AtomReadoutCNN`: a compact 3D convolutional network that is read out at the atoms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from .sampling import AtomSampler

__all__ = ["AtomReadoutCNN"]

# rows of the element embedding: one for each atomic number, 0 is unused
_ELEMENTS = 119
_ATTENTION_HEADS = 4
# below any activation, yet finite in half precision
_MASKED = -1e4


class AtomReadoutCNN(nn.Module):
    """A 3D convolutional network whose feature maps are read at the atoms and pooled over them.

    A strided convolution turns the grid into a feature map of half its resolution; further levels halve it again. Each
    map is sampled on a stencil about each atom (see `AtomSampler`), the samples and an embedding of the element go
    through a small network for each atom, and the mean, the maximum and four attention-weighted means over the atoms
    of a structure give the outputs. Outputs are intensive: to have an extensive one, train on its value per atom.

    The defaults suit small molecules on a CPU. There the convolution that pays is the one evaluated at the atoms: on a
    24 x 16 x 12 grid a dense 3^3 convolution of 32 to 128 channels at half resolution takes 64 million
    multiplications, the stencil of 27 points with a linear layer 2 million.

    Parameters
    ----------
    channels : int
        Channels of the grid.
    outputs : int
        Values predicted for each structure.
    widths : sequence of int
        Channels of the feature maps at 1/2, 1/4, ... of the grid's resolution.
    blocks : sequence of int
        Residual blocks (two 3^3 convolutions each) at each level.
    stencils : sequence of int
        Points along each axis of the stencil that reads each level; odd, or 0 to leave the level unread.
    hidden : int
        Width of the atoms' features.
    atom_outputs : int
        Auxiliary values predicted for each atom (charges, say).

    Raises
    ------
    ValueError
        If a size is out of range or the levels' options differ in number.

    Examples
    --------
    >>> model = AtomReadoutCNN(channels=5, outputs=3)
    >>> grid = torch.zeros(2, 5, 24, 16, 12)
    >>> points, numbers, batch = torch.zeros(3, 3), torch.tensor([8, 1, 6]), torch.tensor([0, 0, 1])
    >>> model(grid, points, numbers, batch).shape
    torch.Size([2, 3])
    """

    def __init__(
        self,
        channels: int,
        outputs: int,
        *,
        widths: Sequence[int] = (32,),
        blocks: Sequence[int] = (0,),
        stencils: Sequence[int] = (3,),
        hidden: int = 128,
        atom_outputs: int = 1,
    ) -> None:
        super().__init__()
        _check(channels, outputs, widths, blocks, stencils, hidden, atom_outputs)
        self._config = {
            "name": "atom_readout",
            "channels": channels,
            "outputs": outputs,
            "widths": list(widths),
            "blocks": list(blocks),
            "stencils": list(stencils),
            "hidden": hidden,
            "atom_outputs": atom_outputs,
        }
        self.levels = nn.ModuleList()
        width_above = channels
        for level, (width, count, stencil) in enumerate(zip(widths, blocks, stencils)):
            self.levels.append(_Level(width_above, width, count, stencil, first=level == 0))
            width_above = width
        samples = sum(width * stencil**3 for width, stencil in zip(widths, stencils))
        self.element = nn.Embedding(_ELEMENTS, hidden)
        nn.init.normal_(self.element.weight, std=0.5)
        self.project = nn.Linear(samples, hidden, bias=False)
        self.norm = nn.LayerNorm(hidden)
        self.atom = nn.Sequential(nn.Linear(hidden, 2 * hidden), nn.SiLU(), nn.Linear(2 * hidden, hidden))
        self.norm_out = nn.LayerNorm(hidden)
        self.atom_head = nn.Linear(hidden, atom_outputs)
        self.attention = nn.Linear(hidden, _ATTENTION_HEADS)
        pooled = (2 + _ATTENTION_HEADS) * hidden
        self.head = nn.Sequential(nn.Linear(pooled, hidden), nn.SiLU(), nn.Linear(hidden, outputs))

    @property
    def config(self) -> dict[str, Any]:
        """What `particlegrid.models.build` makes the same network from, fit for JSON."""
        return {key: list(value) if isinstance(value, list) else value for key, value in self._config.items()}

    def forward(self, grid: Tensor, points: Tensor, numbers: Tensor, batch: Tensor) -> Tensor:
        """Predict the outputs of each structure.

        Parameters
        ----------
        grid : Tensor, shape (B, C, X, Y, Z)
            X, Y and Z multiples of 2 to the number of levels.
        points : Tensor, shape (N, 3)
            The atoms' positions (x, y, z) in the box: -1 at its lower face, +1 at its upper one.
        numbers : Tensor of int64, shape (N,)
            Atomic numbers.
        batch : Tensor of int64, shape (N,)
            The structure of each atom, ascending.

        Returns
        -------
        Tensor, shape (B, outputs)
        """
        return self.predict_with_atoms(grid, points, numbers, batch)[0]

    def predict_with_atoms(self, grid: Tensor, points: Tensor, numbers: Tensor, batch: Tensor) -> tuple[Tensor, Tensor]:
        """Predict the outputs of each structure and the auxiliary ones of each atom.

        Parameters are those of `forward`.

        Returns
        -------
        outputs : Tensor, shape (B, outputs)
        atom_outputs : Tensor, shape (N, atom_outputs)

        Raises
        ------
        ValueError
            If the grid's shape cannot be halved at every level.
        """
        factor = 2 ** len(self.levels)
        if any(size % factor for size in grid.shape[2:]):
            shape = tuple(grid.shape[2:])
            raise ValueError(f"`grid` has shape {shape}; {len(self.levels)} levels need multiples of {factor}")
        features, samples = grid, []
        for level in self.levels:
            features, sampled = cast(tuple[Tensor, Tensor | None], level(features, points, batch))
            if sampled is not None:
                samples.append(sampled)
        atoms = self.norm(self.element(numbers) + self.project(torch.cat(samples, dim=1)))
        atoms = self.norm_out(atoms + self.atom(atoms))
        return self.head(self._pool(atoms, batch, len(grid))), self.atom_head(atoms)

    def _pool(self, atoms: Tensor, batch: Tensor, structures: int) -> Tensor:
        """Mean, maximum and attention-weighted means over the atoms, (B, 6 hidden); zeros where there are none."""
        count = torch.bincount(batch, minlength=structures)
        slot = torch.arange(len(batch), device=batch.device) - (count.cumsum(0) - count)[batch]
        longest = max(1, int(count.max()))
        padded = atoms.new_zeros(structures, longest, atoms.shape[1])
        padded[batch, slot] = atoms
        present = (torch.arange(longest, device=batch.device) < count[:, None])[..., None]
        mean = padded.sum(1) / count.clamp_min(1)[:, None]
        largest = padded.masked_fill(~present, _MASKED).amax(1).masked_fill(count[:, None] == 0, 0.0)
        weights = self.attention(padded).masked_fill(~present, _MASKED).softmax(1)
        attended = torch.einsum("bak,bad->bkd", weights, padded).flatten(1)
        return torch.cat([mean, largest, attended], dim=1)


class _Level(nn.Module):
    """Halve the resolution, refine, and read the result at the atoms."""

    def __init__(self, width_in: int, width: int, blocks: int, stencil: int, first: bool) -> None:
        super().__init__()
        # the first kernel reaches 4 voxels, an atom's whole width; wide maps further down cannot afford 64 taps
        kernel = 4 if first else 2
        self.down = nn.Conv3d(width_in, width, kernel, stride=2, padding=kernel // 2 - 1)
        self.blocks = nn.Sequential(*(_Block(width) for _ in range(blocks)))
        self.norm = nn.BatchNorm3d(width)
        self.sampler = AtomSampler(stencil) if stencil else None

    def forward(self, features: Tensor, points: Tensor, batch: Tensor) -> tuple[Tensor, Tensor | None]:
        features = functional.relu(self.norm(self.blocks(self.down(features))))
        return features, None if self.sampler is None else self.sampler(features, points, batch)


class _Block(nn.Module):
    """Two 3^3 convolutions on top of the identity, normalised before each (He et al., arXiv 1603.05027)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.BatchNorm3d(width) for _ in range(2))
        self.convolutions = nn.ModuleList(nn.Conv3d(width, width, 3, padding=1) for _ in range(2))

    def forward(self, features: Tensor) -> Tensor:
        change = features
        for norm, convolution in zip(self.norms, self.convolutions):
            change = convolution(functional.relu(norm(change)))
        return features + change


def _check(
    channels: int,
    outputs: int,
    widths: Sequence[int],
    blocks: Sequence[int],
    stencils: Sequence[int],
    hidden: int,
    atom_outputs: int,
) -> None:
    sizes = {"channels": channels, "outputs": outputs, "hidden": hidden, "atom_outputs": atom_outputs}
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"`{name}` must be at least 1, got {size!r}")
    if not widths or not len(widths) == len(blocks) == len(stencils):
        given = f"{len(widths)}, {len(blocks)} and {len(stencils)}"
        raise ValueError(f"`widths`, `blocks` and `stencils` need a value for each level, got {given} values")
    if min(widths) < 1 or min(blocks) < 0:
        raise ValueError(f"`widths` must be positive and `blocks` not negative, got {widths!r} and {blocks!r}")
    if not any(stencils):
        raise ValueError("`stencils` must read at least one level, got only zeros")
