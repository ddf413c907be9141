"""Blocks of voxels around atoms: where they are, as functions of all that a grid depends on."""

from __future__ import annotations

import torch
from torch import Tensor

from particlegrid.torch.plain.pairs import Pairs
from particlegrid.torch.scene import Scene

__all__ = ["Windows", "dot", "spread", "tie", "volumes"]


class Windows:
    """Blocks of W1 x W2 x W3 voxels, one for each of P pairs of an entry and an image.

    Parameters
    ----------
    scene : Scene
    pairs : Pairs
        P of them.
    size : tuple of 3 int
        W1, W2, W3; not more than `shape`.
    shape : tuple of 3 int
        Of the grids.

    Attributes
    ----------
    pairs : Pairs
    weights, widths : Tensor, shape (P,)
    axes : Tensor, shape (P, 3, 3)
    anchors : Tensor, shape (P, 3)
        Corners of voxel (0, 0, 0) seen from the images, in A.
    first : Tensor, shape (P, 3), int64
        The blocks' first voxels.
    """

    def __init__(self, scene: Scene, pairs: Pairs, size: tuple[int, int, int], shape: tuple[int, int, int]) -> None:
        self.pairs, self.size, self._shape = pairs, size, shape
        self.weights = scene.weights.index_select(0, pairs.entries)
        self.widths = scene.widths.index_select(0, pairs.entries)
        self.axes = scene.axes.index_select(0, pairs.structures)
        lattices = scene.lattices.index_select(0, pairs.structures)
        shifts = (pairs.images[:, :, None].to(lattices.dtype) * lattices).sum(dim=1)
        positions = scene.positions.index_select(0, scene.atoms[pairs.entries])
        self.anchors = scene.origins.index_select(0, pairs.structures) - positions - shifts
        # blocks that would stick out are moved into the grid
        largest = pairs.first.new_tensor([n - w for n, w in zip(shape, size)])
        self.first = pairs.first.minimum(largest)

    def steps(self, axis: int, place: float = 0.5, more: int = 0) -> Tensor:
        """Index coordinates of the voxels' centres (or corners, with place 0) along an axis, shape (P, W + more)."""
        count = torch.arange(self.size[axis] + more, device=self.first.device)
        return (self.first[:, axis, None] + count).to(self.axes.dtype) + place

    def offsets(self, place: float = 0.5, more: int = 0) -> tuple[Tensor, Tensor, Tensor]:
        """x, y and z of the voxels' centres (or corners, with place 0) as seen from the image, in A.

        Each of shape (P, W1 + more, W2 + more, W3 + more).
        """
        x, y, z = (self.steps(d, place, more)[:, :, None] * self.axes[:, d, None] for d in range(3))
        x = x + self.anchors[:, None]
        a, b, c = (x[:, :, None, None, d] + y[:, None, :, None, d] + z[:, None, None, :, d] for d in range(3))
        return a, b, c

    def squares(self) -> Tensor:
        """Squared distances of the voxels' centres from the image, shape (P, W1, W2, W3), in A^2."""
        x, y, z = self.offsets()
        return x * x + y * y + z * z

    def places(self, channels: Tensor, channel_count: int) -> Tensor:
        """Places of the voxels in the flat result of shape (n C X Y Z), shape (P, W1, W2, W3), int64."""
        nx, ny, nz = self._shape
        x, y, z = (torch.arange(w, device=self.first.device) for w in self.size)
        plane = self.pairs.structures * channel_count + channels[self.pairs.entries]
        start = ((plane * nx + self.first[:, 0]) * ny + self.first[:, 1]) * nz + self.first[:, 2]
        return start[:, None, None, None] + ((x[:, None, None] * ny + y[:, None]) * nz + z)


def tie(values: Tensor, widths: Tensor) -> Tensor:
    """The values as functions of widths that they do not depend on: autograd then gives derivatives of 0, not none."""
    return values + 0.0 * spread(widths)


def spread(values: Tensor) -> Tensor:
    """A number for each pair, shape (P,), against blocks: shape (P, 1, 1, 1)."""
    return values[:, None, None, None]


def dot(a: Tensor, b: Tensor) -> Tensor:
    """Products of vectors along the last axis."""
    return (a * b).sum(dim=-1)


def volumes(axes: Tensor) -> Tensor:
    """Volumes of parallelepipeds, shape (P,), from edges of shape (P, 3, 3)."""
    return dot(axes[:, 0], torch.linalg.cross(axes[:, 1], axes[:, 2])).abs()
