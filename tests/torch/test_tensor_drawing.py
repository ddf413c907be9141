"""Drawings over tensors: what the core reads where it is, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from operator_arguments import make_arguments, make_direction, make_gradient  # noqa: E402

from particlegrid import Coulomb, Gaussian, LennardJones, SphereOverlap  # noqa: E402
from particlegrid.torch import ops, tensor_drawing  # noqa: E402

NAMES = ("positions", "weights", "widths", "axes", "origins", "lattices", "atoms", "channels", "offsets", "periodic")
DENSITIES = [
    Gaussian(),
    Gaussian(value="point"),
    LennardJones(probe=(0.01, 2.0), cutoff=6.0),
    Coulomb(),
    SphereOverlap(),
]
exchanges = pytest.mark.skipif(not tensor_drawing._EXCHANGES, reason="this PyTorch has no DLPack exchange table")


@pytest.mark.parametrize("what", DENSITIES, ids=lambda what: type(what).__name__)
@pytest.mark.parametrize("periodic", [True, False])
def test_addresses_and_arrays_give_the_same_bits(what, periodic, monkeypatch):
    """Older PyTorch has no DLPack table: its tensors go as arrays."""
    arguments = make_arguments(what, periodic=periodic)

    def compute():
        return [
            ops.voxelize(*arguments),
            *ops.pull_back(make_gradient(arguments), *arguments),
            ops.push_forward(*arguments, *make_direction(arguments)),
            *ops.pull_back_twice(make_gradient(arguments), *arguments, *make_direction(arguments)),
        ]

    here = compute()
    monkeypatch.setattr(tensor_drawing, "_EXCHANGES", not tensor_drawing._EXCHANGES)
    if tensor_drawing._EXCHANGES:
        pytest.skip("this PyTorch has no DLPack exchange table")
    for a, b in zip(here, compute(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("k", range(10), ids=NAMES)
def test_any_layout(k):
    """Strided, reversed by stepping, negated lazily, from the middle of memory: as a contiguous copy."""
    arguments = make_arguments(Gaussian())
    expected = ops.voxelize(*arguments)
    given = arguments[k]
    spread = torch.zeros((2 * given.shape[0], *given.shape[1:], 3), dtype=given.dtype)[::2, ..., 1]
    spread.copy_(given)
    behind = torch.cat([given[:1], given])[1:]
    layouts = [spread, behind]
    if given.dtype == torch.float64:
        negated = torch.complex(torch.zeros_like(given), -given).conj().imag
        assert negated.is_neg()
        layouts.append(negated)
    for layout in layouts:
        assert torch.equal(ops.voxelize(*arguments[:k], layout, *arguments[k + 1 :]), expected)


@exchanges
@pytest.mark.parametrize("k", range(10), ids=NAMES)
def test_wrong_types_and_shapes_are_named(k):
    arguments = make_arguments(Gaussian())
    given = arguments[k]
    # another type, one dimension more, and vectors of two components or an entry too few
    for tensor in (given.to(torch.float32), given[None], given[..., :-1].contiguous()):
        told = rf"`{NAMES[k]}` must be .* shape \(.*, got .* shape \({', '.join(map(str, tensor.shape))}\)"
        with pytest.raises(
            ValueError, match=rf"{told}|entry arrays must have one length|offsets must have one element"
        ):
            ops.voxelize(*arguments[:k], tensor, *arguments[k + 1 :])


@exchanges
def test_the_core_takes_no_other_objects():
    """What is no tensor is refused before its memory is looked for."""
    from particlegrid import _native
    from particlegrid.torch.tensor_drawing import TensorDrawing

    arguments = make_arguments(Gaussian())
    for tensors in ([1] * 10, [np.zeros(3)] * 10, [], [None], arguments[:9]):
        drawing = TensorDrawing.over(arguments[:10], np.zeros((2, 2, 4, 5, 3)), 1e-6, 1)
        drawing.__dict__["tensors"] = tensors
        with pytest.raises(ValueError, match="tensor"):
            _native.draw_gaussians(drawing, "integral", 5.3)
