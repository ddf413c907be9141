"""Grids from plain torch operations are the grids of the definition."""

import numpy as np
import pytest
import torch
from scenes import CELLS, DENSITIES, make_case, make_scene

from particlegrid import AllAtoms, Box, Elements, Grid, Structure, UnitCell, Voxelizer, reference
from particlegrid.densities import Binary, Coulomb, Density, Gaussian, LennardJones, Occupancy, SphereOverlap
from particlegrid.torch.plain import draw, memory
from particlegrid.torch.plain.pairs import list_pairs

DOUBLE = torch.float64
VALUES = DENSITIES | {"binary": Binary(1.2)}


def draw_case(vox, structures, dtype=DOUBLE):
    scene, shape, channels = make_scene(vox, structures)
    return draw(vox.what, scene, shape, channels, dtype, vox.tol)


def find_error(values, expected):
    """The largest difference, against the larger of 1 and a value's size: energies run to 1e12."""
    return (abs(np.asarray(values) - expected) / np.maximum(abs(expected), 1)).max()


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
@pytest.mark.parametrize("what", VALUES.values(), ids=VALUES)
def test_values_are_those_of_the_definition(what, cell):
    vox, structure = make_case(cell, what, atoms=4)
    grid = vox.where.place(make_batch(structure))[0]
    expected = reference.voxelize(structure, grid, vox.which, what)
    assert abs(expected).max() > 0.01
    # what is cut off of a Gaussian is below tol of its peak, which is below 1, for each of 4 atoms and their images
    assert find_error(draw_case(vox, [structure])[0], expected) < 5e-12


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
@pytest.mark.parametrize("what", VALUES.values(), ids=VALUES)
def test_values_are_those_of_the_native_kernels(what, cell):
    vox, structure = make_case(cell, what, shape=(12, 9, 11), atoms=4, seed=1)
    assert find_error(draw_case(vox, [structure])[0], vox(structure)) < 5e-12


def make_batch(structure):
    from particlegrid import Batch

    return Batch([structure])


@pytest.mark.parametrize("what", [Gaussian(0.5), Occupancy(1.0), SphereOverlap(1.4), LennardJones(), Coulomb()])
def test_a_batch_of_unlike_cells_is_drawn_as_each_alone(what):
    rng = np.random.default_rng(4)
    cells = [CELLS["triclinic cell"], CELLS["orthogonal cell"], np.array([[0, 5.0, 0], [4, 1, 0], [0, 0, 3]])]
    structures = [
        Structure(rng.uniform(0, 3, (n, 3)), ["C"] * n, cell=cell, properties={"charge": rng.normal(size=n)})
        for n, cell in zip((3, 1, 2), cells)
    ]
    vox = Voxelizer(UnitCell((6, 5, 7)), AllAtoms(), what, dtype="float64", tol=1e-10)
    together = draw_case(vox, structures)
    for values, structure in zip(together, structures):
        assert find_error(values, draw_case(vox, [structure])[0].numpy()) < 1e-11
        assert find_error(values, vox(structure)) < 1e-9


def test_slabs_and_rods_repeat_along_their_axes_alone():
    rng = np.random.default_rng(5)
    for pbc in ((True, True, False), (False, False, True)):
        structure = Structure(rng.uniform(-3, 6, (3, 3)), ["C"] * 3, cell=CELLS["triclinic cell"], pbc=pbc)
        vox = Voxelizer(UnitCell((8, 6, 9)), AllAtoms(), LennardJones(cutoff=7.0), dtype="float64")
        assert find_error(draw_case(vox, [structure])[0], vox(structure)) < 1e-11


