"""The short way into the core, its memory, and 16-bit results."""

from __future__ import annotations

import gc
import pickle
from dataclasses import dataclass

import ml_dtypes
import numpy as np
import pytest
from numpy.typing import NDArray

from particlegrid import (
    AllAtoms,
    Batch,
    Box,
    Canvas,
    Density,
    Elements,
    Gaussian,
    Property,
    Structure,
    Voxelizer,
    _native,
)
from particlegrid.errors import OutsideBoxWarning
from particlegrid.memory import allocate, store

rng = np.random.default_rng(0)
molecules = [Structure(rng.normal(0, 1, (n, 3)), rng.choice([1, 6, 8], n)) for n in (3, 0, 7, 1)]


def the_long_way(vox: Voxelizer, structures: object) -> NDArray[np.float64]:
    """The same drawing by entries: a concatenated scheme has no table by element."""
    scheme = vox.which + Property("nothing")
    batch = [structures] if isinstance(structures, Structure) else structures
    marked = [
        Structure(s.positions, s.numbers, properties={"nothing": np.zeros(len(s))})
        for s in batch  # type: ignore[attr-defined]
    ]
    long = Voxelizer(vox.where, scheme, vox.what, dtype=vox.dtype, tol=vox.tol)
    assert long._style is None
    drawn = long(marked)[:, :-1]
    return drawn[0] if isinstance(structures, Structure) else drawn


@pytest.mark.parametrize("center", ["centroid", "origin", (0.3, -0.2, 0.1)])
@pytest.mark.parametrize("which", [Elements("H", "C", "O"), Elements("C", other="ignore"), AllAtoms()])
def test_both_ways_give_the_same_bits(center: object, which: Elements) -> None:
    for what in (Gaussian(0.5), Gaussian({"H": 0.3, "C": 0.5, "O": 0.45}, "mean"), Gaussian(0.6, "point", False)):
        vox = Voxelizer(Box((9, 12, 10), (0.5, 0.4, 0.6), center, outside="ignore"), which, what)
        assert vox._style is not None
        assert np.array_equal(vox(molecules), the_long_way(vox, molecules))
        assert np.array_equal(vox(Batch(molecules)), vox(molecules))
        for molecule in molecules:
            assert np.array_equal(vox(molecule), the_long_way(vox, molecule))
        out = np.full((4, len(which.channels), 9, 12, 10), 7, np.float64)
        assert vox(molecules, out=out) is out
        assert np.array_equal(out, the_long_way(Voxelizer(vox.where, which, what, dtype="float64"), molecules))


def test_mistakes_are_told_as_on_the_long_way() -> None:
    vox = Voxelizer(Box(8, 0.5), Elements("H", "C"), Gaussian({"H": 0.3}))
    with pytest.raises(ValueError, match="atom 0 of structure 1 is Br, which has no channel"):
        vox([Structure([[0, 0, 0]], ["H"]), Structure([[0, 0, 0]], ["Br"])])
    with pytest.raises(ValueError, match="`sigma` has no width for C"):
        vox(Structure([[0, 0, 0]], ["C"]))
    cut = Structure([[0, 0, -3], [0, 0, 3]], ["H", "H"])
    for given in (cut, [cut]):
        with pytest.warns(OutsideBoxWarning, match="2 of 2 atoms lie outside the box") as warned:
            vox(given)
        assert len(warned) == 1
        assert warned[0].filename == __file__
    strict = Voxelizer(Box(8, 0.5, outside="error"), Elements("H"), Gaussian(0.3))
    out = np.full((1, 8, 8, 8), 7, np.float32)
    with pytest.raises(ValueError, match="2 of 2 atoms lie outside"):
        strict(cut, out=out)
    assert (out == 7).all()


def test_a_used_voxelizer_pickles() -> None:
    vox = Voxelizer(Box(8, 0.5), Elements("H"), Gaussian(0.3))
    grid = vox(Structure([[0, 0, 0]], ["H"]))
    again = pickle.loads(pickle.dumps(vox))
    assert again == vox
    assert np.array_equal(again(Structure([[0, 0, 0]], ["H"])), grid)


def test_memory_comes_back_only_when_nothing_holds_it() -> None:
    shape = (7, 32, 32, 64)
    first = allocate(shape, "float32")
    first[:] = 1
    address = first.ctypes.data
    view = first[2]
    del first
    gc.collect()
    second = allocate(shape, "float32")
    assert second.ctypes.data != address, "a view still holds it"
    assert (view == 1).all()
    del view
    gc.collect()
    third = allocate(shape, "float32")
    assert third.ctypes.data == address
    assert third.flags.writeable
    assert third.shape == shape
    assert address % 64 == 0


