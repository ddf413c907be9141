"""Interactive pages of volumes that need no network."""

from __future__ import annotations

import html
import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from particlegrid.errors import require
from particlegrid.grid import find_projection
from particlegrid.structure import Structure
from particlegrid.view.atoms import atom_radii, find_bonds
from particlegrid.view.colors import channel_color, element_colors
from particlegrid.volume import Volume

__all__ = ["CONTENT_POLICY", "snapshot_3d"]

CONTENT_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' blob:; style-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:; worker-src blob:; connect-src data: blob:"
)
"""Content-Security-Policy of the pages: the browser itself refuses any load from the network."""

_BALL = 0.36  # radius of a ball, as a part of the covalent radius
_STICK = 0.09  # A
_EDGE_COLOR, _STICK_COLOR = 0xB8BCC2, 0x9AA0A6
_FIELD = 32.0  # degrees the camera sees, from top to bottom
_VIEW = np.array([0.45, -0.8, 1.0])  # from where one looks at first


def snapshot_3d(volume: Volume, level: float = 0.3, title: str | None = None) -> str:
    """A page that shows a volume in 3D: isosurfaces of the channels, the atoms and the box.

    Parameters
    ----------
    volume : Volume
        Its structure, if it has one, is drawn as balls and sticks.
    level : float
        Where the surfaces lie, as a part of each channel's largest value in size, between 0 and 1. A signed channel
        has a surface on either side of 0.
    title : str, optional
        Title of the page; by default the volume in words.

    Returns
    -------
    str
        A standalone HTML page of about 3 MB that holds its own scripts (k3d's) and loads nothing. Dragging turns, the
        wheel zooms, and the legend switches channels on and off.

    Raises
    ------
    ValueError
        If `level` is not between 0 and 1, or the volume is a projection.
    """
    if not 0.0 < level < 1.0:
        raise ValueError(f"`level` must lie between 0 and 1, got {level!r}")
    if find_projection(volume.grid.shape) is not None:
        raise ValueError(f"a page shows three axes, and this is a projection, {volume.grid.shape}; use draw_channels")
    k3d = require("k3d", "view")
    plot = k3d.plot(grid_visible=False, menu_visibility=False, camera_auto_fit=False, axes_helper=0, camera_fov=_FIELD)
    plot += _draw_box(k3d, volume)
    legend: list[tuple[str, str, list[int]]] = []
    if volume.structure is not None and len(volume.structure):
        drawn = _draw_atoms(k3d, volume.structure)
        for thing in drawn:
            plot += thing
        legend.append(("atoms", "#8a9097", [thing.id for thing in drawn]))
    for index, name in enumerate(volume.channels):
        color = channel_color(name, index)
        surfaces = _draw_surfaces(k3d, volume, index, level, color)
        for surface in surfaces:
            plot += surface
        if surfaces:
            legend.append((name, f"#{_pack(color):06x}", [surface.id for surface in surfaces]))
    plot.camera = _place_camera(volume)
    return _dress(plot.get_snapshot(additional_js_code=_LEGEND_SCRIPT), title or repr(volume), legend)


def _draw_box(k3d: Any, volume: Volume) -> Any:
    """The edges of the grid."""
    corners = np.array(list(np.ndindex(2, 2, 2)))
    pairs = [(i, j) for i in range(8) for j in range(i) if np.abs(corners[i] - corners[j]).sum() == 1]
    vertices = volume.grid.index_to_world(corners * np.array(volume.grid.shape) - 0.5)
    return k3d.lines(
        np.float32(vertices),
        np.array(pairs, np.uint32),
        indices_type="segment",
        shader="simple",
        color=_EDGE_COLOR,
        name="box",
    )


def _draw_atoms(k3d: Any, structure: Structure) -> list[Any]:
    colors = np.array([_pack(color) for color in element_colors(structure.numbers)], np.uint32)
    positions = np.float32(structure.positions)
    drawn = [
        k3d.points(
            positions,
            colors=colors,
            point_sizes=np.float32(2 * _BALL * atom_radii(structure)),
            shader="mesh",
            mesh_detail=4,
            name="atoms",
        )
    ]
    bonds = find_bonds(structure)
    if len(bonds):
        sticks = k3d.lines(
            positions,
            np.uint32(bonds),
            indices_type="segment",
            shader="mesh",
            width=_STICK,
            color=_STICK_COLOR,
            name="bonds",
        )
        drawn.append(sticks)
    return drawn


