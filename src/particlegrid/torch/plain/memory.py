"""How much is computed at once, and how much of it is kept for derivatives."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

__all__ = ["Memory"]

_T = TypeVar("_T")

# Numbers: temporary arrays of 2 MB stay in a CPU's cache, larger ones keep a GPU busy.
_CHUNK = {"cpu": 1 << 18, "cuda": 1 << 23}
# Numbers for which autograd keeps what it needs, 25 to 110 bytes each.
_KEPT = {"cpu": 1 << 24, "cuda": 1 << 27}


class Memory:
    """The memory of one sum that is made in chunks.

    Parameters
    ----------
    device : torch.device
        Where the sum is made.

    Attributes
    ----------
    chunk : int
        How many numbers to make at once.
    """

    def __init__(self, device: torch.device) -> None:
        self.chunk = _CHUNK.get(device.type, _CHUNK["cpu"])
        self._left = _KEPT.get(device.type, _KEPT["cpu"])

    def call(self, formula: Callable[[_T], Tensor], argument: _T, numbers: int) -> Tensor:
        """Compute a chunk of so many numbers; beyond what is kept, once more when derivatives are taken."""
        self._left -= numbers
        if self._left < 0 and torch.is_grad_enabled():
            values = checkpoint(formula, argument, use_reentrant=False, preserve_rng_state=False)
            assert isinstance(values, Tensor)
            return values
        return formula(argument)
