"""Drawings of spheres to differentiate."""

import numpy as np

from particlegrid.densities import Drawing, Tangent


def list_spheres(axes, shape, centers, radii, weights=1.0, cell=None, **options):
    """A drawing of spheres in one channel of one grid, of whose voxels the first begins at 0."""
    n = len(centers)
    return Drawing(
        positions=np.array(centers, float),
        atoms=np.arange(n),
        channels=np.zeros(n, np.int64),
        weights=np.broadcast_to(np.asarray(weights, float), n).copy(),
        widths=np.broadcast_to(np.asarray(radii, float), n).copy(),
        offsets=np.array([0, n]),
        axes=np.array(axes, float)[None],
        origins=np.zeros((1, 3)),
        lattices=None if cell is None else np.array(cell, float)[None],
        periodic=None if cell is None else np.ones((1, 3), bool),
        out=np.zeros((1, 1, *shape)),
        tol=1e-12,
        **{"threads": 1, **options},
    )


def give_direction(drawing, **numbers):
    """A direction with some fields given and zeros in the others."""
    direction = Tangent.zeros(drawing)
    for name, values in numbers.items():
        getattr(direction, name)[...] = values
    return direction
