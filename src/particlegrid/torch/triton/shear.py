"""How sheared voxels cut a Gaussian: the numbers that the kernels need of every image, and the rules of their sums.

With t the offset of a point from the atom, counted in voxels, the density is the product of three normal densities,
of l1 t1, l2 (t2 + gamma t1) and l3 (t3 + alpha t1 + beta t2), where l1, l2 and l3 are lengths in sigmas. An integral
over a voxel is a sum over Gauss-Legendre nodes along its first two edges, in pieces of at most 1.25 sigmas, of
probabilities along its third, which are an exponential times a polynomial.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from math import factorial, gamma, pi, sqrt
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from particlegrid.torch.scene import Scene
from particlegrid.torch.triton.images import Images, Lattice
from particlegrid.torch.triton.tiles import RANGES

__all__ = ["MOST_NODES", "NUMBERS", "Shears", "count_terms", "measure_shears"]

MOST_NODES = 12
NUMBERS = 17  # of an image, before the coefficients of its polynomial
_LONGEST = 1.25  # of a piece, in sigmas


class Shears(NamedTuple):
    """What the kernels read of sheared images.

    Attributes
    ----------
    numbers : Tensor, shape (M, NUMBERS + terms), float64
        The atom's index coordinates; l1, l2, l3; alpha, beta, gamma; nodes and pieces along the first edge and the
        second, pieces along the third; the scale without the weight; the weight; voxels along the third axis that hold
        the support of a row, on either side; the coefficients of the polynomial in the square of the distance.
    ranges : Tensor, shape (7, M), int32
        As `particlegrid.torch.triton.tiles` has them.
    frames : Tensor, shape (n, 3, 3)
        Orthonormal directions (rows) of the three normal densities, of each structure.
    nodes : Tensor, shape (2, MOST_NODES, MOST_NODES), float64
        Nodes on [-1/2, 1/2] and weights of the rules of 1, 2, ... nodes.
    """

    numbers: Tensor
    ranges: Tensor
    frames: Tensor
    nodes: Tensor


def count_terms(dtype: torch.dtype) -> int:
    """Terms of the series of probabilities: pieces of 1.25 sigmas leave out 3e-10 after 7, and 1e-17 after 12."""
    return 7 if dtype == torch.float32 else 12


def measure_shears(scene: Scene, images: Images, grid: Lattice, shape: tuple[int, int, int], value: str, cut: float,
                   tol: float, terms: int) -> Shears:  # fmt: skip
    """Prepare images for the kernels; `cut` is the radius of the supports in sigmas."""
    point = value in ("point", "peak")
    entries, owners = images.entries, images.owners
    frames, shears = _orthogonalise(grid.rows)
    sigma = scene.widths[entries]
    place = scene.positions[scene.atoms[entries]] - scene.origins[owners]
    place = place + torch.einsum("ma,mak->mk", images.shifts, scene.lattices[owners])
    index = torch.einsum("mdk,mk->md", grid.duals[owners], place)
    edges, shear = grid.lengths[owners] / sigma[:, None], shears[owners]
    steps = shear[:, :3] / sigma[:, None]
    reach = cut * sigma
    if point:
        reach = torch.hypot(reach, 0.5 * grid.lengths.sum(1)[owners])
        pieces = nodes = torch.ones_like(edges)
        scale = torch.ones_like(sigma)
        series = torch.zeros((len(sigma), terms), dtype=sigma.dtype, device=sigma.device)
        series[:, 0] = 1.0
    else:
        pieces = torch.ceil(torch.cat([edges[:, :2], steps[:, 2:]], dim=1) / _LONGEST).clamp_min(1.0)
        limits = _place(_find_limits, (tol / 8,), sigma.device)
        nodes = 1.0 + (edges[:, :, None] / pieces[:, :, None] > limits).sum(2)
        scale = steps[:, 0] * steps[:, 1] / (2 * pi)
        series = _expand(steps[:, 2] / pieces[:, 2], terms)
    margins = reach[:, None] / grid.spacings[owners]
    size = index.new_tensor(shape)
    low = torch.floor(index - margins).clamp_min(0.0)
    high = torch.minimum(torch.ceil(index + margins), size)
    empty = (low >= high).any(dim=1, keepdim=True)
    low, high = torch.where(empty, size, low), torch.where(empty, 0.0, high)
    ranges = torch.empty((RANGES, len(sigma)), dtype=torch.int32, device=sigma.device)
    ranges[0:6:2], ranges[1:6:2] = low.T, high.T
    ranges[6] = scene.channels[entries]
    # one sigma more than the support, where derivatives are still above tol, and what the nodes shift a row by
    bend = 0.5 * (shear[:, 3].abs() + shear[:, 4].abs() + 1.0)
    half = torch.ceil((reach / sigma + 1.0) / steps[:, 2] + bend)
    rest = (nodes[:, 0], pieces[:, 0], nodes[:, 1], pieces[:, 1], pieces[:, 2], scale, scene.weights[entries], half)
    numbers = torch.cat([index, steps, shear[:, 3:], torch.stack(rest, dim=1), series], dim=1)
    return Shears(numbers, ranges, frames, _place(_list_rules, (), sigma.device))


def _orthogonalise(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Directions (n, 3, 3) of which the third edge has the third alone and the second the second and third; and the
    edges' parts along their own, then alpha, beta and gamma; (n, 6)."""
    first, second, third = rows.unbind(1)
    l3 = torch.linalg.vector_norm(third, dim=1, keepdim=True)
    w = third / l3
    upright = second - (second * w).sum(1, keepdim=True) * w
    l2 = torch.linalg.vector_norm(upright, dim=1, keepdim=True)
    v = upright / l2
    out = first - (first * w).sum(1, keepdim=True) * w
    out = out - (out * v).sum(1, keepdim=True) * v
    l1 = torch.linalg.vector_norm(out, dim=1, keepdim=True)
    alpha, beta = (first * w).sum(1, keepdim=True) / l3, (second * w).sum(1, keepdim=True) / l3
    bend = (first * v).sum(1, keepdim=True) / l2
    return torch.stack([out / l1, v, w], dim=1), torch.cat([l1, l2, l3, alpha, beta, bend], dim=1)


