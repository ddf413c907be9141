"""Derivatives of spheres' shares of voxels: closed forms, and where the sphere touches faces, edges and corners."""

from dataclasses import fields
from itertools import product

import numpy as np
import pytest
from spheres import give_direction, list_spheres

from derivatives import CELLS, contract, differentiate, draw, make_direction, move, pull_back, push_forward
from particlegrid import SphereOverlap
from particlegrid.densities import Tangent

VOLUMES = SphereOverlap(1.0, "volume")


def cut_by_a_face(height, turned):
    """A sphere of radius 1.3 A and a face at this height above its centre, with other faces out of reach."""
    axes = 4 * np.eye(3)
    if turned:
        axes = axes @ np.linalg.qr(np.random.default_rng(6).normal(size=(3, 3)))[0]
        axes[1] += 0.4 * axes[2]  # the face is the first edge's, which stays normal to it
    normal = axes[0] / 4
    center = (4 - height) * normal + 0.5 * (axes[1] + axes[2])
    return list_spheres(axes, (2, 1, 1), [center], 1.3), normal


@pytest.mark.parametrize("height", [-1.2, -0.4, 0.0, 0.3, 1.29])
@pytest.mark.parametrize("turned", [False, True])
def test_a_sphere_cut_by_one_face(height, turned):
    drawing, normal = cut_by_a_face(height, turned)
    radius = 1.3
    disk = np.pi * (radius**2 - height**2)
    along = push_forward(VOLUMES, drawing, give_direction(drawing, positions=normal)).ravel()
    assert along == pytest.approx([-disk, disk], abs=1e-9)
    # the caps' areas
    grown = push_forward(VOLUMES, drawing, give_direction(drawing, widths=1.0)).ravel()
    assert grown == pytest.approx(
        [2 * np.pi * radius * (radius + height), 2 * np.pi * radius * (radius - height)], abs=1e-9
    )
    # the face moves with the first edge, by 1 A for the voxels' index 1
    stretched = push_forward(VOLUMES, drawing, give_direction(drawing, axes=np.outer([1, 0, 0], normal))).ravel()
    assert stretched == pytest.approx([disk, -disk], abs=1e-9)
    # second derivatives: disk' = -2 pi h dh + 2 pi R dR
    upstream = np.array([1.0, 0.0]).reshape(drawing.out.shape)
    moving = pull_back(VOLUMES, drawing, upstream, give_direction(drawing, positions=normal))
    assert moving.positions[0] == pytest.approx(-2 * np.pi * height * normal, abs=1e-9)
    assert moving.widths[0] == pytest.approx(-2 * np.pi * radius, abs=1e-9)
    growing = pull_back(VOLUMES, drawing, upstream, give_direction(drawing, widths=1.0))
    assert growing.positions[0] == pytest.approx(-2 * np.pi * radius * normal, abs=1e-9)
    assert growing.widths[0] == pytest.approx(2 * np.pi * (2 * radius + height), abs=1e-9)


def test_second_derivatives_where_the_centre_lies_on_an_edge():
    """A quarter of a ball, whose faces are half disks that meet along a diameter."""
    radius = 0.7
    drawing = list_spheres(np.diag([1.0, 1.0, 2.0]), (2, 2, 2), [[1, 1, 0.9]], radius)
    upstream = np.zeros(drawing.out.shape)
    upstream[0, 0, 0, 0, 0] = 1
    gradient = pull_back(VOLUMES, drawing, upstream)
    half = np.pi * radius**2 / 2
    assert gradient.positions[0] == pytest.approx([-half, -half, 0], abs=1e-9)
    assert gradient.widths[0] == pytest.approx(np.pi * radius**2, abs=1e-9)
    # one half disk moves along its plane and gains what its diameter sweeps
    along_x = pull_back(VOLUMES, drawing, upstream, give_direction(drawing, positions=[1.0, 0, 0]))
    assert along_x.positions[0] == pytest.approx([0, 2 * radius, 0], abs=1e-9)
    assert along_x.widths[0] == pytest.approx(-np.pi * radius, abs=1e-9)


@pytest.mark.parametrize("cell", ["orthogonal", "monoclinic", "triclinic"])
def test_totals(cell):
    """Over all voxels of a crystal a sphere has its volume, whose derivatives are 4 pi R^2, 8 pi R, and else 0."""
    lattice = CELLS[cell]
    shape = (7, 6, 8)
    for radius in (0.2, 0.9, 2.3):
        drawing = list_spheres(lattice / np.array(shape)[:, None], shape, [[0.3, 0.4, 1.0]], radius, 2.0, lattice)
        ones = np.ones(drawing.out.shape)
        gradient = pull_back(VOLUMES, drawing, ones)
        assert gradient.widths[0] == pytest.approx(2 * 4 * np.pi * radius**2, rel=1e-9)
        assert gradient.weights[0] == pytest.approx(4 / 3 * np.pi * radius**3, rel=1e-9)
        assert abs(gradient.positions).max() < 1e-9
        assert abs(gradient.origins).max() < 1e-9
        # the grid fills the cell: faces that are the next period's move with both
        fill = gradient.axes[0] + np.array(shape)[:, None] * gradient.lattices[0]
        assert abs(np.einsum("ak,ab->bk", lattice / np.array(shape)[:, None], fill)).max() < 1e-9 * max(1, radius**3)
        along = pull_back(VOLUMES, drawing, ones, give_direction(drawing, widths=1.0, positions=[0.3, -0.2, 0.1]))
        assert along.widths[0] == pytest.approx(2 * 8 * np.pi * radius, rel=1e-9)
        assert abs(along.positions).max() < 1e-9


