"""Cheap predictions that a network must beat: the mean, the composition, kernel ridge regression on pair spectra."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from particlegrid.batch import Batch
from particlegrid.data import Store
from particlegrid.elements import SYMBOLS
from particlegrid.structure import Structure

__all__ = ["Baseline", "CompositionBaseline", "MeanBaseline", "SpectralKernelRidge", "pair_spectra"]

_Floats = NDArray[np.float64]

_CHUNK = 2000  # structures in memory at once: for QM9 some 350,000 atom pairs and 15 MB of spectra


class Baseline(Protocol):
    """What all baselines do."""

    def fit(self, structures: Store | Sequence[Structure], indices: ArrayLike, y: ArrayLike) -> Self:
        """Learn `y`, shape (n, T), from the structures at `indices`, shape (n,)."""
        ...

    def predict(self, structures: Store | Sequence[Structure], indices: ArrayLike) -> _Floats:
        """Values of the structures at `indices`, shape (n, T)."""
        ...


class MeanBaseline:
    """The mean of the training labels, for every structure.

    Examples
    --------
    >>> atoms = [Structure([[0, 0, 0]], [symbol]) for symbol in ("H", "He")]
    >>> MeanBaseline().fit(atoms, [0, 1], [[1.0], [3.0]]).predict(atoms, [0])
    array([[2.]])
    """

    def fit(self, structures: Store | Sequence[Structure], indices: ArrayLike, y: ArrayLike) -> Self:
        """Learn `y`, shape (n, T); see `Baseline`."""
        self._mean = _check_targets(indices, y)[1].mean(axis=0)
        return self

    def predict(self, structures: Store | Sequence[Structure], indices: ArrayLike) -> _Floats:
        """Values of the structures at `indices`, shape (n, T)."""
        return np.tile(self._mean, (len(np.asarray(indices)), 1))


class CompositionBaseline:
    """Least squares on the number of atoms of each element, and a constant.

    Raises
    ------
    ValueError
        From `predict`, if a structure has an element that none had in training.

    Examples
    --------
    >>> chains = [Structure([[i, 0, 0] for i in range(n)], ["C"] * n) for n in (1, 2, 3)]
    >>> CompositionBaseline().fit(chains, [0, 1], [[5.0], [7.0]]).predict(chains, [2]).round(6)
    array([[9.]])
    """

    def fit(self, structures: Store | Sequence[Structure], indices: ArrayLike, y: ArrayLike) -> Self:
        """Learn `y`, shape (n, T); see `Baseline`."""
        rows, targets = _check_targets(indices, y)
        self._elements = _find_elements(structures, rows)
        self._weights = np.linalg.lstsq(self._features(structures, rows), targets, rcond=None)[0]
        return self

    def predict(self, structures: Store | Sequence[Structure], indices: ArrayLike) -> _Floats:
        """Values of the structures at `indices`, shape (n, T)."""
        values: _Floats = self._features(structures, np.asarray(indices)) @ self._weights
        return values

    def _features(self, structures: Store | Sequence[Structure], rows: NDArray[np.int64]) -> _Floats:
        counts = [_count_elements(batch, self._elements) for batch in _gather(structures, rows)]
        return np.column_stack([np.concatenate(counts), np.ones(len(rows))])


class SpectralKernelRidge:
    """Kernel ridge regression on the rotationally averaged cross spectra between the element channels of a grid.

    The features are `pair_spectra`: what the Fourier transform of an ever finer voxel grid gives after averaging over
    directions, summed over atom pairs in closed form, so that no grid is made. Each is scaled to unit variance, which
    cancels the form factor of the atoms' Gaussians: no width enters. The kernel is Matern-3/2 on Euclidean distances.
    For molecules of few elements.

    Parameters
    ----------
    max_train : int
        Training structures that are used, the first of those given; memory grows with the square, time with the cube.
    wavenumbers : array_like, shape (K,), optional
        In 1/A; by default 60 from 1/3 to 20. They resolve distances up to 2 pi / (1/3) = 19 A, to about 0.15 A.
    scale : float
        Length of the kernel in medians of the distance between training structures.
    ridge : float
        Added to the diagonal of the kernel, which is 1.

    Notes
    -----
    Chosen on the gap of 1,500 validation molecules of `split_qm9`. Kernels, 2,000 training molecules, up to 10 1/A:
    Matern-3/2 376 meV, Gaussian 389, exponential 398. Highest wavenumber, exponential kernel: 6, 10, 15, 20 1/A give
    416, 396, 380, 365 meV.
    """

    def __init__(
        self, max_train: int = 8000, wavenumbers: ArrayLike | None = None, scale: float = 3.0, ridge: float = 1e-4
    ) -> None:
        self.max_train = max_train
        self.wavenumbers = np.arange(1, 61) / 3.0 if wavenumbers is None else np.asarray(wavenumbers, np.float64)
        self.scale = scale
        self.ridge = ridge

    def fit(self, structures: Store | Sequence[Structure], indices: ArrayLike, y: ArrayLike) -> Self:
        """Learn `y`, shape (n, T); see `Baseline`.

        Raises
        ------
        ValueError
            If a structure is periodic, or there are more than 12 elements.
        """
        rows, targets = _check_targets(indices, y)
        rows, targets = rows[: self.max_train], targets[: self.max_train]
        self._elements = _find_elements(structures, rows)
        if len(self._elements) > 12:
            raise ValueError(f"the structures have {len(self._elements)} elements; pair spectra are for at most 12")
        features = self._spectra(structures, rows)
        spread = features.std(axis=0)
        used = spread > 1e-9
        # features that hardly vary are left out, such as those of a pair of elements that no molecule has
        self._used, self._spread = used, spread[used]
        self._mean = features[:, used].mean(axis=0)
        self._train = self._standardize(features)
        distances = _distances(self._train, self._train)
        self._length = self.scale * float(distances[:1000, :1000].median())
        kernel = _matern(distances, self._length or 1.0)
        kernel.diagonal().add_(self.ridge)
        self._shift = targets.mean(axis=0)
        factor = torch.linalg.cholesky(kernel)
        self._weights = torch.cholesky_solve(torch.from_numpy(targets - self._shift), factor)
        return self

    def predict(self, structures: Store | Sequence[Structure], indices: ArrayLike) -> _Floats:
        """Values of the structures at `indices`, shape (n, T)."""
        rows = np.asarray(indices)
        parts = [np.empty((0, len(self._shift)))]
        for start in range(0, len(rows), _CHUNK):
            features = self._standardize(self._spectra(structures, rows[start : start + _CHUNK]))
            kernel = _matern(_distances(features, self._train), self._length or 1.0)
            parts.append((kernel @ self._weights).numpy() + self._shift)
        return np.concatenate(parts)

    def _spectra(self, structures: Store | Sequence[Structure], rows: NDArray[np.int64]) -> _Floats:
        batches = _gather(structures, rows)
        return np.concatenate([pair_spectra(batch, self._elements, self.wavenumbers) for batch in batches])

    def _standardize(self, features: _Floats) -> torch.Tensor:
        return torch.from_numpy((features[:, self._used] - self._mean) / self._spread)


def pair_spectra(batch: Batch, elements: Sequence[int], wavenumbers: ArrayLike) -> _Floats:
    """Rotationally averaged cross spectra between elements.

    P_ab(k) = sum over atoms i of element a and j of element b of sin(k r_ij) / (k r_ij). It is the mean over the
    directions of the wave vector of the real part of conj(F_a) F_b, F_a being the Fourier transform of the element's
    atoms as points (Debye's formula); for atoms that are Gaussians of width s it is multiplied by exp(-(s k)^2).

    Parameters
    ----------
    batch : Batch
        Molecules.
    elements : sequence of int
        Atomic numbers of E elements that cover all atoms.
    wavenumbers : array_like, shape (K,)
        In 1/A.

    Returns
    -------
    ndarray, shape (n, E (E + 1) / 2 * K), float64
        Pairs of elements in the order (0, 0), (0, 1), ..., (1, 1), ..., each with its K values.

    Raises
    ------
    ValueError
        If a structure is periodic or has another element.

    Examples
    --------
    >>> hydrogen = Batch([Structure([[0, 0, 0], [0, 0, 0.5]], ["H", "H"])])
    >>> pair_spectra(hydrogen, [1], [np.pi, 2 * np.pi]).round(4)
    array([[3.2732, 2.    ]])
    """
    if batch.pbc.any():
        raise ValueError("pair spectra are for molecules; a structure is periodic")
    k = np.asarray(wavenumbers, np.float64)
    counts = _count_elements(batch, elements)
    n, e = counts.shape
    slots = np.zeros(119, np.int64)
    slots[list(elements)] = np.arange(e)
    first, second = _list_pairs(batch)
    distance = np.linalg.norm(batch.positions[first] - batch.positions[second], axis=1)
    # float32 halves the time of the sines, nearly all of it; a term is off by up to 2e-7
    scaled = (distance / np.pi).astype(np.float32)
    a, b = np.sort([slots[batch.numbers[first]], slots[batch.numbers[second]]], axis=0)
    pair_of = np.zeros((e, e), np.int64)
    pair_of[np.triu_indices(e)] = np.arange(e * (e + 1) // 2)
    pairs = e * (e + 1) // 2
    cell = batch.owners[first] * pairs + pair_of[a, b]
    spectra = np.empty((len(k), n, pairs))
    for i, value in enumerate(k):
        waves = np.sinc(np.float32(value) * scaled)
        spectra[i] = np.bincount(cell, waves, minlength=n * pairs).reshape(n, pairs)
    same = np.diagonal(pair_of)
    spectra[:, :, same] = 2.0 * spectra[:, :, same] + counts  # both orders, and each atom with itself
    return spectra.transpose(1, 2, 0).reshape(n, -1)


def _list_pairs(batch: Batch) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First and second atom of all pairs within a structure."""
    first, second = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for count in np.unique(batch.counts):
        starts = batch.offsets[:-1][batch.counts == count]
        i, j = np.triu_indices(count, 1)
        first.append((starts[:, None] + i).ravel())
        second.append((starts[:, None] + j).ravel())
    return np.concatenate(first), np.concatenate(second)


def _distances(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    squares = a.square().sum(1)[:, None] + b.square().sum(1)
    return squares.addmm_(a, b.T, alpha=-2.0).clamp_(min=0.0).sqrt_()


def _matern(distances: torch.Tensor, length: float) -> torch.Tensor:
    """Matern-3/2 kernel; `distances` are overwritten."""
    u = distances.mul_(3.0**0.5 / length)
    return torch.exp(-u).mul_(u.add_(1.0))


def _gather(structures: Store | Sequence[Structure], rows: NDArray[np.int64]) -> Iterator[Batch]:
    for start in range(0, max(len(rows), 1), _CHUNK):
        part = rows[start : start + _CHUNK]
        yield structures.batch(part) if isinstance(structures, Store) else Batch(structures[int(i)] for i in part)


def _check_targets(indices: ArrayLike, y: ArrayLike) -> tuple[NDArray[np.int64], _Floats]:
    rows, targets = np.asarray(indices), np.asarray(y, np.float64)
    if targets.ndim != 2 or len(targets) != len(rows) or not len(rows):
        raise ValueError(f"`y` must have shape (n, targets) for the {len(rows)} `indices`, got {targets.shape}")
    if not np.isfinite(targets).all():
        raise ValueError("`y` has values that are not finite; leave those structures out of `indices`")
    return rows, targets


def _find_elements(structures: Store | Sequence[Structure], rows: NDArray[np.int64]) -> list[int]:
    found = np.zeros(119, bool)
    for batch in _gather(structures, rows):
        found[batch.numbers] = True
    elements: list[int] = np.flatnonzero(found).tolist()
    return elements


def _count_elements(batch: Batch, elements: Sequence[int]) -> _Floats:
    """Atoms of each element, shape (n, E)."""
    counts = np.bincount(batch.owners * 119 + batch.numbers, minlength=len(batch) * 119).reshape(-1, 119)
    unknown = np.setdiff1d(np.flatnonzero(counts.sum(axis=0)), elements)
    if len(unknown):
        raise ValueError(f"{SYMBOLS[unknown[0]]} is not among the elements {', '.join(SYMBOLS[z] for z in elements)}")
    chosen: _Floats = counts[:, list(elements)].astype(np.float64)
    return chosen
