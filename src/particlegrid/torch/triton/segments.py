"""Sums of runs of rows, in their order: what takes the place of atomic additions."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

__all__ = ["sum_segments", "sum_to"]

_BLOCK = 32


def sum_segments(values: Tensor, starts: Tensor, order: Tensor | None = None) -> Tensor:
    """Sum the rows ``values[order][starts[i]:starts[i + 1]]`` for every i.

    Parameters
    ----------
    values : Tensor, shape (R, K), float64
        Contiguous.
    starts : Tensor, shape (S + 1,), int64
        Where the runs begin and end.
    order : Tensor, shape (R,), int64, optional
        None stands for the rows' own.

    Returns
    -------
    Tensor, shape (S, K), float64
    """
    segments, columns = len(starts) - 1, values.shape[1]
    sums = torch.empty((segments, columns), dtype=values.dtype, device=values.device)
    if segments:
        _sum_segments[(segments,)](
            values, starts, order, sums, columns, ORDERED=order is not None, BLOCK=_BLOCK,
            COLUMNS=triton.next_power_of_2(columns), num_warps=1,
        )  # fmt: skip
    return sums


def sum_to(values: Tensor, places: Tensor, count: int) -> Tensor:
    """Add row i of `values`, shape (R, K), to row ``places[i]`` of zeros of shape (count, K)."""
    ranked, order = torch.sort(places, stable=True)
    return sum_segments(values, torch.searchsorted(ranked, torch.arange(count + 1, device=places.device)), order)


@triton.jit
def _sum_segments(values, starts, order, sums, columns, ORDERED: tl.constexpr, BLOCK: tl.constexpr,
                  COLUMNS: tl.constexpr):  # fmt: skip
    segment = tl.program_id(0).to(tl.int64)
    across = tl.arange(0, COLUMNS)
    total = tl.zeros((BLOCK, COLUMNS), tl.float64)
    end = tl.load(starts + segment + 1)
    for first in range(tl.load(starts + segment), end, BLOCK):
        rows = first + tl.arange(0, BLOCK)
        mask = (rows < end)[:, None] & (across < columns)[None, :]
        if ORDERED:
            rows = tl.load(order + rows, mask=rows < end, other=0)
        total += tl.load(values + rows[:, None] * columns + across[None, :], mask=mask, other=0.0)
    tl.store(sums + segment * columns + across, tl.sum(total, 0), mask=across < columns)
