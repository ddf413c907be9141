"""`AtomSampler` against torch's grid_sample, and where it has an exact answer."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch import Tensor  # noqa: E402
from torch.nn import functional  # noqa: E402

from particlegrid.models import AtomSampler  # noqa: E402

SHAPE = (6, 4, 8)


def reference(features: Tensor, points: Tensor, batch: Tensor, stencil: int) -> Tensor:
    """One atom and one stencil point at a time, by grid_sample: its coordinates are reversed, z is its x."""
    size = torch.tensor(features.shape[2:])
    half = stencil // 2
    rows = []
    for point, structure in zip(points, batch):
        read = []
        for i in range(-half, half + 1):
            for j in range(-half, half + 1):
                for k in range(-half, half + 1):
                    at = (point + torch.tensor([i, j, k]) * 2 / size).flip(0).view(1, 1, 1, 1, 3)
                    here = features[structure : structure + 1]
                    read.append(functional.grid_sample(here, at, align_corners=False).flatten())
        rows.append(torch.cat(read))
    return torch.stack(rows)


@pytest.mark.parametrize("stencil", [1, 3, 5])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last_3d])
def test_agrees_with_grid_sample(stencil: int, layout: torch.memory_format) -> None:
    torch.manual_seed(1)
    features = torch.randn(3, 4, *SHAPE).contiguous(memory_format=layout)
    points = torch.rand(9, 3) * 2.6 - 1.3  # some outside
    batch = torch.tensor([0, 0, 0, 1, 2, 2, 2, 2, 2])
    expected = reference(features, points, batch, stencil)
    torch.testing.assert_close(AtomSampler(stencil)(features, points, batch), expected, rtol=1e-4, atol=1e-5)


def test_a_linear_map_is_read_exactly() -> None:
    axes = [(torch.arange(n) + 0.5) * 2 / n - 1 for n in SHAPE]
    features = torch.stack(torch.meshgrid(*axes, indexing="ij"))[None]
    points = (torch.rand(20, 3) * 2 - 1) * (1 - 1 / torch.tensor(SHAPE))
    read = AtomSampler(1)(features, points, torch.zeros(20, dtype=torch.long))
    torch.testing.assert_close(read, points, rtol=0, atol=1e-5)


def test_gradients_are_those_of_finite_differences() -> None:
    torch.manual_seed(2)
    features = torch.randn(2, 3, 4, 4, 4, dtype=torch.float64, requires_grad=True)
    points = (torch.rand(5, 3, dtype=torch.float64) - 0.5).requires_grad_()
    batch = torch.tensor([0, 0, 1, 1, 1])
    sampler = AtomSampler(3).double()
    assert torch.autograd.gradcheck(lambda f, p: sampler(f, p, batch), (features, points))


def test_far_atoms_read_zero() -> None:
    features = torch.ones(1, 2, *SHAPE)
    points = torch.tensor([[3.0, 0, 0], [0, -1e30, 0], [0, 0, 1e6]])
    assert torch.equal(AtomSampler(3)(features, points, torch.zeros(3, dtype=torch.long)), torch.zeros(3, 54))


def test_no_atoms_give_no_rows() -> None:
    empty = torch.zeros(0, dtype=torch.long)
    assert AtomSampler(3)(torch.ones(1, 2, *SHAPE), torch.zeros(0, 3), empty).shape == (0, 54)


@pytest.mark.parametrize("stencil", [0, 2, -1])
def test_even_stencils_are_refused(stencil: int) -> None:
    with pytest.raises(ValueError, match="positive odd number"):
        AtomSampler(stencil)
