"""`particlegrid.jax.voxelize` draws the numpy side's grids, traced or not, and says what is wrong."""

from __future__ import annotations

import subprocess
import sys
import warnings
from functools import partial

import jax_cases
import numpy as np
import pytest
from jax_cases import HO, list_arguments, make_crystals, make_molecules

jax = pytest.importorskip("jax")

import jax.numpy as jnp  # noqa: E402

from particlegrid import Around, Box, Gaussian, Occupancy, Structure, UnitCell, Voxelizer  # noqa: E402
from particlegrid.errors import OutsideBoxWarning  # noqa: E402
from particlegrid.jax import voxelize  # noqa: E402

WATER = np.array([[0.0, 0, 0], [0.76, 0.59, 0], [-0.76, 0.59, 0]])
NUMBERS = np.array([8, 1, 1])


def draw_twice(vox, batch, properties=None):
    """What `voxelize` draws as it is called, and under jit."""
    positions, numbers, others = list_arguments(batch)
    cell = others.pop("cell", None)
    draw = partial(voxelize, vox, numbers=numbers, properties=properties, **others)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OutsideBoxWarning)
        eager = draw(positions, cell=cell)
    return eager, jax.jit(lambda x, cell: draw(x, cell=cell))(positions, cell)


@pytest.mark.usefixtures("x64")
@pytest.mark.filterwarnings("ignore::particlegrid.errors.OutsideBoxWarning")
@pytest.mark.parametrize(
    ("case", "dtype"),
    [*((i, "float64") for i in range(len(jax_cases.CASES))), (0, "float32"), (8, "float16"), (22, "bfloat16")],
)
def test_grids_are_those_of_numpy(case, dtype):
    make, parts = jax_cases.CASES[case]
    batch = make()
    vox = Voxelizer(*parts, dtype=dtype)
    right = np.asarray(vox._resolve(batch)(batch), np.float64)
    rtol, atol = {"float64": (1e-12, 1e-14), "float32": (1e-6, 1e-7)}.get(dtype, (0.0, 0.0))
    properties = {"charge": batch.property("charge")} if make is make_molecules else None
    if "ByRule" in repr(parts):
        positions, numbers, others = list_arguments(batch)
        drawn = [voxelize(vox, positions, numbers, **others)]
    else:
        drawn = draw_twice(vox, batch, properties)
    for grids in drawn:
        assert grids.dtype == dtype
        np.testing.assert_allclose(np.asarray(grids, np.float64), right, rtol=rtol, atol=atol)


@pytest.mark.filterwarnings("ignore::particlegrid.errors.OutsideBoxWarning")
@pytest.mark.parametrize("case", [0, 2, 12, 18, 20])
def test_grids_of_jax_as_it_is_set(case):
    """Without 64-bit types coordinates are rounded, here to 2e-7 A."""
    make, parts = jax_cases.CASES[case]
    batch = make()
    vox = Voxelizer(*parts)
    right = vox._resolve(batch)(batch)
    for grids in draw_twice(vox, batch):
        assert grids.dtype == np.float32
        np.testing.assert_allclose(grids, right, rtol=0, atol=2e-6 * abs(right).max())


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("where", [Around(0.8, 1.0), UnitCell(spacing=1.5)])
def test_shapes_that_follow_from_structures(where):
    structure = (make_molecules if isinstance(where, Around) else make_crystals)()[0]
    vox = Voxelizer(where, HO, Gaussian(0.5), dtype="float64")
    others = {} if structure.cell is None else {"cell": structure.cell}

    def draw(x):
        return voxelize(vox, x, structure.numbers, **others)

    np.testing.assert_allclose(draw(structure.positions)[0], vox(structure), rtol=1e-12, atol=1e-14)
    # under jax.grad alone values are known
    slope = jax.grad(lambda x: (draw(x) ** 2).sum())(structure.positions)
    assert slope.shape == structure.positions.shape
    with pytest.raises(ValueError, match="traced code does not know"):
        jax.jit(draw)(structure.positions)
    if isinstance(where, Around):
        with pytest.raises(ValueError, match="grids of different shapes"):
            voxelize(vox, WATER, NUMBERS, batch=[0, 0, 1])


