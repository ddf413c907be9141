"""Derivatives of grids from plain torch operations, to second order."""

import math

import numpy as np
import pytest
import torch
from scenes import CELLS, DENSITIES, make_case, make_scene
from torch.autograd import forward_ad, gradcheck, gradgradcheck

from particlegrid import AllAtoms, Box, Grid, Structure, UnitCell, Voxelizer
from particlegrid.densities import Binary, Coulomb, Gaussian, LennardJones, Occupancy, Radial, SphereOverlap
from particlegrid.torch.plain import draw, memory

DOUBLE = torch.float64
FIELDS = ("positions", "weights", "widths", "axes", "origins", "lattices")


def make_loss(vox, structures, seed=0):
    """The scene, and a weighted sum of its values as a function of some of its fields.

    No value counts for more than about 1: energies run to 1e12.
    """
    scene, shape, channels = make_scene(vox, structures)
    values = draw(vox.what, scene, shape, channels, DOUBLE, vox.tol)
    factors = torch.tensor(np.random.default_rng(seed).normal(size=values.shape)) / (1 + values.abs())

    def find_loss(**fields):
        return (factors * draw(vox.what, scene._replace(**fields), shape, channels, DOUBLE, vox.tol)).sum()

    return scene, shape, find_loss


def check(loss, *inputs):
    """Along a random direction of each input: all of them at once would take minutes."""
    inputs = [x.clone().requires_grad_() for x in inputs]
    assert gradcheck(loss, inputs, eps=1e-6, atol=2e-7, rtol=1e-6, fast_mode=True)
    assert gradgradcheck(loss, inputs, eps=1e-6, atol=2e-6, rtol=1e-6, fast_mode=True)


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
@pytest.mark.parametrize("what", DENSITIES.values(), ids=DENSITIES)
def test_derivatives_by_atoms(what, cell):
    scene, _, loss = make_loss(*pack(make_case(cell, what)))
    names = ("positions", "weights", "widths")
    check(lambda *x: loss(**dict(zip(names, x))), *(getattr(scene, name) for name in names))


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
@pytest.mark.parametrize("what", DENSITIES.values(), ids=DENSITIES)
def test_derivatives_by_the_grid(what, cell):
    scene, _, loss = make_loss(*pack(make_case(cell, what, shape=(3, 3, 4), atoms=2)))
    names = ("axes", "origins", "lattices")[: 2 if cell is None else 3]
    check(lambda *x: loss(**dict(zip(names, x))), *(getattr(scene, name) for name in names))


@pytest.mark.parametrize("cell", [CELLS["orthogonal cell"], CELLS["triclinic cell"]], ids=list(CELLS)[1:])
@pytest.mark.parametrize("what", DENSITIES.values(), ids=DENSITIES)
def test_derivatives_by_a_cell_that_the_grid_fills(what, cell):
    scene, shape, loss = make_loss(*pack(make_case(cell, what, shape=(3, 3, 4), atoms=2)))
    counts = torch.tensor(shape)[:, None]
    check(lambda cell: loss(axes=cell / counts, lattices=cell), scene.lattices)


def pack(case):
    vox, structure = case
    return vox, [structure]


@pytest.mark.parametrize("what", [Gaussian(0.5), SphereOverlap(1.4), LennardJones(cutoff=5.0), Coulomb()])
def test_derivatives_of_a_batch_are_those_of_its_structures(what):
    rng = np.random.default_rng(4)
    structures = [
        Structure(rng.uniform(0, 3, (n, 3)), ["C"] * n, cell=cell, properties={"charge": rng.normal(size=n)})
        for n, cell in zip((3, 1), (CELLS["triclinic cell"], CELLS["orthogonal cell"]))
    ]
    vox = Voxelizer(UnitCell((6, 5, 7)), AllAtoms(), what, dtype="float64", tol=1e-10)

    def find_gradients(some):
        scene, shape, channels = make_scene(vox, some)
        fields = [getattr(scene, name).requires_grad_() for name in FIELDS]
        values = draw(what, scene, shape, channels, DOUBLE, vox.tol)
        return torch.autograd.grad(values.square().clamp(max=1e3).sum(), fields)

    together = find_gradients(structures)
    alone = [torch.cat(parts) for parts in zip(*(find_gradients([structure]) for structure in structures))]
    for a, b in zip(together, alone):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9 * max(1.0, float(b.abs().max())))


