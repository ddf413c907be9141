"""Which periodic images of which entries may reach a grid, listed on the scene's device."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from particlegrid.torch.scene import Scene

__all__ = ["Images", "Lattice", "find_owners", "find_scales", "list_images", "measure"]

_MOST_IMAGES = 1e7


class Lattice(NamedTuple):
    """Vectors of many lattices (rows), and how to count in them.

    Attributes
    ----------
    rows, duals : Tensor, shape (n, 3, 3)
        Coordinate d of a vector is its product with row d of the duals.
    lengths, spacings : Tensor, shape (n, 3)
        Of the rows, and between the planes of whole coordinates.
    volumes : Tensor, shape (n,)
    """

    rows: Tensor
    duals: Tensor
    lengths: Tensor
    spacings: Tensor
    volumes: Tensor


class Images(NamedTuple):
    """Images of entries, in the entries' order.

    Attributes
    ----------
    entries : Tensor, shape (M,), int64
        Whose image.
    owners : Tensor, shape (M,), int64
        Its structure.
    shifts : Tensor, shape (M, 3), float64
        Whole numbers of lattice vectors.
    starts : Tensor, shape (n + 1,), int64
        Structure i owns the images ``starts[i]:starts[i + 1]``.
    entry_starts : Tensor, shape (m + 1,), int64, or None
        Entry e has the images ``entry_starts[e]:entry_starts[e + 1]``; None where each has one.
    """

    entries: Tensor
    owners: Tensor
    shifts: Tensor
    starts: Tensor
    entry_starts: Tensor | None


def measure(rows: Tensor) -> Lattice:
    """Duals and spacings of lattices, shape (n, 3, 3); by cross products, which wait for nothing on a GPU."""
    normals = torch.linalg.cross(rows[:, [1, 2, 0]], rows[:, [2, 0, 1]])
    signed = (rows[:, 0] * normals[:, 0]).sum(-1)
    duals = normals / signed[:, None, None]
    lengths = torch.linalg.vector_norm(rows, dim=2)
    return Lattice(rows, duals, lengths, 1.0 / torch.linalg.vector_norm(duals, dim=2), signed.abs())


def find_scales(value: str, sigma: Tensor, volumes: Tensor) -> Tensor:
    """What an integral over voxels of these volumes, or a product of three exponentials, is multiplied by."""
    if value == "mean":
        return 1.0 / volumes
    if value == "point":
        scales: Tensor = (2 * torch.pi) ** -1.5 * sigma**-3
        return scales
    return torch.ones_like(sigma)


def find_owners(offsets: Tensor, count: int) -> Tensor:
    """Structure of each of `count` things, of which structure i owns ``offsets[i]:offsets[i + 1]``; shape (count,)."""
    return torch.searchsorted(offsets[1:], torch.arange(count, device=offsets.device), right=True)


def list_images(scene: Scene, shape: tuple[int, int, int], grid: Lattice, reaches: Tensor, repeats: bool) -> Images:
    """List the images whose supports may touch the grids.

    Parameters
    ----------
    scene : Scene
        Whose entries.
    shape : tuple of int
        Voxels of the grids.
    grid : Lattice
        The voxels' edges.
    reaches : Tensor, shape (m,)
        How far from its planes an entry reaches, in A.
    repeats : bool
        Whether anything in the scene is periodic. If not, the list is that of the entries.

    Returns
    -------
    Images

    Raises
    ------
    ValueError
        If one entry has more than 10 million candidates.
    """
    count = len(scene.weights)
    owners = find_owners(scene.offsets, count)
    if not repeats:
        entries = torch.arange(count, device=owners.device)
        return Images(entries, owners, reaches.new_zeros((count, 3)), scene.offsets, None)
    # duals of the vectors that repeat, in the space that they span; the others may be anything
    rows = torch.where(scene.periodic[:, :, None], scene.lattices, 0.0)
    products = rows @ rows.mT + torch.diag_embed((~scene.periodic).to(rows.dtype))
    duals = measure(products).duals @ rows
    places = scene.positions[scene.atoms] - scene.origins[owners]
    index = torch.einsum("mdk,mk->md", grid.duals[owners], places)
    margins = reaches[:, None] / grid.spacings[owners]
    size = index.new_tensor(shape)
    low, high = -margins, size + margins
    # lattice coordinates of the corners of that region: an interval for each axis
    across = torch.einsum("ndk,nak->nda", grid.rows, duals)[owners]
    ends = torch.stack([(low - index)[:, :, None] * across, (high - index)[:, :, None] * across])
    first = torch.ceil(ends.amin(0).sum(1) - 1e-6)
    last = torch.floor(ends.amax(0).sum(1) + 1e-6)
    periodic = scene.periodic[owners]
    first = torch.where(periodic, first, 0.0)
    last = torch.where(periodic, last, 0.0)
    spans = (last - first + 1.0).clamp_min(0.0)
    candidates = spans.prod(dim=1)
    most, total = torch.stack([candidates.amax(), candidates.sum()]).tolist() if count else (0.0, 0.0)
    if not most <= _MOST_IMAGES:
        entry = int(candidates.argmax())
        raise ValueError(
            f"entry {entry}: more than 10 million periodic images reach the grid; its width "
            f"{float(scene.widths[entry]):g} A is too large for the cell"
        )
    repeated = candidates.long()
    entries = torch.repeat_interleave(repeated, output_size=int(total))
    number = torch.arange(int(total), device=owners.device) - (repeated.cumsum(0) - repeated)[entries]
    spans = spans.long()[entries]
    digits = [number // (spans[:, 1] * spans[:, 2]), number // spans[:, 2] % spans[:, 1], number % spans[:, 2]]
    shifts = torch.stack(digits, dim=1) + first[entries]
    steps = torch.einsum("nak,ndk->nad", rows, grid.duals)[owners]
    image = index[entries] + torch.einsum("ma,mad->md", shifts, steps[entries])
    kept = ((image >= low[entries]) & (image <= high[entries])).all(dim=1).nonzero()[:, 0]
    entries, shifts = entries[kept], shifts[kept]
    entry_starts = torch.searchsorted(entries, torch.arange(count + 1, device=owners.device))
    return Images(entries, owners[entries], shifts, entry_starts[scene.offsets], entry_starts)
