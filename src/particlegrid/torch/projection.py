"""Projections in differentiable torch: `particlegrid.projection`, step by step."""

from __future__ import annotations

from math import pi, sqrt

import torch
from torch import Tensor

from particlegrid.densities import Gaussian
from particlegrid.projection import LONG, PARALLEL, WIDEST, flatten_lattices
from particlegrid.torch.geometry import Placed, complete_cells
from particlegrid.torch.scene import Scene

__all__ = ["project"]


def project(scene: Scene, placed: Placed, what: Gaussian) -> tuple[Scene, tuple[int, int, int]]:
    """The scene in three dimensions that makes a projection, and its shape (X, 1, Y).

    Raises
    ------
    ValueError
        If a width is above 2e4 A, or a structure repeats so that the integral is infinite.
    """
    axis = placed.projection
    assert axis is not None
    first, last = (d for d in range(3) if d != axis)
    order = [first, axis, last]
    owners = scene.owners
    edges = scene.axes[:, axis]
    normals = edges / edges.norm(dim=1, keepdim=True)
    lengths = _find_lengths(scene, owners, what)
    flat = _flatten(scene.axes[:, order], normals[:, None])
    axes = torch.stack([flat[:, 0], lengths * normals, flat[:, 2]], dim=1)
    weights = scene.weights
    if what.value == "mean":
        weights = weights * lengths[owners, 0]
    elif what.value == "point":
        weights = weights * (sqrt(2 * pi) * scene.widths)
    lattices, periodic = _flatten_lattices(scene.lattices[:, order], scene.periodic[:, order], normals)
    projected = scene._replace(
        positions=_flatten(scene.positions[scene.atoms], normals[owners]),
        atoms=torch.arange(len(scene.atoms), device=owners.device),
        weights=weights,
        axes=axes,
        origins=_flatten(scene.origins, normals) - 0.5 * lengths * normals,
        lattices=lattices,
        periodic=periodic,
    )
    return projected, (placed.shape[first], 1, placed.shape[last])


def _find_lengths(scene: Scene, owners: Tensor, what: Gaussian) -> Tensor:
    """Edges of the voxels along the axis, shape (n, 1): constants, since nothing depends on them."""
    with torch.no_grad():
        widest = scene.widths.new_full((len(scene.axes),), 0.1)
        widest = widest.scatter_reduce(0, owners, scene.widths, "amax")
        if not torch.compiler.is_compiling() and (widest > WIDEST).any():
            raise ValueError(f"a projection takes widths up to {WIDEST:g} A, got {widest.max().item():g}")
        return torch.exp2(torch.ceil(torch.log2(widest * (1 if what.value == "point" else LONG))))[:, None]


def _flatten(vectors: Tensor, normals: Tensor) -> Tensor:
    """The vectors without their parts along the normals."""
    return vectors - (vectors * normals).sum(dim=-1, keepdim=True) * normals


def _flatten_lattices(lattices: Tensor, periodic: Tensor, normals: Tensor) -> tuple[Tensor, Tensor]:
    if not torch.compiler.is_compiling() and periodic.any():
        # raises where the integral is infinite
        flatten_lattices(*(tensor.detach().cpu().numpy() for tensor in (lattices, periodic, normals)))
    flat = _flatten(lattices, normals[:, None])
    with torch.no_grad():
        periodic = periodic & (flat.norm(dim=2) > PARALLEL * lattices.norm(dim=2))
    return complete_cells(flat, ~periodic), periodic
