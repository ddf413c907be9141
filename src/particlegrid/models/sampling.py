"""Feature maps read at the atoms: trilinear, on a small stencil of points about each atom."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["AtomSampler"]


class AtomSampler(nn.Module):
    """Read a feature map on a cube of `stencil`^3 points about each atom, one feature voxel apart.

    A linear layer on the result is a convolution evaluated at the atoms only, and at their exact positions. That is
    where its economy lies: a molecule has about 18 atoms, its feature map hundreds of voxels.

    Parameters
    ----------
    stencil : int
        Points along each axis, odd; 1 reads the map at the atoms alone.

    Raises
    ------
    ValueError
        If `stencil` is not a positive odd number.
    """

    offsets: Tensor
    corners: Tensor

    def __init__(self, stencil: int = 1) -> None:
        super().__init__()
        if stencil < 1 or stencil % 2 == 0:
            raise ValueError(f"`stencil` must be a positive odd number, got {stencil!r}")
        self.stencil = stencil
        steps = torch.arange(stencil, dtype=torch.float32) - stencil // 2
        self.register_buffer("offsets", torch.cartesian_prod(steps, steps, steps).view(-1, 3), persistent=False)
        bits = torch.arange(2)
        self.register_buffer("corners", torch.cartesian_prod(bits, bits, bits), persistent=False)

    def forward(self, features: Tensor, points: Tensor, batch: Tensor) -> Tensor:
        """Sample the map of each atom's structure.

        Parameters
        ----------
        features : Tensor, shape (B, C, X, Y, Z)
            One map for each structure.
        points : Tensor, shape (N, 3)
            Positions (x, y, z) from -1 at the lower face of the box to +1 at the upper one: those of
            `torch.nn.functional.grid_sample` with ``align_corners=False``, but with the axes in the map's order.
        batch : Tensor, shape (N,)
            The structure of each atom.

        Returns
        -------
        Tensor, shape (N, stencil^3 * C)
            The channels are fastest. The map is zero outside the box.
        """
        channels = features.shape[1]
        shape = torch.tensor(features.shape[2:], device=points.device)
        # positions in units of feature voxels, 0 at the first centre; a stray atom is stopped just outside of the
        # stencil's reach, where all its weights are zero, before its index could overflow
        reach = self.stencil // 2 + 2
        centre = ((points + 1) * (shape / 2) - 0.5).clamp(min=-reach * torch.ones_like(shape), max=shape - 1 + reach)
        at = (centre[:, None] + self.offsets)[:, :, None]
        lower = at.floor()
        fraction = at - lower
        weights = torch.where(self.corners == 1, fraction, 1 - fraction).prod(-1)
        voxel = lower.long() + self.corners
        inside = ((voxel >= 0) & (voxel < shape)).all(-1)
        voxel = voxel.clamp_min(0).minimum(shape - 1)
        x, y, z = voxel.unbind(-1)
        row = ((batch[:, None, None] * shape[0] + x) * shape[1] + y) * shape[2] + z
        # A weighted sum of eight rows is an embedding bag. Its gather of whole channel rows suits channels-last maps;
        # grid_sample has no vectorised 3D path on the CPU.
        table = features.permute(0, 2, 3, 4, 1).reshape(-1, channels)
        bags = len(points) * len(self.offsets)
        sampled = functional.embedding_bag(
            row.view(bags, 8),
            table,
            mode="sum",
            per_sample_weights=(weights * inside).view(bags, 8).to(table.dtype),
        )
        return sampled.view(len(points), len(self.offsets) * channels)
