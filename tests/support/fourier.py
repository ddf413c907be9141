"""Periodic Gaussians by another road than quadrature: their exact Fourier coefficients, summed."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def integrate_periodic(
    cell: ArrayLike, shape: tuple[int, int, int], position: ArrayLike, sigma: float
) -> NDArray[np.float64]:
    """Integrals over the voxels of a cell of one Gaussian and all its images, shape `shape`, float64.

    The coefficient of harmonic h is exp(-sigma^2 G^2 / 2) exp(-i G r) / V_cell, G = 2 pi h B. Integrating over a
    parallelepiped multiplies it by the voxel's volume and, for each edge, by sinc(h_d / n_d); voxel centres lie half a
    voxel from the origin. Harmonics that fall on one grid frequency are added before the inverse transform. What is
    left out is below exp(-40).
    """
    cell, n = np.asarray(cell, float), np.array(shape)
    furthest = 9.0 / sigma
    ranges = [np.arange(-k, k + 1) for k in (furthest * np.linalg.norm(cell, axis=1) / (2 * np.pi)).astype(int)]
    duals = 2 * np.pi * np.linalg.inv(cell).T
    total = np.zeros(shape, complex)
    for first in ranges[0]:  # one plane of harmonics at a time keeps memory small
        h = np.stack(np.meshgrid([first], *ranges[1:], indexing="ij"), axis=-1).reshape(-1, 3)
        waves = h @ duals
        squares = (waves**2).sum(axis=1)
        near = squares <= furthest**2
        h, waves, squares = h[near], waves[near], squares[near]
        phases = np.pi * (h / n).sum(axis=1) - waves @ np.asarray(position, float)
        terms = np.exp(-0.5 * sigma**2 * squares + 1j * phases) * np.prod(np.sinc(h / n), axis=1)
        flat = np.ravel_multi_index(tuple((h % n).T), shape)
        total += (np.bincount(flat, terms.real, total.size) + 1j * np.bincount(flat, terms.imag, total.size)).reshape(
            shape
        )
    return np.fft.ifftn(total).real


def make_cell(a: float, b: float, c: float, alpha: float, beta: float, gamma: float) -> NDArray[np.float64]:
    """Rows a, b, c from lengths in A and angles in degrees."""
    cos = np.cos(np.radians([alpha, beta, gamma]))
    sin = np.sin(np.radians(gamma))
    y = (cos[0] - cos[1] * cos[2]) / sin
    return np.array([[a, 0, 0], [b * cos[2], b * sin, 0], [c * cos[1], c * y, c * np.sqrt(1 - cos[1] ** 2 - y**2)]])