def test_derivatives_forward_are_those_backward():
    for what in (Gaussian(0.5), SphereOverlap(1.4), LennardJones(cutoff=4.0), Coulomb()):
        scene, _, loss = make_loss(*pack(make_case(CELLS["orthogonal cell"], what)))
        fields = {name: getattr(scene, name).clone().requires_grad_() for name in FIELDS}
        gradients = torch.autograd.grad(loss(**fields), list(fields.values()))
        generator = torch.Generator().manual_seed(1)
        directions = [torch.randn(x.shape, generator=generator, dtype=DOUBLE) for x in gradients]
        with forward_ad.dual_level():
            duals = {n: forward_ad.make_dual(x.detach(), t) for (n, x), t in zip(fields.items(), directions)}
            tangent = forward_ad.unpack_dual(loss(**duals)).tangent
        expected = sum((g * t).sum() for g, t in zip(gradients, directions))
        torch.testing.assert_close(tangent, expected, rtol=1e-11, atol=1e-11)


def test_what_is_computed_again_has_the_same_derivatives(monkeypatch):
    for what in (Gaussian(0.5), LennardJones(cutoff=4.0), Coulomb()):
        scene, _, loss = make_loss(*pack(make_case(CELLS["triclinic cell"], what)))
        results = []
        for kept in (1 << 24, 0):
            monkeypatch.setattr(memory, "_KEPT", {"cpu": kept})
            x = scene.positions.clone().requires_grad_()
            (first,) = torch.autograd.grad(loss(positions=x), x, create_graph=True)
            (second,) = torch.autograd.grad(first.square().sum(), x)
            results.append((first.detach(), second))
        for a, b in zip(*results):
            assert a.any()
            torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


def test_an_entry_of_weight_0_has_a_derivative_by_its_weight():
    structure = Structure([[0.1, 0.2, 0.0], [1.0, 0, 0]], ["C", "C"], properties={"w": [0.0, 1.0]})
    for what in (Gaussian(0.5), LennardJones(), SphereOverlap(1.0)):
        scene, _, loss = make_loss(Voxelizer(Box(5, 0.7, "origin"), AllAtoms("w"), what, dtype="float64"), [structure])
        weights = scene.weights.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(loss(weights=weights), weights)
        moved = scene.weights.clone()
        moved[0] = 1.0
        torch.testing.assert_close(gradient[0], loss(weights=moved) - loss(), rtol=1e-9, atol=1e-9)
        assert gradient[0] != 0


@pytest.mark.parametrize(
    "what", [Occupancy(1.0), Binary(2.0), Radial([1.0, 0.5, 0.0], 3.0, "max"), SphereOverlap(1.5, combine="max")]
)
def test_ties_go_to_the_first_entry(what):
    # both atoms are as far from every voxel of the plane between them
    structure = Structure([[1.0, 0, 0], [-1.0, 0, 0]], ["C", "C"])
    grid = Grid((1, 3, 3), np.eye(3), [-0.5, -1.5, -1.5])
    scene, shape, channels = make_scene(Voxelizer(grid, AllAtoms(), what, dtype="float64"), [structure])
    for order in ([0, 1], [1, 0]):
        fields = [getattr(scene, name)[order].clone().requires_grad_() for name in ("positions", "weights")]
        values = draw(what, scene._replace(positions=fields[0], weights=fields[1]), shape, channels, DOUBLE, 1e-6)
        by_position, by_weight = torch.autograd.grad(values.sum(), fields)
        assert by_weight[1] == 0
        assert not by_position[1].any()
        torch.testing.assert_close(by_weight[0], values.sum())
        assert by_position[0].any() == (not isinstance(what, Binary))


