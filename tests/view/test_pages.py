"""The 3D page: what it holds, and how it looks in a browser."""

import re

import numpy as np
import pytest
from browser import changed_part, count_colors, drag, find_canvas, find_chromium, open_page, photograph

from particlegrid import Structure
from particlegrid.grid import Grid
from particlegrid.view import pages
from particlegrid.view.pages import snapshot_3d
from particlegrid.volume import Volume

k3d = pytest.importorskip("k3d")
needs_browser = pytest.mark.skipif(find_chromium() is None, reason="no chromium, chromium-browser or google-chrome")
SHEARED = np.array([[0.4, 0.0, 0.0], [0.1, 0.5, 0.0], [0.05, -0.1, 0.6]])


def draw(grid, centers, sign=1.0, width=0.6):
    distances = np.linalg.norm(grid.centers()[..., None, :] - np.asarray(centers), axis=-1)
    return sign * np.exp(-((distances / width) ** 2)).sum(axis=-1)


@pytest.fixture
def volume():
    positions = [[-1.1, 0, 0], [0, 0.2, 0], [1.1, -0.3, 0.5]]
    grid = Grid((20, 20, 20), 0.4 * np.eye(3), [-4, -4, -4])
    array = np.stack([draw(grid, positions[:1]), draw(grid, positions[1:]), np.zeros(grid.shape)])
    return Volume(array, grid, ("O", "C", "N"), Structure(positions, ["O", "C", "C"]))


def test_surfaces_lie_where_the_values_are():
    """The transform of k3d's unit cube takes its samples to voxel centres, on a sheared grid as well."""
    grid = Grid((3, 4, 5), SHEARED, (-1.0, 0.5, 0.3))
    matrix = pages._sample_matrix(Volume(np.zeros((1, 3, 4, 5)), grid, ("C",)))
    samples = np.stack(np.meshgrid(*(np.linspace(-0.5, 0.5, n) for n in grid.shape), indexing="ij"), axis=-1)
    np.testing.assert_allclose(samples @ matrix[:3, :3].T + matrix[:3, 3], grid.centers(), atol=1e-6)


def test_signed_channels_have_two_surfaces_and_empty_ones_none(volume):
    array = np.stack([draw(volume.grid, [[0, 0, 0]]) - draw(volume.grid, [[2, 0, 0]]), np.zeros(volume.grid.shape)])
    array[0, 0, 0, 0] = np.inf
    signed = Volume(array, volume.grid, ("charge", "none"))
    colors = np.array([0.0, 0.4, 0.7])
    assert len(pages._draw_surfaces(k3d, signed, 0, 0.3, colors)) == 2
    assert pages._draw_surfaces(k3d, signed, 1, 0.3, colors) == []
    assert len(pages._draw_surfaces(k3d, volume, 0, 0.3, colors)) == 1


def test_the_page_says_what_it_shows(volume):
    page = snapshot_3d(volume, title="carbon <& oxygen>")
    assert "<title>carbon &lt;&amp; oxygen&gt;</title>" in page
    assert page.index("Content-Security-Policy") < page.index("<script")
    legend = page[page.index('<div id="legend">') :][:800]
    assert [f"</i>{name}<" in legend for name in ("atoms", "O", "C", "N")] == [True, True, True, False]


def test_levels_out_of_range_are_refused(volume):
    with pytest.raises(ValueError, match="`level` must lie between 0 and 1, got 3"):
        snapshot_3d(volume, level=3)


@needs_browser
@pytest.mark.parametrize("atoms", [True, False])
def test_the_view_is_drawn_turns_and_loads_nothing(volume, atoms, tmp_path):
    pytest.importorskip("playwright")
    if not atoms:
        volume = Volume(volume.array, volume.grid, volume.channels)
    (tmp_path / "view.html").write_text(snapshot_3d(volume), encoding="utf-8")
    with open_page(tmp_path / "view.html", 500, 400) as (page, requests):
        canvas = find_canvas(page, page.main_frame)
        before = photograph(canvas)
        assert count_colors(before) > 50
        # oxygen's surface is red and at the left
        assert 0 < find_red(before)[:, 1].mean() < before.shape[1] / 2
        drag(page, canvas)
        turned = photograph(canvas)
        assert changed_part(before, turned) > 0.01
        page.locator("#legend label").filter(has_text=re.compile("^O$")).locator("input").uncheck()
        page.wait_for_timeout(500)
        assert len(find_red(photograph(canvas))) < 0.4 * len(find_red(turned))
        assert requests == []


def find_red(pixels):
    """Rows and columns of red pixels, above the legend."""
    above = pixels[: int(0.85 * len(pixels))]
    return np.argwhere((above[..., 0] > 150) & (above[..., 1:].max(axis=-1) < 130))
