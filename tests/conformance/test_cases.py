"""Numbers that other libraries' own tests expect, drawn through the public API; each test bears the case's name.

LMG: libmolgrid (https://github.com/gnina/libmolgrid, commit 025b7b2, Apache-2.0), test_gridmaker.py and
test_transform.py. A box of n = dimension / resolution + 1 voxels has its centres on libmolgrid's points.
MKT: moleculekit 1.17.19, its function calculate_occupancy called at 12 distances.
MMV: macromol_voxelize (https://github.com/kalekundert/macromol_voxelize, commit d5ed4fd), tests/test_voxelize.nt.
PG: the original ParticleGrid (arXiv 2211.08506, commit 416a234), a property that its code misses.
"""

import numpy as np
import pytest

import particlegrid as pg


def draw(where, what, positions=((0.0, 0.0, 0.0),), which=None, dtype="float64", **properties):
    """The one channel of carbon atoms."""
    atoms = pg.Structure(positions, ["C"] * len(positions), properties=properties)
    (values,) = pg.Voxelizer(where, which or pg.AllAtoms(), what, dtype=dtype)(atoms)
    return values


def centered(n, spacing):
    return pg.Box(n, spacing, center="origin", outside="ignore")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_LMG_01(dtype):
    """test_radius_multiples: a Gaussian that goes on as a parabola."""
    values = draw(centered(61, 0.1), pg.GaussianQuadratic(1.0, multiple=1.0), dtype=dtype)
    assert values.shape == (61, 61, 61)
    assert values[30, 30, 30] == pytest.approx(1.0, abs=1e-5)
    assert values[30, 30, 20] == pytest.approx(0.13533528, abs=1e-5)
    assert values[30, 30, 17] == pytest.approx(0.02165365, abs=1e-5)
    x = np.abs(np.arange(61) - 30) / 10
    tail = np.where(x < 1.5, np.exp(-2) * (4 * x**2 - 12 * x + 9), 0)
    np.testing.assert_allclose(values[30, 30], np.where(x <= 1, np.exp(-2 * x**2), tail), atol=1e-5)
    assert values.sum(dtype=float) == pytest.approx(1815.3619, abs=0.005)


def test_LMG_02():
    """test_radius_multiples, "funkier grid": half the radius, three of them before the parabola."""
    values = draw(centered(61, 0.1), pg.GaussianQuadratic(1.0, scale=0.5, multiple=3.0))
    x = (np.arange(61) - 30) / 10
    np.testing.assert_allclose(values[30, :, 30], np.exp(-2 * (2 * x) ** 2), atol=1e-5)
    assert values[30, 35, 30] == pytest.approx(0.13533528, abs=1e-5)
    assert values.sum() == pytest.approx(246.0876, abs=0.005)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_LMG_08(axis):
    """test_backward_gradients: the derivative of a squared derivative, at a point 1 A along an axis."""
    torch = pytest.importorskip("torch")
    from particlegrid.torch import voxelize

    vox = pg.Voxelizer(centered(13, 0.5), pg.AllAtoms(), pg.GaussianQuadratic(1.0, multiple=-2.0), dtype="float64")
    x = torch.arange(-9, 30, dtype=torch.float64) / 10
    positions = torch.zeros(len(x), 3, dtype=torch.float64)
    positions[:, axis] = x
    positions.requires_grad_()
    grids = voxelize(vox, positions, torch.full((len(x),), 6), batch=torch.arange(len(x)))
    probe = [6, 6, 6]
    probe[axis] = 8
    values = grids[:, 0, probe[0], probe[1], probe[2]]
    (first,) = torch.autograd.grad(values.sum(), positions, create_graph=True)
    (second,) = torch.autograd.grad((first[:, axis] ** 2).sum(), positions)
    d = x - 1
    np.testing.assert_allclose(values.detach(), torch.exp(-2 * d**2), atol=1e-12)
    expected = (-128 * d**3 + 32 * d) * torch.exp(-4 * d**2)
    np.testing.assert_allclose(second[:, axis], expected, atol=1e-4)


@pytest.mark.parametrize(("radius", "total"), [(3.0, 2980.2966), (1.0, 116.1969)])
def test_LMG_09(radius, total):
    """test_type_radii: the total of one atom."""
    assert draw(centered(25, 0.25), pg.GaussianQuadratic(radius)).sum() == pytest.approx(total, abs=0.01)


def test_LMG_10():
    """Binary: the points within 1 A."""
    assert draw(centered(25, 0.25), pg.Binary(1.0)).sum() == 251


