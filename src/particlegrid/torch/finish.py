"""What becomes of combined values, differentiably: the counterpart of `Density.finish`."""

from __future__ import annotations

from functools import singledispatch
from math import log

import torch
from torch import Tensor

from particlegrid.densities import Boltzmann, Density, LennardJones
from particlegrid.densities.energy_units import convert_energy

__all__ = ["finish"]


@singledispatch
def finish(what: Density, values: Tensor) -> Tensor:
    """The grid's values from the combined ones, such as by a cap.

    Parameters
    ----------
    what : Density
        Which one drew the values.
    values : Tensor
        Of any shape, float32 or float64.

    Returns
    -------
    Tensor
        Of the same shape and type. Where a value is cut, or infinite, its derivative is 0.

    Raises
    ------
    NotImplementedError
        If the density has a `finish` of its own and no counterpart here.

    Examples
    --------
    >>> import torch
    >>> from particlegrid import LennardJones
    >>> from particlegrid.torch.finish import finish
    >>> values = torch.tensor([-1.0, 3.0, torch.inf], requires_grad=True)
    >>> capped = finish(LennardJones(cap=2.0), values)
    >>> capped.tolist(), torch.autograd.grad(capped.sum(), values)[0].tolist()
    ([-1.0, 2.0, 2.0], [1.0, 0.0, 0.0])
    """
    if type(what).finish is not Density.finish:
        raise NotImplementedError(
            f"{type(what).__name__}.finish has no counterpart in torch; register one with particlegrid.torch.finish"
        )
    return values


@finish.register
def _(what: LennardJones, values: Tensor) -> Tensor:
    # infinities of both signs add up to infinity
    values = torch.where(values.isnan(), torch.inf, values)
    if what.cap is None:
        return values
    cap = min(what.cap, torch.finfo(values.dtype).max)
    return torch.where(values < cap, values, cap)


@finish.register
def _(what: Boltzmann, values: Tensor) -> Tensor:
    thermal = convert_energy(what.temperature, "K", what.of.unit)  # type: ignore[attr-defined]
    exponents = finish(what.of, values) / -thermal
    # infinite energies of either sign have constant factors
    least, most = -745.0, log(torch.finfo(values.dtype).max)
    limits = torch.where(exponents < 0, 0.0, torch.inf)
    is_finite = (exponents > least) & (exponents < most)
    return torch.where(is_finite, torch.exp(torch.where(is_finite, exponents, 0.0)), limits)
