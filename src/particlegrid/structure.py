"""`Structure`: the atoms of one molecule or crystal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from particlegrid.elements import SYMBOLS, atomic_numbers
from particlegrid.errors import as_array

__all__ = ["AROMATIC", "Structure", "complete_cell"]

AROMATIC = 4
"""Bond order of an aromatic bond in `Structure.bonds` (as in MDL molfiles)."""


_ARRAYS = ("positions", "numbers", "cell", "pbc", "bonds")


@dataclass(frozen=True, eq=False, repr=False)
class Structure:
    """A molecule or a crystal: atoms with positions, and what is known of them.

    Parameters
    ----------
    positions : array_like, shape (n, 3)
        Cartesian coordinates in A.
    numbers : array_like, shape (n,)
        Atomic numbers 1 to 118, or symbols.
    cell : array_like, shape (3, 3), optional
        Rows a, b, c in A. All zero means no cell; a zero row of a non-periodic axis is completed by a unit vector.
    pbc : bool or sequence of 3 bool, optional
        Periodic axes. By default all of them if a cell is given, else none.
    bonds : array_like, shape (m, 3), optional
        Rows (atom, atom, order); order `AROMATIC` is an aromatic bond.
    properties : dict of str to array_like of shape (n, ...), optional
        Values per atom, such as ``{"charge": ...}`` in e.
    info : dict, optional
        Values per structure.
    name : str, optional
        What the structure is called.

    Raises
    ------
    ValueError
        If a shape is wrong, a coordinate is not finite, a number is no element, the cell is singular, or a periodic
        axis has no cell vector.

    Examples
    --------
    >>> water = Structure([[0, 0, 0], [0.76, 0.59, 0], [-0.76, 0.59, 0]], ["O", "H", "H"])
    >>> water
    Structure(H2O)
    >>> water.numbers
    array([8, 1, 1], dtype=uint8)
    """

    positions: NDArray[np.float64]
    numbers: NDArray[np.uint8]
    cell: NDArray[np.float64] | None
    pbc: NDArray[np.bool_]
    bonds: NDArray[np.int64] | None
    properties: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    info: Mapping[str, Any] = field(default_factory=dict)
    name: str | None = None

    def __init__(
        self,
        positions: ArrayLike,
        numbers: ArrayLike | Sequence[str],
        cell: ArrayLike | None = None,
        pbc: bool | Sequence[bool] | NDArray[np.bool_] | None = None,
        bonds: ArrayLike | None = None,
        properties: Mapping[str, ArrayLike] | None = None,
        info: Mapping[str, Any] | None = None,
        name: str | None = None,
    ) -> None:
        if np.size(positions) == 0:
            positions = np.empty((0, 3))
        coordinates = as_array(positions, "positions", (None, 3))
        n = len(coordinates)
        axes, periodic = _check_cell(cell, pbc)
        values = {
            "positions": coordinates,
            "numbers": _check_numbers(numbers, n),
            "cell": axes,
            "pbc": periodic,
            "bonds": None if bonds is None else _check_bonds(bonds, n),
        }
        for key, value in values.items():
            if value is not None:
                value.setflags(write=False)
            object.__setattr__(self, key, value)
        object.__setattr__(self, "properties", _check_properties(properties or {}, n))
        object.__setattr__(self, "info", dict(info or {}))
        object.__setattr__(self, "name", None if name is None else str(name))

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def symbols(self) -> list[str]:
        """Symbols of the elements, one an atom."""
        return [SYMBOLS[number] for number in self.numbers]

    @property
    def formula(self) -> str:
        """Chemical formula in Hill order (carbon, hydrogen, then by alphabet)."""
        counts = {SYMBOLS[z]: int(c) for z, c in zip(*np.unique(self.numbers, return_counts=True))}
        first = [s for s in ("C", "H") if s in counts] if "C" in counts else []
        order = first + sorted(s for s in counts if s not in first)
        return "".join(s + (str(counts[s]) if counts[s] > 1 else "") for s in order)

    def __repr__(self) -> str:
        parts = [self.formula or "no atoms"]
        if self.name:
            parts.insert(0, repr(self.name))
        if self.pbc.any():
            parts.append("periodic" if self.pbc.all() else "pbc=" + "".join("ft"[int(p)] for p in self.pbc))
        return f"Structure({', '.join(parts)})"

    def to_ase(self) -> Any:
        """Convert to an `ase.Atoms`; see `particlegrid.adapt.to_ase`."""
        from particlegrid.adapt import to_ase

        return to_ase(self)

    def to_rdkit(self, determine_bonds: bool = False, charge: int = 0) -> Any:
        """Convert to an `rdkit.Chem.Mol` with a conformer; see `particlegrid.adapt.to_rdkit`."""
        from particlegrid.adapt import to_rdkit

        return to_rdkit(self, determine_bonds=determine_bonds, charge=charge)

    def to_pymatgen(self) -> Any:
        """Convert to a pymatgen Structure or Molecule; see `particlegrid.adapt.to_pymatgen`."""
        from particlegrid.adapt import to_pymatgen

        return to_pymatgen(self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Structure):
            return NotImplemented
        return (
            self.name == other.name
            and all(_same(getattr(self, key), getattr(other, key)) for key in _ARRAYS)
            and self.properties.keys() == other.properties.keys()
            and all(_same(v, other.properties[k]) for k, v in self.properties.items())
            and self.info.keys() == other.info.keys()
            and all(_same(v, other.info[k]) for k, v in self.info.items())
        )

    def __setstate__(self, state: dict[str, Any]) -> None:
        # numpy's pickles forget that an array was read-only
        for key, value in state.items():
            for array in value.values() if key == "properties" else (value,):
                if isinstance(array, np.ndarray):
                    array.setflags(write=False)
            object.__setattr__(self, key, value)

    __hash__ = None  # type: ignore[assignment]  # holds arrays and dicts


def _check_numbers(numbers: Any, n: int) -> NDArray[np.uint8]:
    values: NDArray[Any] = np.asarray(numbers)
    if values.size == 0:
        values = np.empty(0, np.int64)
    if values.dtype.kind == "U":
        values = atomic_numbers(values.ravel().tolist()).reshape(values.shape)
    if values.shape != (n,):
        raise ValueError(f"`numbers` must have shape ({n},), one number for each position, got {values.shape}")
    if values.dtype.kind not in "iu" and not (values.dtype.kind == "f" and (values == np.floor(values)).all()):
        raise TypeError(f"`numbers` must be whole atomic numbers, got {values.dtype}")
    wrong = np.flatnonzero((values < 1) | (values > 118))
    if len(wrong):
        raise ValueError(f"`numbers[{wrong[0]}]` is {values[wrong[0]]:.0f}; atomic numbers run from 1 to 118")
    return values.astype(np.uint8)


def _check_cell(cell: Any, pbc: Any) -> tuple[NDArray[np.float64] | None, NDArray[np.bool_]]:
    axes = None if cell is None else as_array(cell, "cell", (3, 3))
    if axes is not None and not axes.any():
        axes = None
    given: NDArray[np.bool_] = np.zeros(3, bool) if axes is None else np.asarray(axes.any(axis=1))
    periodic: NDArray[np.bool_]
    if pbc is None:
        periodic = given.copy()
    else:
        try:
            periodic = np.broadcast_to(np.asarray(pbc, dtype=bool), (3,)).copy()
        except (ValueError, TypeError):
            raise ValueError(f"`pbc` must be a bool or three, got {pbc!r}") from None
    absent = ~given
    if (periodic & absent).any():
        axis = int(np.flatnonzero(periodic & absent)[0])
        raise ValueError(f"`pbc[{axis}]` is True but `cell[{axis}]` is zero or missing; give the cell or set pbc=False")
    if axes is None:
        return None, periodic
    if absent.any():
        axes = complete_cell(axes, absent)
    # relative to the edge lengths, so that the unit of length does not matter
    if abs(np.linalg.det(axes)) < 1e-9 * np.prod(np.linalg.norm(axes, axis=1)):
        raise ValueError(f"`cell` is singular: its rows {axes.tolist()} span no volume")
    return axes, periodic


def complete_cell(axes: NDArray[np.float64], absent: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Replace zero rows by unit vectors at right angles to the rows that are there, right-handed."""
    normal = np.linalg.svd(axes[~absent])[2][-int(absent.sum()) :]
    completed = axes.copy()
    completed[absent] = normal
    if np.linalg.det(completed) < 0:
        completed[np.flatnonzero(absent)[-1]] *= -1
    return completed


def _check_bonds(bonds: Any, n: int) -> NDArray[np.int64]:
    if np.size(bonds) == 0:
        bonds = np.empty((0, 3), np.int64)
    rows = as_array(bonds, "bonds", (None, 3), np.int64)
    wrong = np.flatnonzero((rows[:, :2] < 0).any(axis=1) | (rows[:, :2] >= n).any(axis=1))
    if len(wrong):
        raise ValueError(f"`bonds[{wrong[0]}]` is {rows[wrong[0]].tolist()}; atoms run from 0 to {n - 1}")
    return rows


def _check_properties(properties: Mapping[str, Any], n: int) -> dict[str, NDArray[Any]]:
    checked = {}
    for key, value in properties.items():
        array = np.array(value)
        if array.ndim == 0 or len(array) != n:
            raise ValueError(f"`properties[{key!r}]` must have {n} rows, one for each atom, got shape {array.shape}")
        array.setflags(write=False)
        checked[key] = array
    return checked


def _same(a: Any, b: Any) -> bool:
    if a is None or b is None:
        return a is b
    return np.array_equal(a, b)
