"""Derivatives where a voxel takes the largest share: those of the winner."""

from dataclasses import fields

import numpy as np
import pytest
from spheres import list_spheres

from derivatives import draw, make_direction, make_drawing, pull_back, push_forward
from particlegrid import SphereOverlap
from particlegrid.densities import Tangent


def test_the_largest_value_has_the_derivatives_of_its_entry():
    drawing = make_drawing("triclinic", widths=(0.4, 1.3))
    what, upstream = SphereOverlap(1.0, "atom", "max"), np.random.default_rng(12).normal(size=drawing.out.shape)
    weights = pull_back(what, drawing, upstream).weights
    # the values are linear in all weights at once
    assert weights @ drawing.weights == pytest.approx((upstream * draw(what, drawing)).sum(), rel=1e-12)
    assert weights[4] == 0  # the entry of weight 0 wins nowhere


@pytest.mark.parametrize("per", ["voxel", "atom", "volume"])
def test_on_ties_the_first_entry_wins(per):
    what = SphereOverlap(1.0, per, "max")
    axes, shape = np.array([[0.5, 0, 0], [0.1, 0.45, 0], [0, 0.05, 0.55]]), (8, 8, 8)
    centers = np.array([[3.3, 4.2, 3.7], [4.5, 4.1, 4.4], [3.3, 4.2, 3.7]]) @ axes
    drawing = list_spheres(axes, shape, centers, 1.1)
    alone = list_spheres(axes, shape, centers[:2], 1.1)
    upstream = np.random.default_rng(13).normal(size=drawing.out.shape)
    gradient, expected = pull_back(what, drawing, upstream), pull_back(what, alone, upstream)
    assert np.array_equal(gradient.positions[:2], expected.positions)
    assert not gradient.positions[2].any()
    assert gradient.weights[2] == gradient.widths[2] == 0
    if per == "voxel":  # voxels inside both spheres: value 1, that of the first
        both = (draw(what, list_spheres(axes, shape, centers[:1], 1.1)) == 1) & (
            draw(what, list_spheres(axes, shape, centers[1:2], 1.1)) == 1
        )
        assert both.sum() > 3
        weights = pull_back(what, drawing, both.astype(float)).weights
        assert weights == pytest.approx([both.sum(), 0, 0], rel=1e-14)


def test_mirrored_entries_tie_though_their_rounding_differs():
    rng = np.random.default_rng(14)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    for offset in rng.uniform(0.1, 0.6, 20):
        centers = np.array([[1.5 - offset, 1.5, 1.5], [1.5 + offset, 1.5, 1.5]]) @ turn
        drawing = list_spheres(turn, (3, 3, 3), centers, 0.83)
        upstream = np.zeros(drawing.out.shape)
        upstream[:, :, 1] = 1  # the mirror's plane goes through the middle of these voxels
        gradient = pull_back(SphereOverlap(1.0, combine="max"), drawing, upstream)
        assert gradient.weights[0] > 0
        assert gradient.weights[1] == 0


def test_on_ties_the_first_image_wins():
    """Of two images that share half of the voxel each, that of the lower translation."""
    drawing = list_spheres(np.eye(3), (1, 1, 1), [[0.0, 0.5, 0.5]], 0.4, cell=np.diag([1.0, 3.0, 3.0]))
    gradient = pull_back(SphereOverlap(1.0, combine="max"), drawing, np.ones(drawing.out.shape))
    disk = np.pi * 0.4**2
    assert gradient.positions[0] == pytest.approx([disk, 0, 0], abs=1e-12)  # of the image at 0, which enters
    assert abs(gradient.lattices).max() == 0


def test_where_no_entry_exceeds_0_there_is_no_derivative():
    drawing = list_spheres(np.eye(3) * 0.5, (4, 4, 4), [[1, 1, 1], [1.2, 1, 1]], 0.7, [-1.0, 0.0])
    what = SphereOverlap(1.0, combine="max")
    assert not push_forward(what, drawing, make_direction(drawing, 15)).any()
    gradient = pull_back(what, drawing, np.ones(drawing.out.shape))
    assert not any(getattr(gradient, field.name).any() for field in fields(Tangent))
