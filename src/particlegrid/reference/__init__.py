"""The definition in float64, slow and obvious: what every fast path is tested against.

Each density has its formula, `evaluate`, and the distance beyond which it vanishes, `find_reach`, in a module here;
`reference.resampling` has the matrix of `particlegrid.resample`.
"""

from particlegrid.reference import coulomb, gaussian, potentials, projection, radial, sphere
from particlegrid.reference.base import draw_channel, entry_widths, evaluate, find_reach, list_images, voxelize

__all__ = [
    "coulomb",
    "draw_channel",
    "entry_widths",
    "evaluate",
    "find_reach",
    "gaussian",
    "list_images",
    "potentials",
    "projection",
    "radial",
    "sphere",
    "voxelize",
]
