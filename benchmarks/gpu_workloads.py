"""What the benchmark of the GPU draws, and other ways to draw it: the CPU, and sampled Gaussians."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

import particlegrid as pg
from particlegrid.densities import Drawing, Tangent
from particlegrid.drawing import make_drawing
from particlegrid.torch.scene import Scene

__all__ = ["draw_by_cpu", "draw_sampled", "make_molecules", "make_random", "pull_back_by_cpu"]


def make_random(
    rng: np.random.Generator, shape: tuple[int, int, int], n: int, most: int, periodic: bool, sheared: bool
) -> Scene:
    """Structures of 1 to `most` atoms in two channels, on voxels of 0.3 to 0.6 A, with widths of 0.3 to 0.6 A."""
    counts = rng.integers(1, most + 1, n)
    axes = rng.uniform(0.3, 0.6, (n, 3, 1)) * np.eye(3)
    if sheared:
        axes = axes @ (np.eye(3) + rng.uniform(-0.3, 0.3, (n, 3, 3)))
    axes = axes @ np.linalg.qr(rng.normal(size=(n, 3, 3)))[0]
    edges = axes * np.array(shape)[:, None]
    origins = rng.normal(size=(n, 3))
    owners = np.repeat(np.arange(n), counts)
    total = len(owners)
    fractions = rng.uniform(-0.1, 1.1, (total, 3))
    fields = (
        origins[owners] + (fractions[:, None] @ edges[owners])[:, 0],
        rng.uniform(0.5, 2.0, total),
        rng.uniform(0.3, 0.6, total),
        axes,
        origins,
        edges if periodic else np.zeros_like(edges),
        np.arange(total),
        rng.integers(0, 2, total),
        np.concatenate([[0], np.cumsum(counts)]),
        np.full((n, 3), periodic),
    )
    return Scene(*map(torch.from_numpy, fields))


def make_molecules(vox: pg.Voxelizer, batch: pg.Batch) -> Scene:
    """The scene of a Voxelizer's batch, in a box."""
    grids = vox.where.place(batch)
    drawing = make_drawing(vox, batch, grids, np.empty(0))
    zeros = np.zeros_like(drawing.axes)
    fields = (drawing.positions, drawing.weights, drawing.widths, drawing.axes, drawing.origins, zeros,
              drawing.atoms, drawing.channels, drawing.offsets, np.zeros(drawing.origins.shape, bool))  # fmt: skip
    return Scene(*(torch.from_numpy(np.array(field)) for field in fields))


def _make_drawing(scene: Scene, out: NDArray[Any], tol: float) -> Drawing:
    arrays = {name: np.ascontiguousarray(tensor.cpu().numpy()) for name, tensor in scene._asdict().items()}
    if not arrays["periodic"].any():
        arrays["lattices"] = arrays["periodic"] = None
    return Drawing(**arrays, out=out, tol=tol, threads=1)


def draw_by_cpu(what: pg.Gaussian, scene: Scene, shape: tuple[int, int, int], channels: int, tol: float) -> Tensor:
    """What the kernels for the CPU give in float64."""
    out = np.empty((len(scene.axes), channels, *shape))
    what.draw_natively(_make_drawing(scene, out, tol))
    return torch.from_numpy(out)


def pull_back_by_cpu(what: pg.Gaussian, scene: Scene, grad: Tensor, tol: float) -> tuple[Tensor, ...]:
    """The gradients of the kernels for the CPU in float64; of plain torch where a kernel has none."""
    drawing = _make_drawing(scene, np.ascontiguousarray(grad.double().cpu().numpy()), tol)
    gradient = Tangent.zeros(drawing)
    if what.pull_back(drawing, gradient):
        return tuple(torch.from_numpy(getattr(gradient, name)) for name in scene._fields[:6])
    from particlegrid.torch import plain

    leaves = [tensor.clone().requires_grad_() for tensor in scene[:6]]
    _, channels, *shape = grad.shape
    values = plain.draw(what, Scene(*leaves, *scene[6:]), tuple(shape), channels, torch.float64, tol)
    found = torch.autograd.grad(values, leaves, grad.double(), allow_unused=True)
    return tuple(torch.zeros_like(leaf) if g is None else g for g, leaf in zip(found, leaves))


def draw_sampled(scene: Scene, shape: tuple[int, int, int], channels: int) -> Tensor:
    """Gaussians of height 1 at the centres of voxels, every atom at every voxel, as libmolgrid samples them.

    One atom of each structure at a time; float32. The kernel of libmolgrid itself leaves out atoms far from a block of
    voxels: this is what one writes in torch without it.
    """
    n, most = len(scene.axes), int(scene.offsets.diff().max())
    steps = [torch.arange(size, device=scene.axes.device) + 0.5 for size in shape]
    along = [(k.float()[None, :] * scene.axes[:, d, d, None].float()) for d, k in enumerate(steps)]
    out = torch.zeros((n, channels, *shape), device=scene.axes.device)
    rows = torch.arange(n, device=out.device)
    for a in range(most):
        inside = scene.offsets[:-1] + a < scene.offsets[1:]
        entry = torch.where(inside, scene.offsets[:-1] + a, 0)
        place = (scene.positions[scene.atoms[entry]] - scene.origins).float()
        x, y, z = (((line - place[:, d, None]) ** 2) for d, line in enumerate(along))
        square = x[:, :, None, None] + y[:, None, :, None] + z[:, None, None, :]
        scale = -0.5 / scene.widths[entry].float() ** 2
        weight = torch.where(inside, scene.weights[entry], 0.0).float()
        value = weight[:, None, None, None] * torch.exp(scale[:, None, None, None] * square)
        out[rows, scene.channels[entry]] += value
    return out
