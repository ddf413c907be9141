"""Scenes for tests of the torch layer: what a Voxelizer would draw, in tensors."""

import numpy as np
import torch

from particlegrid import Batch
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
