"""Rotations about a centre."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from particlegrid import Structure
from particlegrid.transform import Transform

QUARTER = (np.sqrt(0.5), 0, 0, np.sqrt(0.5))

numbers = st.floats(-20, 20)
vectors = st.tuples(numbers, numbers, numbers)
quaternions = st.tuples(numbers, numbers, numbers, numbers).filter(lambda q: np.linalg.norm(q) > 0.1)
transforms = st.builds(Transform, quaternions, vectors, vectors)

POINTS = np.array([[0.3, -1.2, 4.0], [7.0, 0.1, -2.5], [-3.3, 2.2, 0.0]])


def test_quarter_turn_about_a_centre_and_a_shift():
    """Conformance case LMG-16: libmolgrid 025b7b2, test_transform.py::test_apply_transform."""
    transform = Transform(QUARTER, center=(0, 1, 1), translation=(2, 0, -3))
    before = [[0, 1, 1], [0, 1, 0], [1, 1, 1], [0.333, 0.75, -9]]
    after = [[2, 1, -2], [2, 1, -3], [2, 2, -2], [2.25, 1.333, -12]]
    np.testing.assert_allclose(transform.apply(before), after, atol=1e-5)


@given(quaternions)
def test_a_quaternion_gives_a_proper_rotation(quaternion):
    matrix = Transform(quaternion).rotation
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(matrix) == pytest.approx(1)
    np.testing.assert_allclose(matrix @ quaternion[1:], quaternion[1:], atol=1e-10)  # the axis stays
    cosine = 2 * quaternion[0] ** 2 / np.dot(quaternion, quaternion) - 1
    assert (np.trace(matrix) - 1) / 2 == pytest.approx(cosine, abs=1e-12)


@given(transforms)
def test_inverse(transform):
    np.testing.assert_allclose(transform.inverse().apply(transform.apply(POINTS)), POINTS, atol=1e-11)
    np.testing.assert_allclose(transform.apply(transform.inverse().apply(POINTS)), POINTS, atol=1e-11)


@given(transforms, transforms)
def test_compose(first, second):
    expected = second.apply(first.apply(POINTS))
    np.testing.assert_allclose((second @ first).apply(POINTS), expected, atol=1e-11)
    np.testing.assert_allclose(second.compose(first).apply(POINTS), expected, atol=1e-11)


@given(transforms)
def test_distances_stay_and_vectors_turn(transform):
    moved = transform.apply(POINTS)
    np.testing.assert_allclose(moved[1:] - moved[0], transform.apply_vectors(POINTS[1:] - POINTS[0]), atol=1e-11)
    np.testing.assert_allclose(
        np.linalg.norm(moved[1:] - moved[0], axis=1), np.linalg.norm(POINTS[1:] - POINTS[0], axis=1)
    )


def test_structure_with_cell():
    cell = np.array([[4.0, 0.0, 0.0], [0.5, 5.0, 0.0], [0.25, 0.75, 6.0]])
    structure = Structure(
        POINTS,
        ["C", "O", "H"],
        cell,
        (True, True, False),
        bonds=[[0, 1, 2]],
        properties={"charge": [0.1, 0.2, -0.3]},
        info={"a": 1},
        name="x",
    )
    transform = Transform(QUARTER, center=(1, 2, 3), translation=(0.5, 0, 0))
    moved = transform.apply(structure)
    np.testing.assert_allclose(moved.positions, transform.apply(POINTS))
    np.testing.assert_allclose(moved.cell[0], [0, 4, 0], atol=1e-12)
    # a lattice image stays a lattice image
    np.testing.assert_allclose(transform.apply(POINTS + cell[2]) - moved.positions, np.tile(moved.cell[2], (3, 1)))
    assert moved == Structure(
        moved.positions,
        structure.numbers,
        moved.cell,
        structure.pbc,
        structure.bonds,
        structure.properties,
        structure.info,
        structure.name,
    )


def test_mirror():
    mirror = Transform(np.diag([1.0, 1.0, -1.0]), center=(0, 0, 1))
    assert mirror.apply([[1, 2, 3]]).tolist() == [[1, 2, -1]]
    np.testing.assert_allclose((mirror @ mirror).apply(POINTS), POINTS, atol=1e-15)


def test_is_a_value():
    transform = Transform(QUARTER, (1, 2, 3))
    assert pickle.loads(pickle.dumps(transform)) == transform
    assert transform != Transform(QUARTER)
    with pytest.raises(ValueError, match="read-only"):
        transform.rotation[0, 0] = 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((2 * np.eye(3),), r"`rotation` must be orthogonal: R R\^T differs from 1 by 3; transforms do not scale"),
        (((0, 0, 0, 0),), "`rotation` is a zero quaternion"),
        ((np.eye(4),), r"`rotation` must be a \(3, 3\) matrix or a quaternion \(w, x, y, z\), got \(4, 4\)"),
        ((QUARTER, (0, 0)), r"`center` must have shape \(3,\), got \(2,\)"),
        ((QUARTER, (0, 0, 0), (0, 0, np.nan)), r"`translation\[2\]` is nan"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        Transform(*arguments)


def test_bad_points():
    with pytest.raises(ValueError, match=r"`points` must have shape \(n, 3\), got \(3,\)"):
        Transform(QUARTER).apply([1, 2, 3])