def test_rows_of_lattices_that_do_not_repeat_may_hold_zeros():
    structure = Structure([[0.5, 0.4, 0.3]], ["C"], cell=CELLS["triclinic cell"], pbc=(True, True, False))
    vox = Voxelizer(UnitCell((8, 6, 9)), AllAtoms(), Gaussian(0.9), dtype="float64")
    scene, shape, channels = make_scene(vox, [structure])
    expected = draw(vox.what, scene, shape, channels, DOUBLE, 1e-6)
    lattices = scene.lattices.clone()
    lattices[:, 2] = 0
    assert torch.equal(draw(vox.what, scene._replace(lattices=lattices), shape, channels, DOUBLE, 1e-6), expected)


@pytest.mark.parametrize("value", ["integral", "mean", "point"])
@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_projections_are_drawn_from_their_drawing_in_three_dimensions(value, cell):
    structure = Structure([[0.5, 0.4, 0.3], [2.0, 1.0, 1.5]], ["C", "O"], cell=cell)
    where = Box((9, None, 8), 0.6, (1.0, 1.0, 1.0)) if cell is None else UnitCell((9, None, 8))
    vox = Voxelizer(where, AllAtoms(), Gaussian(0.7, value), dtype="float64", tol=1e-10)
    values = draw_case(vox, [structure])
    assert values.shape == (1, 1, 9, 1, 8)
    assert find_error(values[0, :, :, 0], vox(structure)) < 1e-9


def test_float32_is_rounded_from_float64():
    vox, structure = make_case(CELLS["triclinic cell"], Gaussian(0.5))
    values = draw_case(vox, [structure], torch.float32)
    assert torch.equal(values, draw_case(vox, [structure]).float())


def test_orthogonal_voxels_hold_the_same_with_and_without_derivatives():
    # with derivatives by the edges, quadrature stands for two of three erf
    vox, structure = make_case(CELLS["orthogonal cell"], Gaussian(0.4))
    scene, shape, channels = make_scene(vox, [structure])
    scene_with = scene._replace(axes=scene.axes.clone().requires_grad_())
    for tol in (1e-6, 1e-12):
        values, same = (draw(vox.what, s, shape, channels, DOUBLE, tol) for s in (scene, scene_with))
        difference = (values - same).abs().max()
        assert 0 < difference < tol * values.max()


def test_long_voxels_take_more_nodes():
    structure = Structure([[0.3, 0.2, 0.1]], ["C"])
    grid = Grid((3, 3, 3), [[2.5, 0, 0], [0.8, 2.2, 0], [-0.6, 0.5, 2.4]], [-3.7, -4.1, -3.6])
    vox = Voxelizer(grid, AllAtoms(), Gaussian(0.11), dtype="float64", tol=1e-12)
    assert find_error(draw_case(vox, [structure])[0], vox(structure)) < 1e-12


def test_chunks_do_not_change_values(monkeypatch):
    for what in (Gaussian(0.5), Occupancy(1.0), LennardJones(cutoff=5.0), Coulomb()):
        vox, structure = make_case(CELLS["triclinic cell"], what)
        whole = draw_case(vox, [structure])
        monkeypatch.setattr(memory, "_CHUNK", {"cpu": 300})
        assert find_error(draw_case(vox, [structure]), whole.numpy()) < 1e-13
        monkeypatch.undo()


def test_pairs_come_in_chunks_of_a_bounded_number_of_voxels():
    vox, structure = make_case(CELLS["triclinic cell"], LennardJones(cutoff=6.0))
    scene, shape, _ = make_scene(vox, [structure])
    pairs = list_pairs(scene, shape, torch.full((3,), 6.0, dtype=DOUBLE))
    chunks = list(pairs.split(1000))
    assert len(chunks) > 10
    assert all(len(part.entries) * np.prod(size) <= 1000 for part, size in chunks)
    numbers = torch.cat([part.numbers for part, _ in chunks])
    assert torch.equal(numbers.sort().values, pairs.numbers)
    for part, size in chunks:
        assert ((part.last - part.first).amax(dim=0) == torch.tensor(size)).all()


