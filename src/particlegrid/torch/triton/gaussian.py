"""The door to the kernels: Gaussians on structures of any kind, and the gradients of what they depend on."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from particlegrid.densities import Gaussian
from particlegrid.densities.gaussian import find_cut
from particlegrid.torch.scene import Scene
from particlegrid.torch.triton import separable, separable_gradient, sheared, sheared_gradient
from particlegrid.torch.triton.chain import chain
from particlegrid.torch.triton.images import Images, Lattice, find_owners, list_images, measure
from particlegrid.torch.triton.survey import OBLIQUE, REPEATS, survey

__all__ = ["draw", "pull_back"]

Gradients = tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]


def draw(
    what: Gaussian, scene: Scene, shape: tuple[int, int, int], channel_count: int, dtype: torch.dtype, tol: float
) -> Tensor:
    """Draw Gaussians.

    Parameters
    ----------
    what : Gaussian
        Says what a voxel holds; the widths are the scene's.
    scene : Scene
        Contiguous tensors on one device.
    shape : tuple of int
        Voxels of the grids.
    channel_count : int
        Channels of the grids.
    dtype : torch.dtype
        float32 or float64.
    tol : float
        As a Voxelizer has it.

    Returns
    -------
    Tensor, shape (n, channel_count, \\*shape)

    Raises
    ------
    TypeError
        If `dtype` is another one.
    ValueError
        If more than 10 million periodic images of one entry reach a grid.
    """
    _check(dtype)
    x, y, z = shape
    out = torch.empty((len(scene.axes), channel_count, x, y, z), dtype=dtype, device=scene.axes.device)
    with torch.cuda.device_of(out):  # where Triton starts kernels
        for oblique, repeats, some in _split(scene) if out.numel() else ():
            part, target = (scene, out) if some is None else (_select(scene, some)[0], torch.empty_like(out[some]))
            images, grid = _list(what, part, shape, tol, oblique, repeats)
            if oblique:
                sheared.draw(part, images, grid, target, what.native_value, find_cut(tol), tol)
            else:
                separable.draw(part, images, target, what.native_value, find_cut(tol))
            if some is not None:
                out[some] = target
    return out


def pull_back(what: Gaussian, scene: Scene, grad: Tensor, tol: float) -> Gradients:
    """Gradients of the sum of `grad` times what `draw` makes.

    Parameters
    ----------
    what : Gaussian
        Says what a voxel holds.
    scene : Scene
        Contiguous tensors on one device.
    grad : Tensor, shape (n, C, X, Y, Z)
        float32 or float64, the type in which voxels are summed.
    tol : float
        As a Voxelizer has it.

    Returns
    -------
    tuple of Tensor, float64
        By positions (N, 3), weights (m,), widths (m,), axes (n, 3, 3), origins (n, 3) and lattices (n, 3, 3), each
        taken for independent of the others.

    Raises
    ------
    TypeError, ValueError
        As `draw` does.
    """
    _check(grad.dtype)
    grad = grad.contiguous()
    x, y, z = grad.shape[2:]
    found: Gradients | None = None
    with torch.cuda.device_of(grad):
        for oblique, repeats, some in _split(scene):
            part, entries, g = (scene, None, grad) if some is None else (*_select(scene, some), grad[some])
            images, grid = _list(what, part, (x, y, z), tol, oblique, repeats)
            if oblique:
                sums, frames = sheared_gradient.contract(part, images, grid, g, what.native_value, find_cut(tol), tol)
            else:
                sums = separable_gradient.contract(part, images, g, what.native_value, find_cut(tol))
                frames = grid.rows / grid.lengths[:, :, None]
            gradients = chain(what.native_value, part, images, grid, frames, sums)
            if some is None or entries is None:
                return gradients
            if found is None:
                found = _zeros(scene)
            # positions are those of all structures; the others are the part's own
            found[0].add_(gradients[0])
            for whole, place, gradient in zip(found[1:], (entries, entries, some, some, some), gradients[1:]):
                whole[place] = gradient
    return _zeros(scene) if found is None else found


def _check(dtype: torch.dtype) -> None:
    if dtype not in (torch.float32, torch.float64):
        raise TypeError(f"Triton kernels make float32 and float64, got {dtype}; convert the result")


def _zeros(scene: Scene) -> Gradients:
    positions, weights, widths, axes, origins, lattices = (torch.zeros_like(tensor) for tensor in scene[:6])
    return positions, weights, widths, axes, origins, lattices


def _split(scene: Scene) -> Iterator[tuple[bool, bool, Tensor | None]]:
    """Whether the voxels are oblique, whether anything repeats, and the structures; None stands for all."""
    flags = survey(scene)
    kinds = [bool(flag & OBLIQUE) for flag in flags]
    for oblique in sorted(set(kinds)):
        repeats = any(flag & REPEATS for flag, kind in zip(flags, kinds) if kind == oblique)
        if all(kind == oblique for kind in kinds):
            yield oblique, repeats, None
        else:
            some = [i for i, kind in enumerate(kinds) if kind == oblique]
            yield oblique, repeats, torch.tensor(some, device=scene.axes.device)


def _select(scene: Scene, some: Tensor) -> tuple[Scene, Tensor]:
    """The scene of some structures, in order, and the numbers of their entries."""
    chosen = torch.zeros(len(scene.axes), dtype=torch.bool, device=some.device)
    chosen[some] = True
    entries = chosen[find_owners(scene.offsets, len(scene.weights))].nonzero()[:, 0]
    sizes = scene.offsets.diff()[some]
    return scene._replace(
        weights=scene.weights[entries],
        widths=scene.widths[entries],
        axes=scene.axes[some],
        origins=scene.origins[some],
        lattices=scene.lattices[some],
        atoms=scene.atoms[entries],
        channels=scene.channels[entries],
        offsets=torch.cat([sizes.new_zeros(1), sizes.cumsum(0)]),
        periodic=scene.periodic[some],
    ), entries


def _list(
    what: Gaussian, scene: Scene, shape: tuple[int, int, int], tol: float, oblique: bool, repeats: bool
) -> tuple[Images, Lattice]:
    grid = measure(scene.axes)
    reaches = find_cut(tol) * scene.widths
    if what.value == "point":
        # values fall off from the nearest voxel centre, no farther from the atom than half the edges together
        owners = find_owners(scene.offsets, len(scene.weights))
        reaches = torch.hypot(reaches, 0.5 * grid.lengths.sum(1)[owners])
    return list_images(scene, shape, grid, reaches, repeats), grid
