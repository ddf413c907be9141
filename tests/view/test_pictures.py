"""Flat pictures: panels, places, colours."""

import base64
import io
import re

import numpy as np
import pytest

from particlegrid import Structure
from particlegrid.grid import Grid
from particlegrid.view.atoms import find_bonds
from particlegrid.view.colors import _to_lab, channel_color, diverging_ramp, ramp
from particlegrid.view.pictures import _Plane, draw_channels, figure_png, volume_html
from particlegrid.volume import Volume

pytest.importorskip("matplotlib")
pytest.importorskip("ase")


@pytest.fixture
def volume():
    rng = np.random.default_rng(0)
    grid = Grid((6, 5, 4), np.diag([0.5, 0.4, 0.3]), (-1.5, -1.0, 2.0))
    array = np.stack([rng.random(grid.shape), np.zeros(grid.shape), rng.normal(size=grid.shape)])
    return Volume(array, grid, ("C", "O", "charge"), Structure([[0, 0, 2.5], [1.2, 0, 2.5]], ["C", "O"]))


def panels(figure):
    return [axes for axes in figure.axes if axes.get_title()]


def test_each_channel_has_a_panel_of_its_sum(volume):
    figure = draw_channels(volume)
    assert [axes.get_title() for axes in panels(figure)] == ["C", "O", "charge"]
    mesh = panels(figure)[0].collections[0]
    np.testing.assert_allclose(mesh.get_array(), volume["C"].sum(axis=2))
    assert mesh.get_clim()[0] == 0.0
    # the corner of voxel (0, 0) and the far corner, in A
    np.testing.assert_allclose(mesh.get_coordinates()[0, 0], [-1.5, -1.0])
    np.testing.assert_allclose(mesh.get_coordinates()[-1, -1], [1.5, 1.0])
    low, high = panels(figure)[2].collections[0].get_clim()
    assert low == -high


def test_the_largest_value_in_size(volume):
    figure = draw_channels(volume, projection="max")
    values = panels(figure)[2].collections[0].get_array()
    np.testing.assert_allclose(np.abs(values), np.abs(volume["charge"]).max(axis=2))
    assert (values < 0).any()
    with pytest.raises(ValueError, match="'sum', 'max', got 'mean'"):
        draw_channels(volume, projection="mean")


def test_infinite_voxels_count_as_nothing(volume):
    volume.array[0, 0, 0, 0] = np.inf
    values = panels(draw_channels(volume))[0].collections[0].get_array()
    assert values[0, 0] == pytest.approx(volume.array[0, 0, 0, 1:].sum())


def test_atoms_lie_over_their_voxels_on_a_sheared_grid():
    axes = np.array([[0.4, 0.1, 0.0], [0.1, 0.5, 0.2], [0.25, -0.1, 0.6]])
    grid = Grid((6, 7, 8), axes, (1.0, -2.0, 0.5))
    plane = _Plane(Volume(np.zeros((1, 6, 7, 8)), grid, ("C",)))
    point = plane.project(grid.index_to_world([[2, 3, 5], [2, 3, 0]]))
    # all voxels of a column are projected to one point: the middle of its quadrilateral
    middle = plane.corners[2:4, 3:5].mean(axis=(0, 1))
    np.testing.assert_allclose(point, [middle, middle], atol=1e-12)
    assert plane.sheared


@pytest.mark.parametrize("axis", range(3))
def test_a_projection_shows_what_the_grid_does(volume, axis):
    kept = [d for d in range(3) if d != axis]
    seen = Volume(
        volume.array.sum(axis=1 + axis),
        Grid(
            tuple(None if d == axis else n for d, n in enumerate(volume.grid.shape)),
            volume.grid.axes,
            volume.grid.origin,
        ),
        volume.channels,
        volume.structure,
    )
    axes = panels(draw_channels(seen))
    np.testing.assert_allclose(axes[0].collections[0].get_array(), seen.array[0])
    assert axes[0].get_ylabel() == f"{'xyz'[kept[1]]} (Å)"
    np.testing.assert_allclose(_Plane(seen).project(volume.structure.positions), volume.structure.positions[:, kept])


def test_a_figure_of_many_channels_and_no_atoms_becomes_a_png(volume):
    from PIL import Image

    array = np.repeat(volume.array[:1], 5, axis=0)
    many = Volume(array, volume.grid, tuple("abcde"))
    figure = draw_channels(many)
    assert len(panels(figure)) == 5
    png = figure_png(figure)
    image = np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))
    assert len(np.unique(image.reshape(-1, 3), axis=0)) > 100
    assert png == figure_png(draw_channels(many))


def test_notebooks_get_the_picture(volume):
    text = volume._repr_html_()
    assert "3 channels C O charge" in text
    assert base64.b64decode(re.search(r"base64,([^\"]+)", text)[1]).startswith(b"\x89PNG")
    named = Volume(volume.array[:1], volume.grid, ("<b>",))
    assert "<b>" not in volume_html(named)


def test_ramps_fall_in_equal_steps_of_lightness():
    for name in ("H", "C", "N", "O", "F", "S", "charge"):
        lightness = _to_lab(np.asarray(ramp(channel_color(name, 0)).colors))[:, 0]
        assert lightness[0] == pytest.approx(100, abs=0.2)
        steps = np.diff(lightness)
        assert (steps < 0).all()
        # a little uneven where a colour leaves what a screen can show
        assert steps.std() < 0.1 * -steps.mean()
    middle = diverging_ramp()(0.5)
    np.testing.assert_allclose(middle[:3], 1.0, atol=0.02)


def test_channels_that_are_no_element_differ_in_colour():
    assert not np.allclose(channel_color("donor", 0), channel_color("acceptor", 1))
    np.testing.assert_allclose(channel_color("O", 3), [1.0, 0.051, 0.051])


def test_bonds_are_the_structures_own_or_found_by_distance():
    positions, symbols = [[0, 0, 0], [0, 0, 0.96], [0.93, 0, -0.24], [3, 3, 3]], ["O", "H", "H", "C"]
    assert find_bonds(Structure(positions, symbols)).tolist() == [[0, 1], [0, 2]]
    assert find_bonds(Structure(positions, symbols, bonds=[[3, 0, 1]])).tolist() == [[3, 0]]
    assert find_bonds(Structure(np.empty((0, 3)), [])).shape == (0, 2)
