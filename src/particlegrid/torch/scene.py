"""`Scene`: what the torch operators draw, in tensors."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

__all__ = ["Scene"]


class Scene(NamedTuple):
    """Entries on grids of one shape: a `particlegrid.densities.Drawing` in tensors, without its result.

    All tensors lie on one device. The first six are float64 and what derivatives are taken by; each is independent of
    the others, also `lattices` of `axes` where a grid fills its cell.

    Attributes
    ----------
    positions : Tensor, shape (N, 3), float64
        Of all atoms, in A.
    weights : Tensor, shape (m,), float64
        Of the entries, strengths of the density included.
    widths : Tensor, shape (m,), float64
        Of the entries, in A.
    axes : Tensor, shape (n, 3, 3), float64
        Edge vectors of a voxel (rows) of each grid, in A.
    origins : Tensor, shape (n, 3), float64
        Corners of voxel (0, 0, 0), in A.
    lattices : Tensor, shape (n, 3, 3), float64
        Vectors along which the atoms repeat (rows), in A; only those marked by `periodic` count.
    atoms : Tensor, shape (m,), int64
        Which position an entry has.
    channels : Tensor, shape (m,), int64
    offsets : Tensor, shape (n + 1,), int64
        Structure i owns the entries ``offsets[i]:offsets[i + 1]``.
    periodic : Tensor, shape (n, 3), bool
        Along which rows of `lattices` each structure repeats.

    Examples
    --------
    >>> import torch
    >>> from particlegrid.torch.scene import Scene
    >>> one, no = torch.zeros(1, dtype=torch.int64), torch.zeros(1, 3, dtype=torch.bool)
    >>> axes = torch.eye(3, dtype=torch.float64)[None]
    >>> zeros = torch.zeros(1, 3, dtype=torch.float64)
    >>> ones = torch.ones(1, dtype=torch.float64)
    >>> scene = Scene(zeros, ones, ones, axes, zeros - 2, 0 * axes, one, one, torch.tensor([0, 1]), no)
    >>> scene.owners
    tensor([0])
    """

    positions: Tensor
    weights: Tensor
    widths: Tensor
    axes: Tensor
    origins: Tensor
    lattices: Tensor
    atoms: Tensor
    channels: Tensor
    offsets: Tensor
    periodic: Tensor

    @property
    def owners(self) -> Tensor:
        """The structure of each entry, shape (m,), int64."""
        structures = self.offsets.new_tensor(range(len(self.axes)))
        return structures.repeat_interleave(self.offsets.diff(), output_size=len(self.atoms))
