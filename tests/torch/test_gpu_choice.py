"""Which kernels the operators take on a GPU; the choice is made in Python, so no GPU is needed to look at it."""

from __future__ import annotations

import importlib.util

import pytest

torch = pytest.importorskip("torch")

from particlegrid import Gaussian, Occupancy  # noqa: E402
from particlegrid.torch import cuda, derive  # noqa: E402
from particlegrid.torch.describe import describe_density  # noqa: E402


def make_arguments(what):
    one, zero = torch.ones(1, dtype=torch.float64), torch.zeros(1, dtype=torch.int64)
    axes = torch.eye(3, dtype=torch.float64)[None]
    origins = torch.full((1, 3), -2.0, dtype=torch.float64)
    repeats = torch.zeros(1, 3, dtype=torch.bool)
    geometry = [torch.zeros(1, 3, dtype=torch.float64), one, one, axes, origins, 0 * axes]
    indices = [zero, zero, torch.tensor([0, 1]), repeats]
    return [*geometry, *indices, [4, 4, 4], 1, describe_density(what), torch.float64, 1e-6]


class Kernels:
    """In place of the Triton kernels: says what it was given."""

    def __init__(self):
        self.calls = []

    def draw(self, what, scene, shape, channel_count, dtype, tol):
        self.calls.append((what, scene, shape, channel_count, dtype, tol))
        return torch.full((1, 1, 4, 4, 4), 7.0)

    def pull_back(self, what, scene, grad, tol):
        self.calls.append((what, scene, grad, tol))
        return [torch.full_like(tensor, 8.0) for tensor in scene[:6]]


@pytest.fixture
def kernels(monkeypatch):
    found = Kernels()
    monkeypatch.setattr(cuda, "_find_kernels", lambda: found)
    return found


def test_gaussians_are_drawn_by_triton(kernels):
    arguments = make_arguments(Gaussian(0.7))
    assert (cuda.voxelize(*arguments) == 7).all()
    grad = torch.rand(1, 1, 4, 4, 4)
    gradients = cuda.pull_back(grad, *arguments)
    assert [g.shape for g in gradients] == [a.shape for a in arguments[:6]]
    assert all((g == 8).all() for g in gradients)
    drawn, pulled = kernels.calls
    assert drawn[0] == pulled[0] == Gaussian(0.7)
    assert drawn[2:] == ((4, 4, 4), 1, torch.float64, 1e-6)
    assert all(torch.equal(a, b) for a, b in zip(drawn[1], arguments[:10]))
    assert pulled[2] is grad
    assert pulled[3] == 1e-6


def test_others_are_drawn_by_plain_torch(kernels):
    arguments = make_arguments(Occupancy(1.0))
    assert torch.equal(cuda.voxelize(*arguments), derive.voxelize(*arguments))
    grad = torch.rand(1, 1, 4, 4, 4, dtype=torch.float64)
    for found, right in zip(cuda.pull_back(grad, *arguments), derive.pull_back(grad, *arguments)):
        assert torch.equal(found, right)
    assert kernels.calls == []


def test_without_triton_plain_torch_draws_and_says_so(monkeypatch):
    look = importlib.util.find_spec
    monkeypatch.setattr(cuda, "find_spec", lambda name: None if name == "triton" else look(name))
    cuda._find_kernels.cache_clear()
    arguments = make_arguments(Gaussian(0.7))
    with pytest.warns(UserWarning, match="pip install triton"):
        grids = cuda.voxelize(*arguments)
    assert torch.equal(grids, derive.voxelize(*arguments))
    cuda._find_kernels.cache_clear()
