"""`out` of other libraries, through DLPack or as a torch tensor; what comes back shares memory with what they read."""

from __future__ import annotations

import gc
import pickle
from typing import Any

import numpy as np
import pytest

from particlegrid import Around, Batch, Box, Elements, Gaussian, Occupancy, Structure, Voxelizer

MOLECULES = [
    Structure([[0.1, 0.2, 0.3], [1.0, -0.5, 0.2], [-0.9, 0.7, 0.4]], ["C", "H", "H"]),
    Structure([[0.0, 0.4, -0.3]], ["H"]),
]
VOX = Voxelizer(Box((8, 9, 10), 0.5, outside="ignore"), Elements("H", "C"), Gaussian(0.5))
SHAPE = (2, 2, 8, 9, 10)


class Buffer:
    """What another library would lend: memory that is seen through DLPack alone."""

    def __init__(self, array: np.ndarray, device: tuple[int, int] = (1, 0)) -> None:
        self.array, self.device = array, device

    def __dlpack__(self, **options: Any) -> Any:
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.device


def draw(dtype: str, structures: Any = MOLECULES) -> Any:
    return Voxelizer(VOX.where, VOX.which, VOX.what, dtype=dtype)(structures)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
@pytest.mark.parametrize("structures", [MOLECULES, Batch(MOLECULES), MOLECULES[0]], ids=["list", "batch", "one"])
def test_a_buffer_of_dlpack_is_drawn_into(dtype: str, structures: Any) -> None:
    expected = draw(dtype, structures)
    out = Buffer(np.full(expected.shape, 7, dtype))
    assert VOX(structures, out=out) is out
    assert np.array_equal(out.array, expected)


def test_a_buffer_of_any_strides_is_drawn_into() -> None:
    out = Buffer(np.full((2, 8, 9, 10, 3), 7, np.float32).transpose(0, 4, 1, 2, 3)[:, 1:])
    assert VOX(MOLECULES, out=out) is out
    assert np.array_equal(out.array, VOX(MOLECULES))


def test_densities_without_the_short_way_draw_into_buffers_too() -> None:
    vox = Voxelizer(VOX.where, VOX.which, Occupancy())
    out = Buffer(np.full(SHAPE, 7, np.float32))
    assert vox(MOLECULES, out=out) is out
    assert np.array_equal(out.array, vox(MOLECULES))


def test_a_memory_map_is_an_array(tmp_path: Any) -> None:
    out = np.memmap(tmp_path / "grids", np.float32, "w+", shape=SHAPE)
    assert VOX(MOLECULES, out=out) is out
    assert np.array_equal(out, VOX(MOLECULES))


def test_a_read_only_buffer_is_refused() -> None:
    array = np.zeros(SHAPE, np.float32)
    array.setflags(write=False)
    with pytest.raises(
        ValueError, match=r"`out`, a Buffer, is read-only, as JAX's arrays are .*draw into a numpy array"
    ):
        VOX(MOLECULES, out=Buffer(array))
    assert not array.any()


def test_buffers_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match=r"`out` must have shape \(2, 2, 8, 9, 10\), got \(3,\)"):
        VOX(MOLECULES, out=Buffer(np.zeros(3, np.float32)))
    with pytest.raises(ValueError, match="`out` must be float32, float64, float16 or bfloat16"):
        VOX(MOLECULES, out=Buffer(np.zeros(SHAPE, np.int32)))
    with pytest.raises(ValueError, match=r"`out` must be on the CPU, got a Buffer on DLPack's device \(2, 0\)"):
        VOX(MOLECULES, out=Buffer(np.zeros(SHAPE, np.float32), device=(2, 0)))
    with pytest.raises(TypeError, match="`out`, a Buffer, cannot be seen as an array"):
        VOX(MOLECULES, out=Buffer(np.zeros(SHAPE, "S4")))
    with pytest.raises(ValueError, match="grids differ in shape, so `out` cannot hold them"):
        Voxelizer(Around(0.5, 2.0), VOX.which, VOX.what)(MOLECULES, out=Buffer(np.zeros(3, np.float32)))


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
@pytest.mark.parametrize("structures", [MOLECULES, MOLECULES[0]], ids=["list", "one"])
def test_a_tensor_is_drawn_into(dtype: str, structures: Any) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("ml_dtypes")
    expected = draw(dtype, structures)
    out = torch.full(expected.shape, 7, dtype=getattr(torch, dtype))
    assert VOX(structures, out=out) is out
    bits = (out.view(torch.uint16) if dtype == "bfloat16" else out).numpy()
    assert np.array_equal(bits, expected.view(np.uint16) if dtype == "bfloat16" else expected)
    channels_last = torch.full((2, *SHAPE[1:]), 7, dtype=out.dtype).to(memory_format=torch.channels_last_3d)
    VOX(MOLECULES, out=channels_last)
    assert torch.equal(channels_last[0], out if len(out) == 2 and out.ndim == 4 else out[0])
    assert channels_last.is_contiguous(memory_format=torch.channels_last_3d)