@pytest.mark.usefixtures("x64")
def test_batches_under_vmap_are_structures_of_one_call():
    random = np.random.default_rng(0)
    positions = WATER + 0.1 * random.normal(size=(2, 5, 3, 3))
    numbers = random.choice([1, 8], (2, 5, 3))
    weights = random.uniform(0.5, 1.5, (5, 3))
    vox = Voxelizer(Box(5, 0.8, "origin", "ignore"), HO, Gaussian(0.5), dtype="float64")

    def draw(x, z, w):
        return voxelize(vox, x, z, weights=w)[0]

    inner = jax.vmap(draw, in_axes=(0, 0, 0))
    grids = jax.jit(jax.vmap(inner, in_axes=(0, 0, None), out_axes=1))(positions, numbers, weights)
    assert grids.shape == (5, 2, 2, 5, 5, 5)
    for i in range(2):
        for j in range(5):
            one = draw(positions[i, j], numbers[i, j], weights[j])
            assert (np.asarray(grids[j, i]) == np.asarray(one)).all()
    cells = np.diag([3.0, 4.0, 5.0]) + random.uniform(0, 0.5, (4, 3, 3))
    crystal = Voxelizer(UnitCell(4), HO, Gaussian(0.5), dtype="float64")
    drawn = jax.vmap(lambda cell: voxelize(crystal, WATER, NUMBERS, cell=cell)[0])(cells)
    for cell, grid in zip(cells, drawn):
        np.testing.assert_allclose(grid, crystal(Structure(WATER, NUMBERS, cell)), rtol=1e-12, atol=1e-14)


@pytest.mark.usefixtures("x64")
def test_atoms_of_number_0_are_not_there():
    vox = Voxelizer(Box(6, 0.8, outside="error"), HO, Gaussian("vdw"), dtype="float64")
    filled, numbers = np.vstack([WATER, np.full((2, 3), 99.0)]), np.append(NUMBERS, [0, 0])
    right = vox(Structure(WATER, NUMBERS))
    np.testing.assert_allclose(voxelize(vox, filled, numbers)[0], right, rtol=1e-12, atol=1e-14)
    ignoring = Voxelizer(Box(6, 0.8, outside="ignore"), HO, Gaussian("vdw"), dtype="float64")
    traced = jax.jit(lambda x, z: voxelize(ignoring, x, z))
    np.testing.assert_allclose(traced(filled, numbers)[0], right, rtol=1e-12, atol=1e-14)
    slope = jax.grad(lambda x: (traced(x, numbers) ** 2).sum())(jnp.asarray(filled))
    assert (slope[3:] == 0).all()
    assert (slope[:3] != 0).any()


@pytest.mark.usefixtures("x64")
def test_weights_and_widths():
    structure = Structure(WATER, NUMBERS)
    vox = Voxelizer(Box(6, 0.8), HO, Gaussian(0.5), dtype="float64")
    table = np.random.default_rng(0).uniform(0, 1, (3, 2))
    grids = voxelize(vox, WATER, NUMBERS, weights=table, widths=np.full(3, 0.7))
    wide = Voxelizer(Box(6, 0.8), HO, Gaussian(0.7), dtype="float64")
    alone = _draw_alone(wide, WATER)
    right = [sum(share * one for share, one in zip(column, alone)) for column in table.T]
    np.testing.assert_allclose(grids[0], right, rtol=1e-12, atol=1e-13)
    doubled = voxelize(vox, WATER, NUMBERS, weights=np.full(3, 2.0))
    np.testing.assert_allclose(doubled[0], 2 * vox(structure), rtol=1e-12, atol=1e-14)


def _draw_alone(vox, positions):
    """Each atom alone as oxygen, in the box of all, in one channel."""
    alone = Voxelizer(Box(6, 0.8, positions.mean(axis=0)), vox.which, vox.what, dtype="float64")
    return [alone(Structure([position], ["O"]))[1] for position in positions]


