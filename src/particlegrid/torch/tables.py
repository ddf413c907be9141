"""What elements alone decide, as tables: channels, weights and widths, which traced graphs look up on any device."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from particlegrid.channels import ChannelScheme
from particlegrid.densities import Density
from particlegrid.element_tables import tabulate_density, tabulate_scheme

__all__ = ["Tables"]


class Tables(NamedTuple):
    """Entries of an atom by its atomic number: K for each, of which some may weigh 0.

    The tensors of float64 are kept as bits, in int64: a module's `half()` rounds what is floating point.

    Attributes
    ----------
    channels : Tensor, shape (119, K), int64, or None
        `REFUSED` where the scheme raises an error; None if more than elements decide the channels.
    weights : Tensor, shape (119, K), bits of float64, or None
        Of the scheme alone.
    entry_widths : Tensor, shape (119, K), bits of float64, or None
        The scheme's, or else the density's, in A; NaN where there is none.
    widths : Tensor, shape (119, 1), bits of float64, or None
        Of the density, in A; NaN where there is none. None if more than elements decide them.
    strengths : Tensor, shape (119, 1), bits of float64, or None
        Of the density; None if they are 1, or `widths` is None.
    """

    channels: Tensor | None
    weights: Tensor | None
    entry_widths: Tensor | None
    widths: Tensor | None
    strengths: Tensor | None

    @classmethod
    def make(cls, which: ChannelScheme, what: Density) -> Tables:
        """The tables of a scheme and a density, on the CPU."""
        widths, strengths = tabulate_density(what)
        scheme = tabulate_scheme(which)
        if widths is None or scheme is None:
            return cls(None, None, None, _as_bits(widths), _as_bits(strengths))
        channels, weights, own = scheme
        entry_widths = np.where(np.isnan(own), widths, own)
        return cls(
            torch.from_numpy(channels), _as_bits(weights), _as_bits(entry_widths), _as_bits(widths), _as_bits(strengths)
        )


def _as_bits(table: NDArray[np.float64] | None) -> Tensor | None:
    return None if table is None else torch.from_numpy(table.view(np.int64).copy())
