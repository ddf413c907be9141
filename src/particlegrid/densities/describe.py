"""Densities as text, which is how an argument of an operator says one."""

from __future__ import annotations

import json
from functools import lru_cache

from particlegrid.densities.base import Density
from particlegrid.registry import from_dict

__all__ = ["describe_density", "find_density"]


@lru_cache(256)
def describe_density(what: Density) -> str:
    """The JSON of a density's description."""
    return json.dumps(what.to_dict())


@lru_cache(256)
def find_density(description: str) -> Density:
    """The density that `describe_density` described.

    Raises
    ------
    TypeError, ValueError
        If the text describes none.
    """
    what = from_dict(json.loads(description))
    if not isinstance(what, Density):
        raise TypeError(f"`density` must describe a density, got {description}")
    return what