def test_a_tensor_of_bfloat16_needs_a_density_that_has_it_and_no_more_than_torch() -> None:
    torch = pytest.importorskip("torch")
    out = torch.zeros(SHAPE, dtype=torch.bfloat16)
    vox = Voxelizer(VOX.where, VOX.which, Occupancy())
    assert vox(MOLECULES, out=out) is out
    assert torch.equal(out, torch.from_numpy(vox(MOLECULES)).bfloat16())
    assert pickle.loads(pickle.dumps(vox)) == vox
    bits = torch.zeros(SHAPE, dtype=torch.uint16)
    assert Voxelizer(VOX.where, VOX.which, Occupancy(), dtype="bfloat16")(MOLECULES, out=bits) is bits
    assert torch.equal(bits.view(torch.bfloat16), out)
    with pytest.raises(ValueError, match="`out` must be float32, float64, float16 or bfloat16"):
        vox(MOLECULES, out=bits)


def test_autograd_notices_that_a_tensor_was_drawn_into() -> None:
    torch = pytest.importorskip("torch")
    out = torch.ones(SHAPE)
    weights = torch.ones(SHAPE, requires_grad=True)
    product = (out * weights).sum()  # its backward pass needs what `out` held
    VOX(MOLECULES, out=out)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        product.backward()
    with torch.inference_mode():
        assert torch.equal(VOX(MOLECULES, out=torch.ones(SHAPE)), out)


def test_tensors_that_do_not_fit_are_refused() -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises(ValueError, match=r"`out` requires a gradient.*pass out.detach\(\)"):
        VOX(MOLECULES, out=torch.zeros(SHAPE, requires_grad=True))
    with pytest.raises(ValueError, match="`out` must be on the CPU, got a tensor on meta"):
        VOX(MOLECULES, out=torch.zeros(SHAPE, device="meta"))
    with pytest.raises(TypeError, match=r"a tensor of torch.float8_e4m3fn, cannot be seen as an array"):
        VOX(MOLECULES, out=torch.zeros(SHAPE, dtype=torch.float8_e4m3fn))
    with pytest.raises(TypeError, match=r"`out`, a tensor of torch.float32, cannot be seen as an array"):
        VOX(MOLECULES, out=torch.zeros(SHAPE).to_sparse())
    with pytest.raises(ValueError, match="elements that overlap"):
        VOX(MOLECULES, out=torch.zeros(()).expand(SHAPE))
    with pytest.raises(ValueError, match="`out` must have shape"):
        VOX(MOLECULES, out=torch.zeros(3))


@pytest.mark.parametrize("edge", [8, 64], ids=["small", "from the pool"])
def test_results_go_to_torch_without_a_copy_and_outlive_their_names(edge: int) -> None:
    torch = pytest.importorskip("torch")
    vox = Voxelizer(Box(edge, 0.5, outside="ignore"), VOX.which, VOX.what)
    expected = vox(MOLECULES).copy()
    grids = vox(MOLECULES)
    tensor = torch.from_dlpack(grids)
    assert tensor.data_ptr() == grids.ctypes.data
    del grids
    gc.collect()
    others = [vox(MOLECULES[::-1]) for _ in range(3)]  # would take the memory if it were free
    assert np.array_equal(tensor.numpy(), expected)
    assert len(others) == 3


def test_a_batch_takes_tensors_without_a_copy() -> None:
    torch = pytest.importorskip("torch")
    batch = Batch(MOLECULES)
    positions = torch.tensor(batch.positions, requires_grad=True)
    numbers, offsets = torch.tensor(batch.numbers), torch.tensor(batch.offsets)
    weights = {"w": torch.ones(len(numbers))}
    taken = Batch.from_arrays(positions, numbers, offsets, properties=weights)
    assert np.shares_memory(taken.positions, positions.detach().numpy())
    assert np.shares_memory(taken.numbers, numbers.numpy())
    assert np.shares_memory(taken.offsets, offsets.numpy())
    assert np.shares_memory(taken.property("w"), weights["w"].numpy())
    assert np.array_equal(VOX(taken), VOX(batch))
    single = Batch.from_arrays(positions.float(), numbers.long(), offsets.int())
    assert single.positions.dtype == np.float64
    assert np.allclose(single.positions, batch.positions, atol=1e-6)


def test_jax() -> None:
    jax = pytest.importorskip("jax")
    with pytest.raises(ValueError, match=r"`out`, a \w+, is read-only, as JAX's arrays are .*draw into a numpy array"):
        VOX(MOLECULES, out=jax.numpy.zeros(SHAPE))
    grids = VOX(MOLECULES)
    there = jax.numpy.from_dlpack(grids)
    assert np.array_equal(there, grids)
    batch = Batch(MOLECULES)
    taken = Batch.from_arrays(*(jax.numpy.asarray(part) for part in (batch.positions, batch.numbers, batch.offsets)))
    assert np.allclose(VOX(taken), grids, atol=1e-6)