def _draw_surfaces(k3d: Any, volume: Volume, index: int, level: float, color: NDArray[np.float64]) -> list[Any]:
    """The surfaces at +level and -level of a channel that reach that far; a negative one is drawn darker."""
    values = np.where(np.isfinite(volume.array[index]), volume.array[index], 0.0).astype(np.float32)
    bound = level * float(np.abs(values).max())
    if bound == 0.0 or min(values.shape) < 2:
        return []
    surfaces = []
    for sign, shade in ((1.0, color), (-1.0, 0.45 * color)):
        if (sign * values).max() <= bound:
            continue
        surfaces.append(
            k3d.marching_cubes(
                # k3d counts (z, y, x) and its surfaces face away from lower values
                -sign * values.transpose(2, 1, 0),
                level=-bound,
                color=_pack(shade),
                opacity=0.38,
                flat_shading=False,
                name=volume.channels[index],
                model_matrix=_sample_matrix(volume),
                compression_level=9,
            )
        )
    return surfaces


def _sample_matrix(volume: Volume) -> NDArray[np.float32]:
    """k3d's cube from -1/2 to 1/2, on whose faces the outermost samples lie, to voxel centres in A."""
    grid = volume.grid
    last = np.array(grid.shape) - 1
    matrix = np.eye(4, dtype=np.float32)
    matrix[:3, :3] = (np.asarray(grid.axes) * last[:, None]).T
    matrix[:3, 3] = grid.index_to_world(last / 2)
    return matrix


def _place_camera(volume: Volume) -> list[float]:
    """Eye, target and up: back far enough to see the atoms well; a box much larger than them may leave the frame."""
    grid = volume.grid
    corners = grid.index_to_world(np.array(list(np.ndindex(2, 2, 2))) * np.array(grid.shape) - 0.5)
    target = corners.mean(axis=0)
    reach = 0.62 * np.linalg.norm(corners - target, axis=1).max()
    if volume.structure is not None and len(volume.structure):
        reach = max(reach, np.linalg.norm(volume.structure.positions - target, axis=1).max() + 2.0)
    distance = 1.1 * reach / np.tan(np.radians(_FIELD / 2))
    return [*(target + distance * _VIEW / np.linalg.norm(_VIEW)), *target, 0.0, 0.0, 1.0]


def _pack(color: NDArray[np.float64]) -> int:
    red, green, blue = (round(255 * float(c)) for c in color)
    return (red << 16) + (green << 8) + blue


def _dress(page: str, title: str, legend: list[tuple[str, str, list[int]]]) -> str:
    """Put title, policy, style and legend into k3d's page."""
    head = (
        f'<meta http-equiv="Content-Security-Policy" content="{CONTENT_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style>"
    )
    entries = "".join(
        f'<label><input type="checkbox" checked data-objects="{html.escape(json.dumps(ids))}">'
        f'<i style="background:{color}"></i>{html.escape(name)}</label>'
        for name, color, ids in legend
    )
    start, _, rest = page.partition("<title>")
    _, _, rest = rest.partition("</title>")
    # the marks are k3d's; each must be there, or the page would silently lack its policy or legend
    for mark, count in (("<head>", start.count("<head>")), ("<body>", rest.count("<body>"))):
        if count != 1:
            raise RuntimeError(f"this version of k3d writes a page without {mark}; k3d 2.16 to 3.2 are known to work")
    start = start.replace("<head>", "<head>" + head)
    rest = rest.replace("<body>", f'<body><div id="legend">{entries}</div>')
    return f"{start}<title>{html.escape(title)}</title>{rest}"


_STYLE = """
#legend { position: fixed; left: 10px; bottom: 10px; z-index: 20; display: flex; flex-wrap: wrap; gap: 4px 12px;
  font: 13px/1.5 system-ui, sans-serif; color: #222; background: #ffffffd9; padding: 4px 10px; border-radius: 6px; }
#legend label { cursor: pointer; user-select: none; white-space: nowrap; }
#legend input { margin: 0 5px 0 0; vertical-align: -1px; }
#legend i { display: inline-block; width: 10px; height: 10px; margin-right: 5px; border-radius: 50%; }
"""

_LEGEND_SCRIPT = """
document.querySelectorAll('#legend input').forEach(function (box) {
    box.addEventListener('change', function () {
        JSON.parse(box.dataset.objects).forEach(function (id) {
            K3DInstance.getObjectById(id).visible = box.checked;
        });
        K3DInstance.render();
    });
});
"""
