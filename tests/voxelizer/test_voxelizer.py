"""The front door: shapes, `out`, descriptions, mistakes, invariants."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from particlegrid import Around, Batch, Box, ByRule, Elements, Gaussian, Grid, Property, Structure, Voxelizer
from particlegrid.errors import OutsideBoxWarning
from particlegrid.threads import count_threads

rng = np.random.default_rng(0)
molecules = [Structure(rng.normal(0, 1, (n, 3)), rng.choice([1, 6], n), name=f"m{n}") for n in (3, 0, 7)]
vox = Voxelizer(Box((16, 14, 12), 0.5, outside="ignore"), Elements("H", "C"), Gaussian(0.5))


def test_shapes_and_types() -> None:
    one = vox(molecules[0])
    assert one.shape == (2, 16, 14, 12)
    assert one.dtype == np.float32
    many = vox(molecules)
    assert many.shape == (3, 2, 16, 14, 12)
    assert np.array_equal(many[0], one)
    assert not many[1].any()
    assert np.array_equal(vox(Batch(molecules)), many)
    assert np.array_equal(vox(iter(molecules)), many)
    assert np.array_equal(vox((molecules[0].numbers, molecules[0].positions)), one)
    assert vox([]).shape == (0, 2, 16, 14, 12)
    for dtype in ("float16", "float64", np.float16):
        assert Voxelizer(vox.where, vox.which, vox.what, dtype=dtype)(molecules[0]).dtype == np.dtype(dtype)


def test_around_gives_a_list() -> None:
    around = Voxelizer(Around(0.5, 2.0), Elements("H", "C"), Gaussian(0.5))
    grids = around(molecules)
    assert isinstance(grids, list)
    assert [g.sum().round() for g in grids] == [3, 0, 7]
    assert np.array_equal(grids[2], around(molecules[2]))
    with pytest.raises(ValueError, match="grids differ in shape, so `out` cannot hold them"):
        around(molecules, out=np.zeros(3))


def strided_outputs(shape: tuple[int, ...], dtype: str):
    yield "contiguous", np.full(shape, 7, dtype)
    yield "channels last", np.moveaxis(np.full((*shape[:-4], *shape[-3:], shape[-4]), 7, dtype), -1, -4)
    yield "x fastest", np.full(shape[::-1], 7, dtype).T
    yield "every other", np.full(tuple(2 * n for n in shape), 7, dtype)[tuple(slice(None, None, 2) for _ in shape)]
    yield "backwards", np.full(shape, 7, dtype)[..., ::-1, ::-1, ::-1]
    yield "rows apart", np.full((*shape[:-1], shape[-1] + 3), 7, dtype)[..., : shape[-1]]
    odd = np.frombuffer(bytearray(int(np.prod(shape)) * np.dtype(dtype).itemsize + 8), dtype)
    yield "off by one element", odd[1 : 1 + int(np.prod(shape))].reshape(shape)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_out_of_any_strides(dtype: str) -> None:
    expected = Voxelizer(vox.where, vox.which, vox.what, dtype=dtype)(molecules)
    for name, out in strided_outputs(expected.shape, dtype):
        assert vox(molecules, out=out) is out, name
        assert np.array_equal(out, expected), name
    single = np.full(expected.shape[1:], 7, dtype)
    assert vox(molecules[2], out=single) is single
    assert np.array_equal(single, expected[2])


def test_out_leaves_the_gaps_alone() -> None:
    memory = np.full((3, 2, 16, 14, 17), 7, np.float32)
    vox(molecules, out=memory[..., :12])
    assert (memory[..., 12:] == 7).all()


@pytest.mark.parametrize(
    ("out", "error", "message"),
    [
        ([1.0], TypeError, "`out` must be a numpy array, a torch tensor or have `__dlpack__`, got list"),
        (np.zeros((2, 16, 14, 13), np.float32), ValueError, r"`out` must have shape \(2, 16, 14, 12\)"),
        (np.zeros((2, 16, 14, 12), np.int32), ValueError, "`out` must be float32, float64, float16 or bfloat16"),
        (np.zeros((2, 16, 14, 12), ">f4"), ValueError, "native byte order"),
        (np.broadcast_to(np.float32(0), (2, 16, 14, 12)), ValueError, "read-only"),
        (
            np.lib.stride_tricks.as_strided(np.zeros(9999, np.float32), (2, 16, 14, 12), (0, 672, 48, 4)),
            ValueError,
            "elements that overlap",
        ),
    ],
)
def test_out_that_does_not_fit(out, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        vox(molecules[0], out=out)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (dict(where=32), TypeError, "`where` must be a placement such as Box"),
        (dict(where=Box), TypeError, "it is a class: call it"),
        (dict(which="H"), TypeError, "`which` must be a channel scheme"),
        (dict(what=0.5), TypeError, "`what` must be a density"),
        (dict(dtype="int8"), ValueError, "`dtype` must be one of float32, float64, float16, bfloat16"),
        (dict(dtype="bfloat"), ValueError, "`dtype` must be one of"),
        (dict(tol=0), ValueError, "`tol` must lie between"),
        (dict(threads=0), ValueError, "`threads` must be at least 1"),
        (dict(threads=2**30), ValueError, "at most 1024"),
        (dict(threads=1.5), TypeError, "`threads` must be a whole number"),
    ],
)
def test_bad_parts_are_named(arguments: dict, error: type[Exception], message: str) -> None:
    parts = {"where": Box(8, 0.5), "which": Elements("H"), "what": Gaussian(0.5)} | arguments
    with pytest.raises(error, match=message):
        Voxelizer(parts.pop("where"), parts.pop("which"), parts.pop("what"), **parts)


def test_mistakes_of_a_call() -> None:
    with pytest.raises(ValueError, match="atom 1 of structure 0 is Br, which has no channel among H, C"):
        vox(Structure([[0, 0, 0], [0, 0, 1]], ["H", "Br"]))
    with pytest.warns(OutsideBoxWarning, match="1 of 3 atoms lie outside"):
        Voxelizer(Box(8, 0.5), Elements("H"), Gaussian(0.5))(Structure([[0, 0, 0], [0, 0, 3.3], [0, 0, 0]], ["H"] * 3))
    with pytest.raises(TypeError, match="one structure"):
        vox.volume(molecules)
    for width, shown in ((-1.0, "-1"), (np.nan, "nan"), (1e-9, "0.000000"), (1e9, "1000000000")):
        odd = Structure([[0, 0, 0]], ["H"], properties={"width": [width]})
        with pytest.raises(ValueError, match=f"entry 0: the width must lie between 1e-6 and 1e6 A, got {shown}"):
            Voxelizer(Box(8, 0.5), Elements("H"), Gaussian("width"))(odd)


def test_out_off_its_elements_is_refused() -> None:
    memory = bytearray(2 * 16 * 14 * 12 * 4 + 64)
    offset = (-np.frombuffer(memory, np.uint8).ctypes.data) % 64 + 2
    out = np.frombuffer(memory, np.float32, count=2 * 16 * 14 * 12, offset=offset).reshape(2, 16, 14, 12)
    fields = np.zeros((2, 16, 14, 12), [("a", "f4"), ("b", "u1")])["a"]
    for unfit in (out, fields):
        with pytest.raises(ValueError, match="`out` must lie on whole elements"):
            vox(molecules[0], out=unfit)


def test_an_overflow_is_refused_and_does_not_reach_others() -> None:
    single = Voxelizer(Box(16, 0.5, center="origin"), Property("q"), Gaussian(0.5))
    huge, plain = (Structure([[0, -2, 3.9]], ["H"], properties={"q": [q]}) for q in (1e42, 1.0))
    with pytest.raises(ValueError, match="entry 0: weight times density overflows"):
        single([huge, plain])
    assert Voxelizer(single.where, single.which, single.what, dtype="float64")(huge).max() > 1e40


def test_dense_sums_round_as_the_docstring_says() -> None:
    n = 2000
    many = Structure(np.zeros((n, 3)), ["H"] * n)
    dense = [Voxelizer(Box(8, 0.5), Elements("H"), Gaussian(0.5), dtype=t)(many) for t in ("float32", "float64")]
    assert abs(dense[0] - dense[1]).max() <= 6e-8 * n * dense[1].max()


def test_rules_of_different_functions_differ() -> None:
    one, other = (Voxelizer(vox.where, ByRule(rule, ["a"]), vox.what) for rule in (lambda s: s, lambda s: 2 * s))
    assert one != other
    with pytest.raises(ValueError, match="define it at the top of a module"):
        hash(one)


def test_volume_warns_once() -> None:
    small = Voxelizer(Box(4, 0.5), Elements("H"), Gaussian(0.5))
    with pytest.warns(OutsideBoxWarning) as warned:
        small.volume(Structure([[0, 0, -3], [0, 0, 3]], ["H", "H"]))
    assert len(warned) == 1


def test_positions_beyond_all_bounds_draw_nothing() -> None:
    for far in (1e30, 1e300, -1e300):
        structure = Structure([[far, 0, 0]], ["H"])
        grid = Voxelizer(Box(8, 1e-3, center="origin", outside="ignore"), Elements("H"), Gaussian(0.5))(structure)
        assert not grid.any()


def test_description_hash_and_pickle() -> None:
    for v in (
        vox,
        Voxelizer(Around(0.5, 2), Elements("H") + Property("charge"), Gaussian({"H": 0.4}, "mean"), dtype="float16"),
        Voxelizer(Grid(4, np.eye(3), [0, 0, 0]), Elements("H"), Gaussian("width", "point"), tol=1e-4),
    ):
        again = Voxelizer.from_dict(json.loads(json.dumps(v.to_dict())))
        assert again == v
        assert hash(again) == hash(v)
        assert pickle.loads(pickle.dumps(v)) == v
    assert vox != Voxelizer(vox.where, vox.which, Gaussian(0.51))
    assert Voxelizer(vox.where, vox.which, vox.what, threads=3) == vox
    with pytest.raises(ValueError, match="lacks what, which"):
        Voxelizer.from_dict({"where": {}})


def test_hash_is_the_same_in_another_process() -> None:
    code = (
        "from particlegrid import *;"
        "print(Voxelizer(Box((16, 14, 12), 0.5, outside='ignore'), Elements('H', 'C'), Gaussian(0.5)).digest)"
    )
    environment = os.environ | {"PYTHONHASHSEED": "5"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == vox.digest


def test_volume() -> None:
    volume = vox.volume(molecules[0])
    assert np.array_equal(volume["C"], vox(molecules[0])[1])
    assert volume.grid.shape == (16, 14, 12)
    centre = np.array(volume.grid.origin) + 0.5 * np.multiply(volume.grid.shape, volume.grid.spacing)
    assert centre == pytest.approx(molecules[0].positions.mean(axis=0))
    with pytest.raises(KeyError, match="no channel 'N'; there is H, C"):
        volume["N"]


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32), st.tuples(*[st.integers(-2, 2)] * 3))
def test_shifting_atoms_by_voxels_shifts_the_grid(seed: int, steps: tuple[int, int, int]) -> None:
    r = np.random.default_rng(seed)
    # a spacing that is a power of two, so that the shift is exact
    s = Structure(r.normal(0, 0.7, (5, 3)), [6] * 5)
    fixed = Voxelizer(Box(32, 0.5, center="origin"), Elements("C"), Gaussian(0.4), dtype="float64")
    moved = Structure(s.positions + 0.5 * np.array(steps), s.numbers)
    assert abs(np.roll(fixed(s), steps, (1, 2, 3)) - fixed(moved)).max() < 1e-12


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32))
def test_linear_in_the_weights_and_blind_to_the_order(seed: int) -> None:
    r = np.random.default_rng(seed)
    positions, numbers = r.normal(0, 1, (6, 3)), r.choice([1, 6], 6)
    first, second = r.normal(size=(2, 6))
    weighted = Voxelizer(Box(16, 0.5, center="origin"), Elements("H", "C", weight="w"), Gaussian(0.5), dtype="float64")

    def grid(weights: np.ndarray, order: np.ndarray | slice = slice(None)) -> np.ndarray:
        return weighted(Structure(positions[order], numbers[order], properties={"w": weights[order]}))

    assert abs(grid(first) + 2 * grid(second) - grid(first + 2 * second)).max() < 1e-12
    assert abs(grid(first) - grid(first, r.permutation(6))).max() < 1e-12


def test_an_atom_in_two_channels_with_rule_of_weights() -> None:
    scheme = Elements("H", "C") + ByRule(is_carbon, ["carbon twice"])
    grid = Voxelizer(vox.where, scheme, Gaussian(0.5))(molecules[2])
    assert abs(grid[2] - 2 * grid[1]).max() <= 1e-6 * grid[2].max()


def is_carbon(structure: Structure) -> np.ndarray:
    return 2.0 * (structure.numbers == 6)[:, None]


def test_thread_count_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARTICLEGRID_NUM_THREADS", "3")
    assert count_threads() == 3
    assert count_threads(5) == 5
    monkeypatch.setenv("PARTICLEGRID_NUM_THREADS", "many")
    with pytest.raises(ValueError, match="PARTICLEGRID_NUM_THREADS must be a whole number from 1 to 1024, got 'many'"):
        count_threads()
    monkeypatch.delenv("PARTICLEGRID_NUM_THREADS")
    monkeypatch.setitem(sys.modules, "torch", None)
    assert count_threads() == len(os.sched_getaffinity(0))