def _expand(lengths: Tensor, terms: int) -> Tensor:
    """Coefficients c_j, shape (M, terms): the normal probability of an interval at s is exp(-s^2 / 2) sum c_j s^(2j).

    The integral of exp(-s^2 / 2) over the interval is that times the sum over k of 2 q^(2k+1) / (2k+1)! He_2k(s), with
    q half the length and He the Hermite polynomials. The factor 1 / sqrt(2 pi) is included.
    """
    odd = 2 * torch.arange(terms, device=lengths.device) + 1
    powers: Tensor = (0.5 * lengths[:, None]) ** odd
    return powers @ _place(_list_series, (terms,), lengths.device)


@lru_cache
def _place(make: Callable[..., NDArray[np.float64]], arguments: tuple[Any, ...], device: torch.device) -> Tensor:
    """What a function makes, on a device: made and sent once."""
    return torch.from_numpy(make(*arguments)).to(device)


def _list_series(terms: int) -> NDArray[np.float64]:
    """Row k holds 2 / (2k+1)! / sqrt(2 pi) times the coefficients of s^0, s^2, ... of the Hermite polynomial He_2k."""
    series = np.zeros((terms, terms))
    for k in range(terms):
        powers = np.polynomial.hermite_e.herme2poly([0.0] * (2 * k) + [1.0])
        series[k, : k + 1] = 2.0 / factorial(2 * k + 1) / sqrt(2 * pi) * powers[::2]
    return series


def _find_limits(tol: float) -> NDArray[np.float64]:
    """Longest pieces, in sigmas, that 1, 2, ... nodes integrate within `tol`.

    From the remainder of the rule, length^(2n + 1) (n!)^4 / ((2n + 1) (2n)!^3) times a 2n-th derivative (Davis and
    Rabinowitz, Methods of Numerical Integration, 1984, 2.7.12), and Cramer's bound for that of a Gaussian, 1.0865
    sqrt((2n)!) (Abramowitz and Stegun 22.14.17).
    """
    limits = []
    for n in range(1, MOST_NODES):
        part = 1.0865 * gamma(n + 1.0) ** 4 / ((2 * n + 1) * gamma(2.0 * n + 1.0) ** 2.5)
        limits.append((tol / part) ** (1 / (2 * n)))
    return np.array(limits)


def _list_rules() -> NDArray[np.float64]:
    rules = np.zeros((2, MOST_NODES, MOST_NODES))
    for n in range(1, MOST_NODES + 1):
        rules[:, n - 1, :n] = np.stack(np.polynomial.legendre.leggauss(n)) / 2
    return rules
