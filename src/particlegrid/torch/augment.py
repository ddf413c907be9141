"""Augmentation of tensors: the random motions that the numpy side draws, for flat batches on any device."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from torch import Tensor

from particlegrid.augment import Augmentation
from particlegrid.batch import Batch
from particlegrid.torch.transforms import Transforms

__all__ = ["draw_transforms"]


def draw_transforms(
    augmentation: Augmentation, positions: Tensor, batch: Tensor, epoch: int, indices: ArrayLike | Tensor
) -> Transforms:
    """Draw a random motion for each structure of a flat batch: a pure function of (seed, epoch, index) and the atoms.

    Parameters
    ----------
    augmentation : RandomRotation or PrincipalFrame
        Rotations uniform over SO(3), those of the cube, or principal axes with flips; with shifts of up to `jitter`.
        ``RandomRotation(kind="octahedral", fixed=0, jitter=...)`` shifts alone.
    positions : Tensor, shape (N, 3)
        In A, on any device, of molecules: these augmentations are not for periodic structures.
    batch : Tensor, shape (N,), int64
        Structure of each atom, from 0 to n - 1, in any order.
    epoch : int
        From 0 to 2**32 - 1.
    indices : array_like or Tensor, shape (n,)
        Number of each structure in its data set.

    Returns
    -------
    Transforms
        float64, on the device of `positions`: see its `apply`, `apply_vectors` and `inverse`. It is a constant: it
        does not depend on `positions` for autograd, so that forces before and after the motion are the same vectors,
        turned.

    Raises
    ------
    TypeError, ValueError
        If an argument is not that.

    Notes
    -----
    They are drawn on the host by `Augmentation.draw`, and so have the same bits whatever the device; positions on
    another device are copied to the host for it. Drawing is not traced by `torch.compile`; applying is.

    Examples
    --------
    >>> import torch
    >>> from particlegrid.torch import RandomRotation
    >>> positions = torch.tensor([[0, 0, 0], [0, 0, 1.1], [2, 0, 0]], requires_grad=True)
    >>> batch = torch.tensor([0, 0, 1])
    >>> done = draw_transforms(RandomRotation(seed=1, jitter=0.2), positions, batch, epoch=0, indices=[7, 4])
    >>> moved = done.apply(positions, batch)
    >>> torch.allclose(done.inverse().apply(moved, batch), positions, atol=1e-6)
    True
    """
    if not isinstance(augmentation, Augmentation):
        raise TypeError(f"`augmentation` must be a RandomRotation or a PrincipalFrame, got {augmentation!r}")
    numbers = np.asarray(_as_host(indices))
    if numbers.ndim != 1:
        raise TypeError(f"`indices` must be whole numbers of shape (n,), got shape {numbers.shape}")
    drawn = augmentation.draw(_make_batch(positions, batch, len(numbers)), epoch, numbers)
    return Transforms.from_numpy(drawn, positions.device)


def _make_batch(positions: Tensor, batch: Tensor, n: int) -> Batch:
    """The atoms in order of their structures; which elements they are does not matter here."""
    for name, value in (("positions", positions), ("batch", batch)):
        if not isinstance(value, Tensor):
            raise TypeError(f"`{name}` must be a tensor, got {type(value).__name__}")
    if positions.ndim != 2 or positions.shape[1] != 3:
        raise ValueError(f"`positions` must have shape (N, 3), got {tuple(positions.shape)}")
    points, owners = _as_host(positions.double()), _as_host(batch)
    if owners.dtype.kind not in "iu" or owners.shape != points.shape[:1]:
        raise ValueError(f"`batch` must be int64 of shape ({len(points)},), got {batch.dtype}, {tuple(batch.shape)}")
    if len(owners) and (owners.min() < 0 or owners.max() >= n):
        raise ValueError(
            f"`batch` must lie between 0 and {n - 1}, for the {n} `indices`, got {owners.min()} to {owners.max()}"
        )
    if not np.isfinite(points).all():
        raise ValueError(f"`positions[{int(np.argwhere(~np.isfinite(points))[0, 0])}]` is not finite")
    if (np.diff(owners) < 0).any():
        points = points[np.argsort(owners, kind="stable")]
    offsets = np.concatenate([[0], np.cumsum(np.bincount(owners.astype(np.int64), minlength=n))])
    return Batch.from_arrays(points, np.ones(len(points), np.uint8), offsets)


def _as_host(values: Any) -> Any:
    return values.detach().cpu().numpy() if isinstance(values, Tensor) else values
