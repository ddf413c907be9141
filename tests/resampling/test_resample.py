"""`resample` and its adjoint: the definition's matrix on random grids, scipy, exactness, and what is refused."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from particlegrid import Box, Elements, Gaussian, Grid, Structure, Volume, Voxelizer, resample
from particlegrid.reference.resampling import resampling_matrix
from particlegrid.resampling import resample_adjoint

METHODS = ("linear", "cubic")
ROUNDING = {"float32": 2e-6, "float64": 1e-13}


def random_grid(rng: np.random.Generator, near: Grid | None = None) -> Grid:
    """Rotated, sheared, anisotropic, left-handed in half the cases, periodic along any axes, down to one voxel."""
    shape = tuple(int(n) for n in rng.integers(1, 8, 3))
    while True:
        axes = rng.normal(size=(3, 3)) * rng.uniform(0.3, 1.0, (3, 1))
        if abs(np.linalg.det(axes)) > 0.05:
            break
    middle = np.zeros(3) if near is None else near.index_to_world(rng.uniform(0, 1, 3) * near.shape)
    origin = middle - 0.5 * np.array(shape) @ axes
    return Grid(shape, axes, origin, rng.random(3) < 0.5)


def box(shape: int | tuple[int, int, int], spacing: float, start: float = 0.0, pbc: bool = False) -> Grid:
    return Grid(shape, np.eye(3) * spacing, [start] * 3, [pbc] * 3)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", ROUNDING)
def test_agrees_with_the_definition(method: str, dtype: str) -> None:
    rng = np.random.default_rng(1)
    touched = 0
    for case in range(300):
        source = random_grid(rng)
        target = random_grid(rng, near=source)
        matrix = resampling_matrix(source, target, method)
        touched += bool(matrix.any())
        lead = ((), (3,), (2, 3))[case % 3]
        x = rng.normal(size=(*lead, *source.shape)).astype(dtype)
        got = resample(x, source, target, method, threads=1 + case % 3)
        assert got.dtype == dtype
        assert got.shape == (*lead, *target.shape)
        want = x.reshape(*lead, -1).astype(float) @ matrix.T
        # the rounding of t, about 1e-15 of its size, is within this as well
        assert abs(got.reshape(want.shape) - want).max() < ROUNDING[dtype] * 20
        y = rng.normal(size=(*lead, *target.shape)).astype(dtype)
        back = resample_adjoint(y, source, target, method, threads=1 + case % 3)
        want = y.reshape(*lead, -1).astype(float) @ matrix
        assert back.dtype == dtype
        assert back.shape == x.shape
        assert abs(back.reshape(want.shape) - want).max() < ROUNDING[dtype] * (20 + abs(matrix).sum(axis=0).max())
    assert touched > 250


@pytest.mark.parametrize("method", METHODS)
def test_adjoint(method: str) -> None:
    rng = np.random.default_rng(2)
    for _ in range(100):
        source = random_grid(rng)
        target = random_grid(rng, near=source)
        x, y = rng.normal(size=(2, *source.shape)), rng.normal(size=(2, *target.shape))
        a_x, at_y = resample(x, source, target, method), resample_adjoint(y, source, target, method)
        assert (a_x * y).sum() == pytest.approx((x * at_y).sum(), abs=1e-13 * (abs(a_x) * abs(y)).sum() + 1e-300)


@pytest.mark.parametrize("mode", ["grid-constant", "grid-wrap"])
def test_linear_agrees_with_scipy(mode: str) -> None:
    ndimage = pytest.importorskip("scipy.ndimage")
    rng = np.random.default_rng(3)
    for _ in range(50):
        source, target = random_grid(rng), random_grid(rng)
        source = Grid(source.shape, source.axes, source.origin, mode == "grid-wrap")
        x = rng.normal(size=source.shape)
        at = np.moveaxis(source.world_to_index(target.centers()), -1, 0)
        want = ndimage.map_coordinates(x, at, order=1, mode=mode)
        assert resample(x, source, target) == pytest.approx(want, abs=1e-12)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", ROUNDING)
def test_same_grid_is_exact_also_for_infinite_values(method: str, dtype: str) -> None:
    rng = np.random.default_rng(4)
    for _ in range(100):
        grid = random_grid(rng)
        x = rng.normal(size=grid.shape).astype(dtype)
        x[rng.random(grid.shape) < 0.2] = np.inf
        x[rng.random(grid.shape) < 0.1] = np.nan
        np.testing.assert_array_equal(resample(x, grid, grid, method), x)


@pytest.mark.parametrize("method", METHODS)
def test_infinite_values_stay_near(method: str) -> None:
    x = np.zeros((12, 12, 12), np.float32)
    x[6, 6, 6] = np.inf
    source = box(12, 1.0)
    got = resample(x, source, Grid(12, np.eye(3), [0.3] * 3), method)
    reach = 1 if method == "linear" else 2
    low, high = 6 - reach, 6 + reach
    assert (~np.isfinite(got)).sum() == (2 * reach) ** 3
    assert not np.isfinite(got[low:high, low:high, low:high]).any()


def polynomial(grid: Grid, degree: int) -> np.ndarray:
    """A product of polynomials in x, y and z, each of the given degree."""
    rng = np.random.default_rng(degree)
    x = np.moveaxis(grid.centers(), -1, 0) / 5
    return np.prod([np.polynomial.polynomial.polyval(v, rng.normal(size=degree + 1)) for v in x], axis=0)


@pytest.mark.parametrize(("method", "degree"), [("linear", 1), ("cubic", 2)])
def test_polynomials_are_exact_inside(method: str, degree: int) -> None:
    source = box((12, 11, 13), 0.8)
    inside = Grid((5, 6, 7), np.diag([0.71, 0.53, 0.47]), [2.0, 1.9, 2.1])
    want = polynomial(inside, degree)
    got = resample(polynomial(source, degree), source, inside, method)
    assert got == pytest.approx(want, abs=1e-13 * abs(want).max())
    beyond = polynomial(source, degree + 1)
    assert abs(resample(beyond, source, inside, method) - polynomial(inside, degree + 1)).max() > 1e-4


@pytest.mark.parametrize(("method", "order"), [("linear", 2), ("cubic", 3)])
def test_order_of_convergence(method: str, order: int) -> None:
    target = box(9, 0.3123, start=0.05)
    errors = []
    for n in (32, 64, 128):
        source = Grid((n, 1, 1), np.diag([6 / n, 3, 3]), [0, 0, 0], True)
        wave = np.sin(2 * np.pi / 6 * source.centers()[..., 0])
        want = np.sin(2 * np.pi / 6 * target.centers()[..., 0])
        errors.append(abs(resample(wave, source, target, method) - want).max())
    for coarse, fine in pairwise(errors):
        assert np.log2(coarse / fine) > order - 0.3


@pytest.mark.parametrize("method", METHODS)
def test_shift_by_whole_voxels_is_a_roll(method: str) -> None:
    rng = np.random.default_rng(5)
    axes = np.array([[0.5, 0, 0], [0.2, 0.6, 0], [-0.1, 0.3, 0.4]])
    x = rng.normal(size=(4, 5, 6))
    source = Grid(x.shape, axes, [1, 2, 3], True)
    for shift in ((1, 0, 0), (0, -2, 3), (40, 7, -55)):
        target = Grid(x.shape, axes, np.array([1, 2, 3]) + shift @ axes, True)
        np.testing.assert_array_equal(resample(x, source, target, method), np.roll(x, np.negative(shift), (0, 1, 2)))


@pytest.mark.parametrize("method", METHODS)
def test_a_period_is_whatever_its_voxels_are_called(method: str) -> None:
    """A supercell of the source gives the same values, down to periods of one voxel."""
    rng = np.random.default_rng(6)
    for shape in ((1, 1, 1), (1, 2, 3), (3, 2, 4)):
        x = rng.normal(size=shape)
        axes = rng.normal(size=(3, 3)) + 2 * np.eye(3)
        target = random_grid(rng)
        small = resample(x, Grid(shape, axes, [0, 0, 0], True), target, method)
        large = resample(np.tile(x, (3, 3, 3)), Grid(np.multiply(shape, 3), axes, [0, 0, 0], True), target, method)
        assert small == pytest.approx(large, abs=1e-13)


def test_zero_beyond_the_border() -> None:
    x = np.ones((3, 1, 1))
    source = box((3, 1, 1), 1.0)

    def read(position: float, method: str) -> float:
        return float(resample(x, source, Grid(1, np.eye(3), [position - 0.5, 0, 0]), method)[0, 0, 0])

    assert [read(p, "linear") for p in (-0.5, -0.25, 0.0, 0.5, 1.5, 3.0, 3.5)] == [0, 0.25, 0.5, 1, 1, 0.5, 0]
    assert read(-1.5, "cubic") == 0
    assert read(-1.0, "cubic") == -1 / 16
    assert read(0.0, "cubic") == 9 / 16 - 1 / 16
    assert read(1e6, "cubic") == 0


@pytest.mark.parametrize("method", METHODS)
def test_finer_and_back(method: str) -> None:
    """A grid three times as fine holds the coarse centres, so going there and back is exact."""
    rng = np.random.default_rng(7)
    x = rng.normal(size=(2, 5, 6, 4)).astype(np.float32)
    coarse, fine = box((5, 6, 4), 0.75), box((15, 18, 12), 0.25)
    up = resample(x, coarse, fine, method)
    np.testing.assert_array_equal(up[:, 1::3, 1::3, 1::3], x)
    np.testing.assert_array_equal(resample(up, fine, coarse, method), x)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("operation", [resample, resample_adjoint])
def test_bits_do_not_depend_on_threads_or_company(operation, method: str) -> None:
    rng = np.random.default_rng(8)
    source = Grid((20, 21, 22), np.eye(3), [0, 0, 0], (True, False, False))
    target = Grid((22, 20, 21), np.linalg.qr(rng.normal(size=(3, 3)))[0], [9, 3, 2])
    shape = source.shape if operation is resample else target.shape
    x = rng.normal(size=(3, 5, *shape)).astype(np.float32)
    one = operation(x, source, target, method, threads=1)
    assert one.any()
    for threads in (2, 3, 16):
        np.testing.assert_array_equal(operation(x, source, target, method, threads=threads), one)
    np.testing.assert_array_equal(operation(x[1, 3], source, target, method, threads=4), one[1, 3])


@pytest.mark.parametrize("operation", [resample, resample_adjoint])
def test_strided_input_and_output(operation) -> None:
    rng = np.random.default_rng(9)
    grid, other = box((4, 5, 6), 1.0), Grid((4, 5, 6), np.eye(3) * 0.9, [0.3, 0.2, 0.4])
    x = rng.normal(size=(2, 3, 4, 5, 6))
    want = operation(x, grid, other)
    last = np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1)
    assert last.strides != x.strides
    np.testing.assert_array_equal(operation(last, grid, other), want)
    backwards = np.ascontiguousarray(x[..., ::-1])[..., ::-1]
    np.testing.assert_array_equal(operation(backwards, grid, other), want)
    buffer = np.full((2, 4, 5, 6, 4), 7.0)
    out = np.moveaxis(buffer, -1, 1)[:, :3]
    assert operation(x, grid, other, out=out) is out
    np.testing.assert_array_equal(out, want)
    assert (buffer[..., 3] == 7.0).all()
    np.testing.assert_array_equal(operation(x.astype(">f8"), grid, other), want)
    np.testing.assert_array_equal(operation(x[:0], grid, other), want[:0])
    np.testing.assert_array_equal(operation(x.tolist(), grid, other), want)


def test_a_rotated_volume_is_the_volume_of_the_rotated_molecule() -> None:
    rng = np.random.default_rng(10)
    molecule = Structure(rng.normal(size=(5, 3)), ["C", "C", "O", "H", "H"])
    rotation = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    vox = Voxelizer(Box(40, 0.3, center="origin"), Elements("C", "O", "H"), Gaussian(0.6, "mean"), dtype="float64")
    volume = vox.volume(molecule)
    # the rotated molecule's value at R x is the molecule's value at x
    turned = Grid(40, np.eye(3) * 0.3 @ rotation, np.array(volume.grid.origin) @ rotation)
    want = vox(Structure(molecule.positions @ rotation.T, molecule.numbers))
    assert volume.resample(turned, "cubic").array == pytest.approx(want, abs=0.01 * want.max())
    assert abs(volume.array - want).max() > 0.2 * want.max()


def test_volume_keeps_what_it_knows() -> None:
    molecule = Structure([[0, 0, 0], [1, 1, 1]], ["C", "O"])
    volume = Voxelizer(Box(12, 0.5), Elements("C", "O"), Gaussian(0.5)).volume(molecule)
    other = volume.resample(Box((6, 7, 8), 0.4))
    assert other.grid == Grid((6, 7, 8), np.eye(3) * 0.4, np.array([0.5] * 3) - 0.2 * np.array([6, 7, 8]))
    assert other.channels == volume.channels
    assert other.structure is volume.structure
    assert other.array.dtype == volume.array.dtype
    bare = Volume(volume.array, volume.grid, volume.channels)
    np.testing.assert_array_equal(bare.resample(volume.grid).array, volume.array)
    with pytest.raises(ValueError, match="this volume has no structure to place a grid about: give a Grid"):
        bare.resample(Box(8, 0.5))
    with pytest.raises(TypeError, match="`where` must be a Grid or a placement"):
        volume.resample(0.5)


GRID = box(4, 1.0)
VALUES = np.zeros((4, 4, 4), np.float32)


@pytest.mark.parametrize("operation", [resample, resample_adjoint])
@pytest.mark.parametrize(
    ("values", "options", "error", "message"),
    [
        (VALUES[0], {}, ValueError, r"`values` must have shape \(X, Y, Z\), .* got \(4, 4\)"),
        (VALUES[:3], {}, ValueError, r"`values` must have shape .*\(4, 4, 4\) at the end, got \(3, 4, 4\)"),
        (VALUES[None, None, None], {}, ValueError, "`values` must have shape"),
        (VALUES.astype(np.float16), {}, TypeError, "`values` must be float32 or float64, got float16: convert"),
        (VALUES.astype(int), {}, TypeError, "`values` must be float32 or float64, got int64"),
        (VALUES.astype(complex), {}, TypeError, "`values` must be float32 or float64, got complex128"),
        (VALUES, {"source": Box(4, 1.0)}, TypeError, "`source` must be a Grid"),
        (VALUES, {"target": (4, 4, 4)}, TypeError, "`target` must be a Grid"),
        (VALUES, {"method": "nearest"}, ValueError, "`method` must be one of 'linear', 'cubic', got 'nearest'"),
        (VALUES, {"threads": 0}, ValueError, "`threads` must be at least 1"),
        (VALUES, {"threads": 2.0}, TypeError, "`threads` must be a whole number"),
        (VALUES, {"out": [1]}, TypeError, "`out` must be a numpy array, got list"),
        (VALUES, {"out": np.zeros((4, 4, 5), np.float32)}, ValueError, r"`out` must have shape \(4, 4, 4\)"),
        (VALUES, {"out": np.zeros((4, 4, 4))}, ValueError, "`out` must have the dtype of `values`, float32"),
        (VALUES, {"out": VALUES}, ValueError, "`out` lies in the same memory as `values`"),
    ],
)
def test_bad_input(operation, values: np.ndarray, options: dict, error: type[Exception], message: str) -> None:
    arguments = {"source": GRID, "target": GRID, **options}
    with pytest.raises(error, match=message):
        operation(values, **arguments)


def test_grids_too_far_apart() -> None:
    with pytest.raises(ValueError, match="within 1e9 of the source's voxels"):
        resample(VALUES, GRID, Grid(4, np.eye(3), [2e9, 0, 0]))
    with pytest.raises(ValueError, match="within 1e9 of the source's voxels"):
        resample(VALUES, GRID, Grid(4, np.eye(3) * 1e12, [0, 0, 0]))
