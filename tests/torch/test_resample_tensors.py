"""`particlegrid.torch.resample`: the numpy function's values, derivatives, and torch's own checks of an operator."""

from __future__ import annotations

import copy
import re

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import particlegrid  # noqa: E402
from particlegrid import Grid  # noqa: E402
from particlegrid.reference.resampling import resampling_matrix  # noqa: E402
from particlegrid.resampling import map_voxels, resample_adjoint  # noqa: E402
from particlegrid.torch import resample  # noqa: E402
from particlegrid.torch.resampling_plain import gather_voxels, scatter_voxels  # noqa: E402

METHODS = ("linear", "cubic")
ROUNDING = {torch.float32: 2e-5, torch.float64: 2e-13}

SOURCE = Grid((4, 5, 3), [[0.5, 0.1, 0], [0, 0.6, -0.1], [0.2, 0, 0.4]], [0.1, 0.2, 0.3], (True, False, True))
TARGET = Grid((3, 2, 4), [[0.4, 0, 0.1], [0.1, -0.5, 0], [0, 0.1, 0.6]], [0.4, 1.4, 0.2])


def random_grid(rng: np.random.Generator, near: Grid | None = None) -> Grid:
    shape = tuple(int(n) for n in rng.integers(1, 8, 3))
    axes = np.linalg.qr(rng.normal(size=(3, 3)))[0] * rng.uniform(0.3, 1, 3) + rng.normal(size=(3, 3)) * 0.05
    middle = np.zeros(3) if near is None else near.index_to_world(rng.uniform(0, 1, 3) * near.shape)
    return Grid(shape, axes, middle - 0.5 * np.array(shape) @ axes, rng.random(3) < 0.5)


def call_arguments(source: Grid, target: Grid, method: str) -> tuple:
    lattices = ([x for row in (*grid.axes, grid.origin) for x in row] for grid in (source, target))
    return (*lattices, source.shape, target.shape, source.pbc, method)


