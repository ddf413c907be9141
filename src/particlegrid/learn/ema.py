"""Exponential moving average of a network's weights."""

from __future__ import annotations

import copy
from itertools import chain
from typing import Any

import torch

__all__ = ["Ema"]


class Ema:
    """The moving average of a network, itself a network (in eval mode) that predicts better than the latest weights.

    Parameters
    ----------
    model : torch.nn.Module
    decay : float
        Part of the average that a step keeps. Early on it is lower, (1 + step) / (10 + step), so that the random first
        weights are soon forgotten.

    Attributes
    ----------
    model : torch.nn.Module
        The average. Buffers that are floats (batch-norm statistics) are averaged too, others are copied.

    Examples
    --------
    >>> model = torch.nn.Linear(1, 1, bias=False)
    >>> ema = Ema(model, decay=0.5)
    >>> before = model.weight.item()
    >>> _ = model.weight.data.add_(1.0)
    >>> ema.update(step=100)
    >>> round(ema.model.weight.item() - before, 6)
    0.5
    """

    def __init__(self, model: torch.nn.Module, decay: float) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"`decay` must lie between 0 and 1, got {decay!r}")
        self.decay = decay
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        mine, theirs = self._tensors(self.model), self._tensors(model)
        pairs = [(a, b) for a, b in zip(mine, theirs)]
        self._averaged = [pair for pair in pairs if pair[0].is_floating_point()]
        self._copied = [pair for pair in pairs if not pair[0].is_floating_point()]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights after step number `step`, counted from 0."""
        keep = min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_([a for a, _ in self._averaged], [b for _, b in self._averaged], 1 - keep)
        for mine, theirs in self._copied:
            mine.copy_(theirs)

    @staticmethod
    def _tensors(model: torch.nn.Module) -> list[Any]:
        return list(chain(model.parameters(), model.buffers()))
