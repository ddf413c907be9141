"""Arguments of the operators of `particlegrid.torch.ops`."""

import torch

from particlegrid.densities.describe import describe_density

F64 = torch.float64


def make_arguments(what, dtype=F64, periodic=True, requires_grad=False):
    """Arguments of `ops.voxelize`: two structures, a triclinic one and one in a box."""
    random = torch.Generator().manual_seed(3)
    positions = 3 * torch.rand(5, 3, dtype=F64, generator=random)
    weights = 0.5 + torch.rand(6, dtype=F64, generator=random)
    widths = 0.5 + 0.3 * torch.rand(6, dtype=F64, generator=random)
    cell = torch.tensor([[3.6, 0.0, 0.0], [0.4, 3.9, 0.0], [-0.3, 0.5, 4.2]], dtype=F64)
    lattices = torch.stack([cell, torch.zeros(3, 3, dtype=F64)])
    axes = torch.stack([cell / torch.tensor([[4.0], [5.0], [3.0]], dtype=F64), 0.8 * torch.eye(3, dtype=F64)])
    origins = torch.tensor([[0.0, 0.0, 0.0], [-0.3, 0.1, 0.2]], dtype=F64)
    geometry = [positions, weights, widths, axes, origins, lattices]
    if requires_grad:
        geometry = [tensor.requires_grad_() for tensor in geometry]
    atoms, channels = torch.tensor([0, 1, 1, 2, 3, 4]), torch.tensor([0, 0, 1, 1, 0, 1])
    offsets = torch.tensor([0, 4, 6])
    repeats = torch.tensor([[periodic] * 3, [False] * 3])
    return [*geometry, atoms, channels, offsets, repeats, [4, 5, 3], 2, describe_density(what), dtype, 1e-10]


def make_direction(arguments, seed=5):
    random = torch.Generator().manual_seed(seed)
    return [torch.randn(tensor.shape, dtype=F64, generator=random) for tensor in arguments[:6]]


def make_gradient(arguments, seed=6):
    random = torch.Generator().manual_seed(seed)
    return torch.randn((2, 2, 4, 5, 3), dtype=arguments[13], generator=random)
