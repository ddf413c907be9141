"""The definition of `resample` in float64: the whole matrix of weights, slow and obvious."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from particlegrid.grid import Grid, count_voxels

__all__ = ["resampling_matrix"]

_Floats = NDArray[np.float64]


def resampling_matrix(source: Grid, target: Grid, method: str = "linear") -> _Floats:
    """Weight of each source voxel for each target voxel.

    Parameters
    ----------
    source, target : Grid
        Where the values are, and where they are wanted.
    method : {"linear", "cubic"}
        Which kernel.

    Returns
    -------
    ndarray, shape (X' Y' Z', X Y Z), float64
        ``resample(x, source, target, method)`` is this matrix times ``x.ravel()``.
    """
    kernel = {"linear": _linear, "cubic": _cubic}[method]
    points = source.world_to_index(target.centers()).reshape(-1, 3)
    factors = []
    for axis, n in enumerate(count_voxels(source.shape)):
        distances = points[:, axis, None] - np.arange(n)
        if source.pbc[axis]:
            # kernels reach 2 voxels: a point in the first period meets images up to 3 periods away if n is 1
            distances = points[:, axis, None] % n - np.arange(n)
            factors.append(sum(kernel(distances - image * n) for image in range(-3, 4)))
        else:
            factors.append(kernel(distances))
    weights: _Floats = np.einsum("vi,vj,vk->vijk", *factors)
    return weights.reshape(len(points), -1)


def _linear(x: _Floats) -> _Floats:
    weights: _Floats = np.maximum(1 - np.abs(x), 0.0)
    return weights


def _cubic(x: _Floats) -> _Floats:
    """Keys' kernel with a = -1/2 (doi:10.1109/TASSP.1981.1163711, equation 15)."""
    x = np.abs(x)
    near = 1.5 * x**3 - 2.5 * x**2 + 1
    far = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    weights: _Floats = np.where(x <= 1, near, np.where(x < 2, far, 0.0))
    return weights
