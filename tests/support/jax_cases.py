"""Molecules, crystals and Voxelizers to draw in JAX, and what `voxelize` wants of them."""

import numpy as np

from particlegrid import (
    AllAtoms,
    Batch,
    Boltzmann,
    Box,
    ByRule,
    Coulomb,
    Elements,
    ElementVectors,
    Gaussian,
    GaussianQuadratic,
    Grid,
    LennardJones,
    Occupancy,
    PresentElements,
    Property,
    SphereOverlap,
    Structure,
    UnitCell,
    WithWidths,
)

CELL = np.array([[4.0, 0, 0], [0.5, 4.4, 0], [0.3, -0.4, 4.8]])
GRID = Grid((4, 5, 3), np.diag([0.9, 0.8, 1.1]) + 0.05, [0, -1, 1])


def rings_and_chains(structure):
    """A rule that the element does not decide."""
    return np.eye(2)[(structure.positions[:, 0] > 0).astype(int)]


def make_molecules():
    """Three structures, of which one is empty."""
    random = np.random.default_rng(1)
    return Batch(
        Structure(random.normal(size=(n, 3)), random.choice([1, 8], n), properties={"charge": random.normal(size=n)})
        for n in (3, 0, 2)
    )


def make_crystals():
    """Two crystals, of which one does not repeat along c."""
    random = np.random.default_rng(2)
    return Batch(
        Structure(random.uniform(-1, 5, size=(n, 3)), [1, 8, 8][:n], CELL + random.normal(size=(3, 3)) * 0.1, pbc)
        for n, pbc in ((3, True), (2, (True, True, False)))
    )


def list_arguments(batch):
    """Positions, numbers and the other arguments for a batch."""
    others = {"batch": batch.owners}
    if batch.cells is not None:
        others |= {"cell": batch.cells, "pbc": batch.pbc}
    return batch.positions, batch.numbers.astype(np.int64), others


HO = Elements("H", "O")
MOLECULES = [
    (Box((5, 6, 4), 0.8), HO, Gaussian(0.5)),
    (Box(4, (0.8, 0.9, 1.0), "origin"), Elements("O", other="ignore"), Gaussian(0.6, "mean")),
    (Box((4, None, 5), 0.8), HO, Gaussian(0.5)),
    (Box((None, 4, 5), 0.8, (0.1, 0, 0.2)), AllAtoms(), Gaussian(0.5, "point")),
    (GRID, HO, Gaussian("vdw", "mean")),
    (GRID, HO, Gaussian(0.5, "point", normalize=False)),
    (Box(4, 0.8), ElementVectors({"H": [1, 0, 2], "O": [0, -1, 3]}), Gaussian(0.5)),
    (Box(4, 0.8), HO + WithWidths(AllAtoms(), {"O": 0.8}), Gaussian(0.5)),
    (Box(4, 0.8), HO, LennardJones(probe=(0.01, 1.0), cap=3.0)),
    (Box(4, 0.8), AllAtoms(), Boltzmann(LennardJones(cap=1.0), 500)),
    (Box(4, 0.8), AllAtoms(), Coulomb({"H": 0.4, "O": -0.8})),
    (Box(4, 0.8), HO, Occupancy()),
    (Box(4, 0.8), HO, SphereOverlap()),
    (Box(4, 0.8), HO, GaussianQuadratic()),
    (Box(4, 0.8), PresentElements(), Gaussian(0.5)),
    (Box(4, 0.8), Property("charge"), Gaussian(0.5)),
    (Box(4, 0.8), AllAtoms(), Coulomb("charge")),
    (Box(4, 0.8), ByRule(rings_and_chains, ["left", "right"]), Gaussian(0.5)),
]
CRYSTALS = [
    (UnitCell((4, 5, 3)), HO, Gaussian(0.5)),
    (UnitCell(3, registration="point"), HO, Gaussian(0.6, "point")),
    (UnitCell((4, None, 3)), HO, Gaussian(0.5)),
    (UnitCell((4, 3, None)), AllAtoms(), Gaussian(0.5, "mean")),
    (Box(4, 0.8, "origin"), HO, Gaussian(0.5)),
    (GRID, HO, Gaussian(0.5, "point")),
    (UnitCell(3), HO, LennardJones(probe=(0.01, 1.0), cutoff=5.0)),
    (UnitCell(3), HO, SphereOverlap()),
]
CASES = [*((make_molecules, parts) for parts in MOLECULES), *((make_crystals, parts) for parts in CRYSTALS)]
