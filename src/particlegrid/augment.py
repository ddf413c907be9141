"""Augmentations: random rotations, principal-axes frames and jitter, pure functions of (seed, epoch, index)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from particlegrid.batch import Batch
from particlegrid.errors import as_array, choose
from particlegrid.philox import check_counter, draw_uniforms
from particlegrid.registry import Noun
from particlegrid.rotations import FLIPS, OCTAHEDRAL, principal_axes, small_rotations, turn, uniform_rotations

__all__ = ["Augmentation", "PrincipalFrame", "RandomRotation", "Transforms"]

_Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Transforms:
    """What an augmentation did to each structure of a batch: ``r' = R (r - center) + center + translation``.

    Attributes
    ----------
    rotations : ndarray, shape (n, 3, 3), float64
        Orthogonal matrices; with determinant -1 where the structure was mirrored.
    centers : ndarray, shape (n, 3), float64
        Points turned about, in A.
    translations : ndarray, shape (n, 3), float64
        Shifts after the turn, in A.

    Examples
    --------
    >>> from particlegrid import Batch, Structure
    >>> batch = Batch([Structure([[0, 0, 0], [0, 0, 1.1]], ["C", "O"])])
    >>> done = RandomRotation(seed=1, jitter=0.2).draw(batch, epoch=0, indices=[0])
    >>> back = done.inverse().apply(done.apply(batch))
    >>> bool(np.allclose(back.positions, batch.positions))
    True
    """

    rotations: _Floats
    centers: _Floats
    translations: _Floats

    def __len__(self) -> int:
        return len(self.rotations)

    def apply(self, batch: Batch) -> Batch:
        """The batch with its atoms moved. Cells (of structures that are not periodic) stay as they are.

        Raises
        ------
        ValueError
            If the batch has another number of structures, or a periodic one.
        """
        return self._move(batch, self.centers + self.translations)

    def apply_centered(self, batch: Batch) -> Batch:
        """The batch with its atoms moved, the points turned about at the origin: ``R (r - center) + translation``.

        Raises
        ------
        ValueError
            If the batch has another number of structures, or a periodic one.
        """
        return self._move(batch, self.translations)

    def apply_vectors(self, vectors: ArrayLike, batch: Batch | None = None) -> _Floats:
        """Vectors turned, not shifted: forces, velocities, dipoles.

        Parameters
        ----------
        vectors : array_like, shape (N, 3), or (n, 3) without `batch`
            One for each atom of `batch`, or one for each structure.
        batch : Batch, optional
            The batch whose atoms they belong to.

        Returns
        -------
        ndarray
            The same shape, float64.

        Raises
        ------
        ValueError
            If the shape is not that.
        """
        if batch is None:
            return turn(self.rotations, as_array(vectors, "vectors", (len(self), 3)))
        self._check(batch)
        return turn(
            np.repeat(self.rotations, batch.counts, axis=0), as_array(vectors, "vectors", (len(batch.numbers), 3))
        )

    def inverse(self) -> Transforms:
        """The transforms that lead back."""
        return Transforms(
            np.ascontiguousarray(self.rotations.transpose(0, 2, 1)),
            self.centers + self.translations,
            -self.translations,
        )

    def _move(self, batch: Batch, targets: _Floats) -> Batch:
        self._check(batch)
        counts = batch.counts
        moved = turn(
            np.repeat(self.rotations, counts, axis=0), batch.positions - np.repeat(self.centers, counts, axis=0)
        )
        moved += np.repeat(targets, counts, axis=0)
        return batch.with_positions(moved)

    def _check(self, batch: Batch) -> None:
        if len(batch) != len(self):
            raise ValueError(f"there are transforms of {len(self)} structures, but the batch has {len(batch)}")
        _refuse_periodic(batch)


class Augmentation(Noun):
    """Base of the augmentations."""

    def draw(self, batch: Batch, epoch: int, indices: ArrayLike) -> Transforms:
        """Transforms for the structures of a batch.

        Parameters
        ----------
        batch : Batch
            n structures.
        epoch : int
            From 0 to 2**32 - 1.
        indices : array_like, shape (n,)
            Number of each structure in its data set. What happens to a structure depends on its atoms, the seed, the
            epoch and this number alone, not on the batch or the process it is in.

        Raises
        ------
        TypeError, ValueError
            If `epoch` or `indices` are not whole numbers in range, or a structure is periodic.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class RandomRotation(Augmentation):
    """Turns each structure about the mean of its atoms, and shifts it.

    Parameters
    ----------
    seed : int
        From 0 to 2**64 - 1.
    kind : {"uniform", "octahedral"}
        Rotations uniform over SO(3), or one of the 24 rotations of the cube, which map a cubic grid onto itself.
    jitter : float
        Largest shift along each axis, in A. A `Box` centred on the centroid follows the atoms; the data set and the
        loader of `particlegrid.torch` keep it where it would be without the shift.
    fixed : int, optional
        Always this one of the rotations of the cube (0 to 23), whatever the seed: see `view`.

    Raises
    ------
    TypeError, ValueError
        If a parameter is out of range.

    Notes
    -----
    Uniform rotations are made from uniform unit quaternions: K. Shoemake, "Uniform random rotations", in Graphics Gems
    III (1992), p. 124.

    Examples
    --------
    >>> from particlegrid import Batch, Structure
    >>> batch = Batch([Structure([[0, 0, 0], [0, 0, 1.1]], ["C", "O"])])
    >>> turned = RandomRotation(seed=0).draw(batch, epoch=0, indices=[7]).apply(batch)
    >>> round(float(np.linalg.norm(turned.positions[1] - turned.positions[0])), 6)
    1.1
    """

    seed: int = 0
    kind: str = "uniform"
    jitter: float = 0.0
    fixed: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "seed", check_counter(self.seed, "seed", 64))
        choose(self.kind, "kind", ("uniform", "octahedral"))
        object.__setattr__(self, "jitter", _as_amount(self.jitter, "jitter", "A"))
        if self.fixed is not None:
            if self.kind != "octahedral":
                raise ValueError('`fixed` goes with kind="octahedral"')
            _check_view(self.fixed, 24)

    def view(self, k: int) -> RandomRotation:
        """The augmentation that always applies rotation k of the cube (0 to 23) and no jitter.

        Raises
        ------
        ValueError
            If the kind is not "octahedral" or there is no such rotation.
        """
        return replace(self, fixed=k, jitter=0.0)

    def draw(self, batch: Batch, epoch: int, indices: ArrayLike) -> Transforms:
        """Transforms for the structures of a batch; see `Augmentation.draw`."""
        numbers = _draw_numbers(self.seed, epoch, indices, batch)
        if self.fixed is not None:
            rotations = np.tile(OCTAHEDRAL[self.fixed], (len(batch), 1, 1))
        elif self.kind == "octahedral":
            rotations = OCTAHEDRAL[(24 * numbers[:, 0]).astype(np.int64)]
        else:
            rotations = uniform_rotations(numbers)
        return Transforms(rotations, batch.centroids(), self.jitter * (2 * numbers[:, 3:6] - 1))