def test_nothing_in_reach_leaves_zeros_that_have_derivatives():
    for what in (*VALUES.values(), Gaussian({"C": 0.5})):
        vox = Voxelizer(Box(4, 0.5, "origin", outside="ignore"), Elements("C"), what, dtype="float64")
        far = Structure([[1e6, -3e5, 50]], ["C"], properties={"charge": [0.0]})
        scene, shape, channels = make_scene(vox, [far])
        scene.positions.requires_grad_()
        values = draw(what, scene, shape, channels, DOUBLE, 1e-6)
        assert not values.any()
        assert not torch.autograd.grad(values.sum(), scene.positions)[0].any()


def test_no_structures_and_no_entries():
    vox = Voxelizer(Box(4, 0.5, "origin"), Elements("C", "N"), Gaussian(0.5))
    empty = Structure(np.zeros((0, 3)), [])
    assert draw_case(vox, [empty, empty]).shape == (2, 2, 4, 4, 4)
    scene, shape, channels = make_scene(vox, [empty])
    none = scene._replace(
        axes=scene.axes[:0],
        origins=scene.origins[:0],
        lattices=scene.lattices[:0],
        periodic=scene.periodic[:0],
        offsets=scene.offsets[:1],
    )
    for what in VALUES.values():
        assert draw(what, none, shape, channels, DOUBLE, 1e-6).shape == (0, 2, 4, 4, 4)


def test_infinities_have_the_signs_of_their_weights_and_weight_0_has_none():
    vox = Voxelizer(Box(3, 1.0, "origin"), AllAtoms("w"), LennardJones(), dtype="float64")
    for weight, expected in ((1.0, np.inf), (-1.0, -np.inf), (0.0, 0.0)):
        scene, shape, channels = make_scene(vox, [Structure([[0, 0, 0]], ["C"], properties={"w": [weight]})])
        values = draw(vox.what, scene, shape, channels, DOUBLE, 1e-6)
        assert values[0, 0, 1, 1, 1] == expected
        assert torch.isfinite(values).sum() >= 26


def test_charges_that_cancel_leave_the_potential_of_the_others():
    vox = Voxelizer(Box(3, 1.0, "origin"), AllAtoms(), Coulomb(), dtype="float64")
    for charges in ([1.0, -1.0, 0.5], [1.0, -0.5, 0.5], [-1.0, 0.5, 0.5]):
        structure = Structure([[0, 0, 0], [0, 0, 0], [0.7, 0.3, 0]], ["C"] * 3, properties={"charge": charges})
        np.testing.assert_allclose(draw_case(vox, [structure])[0], vox(structure), rtol=1e-13)
    crystal = Structure(structure.positions, ["C"] * 3, cell=np.eye(3) * 3, properties={"charge": [1.0, -1.0, 0.5]})
    vox = Voxelizer(UnitCell(3, registration="point"), AllAtoms(), Coulomb(), dtype="float64", tol=1e-10)
    np.testing.assert_allclose(draw_case(vox, [crystal])[0], vox(crystal), atol=1e-8)


def test_a_potential_needs_three_periodic_axes_or_none():
    structure = Structure([[0, 0, 0]], ["C"], cell=np.eye(3) * 3, pbc=(True, True, False), properties={"charge": [1.0]})
    vox = Voxelizer(UnitCell(3), AllAtoms(), Coulomb())
    with pytest.raises(ValueError, match="structure 0 is periodic along 2 of 3 axes"):
        draw_case(vox, [structure])


def test_a_density_of_ones_own_has_no_formula_here():
    class Cone(Density):
        def to_dict(self):
            return {"type": "Cone"}

        def __hash__(self):
            return 1

        def atom_widths(self, batch):
            return np.ones(len(batch.numbers))

    vox = Voxelizer(Box(3, 1.0, "origin"), AllAtoms(), Cone())
    with pytest.raises(NotImplementedError, match="Cone has no formula in torch"):
        draw_case(vox, [Structure([[0, 0, 0]], ["C"])])