def draw(shape: tuple[int, ...], dtype: torch.dtype = torch.float64, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", ROUNDING, ids=str)
@pytest.mark.parametrize("lead", [(), (3,), (2, 3), (2, 1, 3)], ids=str)
def test_values_and_gradient_are_the_numpy_functions(method: str, dtype: torch.dtype, lead: tuple[int, ...]) -> None:
    x = draw((*lead, *SOURCE.shape), dtype).requires_grad_()
    got = resample(x, SOURCE, TARGET, method)
    expected = particlegrid.resample(x.detach().numpy().reshape(-1, *SOURCE.shape), SOURCE, TARGET, method)
    assert got.dtype == dtype
    assert got.shape == (*lead, *TARGET.shape)
    assert np.array_equal(got.detach().numpy().reshape(expected.shape), expected)
    y = draw(got.shape, dtype, 1)
    (gradient,) = torch.autograd.grad(got, x, y)
    expected = resample_adjoint(y.numpy().reshape(-1, *TARGET.shape), SOURCE, TARGET, method)
    assert np.array_equal(gradient.numpy().reshape(expected.shape), expected)


@pytest.mark.parametrize("method", METHODS)
def test_derivatives_to_third_order(method: str) -> None:
    x = draw((2, *SOURCE.shape)).requires_grad_()
    assert torch.autograd.gradcheck(lambda v: resample(v, SOURCE, TARGET, method), x)
    assert torch.autograd.gradgradcheck(lambda v: resample(v, SOURCE, TARGET, method), x)

    # of sum (A x)^4 along v: 24 sum (A x)(A v)^3
    v = draw(x.shape, seed=2)
    value = (resample(x, SOURCE, TARGET, method) ** 4).sum()
    for _ in range(3):
        (gradient,) = torch.autograd.grad(value, x, create_graph=True)
        value = (gradient * v).sum()
    a_x, a_v = resample(x, SOURCE, TARGET, method), resample(v, SOURCE, TARGET, method)
    assert value.item() == pytest.approx(24 * (a_x * a_v**3).sum().item(), rel=1e-12)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", ROUNDING, ids=str)
def test_opcheck(method: str, dtype: torch.dtype) -> None:
    arguments = call_arguments(SOURCE, TARGET, method)
    x, y = draw((2, 3, *SOURCE.shape), dtype).requires_grad_(), draw((2, 3, *TARGET.shape), dtype).requires_grad_()
    torch.library.opcheck(torch.ops.particlegrid.resample.default, (x, *arguments))
    torch.library.opcheck(torch.ops.particlegrid.resample_adjoint.default, (y, *arguments))


def test_one_graph_when_compiled_also_with_other_grids() -> None:
    torch._dynamo.reset()
    compiled = torch.compile(resample, fullgraph=True, backend="aot_eager")
    rng = np.random.default_rng(3)
    for target in (TARGET, *(random_grid(rng, SOURCE) for _ in range(4))):
        x = draw((2, *SOURCE.shape)).requires_grad_()
        got, expected = compiled(x, SOURCE, target, "cubic"), resample(x, SOURCE, target, "cubic")
        assert torch.equal(got, expected)
        grads = [torch.autograd.grad(f.square().sum(), x)[0] for f in (got, expected)]
        assert torch.equal(*grads)


class Module(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return resample(x, SOURCE, TARGET)


def test_export_and_copy() -> None:
    x = draw((2, *SOURCE.shape))
    exported = torch.export.export(Module(), (x,))
    assert torch.equal(exported.module()(x), resample(x, SOURCE, TARGET))
    assert torch.equal(copy.deepcopy(Module())(x), resample(x, SOURCE, TARGET))


def test_tensors_that_are_not_contiguous() -> None:
    x = draw((*SOURCE.shape[::-1], 3, 2)).permute(4, 3, 2, 1, 0).requires_grad_()
    got = resample(x, SOURCE, TARGET)
    assert torch.equal(got, resample(x.contiguous(), SOURCE, TARGET))
    y = torch.ones(()).double().expand(got.shape)  # as the gradient of a sum comes
    (gradient,) = torch.autograd.grad(got, x, y)
    assert torch.equal(gradient, torch.autograd.grad(resample(x, SOURCE, TARGET), x, y.contiguous())[0])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", ROUNDING, ids=str)
def test_plain_operations_agree_with_the_definition(method: str, dtype: torch.dtype) -> None:
    rng = np.random.default_rng(4)
    touched = 0
    for case in range(100):
        source = random_grid(rng)
        target = random_grid(rng, near=source)
        matrix = torch.tensor(resampling_matrix(source, target, method))
        touched += bool(matrix.any())
        map = map_voxels(source.axes, source.origin, target.axes, target.origin)
        lead = ((), (3,), (2, 3))[case % 3]
        x, y = draw((*lead, *source.shape), dtype, case), draw((*lead, *target.shape), dtype, case + 1)
        got = gather_voxels(x, map, target.shape, source.pbc, method)
        assert got.dtype == dtype
        assert got.shape == y.shape
        want = x.double().flatten(-3) @ matrix.T
        assert (got.flatten(-3) - want).abs().max() < ROUNDING[dtype]
        back = scatter_voxels(y, map, source.shape, source.pbc, method)
        assert back.dtype == dtype
        assert back.shape == x.shape
        want = y.double().flatten(-3) @ matrix
        assert (back.flatten(-3) - want).abs().max() < ROUNDING[dtype] * (1 + matrix.abs().sum(dim=0).max())
    assert touched > 80


@pytest.mark.parametrize("method", METHODS)
def test_plain_operations_meet_centres_as_the_core_does(method: str) -> None:
    x = draw(SOURCE.shape, torch.float32)
    x[1, 2, 1], x[0, 0, 0] = torch.inf, torch.nan
    shifted = Grid(SOURCE.shape, SOURCE.axes, np.array(SOURCE.origin) + np.array([3, -1, 2]) @ SOURCE.axes)
    for target in (SOURCE, shifted, TARGET):
        map = map_voxels(SOURCE.axes, SOURCE.origin, target.axes, target.origin)
        got = gather_voxels(x, map, target.shape, SOURCE.pbc, method)
        expected = resample(x, SOURCE, target, method)
        assert torch.equal(got.isfinite(), expected.isfinite())
        assert torch.allclose(got, expected, atol=1e-6, equal_nan=True)
    assert torch.equal(resample(x, SOURCE, SOURCE, method)[2:], x[2:])


def test_other_devices_take_the_plain_operations() -> None:
    """The dispatcher's choice for a device that the core does not reach, seen without one."""
    name = "particlegrid::resample"
    assert torch._C._dispatch_has_kernel_for_dispatch_key(name, "CPU")
    for key in ("CPU", "CompositeExplicitAutograd"):
        assert torch._C._dispatch_has_kernel_for_dispatch_key(name, key)
        assert torch._C._dispatch_has_kernel_for_dispatch_key(name + "_adjoint", key)
    shape = resample(draw((2, *SOURCE.shape)).to("meta"), SOURCE, TARGET).shape
    assert shape == (2, *TARGET.shape)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("method", METHODS)
def test_a_gpu_agrees_with_the_cpu(method: str) -> None:
    x = draw((2, 3, *SOURCE.shape)).requires_grad_()
    there = x.detach().cuda().requires_grad_()
    got, expected = resample(there, SOURCE, TARGET, method), resample(x, SOURCE, TARGET, method)
    assert torch.allclose(got.cpu(), expected, atol=1e-13)
    y = draw(expected.shape, seed=1)
    (a,), (b,) = torch.autograd.grad(got, there, y.cuda()), torch.autograd.grad(expected, x, y)
    assert torch.allclose(a.cpu(), b, atol=1e-13)
    assert torch.autograd.gradgradcheck(lambda v: resample(v, SOURCE, TARGET, method), there)


X = torch.zeros(SOURCE.shape)
FAR = Grid(3, np.eye(3), [1e10, 0, 0])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((X.numpy(), SOURCE, TARGET), TypeError, "`values` must be a tensor, got ndarray"),
        ((X.half(), SOURCE, TARGET), TypeError, "`values` must be float32 or float64, got torch.float16"),
        ((X, None, TARGET), TypeError, "`source` must be a Grid, got None"),
        ((X, SOURCE, None), TypeError, "`target` must be a Grid, got None"),
        ((X, SOURCE, TARGET, "near"), ValueError, "`method` must be one of 'linear', 'cubic', got 'near'"),
        ((X[0], SOURCE, TARGET), ValueError, "with the source's (4, 5, 3) at the end, got (5, 3)"),
        ((X.mT, SOURCE, TARGET), ValueError, "with the source's (4, 5, 3) at the end, got (4, 3, 5)"),
        ((X, SOURCE, Grid((3, None, 3), np.eye(3), [0, 0, 0])), ValueError, "`target` must have three axes"),
        ((X, SOURCE, FAR), ValueError, "must lie within 1e9 of the source's voxels"),
    ],
)
def test_bad_input_is_named(arguments: tuple, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        resample(*arguments)


def test_bad_input_of_the_operators_and_of_plain_operations() -> None:
    arguments = call_arguments(SOURCE, TARGET, "linear")
    for operator, shape in (("resample", SOURCE.shape), ("resample_adjoint", TARGET.shape)):
        with pytest.raises(ValueError, match=re.escape(f"`values` must have {shape} as their last axes")):
            getattr(torch.ops.particlegrid, operator)(torch.zeros(2, 2, 2), *arguments)
    far = map_voxels(SOURCE.axes, SOURCE.origin, FAR.axes, FAR.origin)
    with pytest.raises(ValueError, match="must lie within 1e9 of the source's voxels"):
        gather_voxels(X, far, FAR.shape, SOURCE.pbc, "linear")
