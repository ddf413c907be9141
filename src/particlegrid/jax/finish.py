"""What becomes of combined values, differentiably: the counterpart of `Density.finish`."""

from __future__ import annotations

from functools import singledispatch
from math import log
from typing import Any

import jax.numpy as jnp
import numpy as np

from particlegrid.densities import Boltzmann, Density, LennardJones
from particlegrid.densities.energy_units import convert_energy

__all__ = ["finish"]


@singledispatch
def finish(what: Density, values: Any) -> Any:
    """The grid's values from the combined ones, such as by a cap.

    Parameters
    ----------
    what : Density
        Which one drew the values.
    values : Array
        Of any shape, float32 or float64.

    Returns
    -------
    Array
        Of the same shape and type. Where a value is cut, or infinite, its derivative is 0.

    Raises
    ------
    NotImplementedError
        If the density has a `finish` of its own and no counterpart here.

    Examples
    --------
    >>> import jax
    >>> from particlegrid import LennardJones
    >>> from particlegrid.jax.finish import finish
    >>> energies = jnp.array([-1.0, 3.0, jnp.inf])
    >>> finish(LennardJones(cap=2.0), energies).tolist()
    [-1.0, 2.0, 2.0]
    >>> jax.grad(lambda values: finish(LennardJones(cap=2.0), values).sum())(energies).tolist()
    [1.0, 0.0, 0.0]
    """
    if type(what).finish is not Density.finish:
        raise NotImplementedError(
            f"{type(what).__name__}.finish has no counterpart in JAX; register one with particlegrid.jax.finish"
        )
    return values


@finish.register
def _(what: LennardJones, values: Any) -> Any:
    # infinities of both signs add up to infinity
    values = jnp.where(jnp.isnan(values), jnp.inf, values)
    if what.cap is None:
        return values
    cap = min(what.cap, float(np.finfo(values.dtype).max))
    return jnp.where(values < cap, values, cap)


@finish.register
def _(what: Boltzmann, values: Any) -> Any:
    thermal = convert_energy(what.temperature, "K", what.of.unit)  # type: ignore[attr-defined]
    exponents = finish(what.of, values) / -thermal
    # infinite energies of either sign have constant factors
    least, most = -745.0, log(float(np.finfo(values.dtype).max))
    limits = jnp.where(exponents < 0, 0.0, jnp.inf).astype(values.dtype)
    is_finite = (exponents > least) & (exponents < most)
    return jnp.where(is_finite, jnp.exp(jnp.where(is_finite, exponents, 0)), limits)
