"""Colours of elements and channels, and perceptually uniform ramps made from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from particlegrid.elements import SYMBOLS
from particlegrid.errors import require

if TYPE_CHECKING:
    from matplotlib.colors import ListedColormap

__all__ = ["channel_color", "diverging_ramp", "element_colors", "ramp"]

_Floats = NDArray[np.float64]

# for channels that are no element; the first ones of Okabe and Ito's palette, which the colour-blind can tell apart
_OTHERS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
# Jmol's white hydrogen and grey carbon leave no hue for a ramp
_HUES = {"H": "#4F6D8A", "C": "#4A4A4A"}
_WHITE_POINT = np.array([0.95047, 1.0, 1.08883])
# IEC 61966-2-1 (sRGB), linear RGB to XYZ, D65
_TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def element_colors(numbers: NDArray[np.uint8]) -> _Floats:
    """Colours (n, 3) in 0..1 of atomic numbers: Jmol's table as ASE has it (`ase.data.colors.jmol_colors`)."""
    table = require("ase.data.colors", "view").jmol_colors
    return np.asarray(table[np.minimum(numbers, len(table) - 1)], float)  # the table ends at 109


def channel_color(name: str, index: int) -> _Floats:
    """Colour (3,) in 0..1 of a channel: its element's, or one of a fixed list for channels that are no element."""
    from matplotlib.colors import to_rgb

    if name in _HUES:
        return np.array(to_rgb(_HUES[name]))
    if name in SYMBOLS[1:]:
        return np.asarray(element_colors(np.array([SYMBOLS.index(name)], np.uint8))[0])
    return np.array(to_rgb(_OTHERS[index % len(_OTHERS)]))


def ramp(color: _Floats) -> ListedColormap:
    """A colormap from white to a dark shade of a colour, in equal steps of CIELAB lightness."""
    from matplotlib.colors import ListedColormap

    return ListedColormap(_shades(color))


def diverging_ramp() -> ListedColormap:
    """A colormap for signed values: red below 0, white at 0, blue above."""
    from matplotlib.colors import ListedColormap, to_rgb

    low, high = (_shades(np.array(to_rgb(color))) for color in ("#B2182B", "#2166AC"))
    return ListedColormap(np.concatenate([low[:0:-1], high]))


def _shades(color: _Floats, steps: int = 128) -> _Floats:
    """Colours (steps, 3) on the straight line in CIELAB from white to the colour at lightness 30."""
    hue = _to_lab(color)[1:]
    end = np.concatenate([[30.0], hue * min(1.0, 50.0 / max(float(np.hypot(*hue)), 1e-9))])
    t = np.linspace(0.0, 1.0, steps)[:, None]
    return _to_rgb(np.array([100.0, 0.0, 0.0]) * (1 - t) + end * t)


def _to_lab(rgb: _Floats) -> _Floats:
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    ratio = linear @ _TO_XYZ.T / _WHITE_POINT
    f = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio * (29 / 6) ** 2 / 3 + 4 / 29)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1)


def _to_rgb(lab: _Floats) -> _Floats:
    middle = (lab[..., 0] + 16) / 116
    f = np.stack([middle + lab[..., 1] / 500, middle, middle - lab[..., 2] / 200], axis=-1)
    xyz = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29)) * _WHITE_POINT
    linear = (xyz @ np.linalg.inv(_TO_XYZ).T).clip(0.0, 1.0)
    return np.asarray(np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055))