@pytest.mark.usefixtures("x64")
def test_no_atoms():
    vox = Voxelizer(Box(4, 0.8), HO, Gaussian(0.5))
    nothing, none = np.zeros((0, 3)), np.zeros(0, int)
    for grids in (voxelize(vox, nothing, none), jax.jit(lambda x: voxelize(vox, x, none))(nothing)):
        assert grids.shape == (1, 2, 4, 4, 4)
        assert (grids == 0).all()
    assert voxelize(vox, nothing, none, batch=none).shape == (0, 2, 4, 4, 4)
    assert jax.grad(lambda x: voxelize(vox, x, none).sum())(nothing).shape == (0, 3)


def test_any_number_of_threads_gives_the_same_bits():
    random = np.random.default_rng(0)
    positions, numbers = random.normal(size=(60, 3)), random.choice([1, 8], 60)
    owners = np.repeat(np.arange(6), 10)
    results = []
    for threads in (1, 3):
        vox = Voxelizer(Box(32, 0.3), HO, Gaussian(0.5), threads=threads)

        def loss(x, vox=vox):
            return (voxelize(vox, x, numbers, batch=owners) ** 2).sum()

        results.append((voxelize(vox, positions, numbers, batch=owners), jax.grad(loss)(jnp.asarray(positions))))
    for one, three in zip(*results):
        assert (one == three).all()


@pytest.mark.usefixtures("x64")
def test_atoms_outside_are_looked_for_where_values_are_known():
    vox = Voxelizer(Box(4, 0.3), HO, Gaussian(0.5))
    with pytest.warns(OutsideBoxWarning, match="2 of 3 atoms"):
        voxelize(vox, WATER, NUMBERS)
    with pytest.warns(OutsideBoxWarning, match="2 of 3 atoms"):
        jax.grad(lambda x: voxelize(vox, x, NUMBERS).sum())(WATER)
    jax.jit(lambda x: voxelize(vox, x, NUMBERS))(WATER)
    strict = Voxelizer(Box(4, 0.3, outside="error"), HO, Gaussian(0.5))
    with pytest.raises(ValueError, match="2 of 3 atoms"):
        voxelize(strict, WATER, NUMBERS)
    with pytest.raises(ValueError, match="traced code cannot look"):
        jax.jit(lambda x: voxelize(strict, x, NUMBERS))(WATER)


VOX = Voxelizer(Box(4, 0.8), HO, Gaussian(0.5))
CRYSTAL = Voxelizer(UnitCell(4), HO, Gaussian(0.5))


@pytest.mark.parametrize(
    ("arguments", "others", "error", "message"),
    [
        ((VOX, WATER[0], NUMBERS), {}, ValueError, r"`positions` must have shape \(N, 3\), got \(3,\)"),
        ((VOX, WATER.astype(int), NUMBERS), {}, TypeError, "`positions` must be an array of floating point, got int"),
        ((VOX, WATER, NUMBERS[:2]), {}, ValueError, r"`numbers` must have shape \(3,\), got \(2,\)"),
        ((VOX, WATER, NUMBERS * 1.0), {}, TypeError, "`numbers` must be an array of whole numbers, got float"),
        ((VOX, WATER, [8, 1, 119]), {}, ValueError, r"`numbers\[2\]` is 119; atomic numbers run from 1 to 118"),
        ((VOX, WATER, [8, 1, 6]), {}, ValueError, "C"),
        ((VOX, WATER * np.nan, NUMBERS), {}, ValueError, r"`positions\[0, 0\]` is not finite"),
        ((VOX, WATER, NUMBERS), {"batch": [0, 1, 0]}, ValueError, "sort the atoms by structure"),
        ((VOX, WATER, NUMBERS), {"batch": [0, 1]}, ValueError, r"`batch` must have shape \(3,\)"),
        ((VOX, WATER, NUMBERS), {"pbc": True}, ValueError, "they have no `cell`"),
        ((VOX, WATER, NUMBERS), {"cell": np.eye(3) * 4}, ValueError, "a periodic structure has no centroid"),
        ((CRYSTAL, WATER, NUMBERS), {}, ValueError, "UnitCell needs the `cell`"),
        ((CRYSTAL, WATER, NUMBERS), {"cell": np.eye(2)}, ValueError, r"`cell` must have shape \(3, 3\), got \(2, 2\)"),
        (
            (CRYSTAL, WATER, NUMBERS),
            {"cell": np.eye(3)[None], "batch": [0, 0, 1]},
            ValueError,
            "`batch` speaks of 2 structures",
        ),
        ((CRYSTAL, WATER, NUMBERS), {"cell": np.eye(3), "pbc": [1, 1, 0]}, ValueError, "`pbc` must be a bool"),
        ((VOX, WATER, NUMBERS), {"weights": np.ones(2)}, ValueError, r"`weights` must have shape \(3,\) or \(3, C\)"),
        ((VOX, WATER, NUMBERS), {"widths": np.ones((3, 2))}, ValueError, r"`widths` must have shape \(3,\), got"),
        ((VOX, WATER, NUMBERS), {"widths": -np.ones(3)}, ValueError, "width"),
        (("vox", WATER, NUMBERS), {}, TypeError, "`vox` must be a particlegrid.Voxelizer, got str"),
    ],
)
def test_what_is_wrong_is_said(arguments, others, error, message):
    with pytest.raises(error, match=message):
        jax.block_until_ready(voxelize(*arguments, **others))


