"""Scenes for tests of the torch layer: what a Voxelizer would draw, in tensors."""

import numpy as np
import torch

from particlegrid import Batch, Box, Elements, Structure, UnitCell, Voxelizer
from particlegrid.densities import Coulomb, Gaussian, GaussianQuadratic, LennardJones, Occupancy, Radial, SphereOverlap
from particlegrid.drawing import find_shape, make_drawing
from particlegrid.torch.scene import Scene


def make_scene(vox, structures):
    """The scene of a list of structures, the shape (X, Y, Z) of its grids, and the number of channels."""
    batch = Batch(structures)
    vox = vox._resolve(batch)
    grids = vox.where.place(batch)
    drawing = make_drawing(vox, batch, grids, np.empty(find_shape(vox, batch, grids)))
    n = len(drawing.axes)
    lattices = np.zeros((n, 3, 3)) if drawing.lattices is None else drawing.lattices
    periodic = np.zeros((n, 3), bool) if drawing.periodic is None else drawing.periodic
    arrays = (drawing.positions, drawing.weights, drawing.widths, drawing.axes, drawing.origins, lattices)
    arrays += (drawing.atoms, drawing.channels, drawing.offsets, periodic)
    return Scene(*(torch.tensor(array) for array in arrays)), drawing.out.shape[2:], drawing.out.shape[1]


CELLS = {
    "box": None,
    "orthogonal cell": np.diag([4.0, 3.1, 5.2]),
    "triclinic cell": np.array([[4.0, 0, 0], [1.1, 3.4, 0], [-0.8, 0.9, 4.3]]),
}

DENSITIES = {
    "integral": Gaussian(0.55),
    "mean": Gaussian(0.8, "mean"),
    "point": Gaussian(0.6, "point"),
    "peak": Gaussian(0.6, "point", normalize=False),
    "quadratic": GaussianQuadratic(1.2),
    "cut quadratic": GaussianQuadratic(1.2, multiple=-1.5),
    "occupancy": Occupancy(1.1),
    "radial": Radial(np.exp(-(np.linspace(0, 1.5, 9) ** 2)), 3.0),
    "largest radial": Radial(np.exp(-(np.linspace(0, 1.5, 9) ** 2)), 3.0, combine="max"),
    "share of voxel": SphereOverlap(1.1),
    "share of atom": SphereOverlap(1.3, per="atom"),
    "largest volume": SphereOverlap(1.7, per="volume", combine="max"),
    "energy": LennardJones(cutoff=4.0),
    "shifted energy": LennardJones(cutoff=4.0, shift=True),
    "potential": Coulomb(),
}


def make_case(cell, what, shape=(5, 4, 6), atoms=3, seed=0):
    """A Voxelizer on a box or a cell, and a structure with a few atoms, some outside."""
    rng = np.random.default_rng(seed)
    where = Box(shape, 0.9, (2.0, 2.0, 2.0), outside="ignore") if cell is None else UnitCell(shape)
    elements = ["C", "O", "C", "N"][:atoms]
    properties = {"charge": [1.0, -0.7, 0.4, 0.1][:atoms], "weight": [1.0, 0.9, 1.2, 0.7][:atoms]}
    structure = Structure(rng.uniform(-0.5, 4.5, (atoms, 3)), elements, cell=cell, properties=properties)
    return Voxelizer(where, Elements("C", "O", "N", weight="weight"), what, dtype="float64", tol=1e-12), structure