@dataclass(frozen=True)
class PrincipalFrame(Augmentation):
    """Turns each structure about the mean of its atoms into its principal axes, and flips axes at random.

    The largest extent comes to lie along x and the smallest along z (principal axes of the positions, each atom
    counted once). What is left open are the directions of the axes; `flips` says how many of them occur.

    Parameters
    ----------
    seed : int
        From 0 to 2**64 - 1.
    flips : {8, 4, 1, 0}
        8: all combinations of axis flips, half of which mirror the structure; 4: those that do not; 1 or 0: none, the
        frame is a function of the positions alone.
    tilt : float
        Largest angle of a small rotation about a random axis that follows, in degrees, from 0 to 180.
    jitter : float
        Largest shift along each axis, in A; as in `RandomRotation`.
    fixed : int, optional
        Always this flip, whatever the seed: see `view`.

    Raises
    ------
    TypeError, ValueError
        If a parameter is out of range.

    Notes
    -----
    Before flips, the frame is right-handed and x and y point to where the sum of cubes of the coordinates is positive.
    Where that sum vanishes (to 1e-6 of the sum of absolute cubes) the axis has its largest component positive. Axes of
    equal extent (linear and symmetric structures) are undefined; any orthogonal choice is made, the same one each time
    for the same positions. A structure of one atom or none is not turned.

    Examples
    --------
    >>> from particlegrid import Batch, Structure
    >>> batch = Batch([Structure([[0, 0, 0], [0, 1, 1], [0, 2, 2]], ["C", "O", "O"])])
    >>> PrincipalFrame(flips=0).draw(batch, epoch=0, indices=[0]).apply_centered(batch).positions.round(3)[2].tolist()
    [1.414, 0.0, 0.0]
    """

    seed: int = 0
    flips: int = 8
    tilt: float = 0.0
    jitter: float = 0.0
    fixed: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "seed", check_counter(self.seed, "seed", 64))
        if isinstance(self.flips, bool) or self.flips not in (8, 4, 1, 0):
            raise ValueError(f"`flips` must be 8, 4, 1 or 0, got {self.flips!r}")
        object.__setattr__(self, "tilt", _as_amount(self.tilt, "tilt", "degrees"))
        if self.tilt > 180:
            raise ValueError(f"`tilt` must be at most 180 degrees, got {self.tilt:g}")
        object.__setattr__(self, "jitter", _as_amount(self.jitter, "jitter", "A"))
        if self.fixed is not None:
            _check_view(self.fixed, max(1, self.flips))

    def view(self, k: int) -> Self:
        """The augmentation that always applies flip k (0 to flips - 1) and neither tilt nor jitter.

        Raises
        ------
        ValueError
            If there is no such flip.
        """
        return replace(self, fixed=k, tilt=0.0, jitter=0.0)

    def draw(self, batch: Batch, epoch: int, indices: ArrayLike) -> Transforms:
        """Transforms for the structures of a batch; see `Augmentation.draw`."""
        numbers = _draw_numbers(self.seed, epoch, indices, batch)
        centers = batch.centroids()
        flips = (max(1, self.flips) * numbers[:, 6]).astype(np.int64) if self.fixed is None else self.fixed
        rotations = FLIPS[flips][..., None] * principal_axes(batch, centers)
        if self.tilt:
            rotations = small_rotations(numbers, np.radians(self.tilt)) @ rotations
        return Transforms(rotations, centers, self.jitter * (2 * numbers[:, 3:6] - 1))


def _draw_numbers(seed: int, epoch: int, indices: ArrayLike, batch: Batch) -> _Floats:
    """Seven numbers for each structure: three for a rotation, three for a shift, one for a flip."""
    _refuse_periodic(batch)
    numbers = draw_uniforms(seed, epoch, indices, 7)
    if len(numbers) != len(batch):
        raise ValueError(f"`indices` must have one number for each of the {len(batch)} structures, got {len(numbers)}")
    return numbers


def _refuse_periodic(batch: Batch) -> None:
    if batch.pbc.any():
        i = int(np.argmax(batch.pbc.any(axis=1)))
        raise ValueError(f"structure {i} of the batch is periodic, and these augmentations turn molecules only")


def _as_amount(value: Any, name: str, unit: str) -> float:
    if isinstance(value, (bool, str)) or np.ndim(value) != 0:
        raise TypeError(f"`{name}` must be a number in {unit}, got {value!r}")
    if not 0 <= value < np.inf:
        raise ValueError(f"`{name}` must be finite and not negative, got {value!r}")
    return float(value)


def _check_view(k: Any, views: int) -> None:
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or not 0 <= k < views:
        raise ValueError(f"there are views 0 to {views - 1}, got {k!r}")