def test_LMG_13():
    """Issue 57: where the dimension is no multiple of the resolution, libmolgrid has 0.98511195 in the middle."""
    assert draw(centered(3, 1.0), pg.GaussianQuadratic(1.0))[1, 1, 1] == pytest.approx(1.0, abs=1e-6)


def test_LMG_16():
    """test_apply_transform: a quaternion about a centre, then a translation."""
    turn = pg.Transform((np.sqrt(0.5), 0, 0, np.sqrt(0.5)), center=(0, 1, 1), translation=(2, 0, -3))
    points = [(0, 1, 1), (0, 1, 0), (1, 1, 1), (0.333, 0.75, -9)]
    expected = [(2, 1, -2), (2, 1, -3), (2, 2, -2), (2.25, 1.333, -12)]
    np.testing.assert_allclose(turn.apply(points), expected, atol=1e-5)


def test_MKT_01():
    """calculate_occupancy at a radius of 1.7 A."""
    distances = [0, 0.5, 1, 1.5, 1.7, 2, 2.5, 3, 4, 4.99, 5, 5.01]
    expected = [1.0, 1.0, 1.0, 0.9887846458834103, 0.6321205588285577, 0.13258847179166067, 0.009727161244684868]
    expected += [0.0010957058029483768, 3.472638851331755e-05, 2.444443357396686e-06, 0.0, 0.0]
    voxels = (pg.Box(1, 0.1, center=(d, 0, 0), outside="ignore") for d in distances)
    found = [draw(voxel, pg.Occupancy(1.7)).item() for voxel in voxels]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("center", "expected"),
    [
        pytest.param((0, 0, 0), {(1, 1, 1): 1.0}, id="MMV-01"),
        pytest.param((0.5, 0, 0), {(1, 1, 1): 0.5, (2, 1, 1): 0.5}, id="MMV-02"),
        pytest.param((0.5, 0.5, 0), {(1, 1, 1): 0.25, (2, 1, 1): 0.25, (1, 2, 1): 0.25, (2, 2, 1): 0.25}, id="MMV-03"),
    ],
)
def test_MMV_01_02_03(center, expected):
    """overlap-1, overlap-2, overlap-4: a sphere of 0.5 A in one voxel of 1 A, on a face, on an edge."""
    assert_voxels(draw(centered(3, 1.0), pg.SphereOverlap(0.5, per="atom"), [center]), expected)


def test_MMV_05():
    """occupancy: an atom that is there half of the time."""
    half = draw(
        centered(3, 1.0), pg.SphereOverlap(0.5, per="atom"), which=pg.AllAtoms(weight="occupancy"), occupancy=[0.5]
    )
    assert_voxels(half, {(1, 1, 1): 0.5})


def test_MMV_06():
    """OverlapA3: the volume in A^3."""
    assert_voxels(draw(centered(3, 2.0), pg.SphereOverlap(1.0, per="volume")), {(1, 1, 1): 4.1887902047863905})


def test_MMV_08():
    """FractionVoxel: the part of the voxel that is filled."""
    assert_voxels(draw(centered(3, 2.0), pg.SphereOverlap(1.0, per="voxel")), {(1, 1, 1): 0.5235987755982988})


def test_MMV_09():
    """agg Sum: two spheres in one voxel."""
    atoms = [(-0.5, -0.5, -0.5), (0.0, -0.5, -0.5)]
    values = draw(centered(2, 1.0), pg.SphereOverlap(0.5, per="atom", combine="sum"), atoms)
    assert_voxels(values, {(0, 0, 0): 1.5, (1, 0, 0): 0.5})


def test_MMV_11():
    """A sphere half outside of the grid."""
    values = draw(centered(2, 1.0), pg.SphereOverlap(0.5, per="atom"), [(-1, -0.5, -0.5)])
    assert_voxels(values, {(0, 0, 0): 0.5})


@pytest.mark.parametrize(("x", "mass"), [(0.5, 1.0), (0.0, 0.5), (1.0, 0.5), (1.02, 0.344578), (-0.02, 0.344578)])
def test_PG_05(x, mass):
    """What of an atom lies in the box; ParticleGrid has 0 for the atoms at and beyond the upper face."""
    box = pg.Box(32, 1 / 32, center=(0.5, 0.5, 0.5), outside="ignore")
    assert draw(box, pg.Gaussian(0.05), [(x, 0.5, 0.5)]).sum() == pytest.approx(mass, abs=1e-5)


def assert_voxels(values, expected):
    """The named voxels hold the values, all others nothing."""
    wanted = np.zeros(values.shape)
    for voxel, value in expected.items():
        wanted[voxel] = value
    np.testing.assert_allclose(values, wanted, rtol=0, atol=1e-6)
