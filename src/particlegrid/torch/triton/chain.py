"""From sums over voxels to gradients by what a scene holds.

With D, D_a and D_ab an image's sums of gradient times value, first and second derivatives by the voxel's place, sigma
its width and w its weight, and the heat equation that a Gaussian obeys:

- by the atom's place, -w D_a; by the grid's origin, the opposite; by lattice vector a, n_a times that by the place;
- by sigma, w sigma D_aa, and 3 w D / sigma more where the peak is 1;
- under a strain eps of the voxels, dE = E eps, with the atom at p from the origin, w eps_ab (p_a D_b - sigma^2 D_ab);
  less w eps_aa D for densities, which integrals over voxels that grow make up for.
"""

from __future__ import annotations

import torch
from torch import Tensor

from particlegrid.torch.scene import Scene
from particlegrid.torch.triton.images import Images, Lattice, find_scales
from particlegrid.torch.triton.segments import sum_segments, sum_to

__all__ = ["chain"]


def chain(
    value: str, scene: Scene, images: Images, grid: Lattice, frames: Tensor, sums: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Gradients by positions, weights, widths, axes, origins and lattices.

    Parameters
    ----------
    value : str
        What a voxel holds: "integral", "mean", "point" or "peak".
    scene, images, grid
        What was drawn.
    frames : Tensor, shape (n, 3, 3)
        Orthonormal directions (rows) of the derivatives of each structure.
    sums : Tensor, shape (M, 10), float64
        Of an image of weight 1 without the factor of `value`: D, D_1, D_2, D_3, D_11, D_22, D_33, D_12, D_13, D_23.
    """
    owners, entries = images.owners, images.entries
    sigma = scene.widths[entries]
    sums = sums * find_scales(value, sigma, grid.volumes[owners])[:, None]
    weighted = sums * scene.weights[entries, None]
    frame = frames[owners]
    by_place = torch.einsum("md,mdk->mk", weighted[:, 1:4], frame)
    second = weighted[:, [4, 7, 8, 7, 5, 9, 8, 9, 6]].view(-1, 3, 3)
    by_sigma = sigma * weighted[:, 4:7].sum(1)
    if value == "peak":
        by_sigma = by_sigma + 3 / sigma * weighted[:, 0]
    place = scene.positions[scene.atoms[entries]] - scene.origins[owners]
    place = place + torch.einsum("ma,mak->mk", images.shifts, scene.lattices[owners])
    by_strain = place[:, :, None] * by_place[:, None, :]
    by_strain = by_strain - (sigma**2)[:, None, None] * (frame.mT @ second @ frame)
    if value != "integral":
        by_strain = by_strain - weighted[:, 0, None, None] * torch.eye(3, dtype=sums.dtype, device=sums.device)
    by_lattice = -images.shifts[:, :, None] * by_place[:, None, :]
    of_structures = sum_segments(
        torch.cat([by_place, by_strain.flatten(1), by_lattice.flatten(1)], dim=1), images.starts
    )
    of_entries = torch.cat([sums[:, :1], by_sigma[:, None], -by_place], dim=1)
    if images.entry_starts is not None:
        of_entries = sum_segments(of_entries, images.entry_starts)
    return (
        sum_to(of_entries[:, 2:].contiguous(), scene.atoms, len(scene.positions)),
        of_entries[:, 0].contiguous(),
        of_entries[:, 1].contiguous(),
        grid.duals @ of_structures[:, 3:12].reshape(-1, 3, 3),
        of_structures[:, :3].contiguous(),
        of_structures[:, 12:].reshape(-1, 3, 3),
    )
