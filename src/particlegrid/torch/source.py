"""Where `GridDataset` and `GridLoader` get their batches: a store, a Voxelizer, targets and an augmentation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from particlegrid.augment import Augmentation
from particlegrid.batch import Batch
from particlegrid.canvas import Canvas
from particlegrid.placements import Box
from particlegrid.structure import Structure
from particlegrid.torch.batch import GridBatch, hush, make_batch, shape_of
from particlegrid.voxelizer import Voxelizer

__all__ = ["Source", "SourceStore", "as_indices", "as_store"]


@runtime_checkable
class SourceStore(Protocol):
    """What is asked of a store; `particlegrid.data.Store` is one."""

    def __len__(self) -> int: ...

    def batch(self, indices: ArrayLike) -> Batch:
        """The structures at `indices`, in that order."""
        ...

    def labels(self, name: str) -> NDArray[Any]:
        """A label of all structures, shape (n,)."""
        ...


class Source:
    """Draws the structures of a store."""

    def __init__(
        self,
        store: SourceStore | Sequence[Structure],
        vox: Voxelizer,
        targets: Iterable[str] = (),
        augment: Augmentation | None = None,
    ) -> None:
        if not isinstance(vox, Voxelizer):
            raise TypeError(f"`vox` must be a Voxelizer, got {type(vox).__name__}")
        if augment is not None and not isinstance(augment, Augmentation):
            raise TypeError(f"`augment` must be an augmentation such as RandomRotation(seed=0), got {augment!r}")
        if isinstance(targets, str):
            raise TypeError(f"`targets` must be a list of names: [{targets!r}]")
        self.store = as_store(store)
        self.vox = vox
        self.targets = tuple(targets)
        self.augment = augment
        self.shape = (len(vox.channels), *shape_of(vox))
        self._table = np.empty((len(self.store), len(self.targets)), np.float32)
        for k, name in enumerate(self.targets):
            self._table[:, k] = _read_target(self.store, name)
        self._quiet = hush(vox)
        self._pinned = self._quiet
        # an augmented structure is drawn in a box about the origin: one about the centroid would follow the jitter
        self._centered = isinstance(vox.where, Box) and vox.where.center == "centroid"
        if isinstance(self._quiet.where, Box) and self._centered:
            self._pinned = replace(self._quiet, where=replace(self._quiet.where, center="origin"))

    def draw(
        self, indices: NDArray[np.int64], epoch: int, out: Tensor | None = None, canvas: Canvas | None = None
    ) -> GridBatch:
        """The structures at `indices` of the store; atoms outside the box are not reported."""
        batch, vox = self.store.batch(indices), self._quiet
        if self.augment is not None:
            transforms = self.augment.draw(batch, epoch, indices)
            batch = transforms.apply_centered(batch) if self._centered else transforms.apply(batch)
            vox = self._pinned
        grid, points, numbers, owners = make_batch(vox, batch, out, canvas)
        return GridBatch(
            grid, torch.from_numpy(self._table[indices]), points, numbers, owners, torch.from_numpy(indices)
        )

    @property
    def reports_outside(self) -> bool:
        """Whether the box is to warn of atoms outside it."""
        return isinstance(self.vox.where, Box) and self.vox.where.outside == "warn"


class _Listed:
    """A list of structures with the face of a store; labels are the entries of each structure's `info`."""

    def __init__(self, structures: Sequence[Structure]) -> None:
        self._structures = structures

    def __len__(self) -> int:
        return len(self._structures)

    def batch(self, indices: ArrayLike) -> Batch:
        return Batch(self._structures[int(i)] for i in np.asarray(indices))

    def labels(self, name: str) -> NDArray[Any]:
        for i, structure in enumerate(self._structures):
            if name not in structure.info:
                raise ValueError(f"`info` of structure {i} has no {name!r}")
        return np.array([structure.info[name] for structure in self._structures])


def as_store(store: Any) -> SourceStore:
    """A store as it is, or a list of Structures with the face of one.

    Raises
    ------
    TypeError
        If it is neither.
    """
    if isinstance(store, SourceStore):
        return store
    if isinstance(store, Sequence) and all(isinstance(item, Structure) for item in store):
        return _Listed(store)
    raise TypeError(f"`store` must be a Store or a list of Structures, got {type(store).__name__}")


def as_indices(indices: ArrayLike | None, n: int) -> NDArray[np.int64]:
    """Whole numbers from 0 to n - 1, shape (m,); all of them for None.

    Raises
    ------
    TypeError, ValueError
        If they are not that.
    """
    if indices is None:
        return np.arange(n)
    given = np.asarray(indices)
    if given.ndim != 1 or (given.dtype.kind not in "iu" and given.size):
        raise TypeError(f"`indices` must be whole numbers of shape (m,), got {given.dtype} of shape {given.shape}")
    outside = (given < 0) | (given >= n)
    if outside.any():
        i = int(np.argmax(outside))
        raise ValueError(f"`indices[{i}]` is {given[i]}; the store has the structures 0 to {n - 1}")
    return given.astype(np.int64)


def _read_target(store: SourceStore, name: str) -> NDArray[np.float32]:
    values = np.asarray(store.labels(name))
    if values.shape != (len(store),) or values.dtype.kind not in "fiub":
        raise ValueError(
            f"label {name!r} is no target: it must hold one number for each structure, "
            f"got {values.dtype} of shape {values.shape}"
        )
    return values.astype(np.float32)
