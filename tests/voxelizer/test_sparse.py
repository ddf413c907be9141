"""Sparse output: what the dense call gives, without the zeros."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest

from particlegrid import Around, Batch, Box, Elements, Gaussian, Grid, Structure, UnitCell, Voxelizer, reference
from particlegrid.densities import Density
from particlegrid.densities.radial import Binary, GaussianQuadratic, Occupancy
from particlegrid.errors import OutsideBoxWarning
from particlegrid.sparse import SparseBlocks, SparseGrids

LAYOUTS = {"coo": SparseGrids, "blocks": SparseBlocks}
ELEMENTS = Elements("H", "C", "O", weight="weight")


def random_structures(rng: np.random.Generator, grid: Grid, n: int, pbc: bool) -> list[Structure]:
    """Atoms inside and outside, weights of both signs and zero, structures without atoms."""
    made = []
    for _ in range(n):
        count = int(rng.integers(0, 6))
        positions = grid.index_to_world(rng.uniform(-0.3, 1.3, (count, 3)) * grid.shape)
        weights = rng.normal(size=count) * (rng.random(count) > 0.1)
        cell = np.array(grid.axes) * np.array(grid.shape)[:, None] if pbc else None
        made.append(Structure(positions, rng.choice([1, 6, 8], count), cell=cell, properties={"weight": weights}))
    return made


def check(sparse: SparseGrids, dense: np.ndarray, layout: str) -> None:
    """The same numbers, and the same items as the definition finds in the dense array."""
    assert type(sparse) is LAYOUTS[layout]
    assert sparse.shape == dense.shape
    again = sparse.to_dense()
    assert again.dtype == dense.dtype
    np.testing.assert_array_equal(again, dense)
    expected = LAYOUTS[layout].from_dense(dense)
    np.testing.assert_array_equal(sparse.offsets, expected.offsets)
    np.testing.assert_array_equal(sparse.places, expected.places)
    np.testing.assert_array_equal(sparse.values, expected.values)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("pbc", [False, True])
def test_round_trip(layout: str, dtype: str, pbc: bool) -> None:
    rng = np.random.default_rng(1)
    out, filled = None, 0
    for case in range(40):
        shape = tuple(int(n) for n in rng.integers(1, 30, 3))
        shape = (shape[0], shape[1], int(rng.integers(60, 140))) if case % 10 == 0 else shape
        spacing = rng.uniform(0.2, 0.6, 3)
        grid = Grid(shape, np.diag(spacing), rng.uniform(-5, 5, 3), pbc)
        structures = random_structures(rng, grid, int(rng.integers(1, 6)), pbc)
        where = grid if not pbc else UnitCell(shape)
        # narrow ones leave voxels between the atoms empty
        what = Gaussian(float(rng.uniform(0.05, 0.5)), ("integral", "point")[case % 2])
        vox = Voxelizer(where, ELEMENTS, what, dtype=dtype, threads=1 + case % 4)
        dense = vox(structures)
        out = vox.sparse(structures, layout, out=out if case % 3 else None)
        check(out, dense, layout)
        filled += out.values.size > 0
        single = vox.sparse(structures[0], layout)
        check(single, dense[0], layout)
    assert filled > 25


def molecules(n: int = 40) -> Batch:
    rng = np.random.default_rng(2)
    counts = rng.integers(1, 20, n)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    numbers = rng.choice(np.array([1, 6, 8], np.uint8), offsets[-1])
    return Batch.from_arrays(rng.normal(0, 1.5, (offsets[-1], 3)), numbers, offsets)


BOX = Box((26, 24, 29), 0.4, outside="ignore")


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
def test_molecules_in_a_box(layout: str, dtype: str) -> None:
    if dtype == "bfloat16":
        pytest.importorskip("ml_dtypes")
    vox = Voxelizer(BOX, Elements("H", "C", "O"), Gaussian(0.3), dtype=dtype)
    batch = molecules()
    dense = vox(batch)
    for threads in (1, 2, 5):
        sparse = Voxelizer(BOX, vox.which, vox.what, dtype=dtype, threads=threads).sparse(batch, layout)
        assert sparse.values.dtype == dense.dtype
        np.testing.assert_array_equal(sparse.to_dense(), dense)
    assert sparse.nbytes < dense.nbytes / 2
    if sparse.values.itemsize > 2:  # what rounds to zero in 16 bits stays in the list
        check(sparse, dense, layout)


def test_items_are_sorted_and_unique() -> None:
    vox = Voxelizer(BOX, Elements("H", "C", "O"), Gaussian(0.3))
    batch = molecules(5)
    dense = vox(batch)
    coo, blocks = vox.sparse(batch), vox.sparse(batch, "blocks")
    assert all(tuple(a) < tuple(b) for a, b in pairwise(coo.indices.tolist()))
    assert all(tuple(a) < tuple(b) for a, b in pairwise(blocks.indices.tolist()))
    np.testing.assert_array_equal(dense[tuple(coo.indices.T)], coo.values)
    assert (coo.values != 0).all()
    assert (blocks.values != 0).any(axis=(1, 2, 3)).all()
    s, c, *corner = blocks.indices[7]
    x, y, z = (slice(8 * i, 8 * i + 8) for i in corner)
    block = dense[s, c, x, y, z]
    np.testing.assert_array_equal(blocks.values[7][tuple(map(slice, block.shape))], block)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_memory_is_written_again(layout: str) -> None:
    vox = Voxelizer(BOX, Elements("H", "C", "O"), Gaussian(0.3))
    many, few = molecules(30), molecules(10)
    first = vox.sparse(many, layout)
    second = vox.sparse(few, layout, out=first)
    assert np.shares_memory(first.values, second.values)
    check(second, vox(few), layout)
    small = vox.sparse(few, layout)
    grown = vox.sparse(many, layout, out=small)
    assert not np.shares_memory(small.values, grown.values)
    check(grown, vox(many), layout)
    double = Voxelizer(BOX, vox.which, vox.what, dtype="float64")
    check(double.sparse(few, layout, out=first), double(few), layout)
    other = "blocks" if layout == "coo" else "coo"
    check(vox.sparse(few, other, out=first), vox(few), other)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_nothing_to_draw(layout: str) -> None:
    vox = Voxelizer(BOX, Elements("H"), Gaussian(0.3))
    none = vox.sparse([], layout)
    assert none.shape == (0, 1, 26, 24, 29)
    assert none.to_dense().shape == none.shape
    empty = vox.sparse([Structure(np.zeros((0, 3)), []), Structure([[0, 0, 0]], ["H"])], layout)
    assert empty.offsets[1] == 0 < empty.offsets[2]
    assert not empty.to_dense()[0].any()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_grids_of_different_shapes(layout: str) -> None:
    structures = [Structure([[0, 0, 0]], ["C"]), Structure([[0, 0, 0], [2, 0, 0]], ["C", "C"])]
    vox = Voxelizer(Around(0.4, 2.0), Elements("C"), Gaussian(0.3))
    for sparse, dense in zip(vox.sparse(structures, layout), vox(structures)):
        check(sparse, dense, layout)
    with pytest.raises(ValueError, match="grids differ in shape, so `out` cannot hold them"):
        vox.sparse(structures, layout, out=vox.sparse(structures[0], layout))


@dataclass(frozen=True)
class Wedge(Density):
    """A density without a kernel: max(1 - d, 0)."""

    def atom_widths(self, batch: Batch) -> np.ndarray:
        return np.ones(len(batch.numbers))


@dataclass(frozen=True)
class OneMinus(Gaussian):
    """A density that makes something of nothing."""

    def __init__(self) -> None:
        super().__init__(0.3)

    def finish(self, values: np.ndarray) -> None:
        np.subtract(1, values, out=values)


@reference.evaluate.register
def _(what: Wedge, position: np.ndarray, width: float, grid: Grid) -> np.ndarray:
    return np.maximum(1 - np.linalg.norm(grid.centers() - position, axis=-1), 0)


@reference.find_reach.register
def _(what: Wedge, width: float, grid: Grid) -> float:
    return 1.0


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("what", [Wedge(), OneMinus()])
def test_densities_without_a_sparse_kernel(layout: str, what: Density) -> None:
    vox = Voxelizer(Box(12, 0.4), Elements("C"), what)
    structures = [Structure([[0, 0, 0.1]], ["C"]), Structure([[0, 0.2, 0]], ["C"])]
    check(vox.sparse(structures, layout), vox(structures), layout)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("what", [Gaussian(0.3, "point"), GaussianQuadratic(), Occupancy(cutoff=2.0), Binary()])
def test_densities_of_the_radial_kernel(layout: str, what: Density) -> None:
    cubic, sheared = np.eye(3) * 4, np.array([[4, 0, 0], [1, 4, 0], [0, 0.5, 4]])
    salts = [Structure([[0, 0, 0], [1, 2, 2]], ["Na", "Cl"], cell=cell) for cell in (cubic, sheared, cubic)]
    vox = Voxelizer(UnitCell((11, 12, 10)), Elements("Na", "Cl"), what)
    for batch in (salts, salts[:1], salts[1:2]):
        check(vox.sparse(batch, layout), vox(batch), layout)


def test_sheared_voxels() -> None:
    grid = Grid((9, 8, 10), [[0.4, 0, 0], [0.1, 0.4, 0], [0, 0, 0.4]], [-1.8, -1.6, -2])
    vox = Voxelizer(grid, Elements("C"), Gaussian(0.3))
    carbon = Structure([[0, 0, 0]], ["C"])
    check(vox.sparse(carbon), vox(carbon), "coo")


@pytest.mark.parametrize("single", [False, True])
def test_to_torch(single: bool) -> None:
    torch = pytest.importorskip("torch")
    vox = Voxelizer(Box(12, 0.4), Elements("C", "O"), Gaussian(0.3))
    structures = [Structure([[0, 0, 0.1], [1, 0, 0]], ["C", "O"]), Structure([[0, 0.2, 0]], ["C"])]
    given = structures[0] if single else structures
    tensor = vox.sparse(given).to_torch()
    assert tensor.is_coalesced()
    checked = torch.sparse_coo_tensor(tensor.indices(), tensor.values(), tensor.shape, check_invariants=True)
    np.testing.assert_array_equal(checked.to_dense().numpy(), vox(given))
    with pytest.raises(TypeError, match='take layout="coo"'):
        vox.sparse(given, "blocks").to_torch()


def test_what_is_refused() -> None:
    vox = Voxelizer(Box(12, 0.4), Elements("C"), Gaussian(0.3))
    carbon = Structure([[0, 0, 0]], ["C"])
    with pytest.raises(ValueError, match="`layout` must be one of 'coo', 'blocks', got 'csr'"):
        vox.sparse(carbon, "csr")
    with pytest.raises(TypeError, match=r"`out` must be an earlier result of sparse\(\), got ndarray"):
        vox.sparse(carbon, out=np.zeros(3))
    with pytest.raises(ValueError, match="has no channel"):
        vox.sparse(Structure([[0, 0, 0]], ["Xe"]))
    with pytest.warns(OutsideBoxWarning, match="1 of 1 atoms lie outside the box"):
        Voxelizer(Box(12, 0.4, "origin"), Elements("C"), Gaussian(0.3)).sparse(Structure([[9, 0, 0]], ["C"]))
    huge = Voxelizer(Box((2048, 1024, 1024), 0.4), Elements("C"), Gaussian(0.3))
    with pytest.raises(ValueError, match="less than 2\\^31 voxels a structure"):
        huge.sparse(carbon)
