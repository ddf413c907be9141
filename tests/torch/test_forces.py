"""Forces and stresses of a network that reads grids, and training on them."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from energy_networks import SmallEnergy  # noqa: E402

import particlegrid as pg  # noqa: E402
import particlegrid.torch as pgt  # noqa: E402

F64 = torch.float64
CELL = torch.tensor([[4.2, 0.0, 0.0], [0.6, 4.0, 0.0], [-0.5, 0.7, 4.4]], dtype=F64)
FRACTIONS = torch.tensor([[0.1, 0.2, 0.3], [0.55, 0.6, 0.4], [0.9, 0.15, 0.8]], dtype=F64)
NUMBERS = torch.tensor([8, 1, 1])


def make_voxelizer(where, dtype="float64"):
    return pgt.Voxelizer(pg.Voxelizer(where, pg.Elements("H", "O"), pg.Gaussian(0.7), dtype=dtype, tol=1e-10))


BOX = make_voxelizer(pg.Box(8, 0.7, outside="error"))
UNIT_CELL = make_voxelizer(pg.UnitCell((6, 6, 8)))


def make_cluster():
    return torch.tensor([[0.1, -0.2, 0.3], [0.9, 0.4, -0.1], [-0.6, 0.7, 0.5]], dtype=F64)


def sum_springs(positions):
    """A closed form to learn, in eV: springs of 1 A between all atoms of triangles, (n, 3, 3) positions."""
    edges = torch.stack(
        [positions[:, 0] - positions[:, 1], positions[:, 1] - positions[:, 2], positions[:, 2] - positions[:, 0]]
    )
    return ((edges.norm(dim=2) - 1.0) ** 2).sum(dim=0)


def test_forces_are_finite_differences():
    network = SmallEnergy(2)
    positions = make_cluster().requires_grad_()
    (gradient,) = torch.autograd.grad(network(BOX(positions, NUMBERS)).sum(), positions)
    step = 1e-4
    expected = torch.zeros(3, 3, dtype=F64)
    with torch.no_grad():
        for atom, axis in np.ndindex(3, 3):
            moved = torch.zeros(3, 3, dtype=F64)
            moved[atom, axis] = step
            ends = [network(BOX(positions + sign * moved, NUMBERS)).item() for sign in (1, -1)]
            expected[atom, axis] = (ends[0] - ends[1]) / (2 * step)
    assert expected.abs().max() > 1e-2
    torch.testing.assert_close(gradient, expected, rtol=0.0, atol=1e-6 * expected.abs().max().item())


def test_forces_in_a_centroid_box_add_up_to_zero():
    network = SmallEnergy(2)
    positions = make_cluster().requires_grad_()
    (gradient,) = torch.autograd.grad(network(BOX(positions, NUMBERS)).sum(), positions)
    assert gradient.abs().max() > 1e-2
    assert gradient.sum(dim=0).abs().max() < 1e-12 * gradient.abs().max()


def test_derivative_by_the_cell_at_fixed_fractions():
    network = SmallEnergy(2, "circular")

    def energy(cell):
        return network(UNIT_CELL(FRACTIONS @ cell, NUMBERS, cell=cell)).sum()

    cell = CELL.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(energy(cell), cell)
    step = 1e-4
    expected = torch.zeros(3, 3, dtype=F64)
    with torch.no_grad():
        for row, axis in np.ndindex(3, 3):
            moved = torch.zeros(3, 3, dtype=F64)
            moved[row, axis] = step
            expected[row, axis] = (energy(CELL + moved) - energy(CELL - moved)) / (2 * step)
    assert expected.abs().max() > 1e-2
    torch.testing.assert_close(gradient, expected, rtol=0.0, atol=1e-6 * expected.abs().max().item())


def test_a_force_loss_has_the_parameters_gradient():
    """The double backward of training on forces, against finite differences of the loss."""
    network = SmallEnergy(2)

    def loss(positions, *weights):
        names = [name for name, _ in network.named_parameters()]
        call = torch.func.functional_call(network, dict(zip(names, weights)), (BOX(positions, NUMBERS),))
        (gradient,) = torch.autograd.grad(call.sum(), positions, create_graph=True)
        return (gradient**2).sum()

    parameters = [p.detach().clone().requires_grad_() for p in network.parameters()]
    positions = make_cluster().requires_grad_()
    assert torch.autograd.gradcheck(loss, (positions, *parameters), eps=1e-5, atol=1e-6, rtol=1e-4, fast_mode=True)


def test_training_on_stress_reaches_the_positions():
    """A loss of dE/d cell differentiates twice, by the cell and by the positions."""
    network = SmallEnergy(2, "circular")

    def stress_loss(fractions):
        cell = CELL.clone().requires_grad_()
        energy = network(UNIT_CELL(fractions @ cell, NUMBERS, cell=cell)).sum()
        (gradient,) = torch.autograd.grad(energy, cell, create_graph=True)
        return (gradient**2).sum()

    fractions = FRACTIONS.clone().requires_grad_()
    assert torch.autograd.gradcheck(stress_loss, (fractions,), eps=1e-5, atol=1e-6, rtol=1e-4, fast_mode=True)


def test_a_network_learns_forces():
    """Forces of triangles in float32; the network that does nothing has the loss 1."""
    torch.manual_seed(0)
    layer = make_voxelizer(pg.Box(8, 0.7, outside="ignore"), "float32")
    network = SmallEnergy(2, dtype=torch.float32)
    positions = (make_cluster() + 0.2 * torch.randn(8, 3, 3, dtype=F64)).requires_grad_()
    (right,) = torch.autograd.grad(sum_springs(positions).sum(), positions)
    batch = torch.arange(8).repeat_interleave(3)
    optimizer = torch.optim.Adam(network.parameters(), 0.02)
    for _ in range(60):
        grid = layer(positions.reshape(-1, 3), NUMBERS.repeat(8), batch=batch, batch_size=8)
        (gradient,) = torch.autograd.grad(network(grid).sum(), positions, create_graph=True)
        loss = ((gradient - right) ** 2).mean() / (right**2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.3
