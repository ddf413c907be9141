"""The operators: registration, what they compute, and that they are each other's derivatives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from operator_arguments import make_arguments, make_direction, make_gradient  # noqa: E402
from torch.library import opcheck  # noqa: E402

from particlegrid import (  # noqa: E402
    Binary,
    Boltzmann,
    Coulomb,
    Gaussian,
    GaussianQuadratic,
    LennardJones,
    Occupancy,
    Radial,
    SphereOverlap,
)
from particlegrid.densities import Density, Drawing, Tangent  # noqa: E402
from particlegrid.densities.describe import describe_density, find_density  # noqa: E402
from particlegrid.torch import ops  # noqa: E402

F64 = torch.float64
SMOOTH = [
    Gaussian(),
    Gaussian(value="mean"),
    Gaussian(value="point"),
    GaussianQuadratic(),
    LennardJones(probe=(0.01, 2.0), cutoff=6.0),
    Coulomb(),
]
OTHERS = [Occupancy(), Binary(), SphereOverlap(), SphereOverlap(combine="max"), Radial([1.0, 0.5, 0.0], 2.0)]
NAMES = {"ids": lambda what: type(what).__name__ if isinstance(what, Density) else None}


def dot(a, b):
    return sum((x * y).sum().item() for x, y in zip(a, b))


def add(arguments, direction, step):
    return [tensor + step * t for tensor, t in zip(arguments[:6], direction)] + arguments[6:]


@pytest.mark.parametrize(
    ("what", "dtype", "requires_grad"),
    [(Gaussian(), torch.float32, False), (Gaussian(), F64, True), (Occupancy(), F64, False), (Occupancy(), F64, True)],
    **NAMES,
)
def test_opcheck(what, dtype, requires_grad):
    arguments = make_arguments(what, dtype, requires_grad=requires_grad)
    direction, gradient = make_direction(arguments), make_gradient(arguments)
    if requires_grad:
        direction, gradient = [t.requires_grad_() for t in direction], gradient.requires_grad_()
    opcheck(ops.voxelize, arguments)
    opcheck(ops.pull_back, [gradient, *arguments])
    opcheck(ops.push_forward, [*arguments, *direction])
    # the last has no derivative, so that only its fake and its schema can be looked at
    tests = ("test_schema", "test_faketensor")
    opcheck(ops.pull_back_twice, [gradient, *arguments, *direction], test_utils=tests)


@pytest.mark.parametrize("what", SMOOTH + OTHERS, **NAMES)
def test_pull_back_is_the_adjoint_of_push_forward(what):
    arguments = make_arguments(what)
    direction, gradient = make_direction(arguments), make_gradient(arguments)
    pulled = dot(ops.pull_back(gradient, *arguments), direction)
    pushed = dot([gradient], [ops.push_forward(*arguments, *direction)])
    assert pulled == pytest.approx(pushed, rel=1e-11, abs=1e-11)
    if not isinstance(what, Binary):
        assert pulled != 0


@pytest.mark.parametrize("what", SMOOTH, **NAMES)
def test_derivatives_are_those_of_finite_differences(what):
    arguments = make_arguments(what)
    direction, gradient, step = make_direction(arguments), make_gradient(arguments), 1e-5
    forward, backward = add(arguments, direction, step), add(arguments, direction, -step)
    slope = (ops.voxelize(*forward) - ops.voxelize(*backward)) / (2 * step)
    pushed = ops.push_forward(*arguments, *direction)
    torch.testing.assert_close(pushed, slope, rtol=1e-6, atol=1e-6 * slope.abs().max().item())
    slopes = zip(ops.pull_back(gradient, *forward), ops.pull_back(gradient, *backward))
    for found, (high, low) in zip(ops.pull_back_twice(gradient, *arguments, *direction), slopes):
        expected = (high - low) / (2 * step)
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5 * max(1.0, expected.abs().max().item()))


@pytest.mark.parametrize("periodic", [False, True])
def test_autograd_goes_through_twice(periodic):
    arguments = make_arguments(Gaussian(), periodic=periodic, requires_grad=True)
    by = arguments[: 6 if periodic else 5]

    def draw(*geometry):
        rest = arguments[len(geometry) :]
        return ops.voxelize(*geometry, *rest)

    assert torch.autograd.gradcheck(draw, by, fast_mode=True, atol=1e-4)
    assert torch.autograd.gradgradcheck(draw, by, fast_mode=True, atol=1e-4)


def test_autograd_of_push_forward():
    arguments = make_arguments(Gaussian(), requires_grad=True)
    direction = [t.requires_grad_() for t in make_direction(arguments)]

    def push(*tensors):
        return ops.push_forward(*tensors[:6], *arguments[6:], *tensors[6:])

    assert torch.autograd.gradcheck(push, (*arguments[:6], *direction), fast_mode=True, atol=1e-4)


def test_a_third_derivative_says_that_there_is_none():
    arguments = make_arguments(Gaussian(), requires_grad=True)
    grids = ops.voxelize(*arguments)
    (first,) = torch.autograd.grad((grids**2).sum(), arguments[0], create_graph=True)
    (second,) = torch.autograd.grad((first**2).sum(), arguments[0], create_graph=True)
    with pytest.raises(NotImplementedError, match="differentiable twice"):
        torch.autograd.grad(second.sum(), arguments[0])


def test_what_is_not_asked_for_is_not_computed(monkeypatch):
    arguments = make_arguments(Gaussian(), requires_grad=True)
    factor = torch.ones((), dtype=F64, requires_grad=True)
    grids = ops.voxelize(*arguments) * factor
    (forces,) = torch.autograd.grad((grids**2).sum(), arguments[0], create_graph=True)
    loss = (forces**2).sum()
    calls = []

    def count(*given):
        calls.append(1)
        return original(*given)

    original = ops.pull_back_twice
    monkeypatch.setattr(ops, "pull_back_twice", count)
    # as when a network is trained on forces: by its parameters alone
    torch.autograd.grad(loss, factor, retain_graph=True)
    loss.backward(inputs=[factor], retain_graph=True)
    assert not calls
    (by_weights,) = torch.autograd.grad(loss, arguments[1], retain_graph=True)
    assert len(calls) == 1
    loss.backward()
    assert len(calls) == 2
    assert torch.equal(arguments[1].grad, by_weights)


@pytest.mark.parametrize("what", SMOOTH, **NAMES)
def test_derivatives_in_float32_are_close(what):
    if isinstance(what, LennardJones):
        what = LennardJones(probe=(0.01, 1.0), cutoff=6.0)  # so that values fit
    double, single = make_arguments(what), make_arguments(what, torch.float32)
    gradient = make_gradient(single)
    expected = ops.pull_back(gradient.double(), *double)
    for found, right in zip(ops.pull_back(gradient, *single), expected):
        assert found.dtype == F64
        torch.testing.assert_close(found, right, rtol=1e-5, atol=1e-5 * max(1e-3, right.abs().max().item()))


@pytest.mark.parametrize("lay", [torch.clone, lambda g: g.transpose(2, 3).contiguous().transpose(2, 3)])
def test_gradients_of_any_layout(lay):
    arguments = make_arguments(Gaussian())
    gradient = make_gradient(arguments)
    for found, expected in zip(ops.pull_back(lay(gradient), *arguments), ops.pull_back(gradient, *arguments)):
        assert torch.equal(found, expected)
    ones = torch.ones((), dtype=F64).expand(gradient.shape)  # what sum() hands back
    for found, expected in zip(ops.pull_back(ones, *arguments), ops.pull_back(ones.contiguous(), *arguments)):
        assert torch.equal(found, expected)


def test_inference_mode():
    arguments = make_arguments(Occupancy())
    expected = ops.pull_back(make_gradient(arguments), *arguments)
    with torch.inference_mode():
        arguments = make_arguments(Occupancy())
        assert torch.equal(ops.voxelize(*arguments).clone(), ops.voxelize(*make_arguments(Occupancy())))
        for found, right in zip(ops.pull_back(make_gradient(arguments), *arguments), expected):
            assert torch.equal(found, right)


def test_no_structures():
    arguments = make_arguments(Gaussian())
    nothing = [torch.zeros((0, *t.shape[1:]), dtype=t.dtype) for t in arguments[:10]]
    nothing[8] = torch.zeros(1, dtype=torch.int64)
    arguments = nothing + arguments[10:]
    grids = ops.voxelize(*arguments)
    assert grids.shape == (0, 2, 4, 5, 3)
    assert [t.shape for t in ops.pull_back(grids, *arguments)] == [t.shape for t in nothing[:6]]


def test_types_that_grids_do_not_have():
    with pytest.raises(TypeError, match=r"torch\.float32 or torch\.float64, got torch\.float16"):
        ops.voxelize(*make_arguments(Gaussian(), torch.float16))


def test_a_density_becomes_text_and_back():
    for what in (*SMOOTH, *OTHERS, Boltzmann(LennardJones(), 300), Gaussian({"H": 0.3})):
        assert find_density(describe_density(what)) == what
    with pytest.raises(TypeError, match="must describe a density"):
        find_density('{"type": "AllAtoms"}')


_SEEN: list[tuple[Drawing, Tangent, Tangent | None]] = []


@dataclass(frozen=True)
class Counted(Gaussian):
    """A density with native derivatives: each field of a gradient is its number, and a jvp is 7."""

    def push_forward(self, drawing, direction):
        _SEEN.append((drawing, direction, None))
        drawing.out[...] = 7
        return True

    def pull_back(self, drawing, gradient, direction=None):
        _SEEN.append((drawing, gradient, direction))
        for number, name in enumerate(ops.GEOMETRY):
            getattr(gradient, name)[...] = number + (0 if direction is None else 10)
        return True


def test_native_derivatives_are_taken_where_there_are_any():
    _SEEN.clear()
    arguments = make_arguments(Counted())
    gradient, direction = make_gradient(arguments), make_direction(arguments)
    for number, (found, tensor) in enumerate(zip(ops.pull_back(gradient, *arguments), arguments)):
        assert found.shape == tensor.shape
        assert (found == number).all()
    for number, found in enumerate(ops.pull_back_twice(gradient, *arguments, *direction)):
        assert (found == number + 10).all()
    assert (ops.push_forward(*arguments, *direction) == 7).all()
    for drawing, _, _ in _SEEN:
        for name in ops.GEOMETRY:
            assert np.shares_memory(getattr(drawing, name), arguments[ops.GEOMETRY.index(name)].numpy())
        assert drawing.periodic.tolist() == [[True] * 3, [False] * 3]
        assert drawing.tol == 1e-10
    assert np.shares_memory(_SEEN[0][0].out, gradient.numpy())
    assert _SEEN[1][2].widths.tolist() == direction[2].tolist()
    assert _SEEN[2][1].axes.tolist() == direction[3].tolist()


def test_drawings_without_repeats_have_no_lattices():
    _SEEN.clear()
    arguments = make_arguments(Counted(), periodic=False)
    ops.push_forward(*arguments, *make_direction(arguments))
    assert _SEEN[0][0].lattices is None
    assert _SEEN[0][0].periodic is None