def test_what_is_traced_and_must_not_be():
    with pytest.raises(TypeError, match="`batch` is traced"):
        jax.jit(lambda owners: voxelize(VOX, WATER, NUMBERS, batch=owners))(np.zeros(3, int))
    rule = Voxelizer(Box(4, 0.8), jax_cases.MOLECULES[-1][1], Gaussian(0.5))
    with pytest.raises(ValueError, match="looks at `positions`, which jax traces"):
        jax.jit(lambda x: voxelize(rule, x, NUMBERS))(WATER)
    named = Voxelizer(Box(4, 0.8), HO, Gaussian("sigma"))
    with pytest.raises(ValueError, match="`numbers` are traced"):
        jax.jit(lambda z: voxelize(named, WATER, z, properties={"sigma": np.ones(3)}))(NUMBERS)
    with pytest.raises(ValueError, match="`pbc` follows from a traced `cell`"):
        jax.jit(lambda cell: voxelize(VOX, WATER, NUMBERS, cell=cell))(np.eye(3))
    with pytest.raises(ValueError, match="jax_enable_x64"):
        voxelize(Voxelizer(Box(4, 0.8), HO, Gaussian(0.5), dtype="float64"), WATER, NUMBERS)
    # what is wrong with traced values is said as they are drawn
    with pytest.raises(Exception, match="channel"):
        jax.block_until_ready(jax.jit(lambda z: voxelize(VOX, WATER, z))(np.array([8, 1, 6])))


@pytest.mark.parametrize("what", [Gaussian(0.5), Occupancy()])
def test_other_devices_are_refused_by_name(what):
    vox = Voxelizer(Box(4, 0.8), HO, what)
    traced = jax.jit(lambda x: voxelize(vox, x, NUMBERS)).trace(jnp.asarray(WATER, jnp.float32))
    with pytest.raises(NotImplementedError, match=r"on the CPU alone, and this is compiled for cuda"):
        traced.lower(lowering_platforms=("cuda",))


def test_jax_is_asked_for_by_name(tmp_path):
    """Without it, importing says what to install."""
    (tmp_path / "jax.py").write_text("raise ImportError('No module named jax')\n")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import particlegrid.jax"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert 'this needs jax, which is not installed: pip install "particlegrid[jax]"' in done.stderr


def test_a_process_without_torch():
    code = """
import sys
import jax, numpy as np
from particlegrid import Box, Elements, Gaussian, Occupancy, Voxelizer
from particlegrid.jax import voxelize
x = np.array([[0.0, 0, 0], [0.76, 0.59, 0], [-0.76, 0.59, 0]], np.float32)
for what in (Gaussian(0.5), Occupancy()):
    vox = Voxelizer(Box(16, 0.5), Elements("H", "O"), what)
    slope = jax.jit(jax.grad(lambda x: (voxelize(vox, x, np.array([8, 1, 1])) ** 2).sum()))(x)
    assert np.isfinite(slope).all() and abs(slope).max() > 0
assert "torch" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