def test_a_largest_value_of_0_has_no_derivative():
    structure = Structure([[0.1, 0, 0], [-0.4, 0, 0]], ["C", "C"], properties={"w": [-1.0, 0.0]})
    vox = Voxelizer(Box(3, 1.0, "origin"), AllAtoms("w"), Occupancy(1.0), dtype="float64")
    scene, shape, channels = make_scene(vox, [structure])
    scene.weights.requires_grad_()
    values = draw(vox.what, scene, shape, channels, DOUBLE, 1e-6)
    assert not values.any()
    assert not torch.autograd.grad(values.sum(), scene.weights)[0].any()


@pytest.mark.parametrize("what", [*DENSITIES.values(), Binary(1.0)], ids=[*DENSITIES, "binary"])
def test_no_derivative_at_an_atom_is_no_number(what):
    # an atom at the centre of a voxel, one at a corner, one on an edge and one on a face
    positions = [[0, 0, 0], [0.45, 0.45, 0.45], [-0.45, 0.45, 0.9], [-0.45, 0, -0.9]]
    structure = Structure(positions, ["C"] * 4, properties={"charge": [1.0, -0.5, 0.4, 0.3]})
    vox = Voxelizer(Box(5, 0.9, "origin"), AllAtoms(), what, dtype="float64")
    scene, shape, channels = make_scene(vox, [structure])
    fields = [getattr(scene, name).requires_grad_() for name in FIELDS]
    values = draw(what, scene, shape, channels, DOUBLE, 1e-6)
    factors = torch.where(values.isinf(), 0.0, torch.linspace(-1, 1, values.numel()).reshape(values.shape))
    loss = (factors * torch.where(values.isinf(), 0.0, values)).sum() + (0.0 * torch.tanh(values)).sum()
    gradients = torch.autograd.grad(loss, fields, create_graph=True)
    assert all(torch.isfinite(g).all() for g in gradients)
    seconds = torch.autograd.grad(sum(g.square().sum() for g in gradients), fields)
    assert all(torch.isfinite(g).all() for g in seconds)


@pytest.mark.parametrize("axes", [np.eye(3), [[1.0, 0, 0], [-0.5, math.sqrt(0.75), 0], [0, 0, 1.1]]])
@pytest.mark.parametrize("radius", [0.5, 0.8, 1.0, 1.7])
@pytest.mark.parametrize("place", [(2, 2, 2), (2, 2, 1.5), (2, 1.5, 1.5), (1.5, 1.5, 1.5), (1.5, 1.5, 2), (2, 2, 1.7)])
def test_shares_of_spheres_change_smoothly_at_corners_edges_faces_and_where_they_touch(place, radius, axes):
    # second derivatives may jump there; first ones may not
    position = np.array(place) @ np.asarray(axes)
    vox = Voxelizer(Grid((4, 4, 4), axes, (0, 0, 0)), AllAtoms(), SphereOverlap(radius), dtype="float64", tol=1e-12)
    scene, _, loss = make_loss(vox, [Structure([position], ["C"])])

    def find_gradient(shift):
        x = (scene.positions + shift).requires_grad_()
        (first,) = torch.autograd.grad(loss(positions=x), x, create_graph=True)
        (second,) = torch.autograd.grad(first.sum(), x)
        assert second.abs().max() < 100
        return first.detach()

    gradient, step = find_gradient(0.0), 1e-6
    for shift in torch.eye(3, dtype=DOUBLE):
        both = [loss(positions=scene.positions + sign * step * shift) for sign in (-1, 1)]
        assert abs((both[1] - both[0]) / (2 * step) - (gradient[0] @ shift)) < 50 * step
        assert (find_gradient(step * shift) - gradient).abs().max() < 100 * step
