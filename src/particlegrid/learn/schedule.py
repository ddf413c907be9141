"""How long a training runs, and its learning rate on the way."""

from __future__ import annotations

import math
from dataclasses import dataclass

from particlegrid.errors import as_positive

__all__ = ["Budget", "learning_rate_factor"]


@dataclass(frozen=True)
class Budget:
    """The end of a training: a time or a number of steps, whichever is given.

    With a time, a slower machine makes fewer steps of the same complete schedule. With steps, a run is the same to the
    bit every time.

    Parameters
    ----------
    seconds : float, optional
        Wall-clock time of the training, everything in it counted.
    steps : int, optional
        Optimizer steps.

    Examples
    --------
    >>> Budget(seconds=480).fraction(steps=1000, seconds=120.0)
    0.25
    >>> Budget(steps=4000).fraction(steps=1000, seconds=120.0)
    0.25
    """

    seconds: float | None = None
    steps: int | None = None

    @classmethod
    def choose(cls, minutes: float | None, epochs: float | None, steps: int | None, epoch_steps: int) -> Budget:
        """The budget of `train`'s arguments, exactly one of which is given; an epoch has `epoch_steps` steps.

        Raises
        ------
        ValueError
            If none or several are given, or one is not positive.
        """
        given = {"minutes": minutes, "epochs": epochs, "steps": steps}
        named = {name: as_positive(value, name) for name, value in given.items() if value is not None}
        if len(named) != 1:
            raise ValueError(f"give one of `minutes`, `epochs` and `steps`, got {', '.join(named) or 'none'}")
        if minutes is not None:
            return cls(seconds=60 * named["minutes"])
        return cls(steps=math.ceil(named["steps"] if steps is not None else named["epochs"] * epoch_steps))

    def fraction(self, steps: int, seconds: float) -> float:
        """Part of the budget that is used up, 1 or more when it is spent."""
        if self.seconds is not None:
            return seconds / self.seconds
        assert self.steps is not None
        return steps / self.steps


def learning_rate_factor(fraction: float, warmup: float) -> float:
    """Factor of the learning rate: a linear rise over the first `warmup` of the budget, then a cosine down to 0.

    Examples
    --------
    >>> [round(learning_rate_factor(f, warmup=0.02), 3) for f in (0.0, 0.01, 0.02, 0.51, 1.0)]
    [0.01, 0.5, 1.0, 0.5, 0.0]
    """
    if fraction < warmup:
        return max(fraction / warmup, 0.01)  # the first step is not wasted
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (fraction - warmup) / (1 - warmup))))