def test_bfloat16_is_float32_rounded_to_nearest_even() -> None:
    single = Voxelizer(Box((9, 11, 13), 0.4, outside="ignore"), Elements("H", "C", "O"), Gaussian(0.5))
    brain = Voxelizer(single.where, single.which, single.what, dtype="bfloat16")
    expected = single(molecules).astype(ml_dtypes.bfloat16)
    grids = brain(molecules)
    assert grids.dtype == ml_dtypes.bfloat16
    assert np.array_equal(grids.view(np.uint16), expected.view(np.uint16))
    for name in _native.list_instruction_sets():
        active = _native.active_instruction_set()
        _native.use_instruction_set(name)
        bits = np.full((*expected.shape[:-1], 2 * expected.shape[-1]), 7, np.uint16)[..., ::2]
        assert brain(molecules, out=bits) is bits
        _native.use_instruction_set(active)
        assert np.array_equal(bits, expected.view(np.uint16)), name
    with pytest.raises(ValueError, match="`out` must be float32, float64, float16 or bfloat16"):
        single(molecules, out=np.zeros(expected.shape, np.uint16))


def test_store_rounds_as_ml_dtypes_does() -> None:
    values = np.concatenate([rng.normal(0, 10.0 ** rng.integers(-40, 38, 500)), [0, np.inf, -np.inf, np.nan, 3.4e38]])
    out = np.empty(len(values), ml_dtypes.bfloat16)
    store(values.astype(np.float32), out)
    expected = values.astype(np.float32).astype(ml_dtypes.bfloat16)
    assert np.array_equal(out.astype(np.float32), expected.astype(np.float32), equal_nan=True)


def test_what_is_finished_stays_in_range_until_then() -> None:
    @dataclass(frozen=True)
    class _Capped(Gaussian):
        def finish(self, values: NDArray[np.floating]) -> None:
            np.minimum(values, 2.0, out=values)

    heavy = Structure([[0, 0, 0]], ["H"], properties={"w": [1e6]})
    for dtype in ("float16", "bfloat16", "float32"):
        vox = Voxelizer(Box(8, 0.5, center="origin"), Property("w"), _Capped(0.5), dtype=dtype)
        assert vox(heavy).max() == 2
        assert issubclass(_Capped, Density)


def random_batch(seed: int, n: int) -> list[Structure]:
    r = np.random.default_rng(seed)
    return [Structure(r.normal(0, 2, (k, 3)), r.choice([1, 6, 8], k)) for k in r.integers(0, 12, n)]


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
@pytest.mark.parametrize("edge", [9, 40])
def test_a_canvas_holds_what_a_fresh_array_would(dtype: str, edge: int) -> None:
    """Large ones are streamed past the cache; ordinary and strided memory, one structure and many, both ways in."""
    vox = Voxelizer(Box(edge, 0.4, outside="ignore"), Elements("H", "C", "O"), Gaussian(0.5), dtype=dtype, threads=2)
    long = Voxelizer(vox.where, ElementsTwice(), vox.what, dtype=dtype)
    assert long._style is None
    shape = (8, 3, edge, edge, edge)
    memory = allocate((8, edge, edge, edge, 3), dtype)
    for array in (allocate(shape, dtype), np.moveaxis(memory, -1, 1)):
        canvas = Canvas(array)
        for seed, n in enumerate((8, 3, 8, 0, 5)):
            batch = random_batch(seed, n)
            for drawn_by in (vox, long):
                grids = drawn_by(batch, out=canvas)
                assert np.array_equal(grids, vox(batch).astype(grids.dtype))
                assert np.shares_memory(grids, array) or n == 0
        one = random_batch(9, 2)[1]
        assert np.array_equal(vox(one, out=canvas), vox(one))


class ElementsTwice(Elements):
    """Elements that have no table, so that the long way is taken."""

    def __init__(self) -> None:
        super().__init__("H", "C", "O")

    def element_table(self) -> None:
        return None


def test_a_density_that_touches_everything_leaves_a_canvas_right() -> None:
    @dataclass(frozen=True)
    class _Lifted(Gaussian):
        def finish(self, values: NDArray[np.floating]) -> None:
            values += 1.0

    canvas = Canvas(np.empty((4, 3, 9, 9, 9), np.float32))
    plain = Voxelizer(Box(9, 0.4, outside="ignore"), Elements("H", "C", "O"), Gaussian(0.5))
    lifted = Voxelizer(plain.where, plain.which, _Lifted(0.5))
    for vox in (plain, lifted, plain, lifted, lifted, plain):
        assert np.array_equal(vox(molecules, out=canvas), vox(molecules))


def test_what_does_not_fit_a_canvas() -> None:
    canvas = Canvas(np.empty((2, 3, 9, 9, 9), np.float32))
    vox = Voxelizer(Box(9, 0.4, outside="ignore"), Elements("H", "C", "O"), Gaussian(0.5))
    with pytest.raises(ValueError, match=r"canvas of shape \(2, 3, 9, 9, 9\); 4 grids of shape \(3, 9, 9, 9\) do not"):
        vox(molecules, out=canvas)
    with pytest.raises(ValueError, match="1 grids of shape"):
        Voxelizer(Box(8, 0.4), vox.which, vox.what)(molecules[0], out=canvas)
    with pytest.raises(ValueError, match=r"a canvas needs an array of shape \(n, C, X, Y, Z\), got \(3, 9\)"):
        Canvas(np.empty((3, 9)))
    canvas.marks[0, 0, 0] = (0, 10, 0, 9)
    with pytest.raises(ValueError, match="plane 0: what was touched lies outside the plane"):
        vox(molecules[:2], out=canvas)
