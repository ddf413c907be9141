"""`GridLoader`: draws whole batches into reused memory, without worker processes."""

from __future__ import annotations

import operator
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike

from particlegrid.augment import Augmentation
from particlegrid.canvas import Canvas
from particlegrid.errors import OutsideBoxWarning
from particlegrid.philox import check_counter, permute
from particlegrid.structure import Structure
from particlegrid.torch.batch import GridBatch, as_numpy
from particlegrid.torch.source import Source, SourceStore, as_indices
from particlegrid.voxelizer import Voxelizer

__all__ = ["GridLoader"]


class GridLoader:
    """Batches of grids, made while the network trains.

    A batch is drawn in one multi-threaded call (see `particlegrid.Voxelizer` for the number of threads) into one of a
    few tensors that are used over and over.

    .. warning::
       A yielded grid stays as it is until ``buffers - 1`` further batches have been drawn; then its memory is written
       again. Clone what is to be kept. The other tensors of a batch are its own.

       Only voxels that hold something are cleared. Torch operations in place (``batch.grid.mul_(2)``) are noticed;
       writes through ``batch.grid.numpy()`` are not: clone before you make them.

    Order and augmentation are pure functions of the seeds and the epoch. The epoch does not advance by itself: call
    `set_epoch` before each, or every epoch repeats the first.

    Parameters
    ----------
    store : Store or list of Structure
        For a list, the targets are entries of each structure's `info`.
    vox : Voxelizer
        Its placement must give all structures grids of one shape.
    targets : iterable of str
        Names of the labels to deliver.
    indices : array_like of int, optional
        Structures of the store to use; all by default.
    batch_size : int
        Structures in a batch.
    shuffle : bool
        Whether to take them in a random order, another one in each epoch.
    seed : int
        Of the order, from 0 to 2**64 - 1.
    augment : RandomRotation or PrincipalFrame, optional
        What to do to each structure before it is drawn.
    buffers : int
        Tensors in the ring.
    drop_last : bool
        Whether to leave out the last batch if it is not full.

    Attributes
    ----------
    outside : tuple of 2 int
        Atoms outside the box in the current or last pass, and structures that have such atoms.

    Raises
    ------
    TypeError, ValueError
        If an argument is not that, or a label is not one number for each structure.

    Warns
    -----
    OutsideBoxWarning
        At the end of the first pass in which atoms lay outside a box that warns, once for the loader.

    Notes
    -----
    Nothing is drawn ahead in a thread: on two cores, drawing takes about 2 % of the training of a small network, and
    drawing ahead did not speed that up (170 against 173 structures/s).

    Examples
    --------
    >>> from particlegrid import Box, Elements, Gaussian
    >>> from particlegrid.torch import RandomRotation
    >>> store = [Structure([[0, 0, 0], [0, 0, 0.74]], ["H", "H"], info={"gap": 11.2})] * 10
    >>> vox = Voxelizer(Box(16, spacing=0.5), Elements("H"), Gaussian(0.5))
    >>> loader = GridLoader(store, vox, targets=["gap"], batch_size=4, augment=RandomRotation(seed=0))
    >>> for epoch in range(2):
    ...     loader.set_epoch(epoch)
    ...     for batch in loader:
    ...         pass  # train on batch.grid and batch.targets
    >>> len(loader), batch.grid.shape, batch.targets.shape
    (2, torch.Size([4, 1, 16, 16, 16]), torch.Size([4, 1]))
    """

    def __init__(
        self,
        store: SourceStore | Sequence[Structure],
        vox: Voxelizer,
        targets: Iterable[str] = (),
        *,
        indices: ArrayLike | None = None,
        batch_size: int = 64,
        shuffle: bool = True,
        seed: int = 0,
        augment: Augmentation | None = None,
        buffers: int = 3,
        drop_last: bool = True,
    ) -> None:
        self._source = Source(store, vox, targets, augment)
        self.indices = as_indices(indices, len(self._source.store))
        self.batch_size = _as_count(batch_size, "batch_size")
        self.shuffle = bool(shuffle)
        self.seed = check_counter(seed, "seed", 64)
        self.drop_last = bool(drop_last)
        self.epoch = 0
        self.outside = (0, 0)
        self._buffers = _as_count(buffers, "buffers")
        self._ring: list[_Slot] = []
        self._drawn = 0
        self._pass = 0
        self._warned = False

    def __len__(self) -> int:
        full, rest = divmod(len(self.indices), self.batch_size)
        return full + (rest > 0 and not self.drop_last)

    def __iter__(self) -> Iterator[GridBatch]:
        return self.iterate()

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch the next pass is (0 at first).

        Raises
        ------
        TypeError, ValueError
            If it is not a whole number from 0 to 2**32 - 1.
        """
        self.epoch = check_counter(epoch, "epoch", 32)

    def iterate(self, start: int = 0) -> Iterator[GridBatch]:
        """One pass, from batch `start` on: the batches that a whole pass would yield from there.

        One pass at a time: as they share their memory, an older one raises RuntimeError when it is continued.

        Parameters
        ----------
        start : int
            Batches to leave out, from 0 to ``len(loader)``; they are not drawn.

        Raises
        ------
        ValueError
            If there are not so many batches.
        """
        if not 0 <= operator.index(start) <= len(self):
            raise ValueError(f"`start` must lie between 0 and {len(self)}, the batches of an epoch, got {start}")
        return self._iterate(start, self.epoch)

    def _iterate(self, start: int, epoch: int) -> Iterator[GridBatch]:
        self._pass += 1
        this = self._pass
        self.outside = (0, 0)
        order = permute(len(self.indices), self.seed, epoch) if self.shuffle else np.arange(len(self.indices))
        for k in range(start, len(self)):
            if self._pass != this:
                raise RuntimeError(
                    "another pass over this GridLoader has begun; make a second loader for a second pass"
                )
            rows = self.indices[order[k * self.batch_size : (k + 1) * self.batch_size]]
            slot = self._take_slot()
            batch = self._source.draw(rows, epoch, slot.tensor[: len(rows)], slot.canvas)
            if self._source.reports_outside:
                self._count_outside(batch)
            yield batch
        if self.outside[0] and not self._warned:
            self._warned = True
            atoms, structures = self.outside
            warnings.warn(
                f"{atoms} atoms (in {structures} structures) lay outside the box in epoch {epoch}; "
                "later epochs are not reported, see `outside`",
                OutsideBoxWarning,
                stacklevel=2,
            )

    def _take_slot(self) -> _Slot:
        if not self._ring:
            shape = (self.batch_size, *self._source.shape)
            self._ring = [_Slot(shape, getattr(torch, self._source.vox.dtype)) for _ in range(self._buffers)]
        self._drawn += 1
        slot = self._ring[self._drawn % self._buffers]
        slot.prepare()
        return slot

    def _count_outside(self, batch: GridBatch) -> None:
        cut = (np.abs(batch.points.numpy()) > 1).any(axis=1)
        if cut.any():
            atoms, structures = self.outside
            self.outside = (atoms + int(cut.sum()), structures + len(np.unique(batch.batch.numpy()[cut])))


class _Slot:
    """One tensor of the ring. Torch counts the writes to it, so that a network's own, in place, are cleared too."""

    def __init__(self, shape: tuple[int, ...], dtype: torch.dtype) -> None:
        with torch.inference_mode(False):  # a tensor made in inference mode counts no writes
            self.tensor = torch.empty(shape, dtype=dtype)  # torch aligns to 64 bytes
        self.canvas = Canvas(as_numpy(self.tensor))
        self._version = self.tensor._version

    def prepare(self) -> None:
        """Before it is drawn on again."""
        if self.tensor._version != self._version:
            self._version = self.tensor._version
            self.canvas.mark_all(len(self.tensor))


def _as_count(value: Any, name: str) -> int:
    count = operator.index(value)
    if count < 1:
        raise ValueError(f"`{name}` must be at least 1, got {value}")
    return count
