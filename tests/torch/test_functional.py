"""`voxelize` of flat batches: the numpy side's grids, their gradients, and errors."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from particlegrid import (  # noqa: E402
    AllAtoms,
    Around,
    Batch,
    Boltzmann,
    Box,
    ByRule,
    Coulomb,
    Elements,
    ElementVectors,
    Gaussian,
    Grid,
    LennardJones,
    Occupancy,
    PresentElements,
    Property,
    Structure,
    UnitCell,
    Voxelizer,
    WithWidths,
)
from particlegrid.errors import OutsideBoxWarning  # noqa: E402
from particlegrid.torch import voxelize  # noqa: E402

F64 = torch.float64
CELL = np.array([[4.0, 0, 0], [0.5, 4.4, 0], [0.3, -0.4, 4.8]])
GRID = Grid((4, 5, 3), np.diag([0.9, 0.8, 1.1]) + 0.05, [0, -1, 1])


def rings_and_chains(structure):
    """A rule that the element does not decide."""
    return np.eye(2)[(structure.positions[:, 0] > 0).astype(int)]


def make_molecules() -> Batch:
    random = np.random.default_rng(1)
    counts = (3, 0, 2)
    return Batch(
        Structure(random.normal(size=(n, 3)), random.choice([1, 8], n), properties={"charge": random.normal(size=n)})
        for n in counts
    )


def make_crystals() -> Batch:
    random = np.random.default_rng(2)
    return Batch(
        Structure(random.uniform(-1, 5, size=(n, 3)), [1, 8, 8][:n], CELL + random.normal(size=(3, 3)) * 0.1, pbc)
        for n, pbc in ((3, True), (2, (True, True, False)))
    )


def as_tensors(batch: Batch, requires_grad: bool = False):
    """Positions, numbers and the other arguments of a batch."""
    positions = torch.from_numpy(batch.positions.copy()).requires_grad_(requires_grad)
    others = {"batch": torch.from_numpy(batch.owners), "batch_size": len(batch)}
    if batch.cells is not None:
        cells = torch.from_numpy(batch.cells.copy()).requires_grad_(requires_grad)
        others |= {"cell": cells, "pbc": torch.from_numpy(batch.pbc.copy())}
    return positions, torch.from_numpy(batch.numbers.astype(np.int64)), others


MOLECULES = [
    (Box((5, 6, 4), 0.8), Elements("H", "O"), Gaussian(0.5)),
    (Box(4, (0.8, 0.9, 1.0), "origin"), Elements("O", other="ignore"), Gaussian(0.6, "mean")),
    (Box((4, None, 5), 0.8), Elements("H", "O"), Gaussian(0.5)),
    (Box((None, 4, 5), 0.8, (0.1, 0, 0.2)), AllAtoms(), Gaussian(0.5, "point")),
    (GRID, Elements("H", "O"), Gaussian("vdw", "mean")),
    (Box(4, 0.8), ElementVectors({"H": [1, 0, 2], "O": [0, -1, 3]}), Gaussian(0.5)),
    (Box(4, 0.8), Elements("H", "O") + WithWidths(AllAtoms(), {"O": 0.8}), Gaussian(0.5)),
    (Box(4, 0.8), Elements("H", "O"), LennardJones(probe=(0.01, 1.0), cap=3.0)),
    (Box(4, 0.8), AllAtoms(), Boltzmann(LennardJones(cap=1.0), 500)),
    (Box(4, 0.8), AllAtoms(), Coulomb({"H": 0.4, "O": -0.8})),
    (Box(4, 0.8), Elements("H", "O"), Occupancy()),
    (Box(4, 0.8), PresentElements(), Gaussian(0.5)),
    (Box(4, 0.8), Property("charge"), Gaussian(0.5)),
    (Box(4, 0.8), AllAtoms(), Coulomb("charge")),
    (Box(4, 0.8), ByRule(rings_and_chains, ["left", "right"]), Gaussian(0.5)),
]
CRYSTALS = [
    (UnitCell((4, 5, 3)), Elements("H", "O"), Gaussian(0.5)),
    (UnitCell(3, registration="point"), Elements("H", "O"), Gaussian(0.6, "point")),
    (UnitCell((4, None, 3)), Elements("H", "O"), Gaussian(0.5)),
    (UnitCell((4, 3, None)), AllAtoms(), Gaussian(0.5, "mean")),
    (Box(4, 0.8, "origin"), Elements("H", "O"), Gaussian(0.5)),
    (GRID, Elements("H", "O"), Gaussian(0.5, "point")),
    (UnitCell(3), Elements("H", "O"), LennardJones(probe=(0.01, 1.0), cutoff=5.0)),
]


@pytest.mark.filterwarnings("ignore::particlegrid.errors.OutsideBoxWarning")
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
@pytest.mark.parametrize(
    ("make", "parts"), [*((make_molecules, p) for p in MOLECULES), *((make_crystals, p) for p in CRYSTALS)]
)
def test_grids_are_those_of_numpy(make, parts, dtype):
    batch = make()
    vox = Voxelizer(*parts, dtype=dtype)
    positions, numbers, others = as_tensors(batch)
    if make is make_molecules:
        others["properties"] = {"charge": torch.from_numpy(batch.property("charge"))}
    grids = voxelize(vox, positions, numbers, **others)
    assert grids.dtype == getattr(torch, dtype)
    right = vox._resolve(batch)(batch)
    rtol, atol = {"float64": (1e-12, 1e-14), "float32": (1e-6, 1e-7)}.get(dtype, (0.0, 0.0))
    np.testing.assert_allclose(grids.double().numpy(), np.asarray(right, np.float64), rtol=rtol, atol=atol)


@pytest.mark.parametrize("where", [Around(0.8, 1.0), UnitCell(spacing=1.5)])
def test_shapes_that_follow_from_structures(where):
    structure = (make_molecules if isinstance(where, Around) else make_crystals)()[0]
    vox = Voxelizer(where, Elements("H", "O"), Gaussian(0.5), dtype="float64")
    positions, numbers, others = as_tensors(Batch([structure]), requires_grad=True)
    del others["batch"], others["batch_size"]
    grids = voxelize(vox, positions, numbers, **others)
    np.testing.assert_allclose(grids[0].detach().numpy(), vox(structure), rtol=1e-12, atol=1e-14)

    def draw(moved):
        return voxelize(vox, moved, numbers, **others)

    assert torch.autograd.gradcheck(draw, (positions,), fast_mode=True, atol=1e-4)
    if isinstance(where, Around):
        with pytest.raises(ValueError, match="grids of different shapes"):
            voxelize(vox, positions, numbers, batch=torch.tensor([0, 0, 1]))


@pytest.mark.parametrize("parts", MOLECULES[:6] + CRYSTALS[:6])
def test_gradients_of_first_and_second_order(parts):
    batch = make_crystals() if parts in CRYSTALS else make_molecules()
    vox = Voxelizer(*parts, dtype="float64", tol=1e-12)
    positions, numbers, others = as_tensors(batch, requires_grad=True)
    random = torch.Generator().manual_seed(0)
    weights = torch.rand(len(numbers), dtype=F64, generator=random).requires_grad_()
    widths = (0.5 + 0.2 * torch.rand(len(numbers), dtype=F64, generator=random)).requires_grad_()
    cell = [others.pop("cell")] if "cell" in others else []

    def draw(positions, weights, widths, *cell):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", OutsideBoxWarning)
            more = dict(zip(["cell"], cell))
            return voxelize(vox, positions, numbers, weights=weights, widths=widths, **more, **others)

    by = (positions, weights, widths, *cell)
    assert torch.autograd.gradcheck(draw, by, fast_mode=True, atol=1e-4)
    assert torch.autograd.gradgradcheck(draw, by, fast_mode=True, atol=1e-4)


def test_a_loss_that_motion_leaves_alone_has_no_net_force():
    batch = make_molecules()
    positions, numbers, others = as_tensors(batch, requires_grad=True)
    vox = Voxelizer(Box(6, 0.7, outside="ignore"), Elements("H", "O"), Gaussian(0.5), dtype="float64")
    (voxelize(vox, positions, numbers, **others) ** 2).sum().backward()
    net = torch.zeros(3, 3, dtype=F64).index_add(0, others["batch"], positions.grad)
    assert positions.grad.abs().max() > 1e-3
    assert net.abs().max() < 1e-13


def test_strain_at_fixed_fractions():
    batch = make_crystals()[:1]
    vox = Voxelizer(UnitCell(4), Elements("H", "O"), Gaussian(0.6), dtype="float64", tol=1e-12)
    _, numbers, others = as_tensors(batch)
    cell = others["cell"][0].clone().requires_grad_()
    fractions = torch.from_numpy(batch.positions @ np.linalg.inv(batch.cells[0]))
    random = np.random.default_rng(0)
    direction, probe = random.normal(size=(3, 3)), random.normal(size=(1, 2, 4, 4, 4))
    grids = voxelize(vox, fractions @ cell, numbers, cell=cell)
    (grad,) = torch.autograd.grad((grids * torch.from_numpy(probe)).sum(), cell)

    def energy(step):
        strained = batch.cells[0] + step * direction
        return (vox(Structure(fractions.numpy() @ strained, batch.numbers, strained)) * probe).sum()

    expected = (energy(1e-5) - energy(-1e-5)) / 2e-5
    assert (grad.numpy() * direction).sum() == pytest.approx(expected, rel=1e-6)


def test_batch_and_ptr_say_the_same():
    batch = make_molecules()
    positions, numbers, others = as_tensors(batch)
    vox = Voxelizer(Box(6, 0.7), Elements("H", "O"), Gaussian(0.5))
    right = voxelize(vox, positions, numbers, **others)
    assert right.shape == (3, 2, 6, 6, 6)
    assert torch.equal(voxelize(vox, positions, numbers, ptr=torch.from_numpy(batch.offsets)), right)
    assert torch.equal(voxelize(vox, positions, numbers.int(), batch=others["batch"].int()), right)
    assert torch.equal(voxelize(vox, positions[:3], numbers[:3]), right[:1])
    with_last = voxelize(vox, positions, numbers, batch=others["batch"], batch_size=4)
    assert torch.equal(with_last[:3], right)
    assert not with_last[3].any()


def test_weights_of_every_channel():
    batch = make_molecules()
    positions, numbers, others = as_tensors(batch)
    vox = Voxelizer(Box(6, 0.7), Elements("H", "O"), Gaussian(0.5), dtype="float64")
    weights = torch.stack([numbers == 1, numbers == 8], dim=1).double().requires_grad_()
    grids = voxelize(vox, positions, numbers, weights=weights, **others)
    torch.testing.assert_close(grids, voxelize(vox, positions, numbers, **others), rtol=1e-12, atol=1e-14)
    # an atom that is absent from a channel says by its gradient what it would add there
    (grad,) = torch.autograd.grad(grids[0, 1].sum(), weights)
    assert (grad[:3, 1] > 0.9).all()
    assert not grad[:, 0].any()
    assert not grad[3:].any()
    assert voxelize(vox, positions, numbers, weights=torch.rand(5, 7), **others).shape[1] == 7


def test_float32_positions_have_float32_gradients():
    positions, numbers, others = as_tensors(make_molecules())
    single = positions.float().requires_grad_()
    double = single.detach().double().requires_grad_()
    vox = Voxelizer(Box(6, 0.7), Elements("H", "O"), Gaussian(0.5))
    grids = [voxelize(vox, p, numbers, **others) for p in (single, double)]
    assert torch.equal(*grids)
    for drawn in grids:
        (drawn**2).sum().backward()
    assert single.grad.dtype == torch.float32
    assert torch.equal(single.grad, double.grad.float())


def test_autocast_changes_nothing():
    positions, numbers, others = as_tensors(make_molecules(), requires_grad=True)
    vox = Voxelizer(Box(6, 0.7), Elements("H", "O"), Gaussian(0.5))
    expected = voxelize(vox, positions, numbers, **others)
    (right,) = torch.autograd.grad((expected**2).sum(), positions)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        grids = voxelize(vox, positions, numbers, **others)
        (found,) = torch.autograd.grad((grids**2).sum(), positions)
    assert grids.dtype == torch.float32
    assert torch.equal(grids, expected)
    assert torch.equal(found, right)


def test_deterministic_mode():
    positions, numbers, others = as_tensors(make_molecules(), requires_grad=True)
    vox = Voxelizer(Box(6, 0.7), Elements("H", "O"), Gaussian(0.5))
    found = []
    torch.use_deterministic_algorithms(True)
    try:
        for _ in range(2):
            found.append(torch.autograd.grad((voxelize(vox, positions, numbers, **others) ** 2).sum(), positions)[0])
    finally:
        torch.use_deterministic_algorithms(False)
    assert torch.equal(*found)


VOX = Voxelizer(Box(4, 0.8), Elements("H"), Gaussian({"H": 0.5}))
P, Z = torch.zeros(2, 3), torch.tensor([1, 1])


@pytest.mark.parametrize(
    ("message", "changed"),
    [
        (r"`positions` must have shape \(N, 3\), got \(2, 2\)", {"positions": P[:, :2]}),
        (r"`positions\[1, 2\]` is not finite", {"positions": torch.tensor([[0, 0, 0], [0, 0, torch.nan]])}),
        (r"`numbers` must have shape \(2,\), got \(1,\)", {"numbers": Z[:1]}),
        (r"`numbers\[1\]` is 119; atomic numbers", {"numbers": torch.tensor([1, 119])}),
        (r"`numbers\[0\]` is -1; atomic numbers", {"numbers": torch.tensor([-1, 1])}),
        (r"`numbers\[0\]` is 0; atomic numbers", {"numbers": torch.tensor([0, 1])}),
        ("atom 1 of structure 0 is C, which has no channel among H", {"numbers": torch.tensor([1, 6])}),
        ("`sigma` has no width for C", {"vox": replace(VOX, which=AllAtoms()), "numbers": torch.tensor([1, 6])}),
        ("either `batch` or `ptr`", {"batch": Z - 1, "ptr": Z}),
        ("sort the atoms by structure", {"batch": torch.tensor([1, 0])}),
        ("structure of each atom, from 0 to 0", {"batch": Z, "batch_size": 1}),
        ("`ptr` must rise from 0 to the number of atoms, 2", {"ptr": torch.tensor([0, 1])}),
        ("`batch_size` is 3, and there is 1", {"batch_size": 3}),
        ("UnitCell needs the `cell`", {"vox": replace(VOX, where=UnitCell(4))}),
        (r"`cell` must have shape \(1, 3, 3\)", {"cell": torch.eye(3).expand(2, 3, 3)}),
        ("`pbc` says that structures repeat", {"pbc": True}),
        ("`pbc` must be a bool", {"cell": torch.eye(3), "pbc": torch.ones(2, dtype=torch.bool)}),
        ("a periodic structure has no centroid", {"cell": torch.eye(3)}),
        ("`weights` must have a row for each of the 2 atoms", {"weights": torch.ones(3)}),
        (r"`widths` must have shape \(2,\)", {"widths": torch.ones(2, 1)}),
        ("no property 'charge'", {"vox": replace(VOX, which=Property("charge"))}),
    ],
)
def test_values_that_do_not_fit(message, changed):
    with pytest.raises(ValueError, match=message):
        voxelize(**({"vox": VOX, "positions": P, "numbers": Z} | changed))


@pytest.mark.parametrize(
    ("message", "changed"),
    [
        ("`vox` must be a particlegrid.Voxelizer, got str", {"vox": "box"}),
        ("`positions` must be a tensor, got list", {"positions": [[0, 0, 0]]}),
        ("`positions` must hold floating point, got torch.int32", {"positions": P.int()}),
        ("`numbers` must hold whole numbers, got torch.float32", {"numbers": Z.float()}),
        ("`weights` must be a tensor of floating point, got torch.int64", {"weights": Z}),
    ],
)
def test_types_that_do_not_fit(message, changed):
    with pytest.raises(TypeError, match=message):
        voxelize(**({"vox": VOX, "positions": P, "numbers": Z} | changed))


def test_atoms_outside_the_box():
    far = torch.tensor([[0.0, 0, 0], [9.0, 0, 0]])
    with pytest.warns(OutsideBoxWarning, match="2 of 2 atoms lie outside the box"):
        voxelize(VOX, far, Z)
    strict = Voxelizer(Box(4, 0.8, outside="error"), Elements("H"), Gaussian(0.5))
    with pytest.raises(ValueError, match="2 of 2 atoms lie outside the box"):
        voxelize(strict, far, Z)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        voxelize(Voxelizer(Box(4, 0.8, outside="ignore"), Elements("H"), Gaussian(0.5)), far, Z)
        voxelize(VOX, P, Z)