def test_turning_the_grid_about_the_centre_changes_nothing():
    rng = np.random.default_rng(7)
    axes = np.eye(3) * 0.5 + 0.1 * rng.normal(size=(3, 3))
    center = rng.uniform(1, 3, 3) @ axes
    drawing = list_spheres(axes, (5, 5, 5), [center], 0.8)
    turn = np.cross(np.eye(3), rng.normal(size=3))
    # points x become x + (x - center) @ turn
    direction = give_direction(drawing, axes=axes @ turn, origins=-center @ turn)
    assert abs(push_forward(VOLUMES, drawing, direction)).max() < 1e-13


@pytest.mark.parametrize("per", ["voxel", "atom", "volume"])
def test_whole_and_empty_voxels(per):
    drawing = list_spheres(0.5 * np.eye(3) + 0.02, (16, 9, 9), [[2, 2, 2]], 1.6)
    what = SphereOverlap(1.0, per)
    drawn = draw(SphereOverlap(1.0), drawing)
    whole, empty = drawn == 1, drawn == 0
    assert whole.sum() > 50
    assert empty.sum() > 500
    found = push_forward(what, drawing, make_direction(drawing, 8, ("positions", "origins")))
    assert (found[whole | empty] == 0).all()
    strain = make_direction(drawing, 9, ("axes",))
    found = push_forward(what, drawing, strain)
    assert (found[empty] == 0).all()
    voxel = np.linalg.det(drawing.axes[0])
    growth = voxel * np.trace(np.linalg.solve(drawing.axes[0], strain.axes[0]))
    ball = 4 / 3 * np.pi * 1.6**3
    expected = {"voxel": 0, "atom": growth / ball, "volume": growth}[per]
    assert found[whole] == pytest.approx(expected, rel=1e-13)
    # what only reaches such voxels gives nothing, not even rounding
    gradient = pull_back(what, drawing, (whole | empty).astype(float))
    assert (gradient.positions == 0).all()
    if per == "voxel":
        assert (gradient.widths == 0).all()
        assert (gradient.axes == 0).all()


SPECIAL_CELLS = {
    "cubic": np.eye(3),
    "left-handed": np.diag([1.0, -1.0, 1.0]),
    "hexagonal": np.array([[1, 0, 0], [-0.5, 0.75**0.5, 0], [0, 0, 1.3]]),
    "fcc": np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2**0.5,
    "bcc": np.array([[-1, 1, 1], [1, -1, 1], [1, 1, -1]]) / 3**0.5,
    "sheared": np.array([[1, 0, 0], [0.4, 1, 0], [0.3, -0.5, 1]]),
}


@pytest.mark.parametrize("cell", SPECIAL_CELLS)
def test_special_places(cell):
    axes = SPECIAL_CELLS[cell]
    index = [(3 + i, 3 + j, 3 + k) for i, j, k in product((0, 0.25, 0.5), repeat=3)]
    for center, radius in product(index, (0.25, 0.5, 0.75**0.5 / 2, 1.0, 2**0.5, 3**0.5, 1.5)):
        drawing = list_spheres(axes, (6, 6, 6), [center @ axes], radius)
        direction = make_direction(drawing, 10)
        found = push_forward(VOLUMES, drawing, direction)
        ahead = differentiate(lambda step: draw(VOLUMES, move(drawing, direction, step)), 1e-6)  # noqa: B023
        # first derivatives are continuous: a jump of second ones is a term of the step's order
        assert abs(found - ahead).max() < 1e-4
        upstream = np.random.default_rng(11).normal(size=drawing.out.shape)
        gradient = pull_back(VOLUMES, drawing, upstream)
        assert contract(gradient, direction) == pytest.approx((upstream * found).sum(), rel=1e-11, abs=1e-11)
        other = make_direction(drawing, 12)
        second, third = (pull_back(VOLUMES, drawing, upstream, along) for along in (direction, other))
        assert all(np.isfinite(getattr(second, field.name)).all() for field in fields(Tangent))
        # Where the sphere touches an edge, half a chord is the square root of what is 0 to rounding: known to 1.5e-8.
        # By the axes it counts as often as the voxel's index, up to 6, in both directions.
        assert contract(second, other) == pytest.approx(contract(third, direction), rel=1e-10, abs=3 * 36 * 1.5e-8)


def test_a_face_that_is_touched_has_the_second_derivatives_of_one_out_of_reach():
    upstream = np.array([1.0, 0.0]).reshape(1, 1, 2, 1, 1)
    found = []
    for radius in (1.0 - 1e-7, 1.0, 1.0 + 1e-6):
        drawing = list_spheres(4 * np.eye(3), (2, 1, 1), [[3, 2, 2]], radius)
        along = pull_back(VOLUMES, drawing, upstream, give_direction(drawing, positions=[1.0, 0, 0]))
        found.append(along.positions[0, 0])
    assert found[:2] == [0, 0]
    assert found[2] == pytest.approx(-2 * np.pi, rel=1e-5)  # -2 pi h
