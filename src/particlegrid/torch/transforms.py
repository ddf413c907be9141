"""`Transforms`: rotations and shifts of tensors, one for each structure of a flat batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from particlegrid import augment
from particlegrid.transform import Transform

__all__ = ["Transforms"]


@dataclass(frozen=True, eq=False)
class Transforms:
    """A motion for each of n structures, ``r' = R (r - center) + center + translation``, applied to tensors.

    Differentiable in what is moved, and in the tensors below where they ask for it, to any order. The gradient with
    respect to positions before is that after, turned back: ``inverse().apply_vectors(gradient, batch)``.

    Parameters
    ----------
    rotations : Tensor, shape (n, 3, 3)
        Orthogonal matrices, which act on column vectors; with determinant -1 where a structure is mirrored.
    centers : Tensor, shape (n, 3)
        Points turned about, in A.
    translations : Tensor, shape (n, 3)
        Shifts after the turn, in A.

    Raises
    ------
    TypeError, ValueError
        If they are not floating tensors of one dtype and these shapes.

    Notes
    -----
    Arithmetic is done in the wider dtype of the motion and of what is moved, and the result rounded to that of what is
    moved. In float64 it has the bits of `particlegrid.augment.Transforms`, on every device.

    Examples
    --------
    Two structures of two atoms and one; the second is moved along x. Forces computed there lead back:

    >>> import particlegrid as pg
    >>> turn = pg.Transform([[0, -1, 0], [1, 0, 0], [0, 0, 1]])
    >>> shift = pg.Transform([1, 0, 0, 0], translation=(2, 0, 0))
    >>> done = Transforms.from_numpy([turn, shift])
    >>> positions = torch.tensor([[1.0, 0, 0], [0, 2, 0], [0, 0, 3]], requires_grad=True)
    >>> batch = torch.tensor([0, 0, 1])
    >>> moved = done.apply(positions, batch)
    >>> moved.tolist()
    [[0.0, 1.0, 0.0], [-2.0, 0.0, 0.0], [2.0, 0.0, 3.0]]
    >>> energy = (moved**2).sum()
    >>> there, here = (torch.autograd.grad(energy, r, retain_graph=True)[0] for r in (moved, positions))
    >>> torch.equal(done.inverse().apply_vectors(there, batch), here)
    True
    """

    rotations: Tensor
    centers: Tensor
    translations: Tensor

    def __post_init__(self) -> None:
        n = len(self.rotations) if isinstance(self.rotations, Tensor) and self.rotations.ndim else 0
        for name, shape in (("rotations", (n, 3, 3)), ("centers", (n, 3)), ("translations", (n, 3))):
            value = getattr(self, name)
            if not isinstance(value, Tensor) or not value.is_floating_point():
                got = value.dtype if isinstance(value, Tensor) else type(value).__name__
                raise TypeError(f"`{name}` must be a floating tensor, got {got}")
            if value.shape != shape:
                raise ValueError(f"`{name}` must have shape {shape}, got {tuple(value.shape)}")
            if value.dtype != self.rotations.dtype:
                raise TypeError(f"`{name}` must be {self.rotations.dtype} as `rotations` is, got {value.dtype}")

    @classmethod
    def from_numpy(
        cls,
        motion: Transform | augment.Transforms | Sequence[Transform],
        device: torch.device | str | None = None,
    ) -> Transforms:
        """The same motion for tensors, in float64.

        Parameters
        ----------
        motion : Transform, particlegrid.augment.Transforms or sequence of Transform
            One, what an augmentation drew, or one for each structure.
        device : torch.device, optional
            Where to keep it; the CPU by default.

        Raises
        ------
        TypeError
            If it is none of these.
        """
        if isinstance(motion, Transform):
            motion = [motion]
        if not isinstance(motion, augment.Transforms):
            if not all(isinstance(item, Transform) for item in motion):
                raise TypeError(f"`motion` must be a Transform, several, or augment.Transforms, got {motion!r}")
            motion = augment.Transforms(
                np.array([item.rotation for item in motion]).reshape(-1, 3, 3),
                np.array([item.center for item in motion]).reshape(-1, 3),
                np.array([item.translation for item in motion]).reshape(-1, 3),
            )
        parts = (motion.rotations, motion.centers, motion.translations)
        return cls(*(torch.tensor(part, dtype=torch.float64, device=device) for part in parts))

    def numpy(self) -> augment.Transforms:
        """The same motion for arrays and batches, in float64."""
        parts = (self.rotations, self.centers, self.translations)
        return augment.Transforms(*(part.detach().to("cpu", torch.float64).numpy().copy() for part in parts))

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Transforms:
        """On another device or in another dtype."""
        parts = (self.rotations, self.centers, self.translations)
        return Transforms(*(part.to(device=device, dtype=dtype) for part in parts))

    def __len__(self) -> int:
        return len(self.rotations)

    def apply(self, positions: Tensor, batch: Tensor | None = None) -> Tensor:
        """Move points: turned about the centres, then shifted.

        Parameters
        ----------
        positions : Tensor, shape (N, 3)
            In A.
        batch : Tensor, shape (N,), int64, optional
            Structure of each. Without it there is one row for each structure, or one motion for all rows.

        Returns
        -------
        Tensor, shape (N, 3)
            In the dtype of `positions`.

        Raises
        ------
        TypeError, ValueError
            If a dtype or a shape is not that.
        """
        return self._move(positions, batch, self.centers + self.translations)

    def apply_centered(self, positions: Tensor, batch: Tensor | None = None) -> Tensor:
        """Move points, those turned about to the origin: ``R (r - center) + translation``; otherwise as `apply`."""
        return self._move(positions, batch, self.translations)

    def apply_vectors(self, vectors: Tensor, batch: Tensor | None = None) -> Tensor:
        """Turn vectors, which are not shifted: forces, gradients with respect to positions, dipoles, rows of cells.

        Parameters
        ----------
        vectors : Tensor, shape (N, ..., 3)
            In any unit; the rows of cells are (n, 3, 3).
        batch : Tensor, shape (N,), int64, optional
            As in `apply`.

        Returns
        -------
        Tensor, shape (N, ..., 3)
            In the dtype of `vectors`.

        Raises
        ------
        TypeError, ValueError
            If a dtype or a shape is not that.
        """
        _check_vectors(vectors, "vectors")
        owners = self._find_owners(vectors, "vectors", batch)
        return _turn(_take(self.rotations, owners), vectors).to(vectors.dtype)

    def inverse(self) -> Transforms:
        """The motion that leads back."""
        return Transforms(
            self.rotations.transpose(1, 2).contiguous(), self.centers + self.translations, -self.translations
        )

    def compose(self, other: Transforms) -> Transforms:
        """The motion that does `other` first and then this one; also written ``self @ other``.

        Parameters
        ----------
        other : Transforms
            What is done first, to as many structures.

        Returns
        -------
        Transforms
            About `other`'s centres.

        Raises
        ------
        ValueError
            If the numbers of structures differ.
        """
        if len(other) != len(self):
            raise ValueError(f"there are motions of {len(self)} structures, and of {len(other)} to be done first")
        moved = self.apply(other.centers + other.translations)
        return Transforms(self.rotations @ other.rotations, other.centers, moved - other.centers)

    def __matmul__(self, other: object) -> Transforms:
        if not isinstance(other, Transforms):
            return NotImplemented
        return self.compose(other)

    def _move(self, positions: Tensor, batch: Tensor | None, targets: Tensor) -> Tensor:
        _check_vectors(positions, "positions")
        if positions.ndim != 2:
            raise ValueError(f"`positions` must have shape (N, 3), got {tuple(positions.shape)}")
        owners = self._find_owners(positions, "positions", batch)
        moved = _turn(_take(self.rotations, owners), positions - _take(self.centers, owners)) + _take(targets, owners)
        return moved.to(positions.dtype)

    def _find_owners(self, vectors: Tensor, name: str, batch: Tensor | None) -> Tensor | None:
        """Which of the motions each row takes; None where they go along with the rows or there is but one."""
        if batch is None:
            if len(self) not in (1, len(vectors)):
                raise ValueError(
                    f"`{name}` has {len(vectors)} rows for {len(self)} structures: give `batch`, the structure of each"
                )
            return None
        if batch.dtype not in (torch.int64, torch.int32):
            raise TypeError(f"`batch` must be int64, got {batch.dtype}")
        if batch.shape != vectors.shape[:1]:
            raise ValueError(f"`batch` must have shape ({len(vectors)},) as `{name}`, got {tuple(batch.shape)}")
        return batch


def _check_vectors(vectors: Tensor, name: str) -> None:
    if not isinstance(vectors, Tensor) or not vectors.is_floating_point():
        got = vectors.dtype if isinstance(vectors, Tensor) else type(vectors).__name__
        raise TypeError(f"`{name}` must be a floating tensor, got {got}")
    if vectors.ndim < 2 or vectors.shape[-1] != 3:
        raise ValueError(f"`{name}` must have shape (N, ..., 3), got {tuple(vectors.shape)}")


def _take(values: Tensor, owners: Tensor | None) -> Tensor:
    return values if owners is None else values.index_select(0, owners)


def _turn(rotations: Tensor, vectors: Tensor) -> Tensor:
    """Matrices, shape (N, 3, 3) or (1, 3, 3), times vectors, shape (N, ..., 3)."""
    columns = rotations.reshape(len(rotations), *(1,) * (vectors.ndim - 2), 3, 3).unbind(-1)
    # terms in the order of particlegrid.rotations.turn, none fused, for the same bits
    terms = [column * vectors[..., d, None] for d, column in enumerate(columns)]
    return terms[0] + terms[1] + terms[2]
