"""Flat pictures of volumes."""

from __future__ import annotations

import base64
import html
import io
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from particlegrid.elements import SYMBOLS
from particlegrid.errors import choose, require
from particlegrid.grid import count_voxels, find_projection
from particlegrid.structure import Structure
from particlegrid.view.atoms import atom_radii, find_bonds
from particlegrid.view.colors import channel_color, diverging_ramp, ramp
from particlegrid.volume import Volume

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_channels", "figure_png", "volume_html"]

_Floats = NDArray[np.float64]
_COLUMNS = 4
_PANEL = 2.1  # inches


def draw_channels(volume: Volume, projection: str = "sum") -> Figure:
    """Draw each channel, projected along the grid's third axis unless it is a projection, with the atoms on top.

    Parameters
    ----------
    volume : Volume
        Its structure, if it has one, is drawn as circles of half the covalent radius, strong in the element's own
        channel and faint elsewhere.
    projection : {"sum", "max"}
        What becomes of the values along the third axis; "max" keeps the one largest in size. Voxels that are not
        finite count as 0.

    Returns
    -------
    matplotlib.figure.Figure
        Lengths are in A. A channel of one sign goes from white to its colour in equal steps of lightness, a signed
        one from red through white to blue.

    Examples
    --------
    >>> from particlegrid.grid import Grid
    >>> figure = draw_channels(Volume(np.ones((2, 4, 4, 4)), Grid(4, np.eye(3), [0, 0, 0]), ("C", "O")))
    >>> [axes.get_title() for axes in figure.axes[:2]]
    ['C', 'O']
    """
    choose(projection, "projection", ("sum", "max"))
    figures = require("matplotlib.figure", "view")
    finite = np.where(np.isfinite(volume.array), volume.array, 0.0).astype(np.float64)
    if find_projection(volume.grid.shape) is not None:
        finite = finite[..., None]
    plane = _Plane(volume)
    count = len(volume.channels)
    rows = -(-count // _COLUMNS)
    columns = -(-count // rows)  # five channels stand as three and two
    height = _PANEL * min(max(plane.height / plane.width, 0.4), 2.5) + 0.55
    figure: Figure = figures.Figure(
        figsize=(columns * (_PANEL + 0.35) + 0.3, rows * height), dpi=200, layout="constrained"
    )
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    for index, axes in enumerate(grid.flat):
        if index >= count:
            axes.set_visible(False)
            continue
        _draw_panel(figure, axes, finite[index], volume.channels[index], index, plane, projection)
        if volume.structure is not None:
            _draw_atoms(axes, volume.structure, plane, volume.channels[index])
        if index + columns >= count:
            axes.set_xlabel(plane.labels[0], fontsize=8)
            axes.xaxis.set_tick_params(labelbottom=True)
        if index % columns == 0:
            axes.set_ylabel(plane.labels[1], fontsize=8)
    return figure


class _Plane:
    """The plane of the grid's first two axes that have voxels, onto which everything is projected along the other."""

    def __init__(self, volume: Volume) -> None:
        grid = volume.grid
        self.axes = [d for d in range(3) if d != find_projection(grid.shape)][:2]
        e = np.asarray(grid.axes)[self.axes]
        first = e[0] / np.linalg.norm(e[0])
        second = e[1] - (e[1] @ first) * first
        frame = np.stack([first, second / np.linalg.norm(second)])
        self.grid = grid
        self.edges = e @ frame.T
        self.origin = frame @ np.asarray(grid.origin)
        shape = count_voxels(grid.shape)
        i, j = np.meshgrid(*(np.arange(shape[d] + 1) for d in self.axes), indexing="ij")
        self.corners = self.origin + i[..., None] * self.edges[0] + j[..., None] * self.edges[1]
        self.outline = self.corners[[0, -1, -1, 0], [0, 0, -1, -1]]
        self.sheared = not np.isclose(self.edges[1, 0], 0.0)
        self.low, self.high = self.corners.min(axis=(0, 1)), self.corners.max(axis=(0, 1))
        self.width, self.height = self.high - self.low
        x, y = ("xyz"[d] for d in self.axes)
        a, b = ("abc"[d] for d in self.axes)
        straight = np.allclose(frame, np.eye(3)[self.axes])
        self.labels = (f"{x} (Å)", f"{y} (Å)") if straight else (f"along {a} (Å)", f"in the {a}{b} plane (Å)")

    def project(self, positions: _Floats) -> _Floats:
        """Plane coordinates (n, 2) of positions (n, 3)."""
        return np.asarray((self.grid.world_to_index(positions)[:, self.axes] + 0.5) @ self.edges + self.origin)


def _draw_panel(
    figure: Figure, axes: Axes, values: _Floats, name: str, index: int, plane: _Plane, projection: str
) -> None:
    if projection == "sum":
        flat = values.sum(axis=2)
    else:
        flat = np.take_along_axis(values, np.abs(values).argmax(axis=2)[..., None], axis=2)[..., 0]
    largest = float(np.abs(flat).max())
    signed = flat.min() < -1e-6 * largest
    image = axes.pcolormesh(
        *np.moveaxis(plane.corners, -1, 0),
        flat,
        cmap=diverging_ramp() if signed else ramp(channel_color(name, index)),
        vmin=-largest if signed else 0.0,
        vmax=largest or 1.0,
    )
    image.set_rasterized(True)
    axes.set_aspect("equal")
    axes.set_xlim(plane.low[0], plane.high[0])
    axes.set_ylim(plane.low[1], plane.high[1])
    axes.set_title(name, fontsize=10, fontweight="bold", pad=4)
    axes.tick_params(labelsize=7, length=2, width=0.6)
    for spine in axes.spines.values():
        spine.set_linewidth(0.6)
    if plane.sheared:
        axes.add_patch(require("matplotlib.patches", "view").Polygon(plane.outline, fill=False, linewidth=0.6))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(require("matplotlib.ticker", "view").MaxNLocator(5, steps=[1, 2, 5, 10]))
    if largest == 0.0:
        axes.text(0.97, 0.03, "empty", transform=axes.transAxes, ha="right", va="bottom", fontsize=8, color="#777777")
    bar = figure.colorbar(image, ax=axes, shrink=0.8, aspect=18, pad=0.03)
    bar.ax.set_visible(largest > 0.0)  # an empty channel has no scale, but keeps the place of one
    bar.ax.tick_params(labelsize=6, length=2, width=0.5)
    bar.ax.locator_params(nbins=4)
    bar.outline.set_linewidth(0.4)


def _draw_atoms(axes: Axes, structure: Structure, plane: _Plane, channel: str) -> None:
    collections = require("matplotlib.collections", "view")
    points = plane.project(structure.positions)
    axes.add_collection(
        collections.LineCollection(points[find_bonds(structure)], colors="#00000055", linewidths=0.7, zorder=2)
    )
    own = np.array([SYMBOLS[z] == channel for z in structure.numbers], bool)
    sizes = atom_radii(structure)  # diameters of circles of half the radius
    for group, line, color in ((~own, 0.5, "#00000059"), (own, 0.9, "black")):
        axes.add_collection(
            collections.EllipseCollection(
                sizes[group],
                sizes[group],
                np.zeros(int(group.sum())),
                units="xy",
                offsets=points[group],
                offset_transform=axes.transData,
                facecolors="none",
                edgecolors=color,
                linewidths=line,
                zorder=3,
            )
        )


def figure_png(figure: Figure) -> bytes:
    """A figure as a PNG file."""
    stream = io.BytesIO()
    # no date and no version, so that the same figure gives the same bytes
    figure.savefig(stream, format="png", metadata={"Software": None})
    return stream.getvalue()


def volume_html(volume: Volume) -> str:
    """A volume as HTML for a notebook: what it is, and a picture of its channels, embedded."""
    picture = base64.b64encode(figure_png(draw_channels(volume))).decode()
    text = html.escape(repr(volume))
    return (
        f'<figure style="margin:0"><figcaption><code>{text}</code></figcaption>'
        f'<img style="max-width:100%;background:white" alt="{text}" src="data:image/png;base64,{picture}"></figure>'
    )
