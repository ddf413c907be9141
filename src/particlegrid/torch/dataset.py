"""`GridDataset`: a map-style data set for `torch.utils.data.DataLoader`."""

from __future__ import annotations

import operator
import warnings
from collections.abc import Iterable, Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch.utils.data import Dataset

from particlegrid.augment import Augmentation
from particlegrid.errors import OutsideBoxWarning
from particlegrid.philox import check_counter
from particlegrid.structure import Structure
from particlegrid.torch.batch import GridBatch
from particlegrid.torch.source import Source, SourceStore, as_indices
from particlegrid.voxelizer import Voxelizer

__all__ = ["GridDataset"]


class GridDataset(Dataset[GridBatch]):
    """Grids of the structures of a store, made when they are asked for.

    On one machine `GridLoader` is faster: it reuses its memory and sends nothing between processes. This one serves
    samplers and worker processes of `torch.utils.data.DataLoader`; give that ``collate_fn=collate``. A batch is drawn
    in one call. The grids are the same for any number of workers, and the same as `GridLoader`'s.

    Parameters
    ----------
    store : Store or list of Structure
        For a list, the targets are entries of each structure's `info`.
    vox : Voxelizer
        Its placement must give all structures grids of one shape.
    targets : iterable of str
        Names of the labels to deliver.
    indices : array_like of int, optional
        Structures of the store to use, in this order; all by default.
    augment : RandomRotation or PrincipalFrame, optional
        What to do to each structure before it is drawn.

    Raises
    ------
    TypeError, ValueError
        If an argument is not that, or a label is not one number for each structure.

    Warns
    -----
    OutsideBoxWarning
        Once in each process, when atoms lie outside a box that warns.

    Examples
    --------
    >>> from particlegrid import Box, Elements, Gaussian
    >>> from particlegrid.torch import RandomRotation, collate
    >>> store = [Structure([[0, 0, 0], [0, 0, 0.74]], ["H", "H"], info={"gap": 11.2})] * 10
    >>> vox = Voxelizer(Box(16, spacing=0.5), Elements("H"), Gaussian(0.5))
    >>> data = GridDataset(store, vox, targets=["gap"], augment=RandomRotation(seed=0))
    >>> data[3].grid.shape
    torch.Size([1, 1, 16, 16, 16])
    >>> loader = torch.utils.data.DataLoader(data, batch_size=4, collate_fn=collate)
    >>> [tuple(batch.targets.shape) for batch in loader]
    [(4, 1), (4, 1), (2, 1)]
    """

    def __init__(
        self,
        store: SourceStore | Sequence[Structure],
        vox: Voxelizer,
        targets: Iterable[str] = (),
        *,
        indices: ArrayLike | None = None,
        augment: Augmentation | None = None,
    ) -> None:
        self._source = Source(store, vox, targets, augment)
        self.indices = as_indices(indices, len(self._source.store))
        # shared memory: worker processes that outlive an epoch see the next one
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()  # type: ignore[no-untyped-call]
        self._warned = False

    def __len__(self) -> int:
        return len(self.indices)

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch the augmentation draws for (0 at first); call it before iterating.

        Raises
        ------
        TypeError, ValueError
            If it is not a whole number from 0 to 2**32 - 1.
        """
        self._epoch.fill_(check_counter(epoch, "epoch", 32))

    def __getitem__(self, index: int) -> GridBatch:
        """The batch of one structure.

        Raises
        ------
        IndexError
            If there is no such structure.
        """
        return self.__getitems__([operator.index(index)])

    def __getitems__(self, indices: Sequence[int]) -> GridBatch:
        """The batch of several structures, drawn in one call into new memory.

        Raises
        ------
        IndexError
            If one of them is not there.
        """
        rows = np.asarray(indices, dtype=np.int64)
        n = len(self)
        wrong = (rows < -n) | (rows >= n)
        if wrong.any():
            raise IndexError(f"structure {rows[wrong][0]} of a data set of {n}")
        batch = self._source.draw(self.indices[rows], int(self._epoch))
        if self._source.reports_outside and not self._warned:
            self._warn_outside(batch)
        return batch

    def _warn_outside(self, batch: GridBatch) -> None:
        cut = (np.abs(batch.points.numpy()) > 1).any(axis=1)
        if not cut.any():
            return
        self._warned = True
        structures = len(np.unique(batch.batch.numpy()[cut]))
        warnings.warn(
            f"{int(cut.sum())} of {len(cut)} atoms (in {structures} of {len(batch.indices)} structures) lie outside "
            "the box in this batch; later ones are not reported by this process",
            OutsideBoxWarning,
            stacklevel=3,
        )
