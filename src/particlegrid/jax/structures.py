"""`Atoms`: flat batches of structures in JAX arrays, checked and completed; some of them may be traced."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from particlegrid.batch import Batch

__all__ = ["Atoms", "as_floats", "gather", "make_numpy_batch", "read", "sum_by_structure"]


class Atoms(NamedTuple):
    """N atoms of n structures, one structure after the other.

    Attributes
    ----------
    positions : Array, shape (N, 3), floating point
        In A.
    numbers : Array, shape (N,), int32
        0 where there is no atom.
    known : ndarray, shape (N,), or None
        The numbers, unless they are traced.
    offsets : ndarray, shape (n + 1,), int64
        Structure i owns the atoms ``offsets[i]:offsets[i + 1]``.
    owners : ndarray, shape (N,), int64
        Structure of each atom.
    cells : Array, shape (n, 3, 3), floating point, or None
        Rows in A.
    pbc : Array, shape (n, 3), bool, or None
        None without cells.
    """

    positions: Any
    numbers: Any
    known: NDArray[np.int64] | None
    offsets: NDArray[np.int64]
    owners: NDArray[np.int64]
    cells: Any
    pbc: Any

    @property
    def size(self) -> int:
        """n."""
        return len(self.offsets) - 1


def gather(positions: Any, numbers: Any, batch: Any, cell: Any, pbc: Any) -> Atoms:
    """The atoms of a call.

    Raises
    ------
    TypeError, ValueError
        If an argument has another type or shape than it must have, or `batch` does not rise.
    """
    positions = as_floats(positions, "positions")
    _check_shape(positions, "positions", (None, 3))
    total = positions.shape[0]
    numbers = _as_whole(numbers, "numbers", total)
    known = read(numbers)
    if known is not None and total and not (known.min() >= 0 and known.max() <= 118):
        atom = int(np.argmax((known < 0) | (known > 118)))
        raise ValueError(f"`numbers[{atom}]` is {known[atom]}; atomic numbers run from 1 to 118, and 0 is no atom")
    values = read(positions)
    if values is not None and not np.isfinite(values).all():
        atom, axis = np.argwhere(~np.isfinite(values))[0].tolist()
        raise ValueError(f"`positions[{atom}, {axis}]` is not finite")
    cells = None if cell is None else as_floats(cell, "cell")
    owners = np.zeros(total, np.int64) if batch is None else _read_batch(batch, total)
    count = 1 if batch is None else int(owners[-1]) + 1 if total else 0
    if cells is not None and batch is not None and cells.ndim == 3:
        if cells.shape[0] < count:
            raise ValueError(f"`cell` has shape {cells.shape}, and `batch` speaks of {count} structures")
        count = cells.shape[0]
    offsets = np.searchsorted(owners, np.arange(count + 1)).astype(np.int64)
    if cells is not None:
        _check_shape(cells, "cell", (3, 3) if cells.ndim == 2 else (count, 3, 3))
        cells = jnp.broadcast_to(cells, (count, 3, 3))
    return Atoms(positions, numbers.astype(np.int32), known, offsets, owners, cells, _read_pbc(pbc, cells, count))


def _read_batch(batch: Any, total: int) -> NDArray[np.int64]:
    owners = read(_as_whole(batch, "batch", total))
    if owners is None:
        raise TypeError(
            "`batch` is traced, but it decides how many grids there are: give a numpy array, which jit takes as a "
            "constant, or one structure at a time and jax.vmap"
        )
    if total and (owners[0] < 0 or (np.diff(owners) < 0).any()):
        raise ValueError("`batch` must give the structure of each atom and must not fall: sort the atoms by structure")
    return owners.astype(np.int64)


def _read_pbc(pbc: Any, cells: Any, count: int) -> Any:
    if cells is None:
        if pbc is not None and np.any(pbc):
            raise ValueError("`pbc` says that structures repeat, but they have no `cell`")
        return None
    if pbc is None:
        return (jax.lax.stop_gradient(cells) != 0).any(axis=2)
    pbc = jnp.asarray(pbc)
    if pbc.dtype != bool or pbc.shape not in ((), (3,), (count, 3)):
        raise ValueError(
            f"`pbc` must be a bool, three of them, or of shape ({count}, 3), got {pbc.dtype} of shape {pbc.shape}"
        )
    return jnp.broadcast_to(pbc, (count, 3))


def as_floats(values: Any, name: str) -> Any:
    """An array of JAX's floating point: float64 where `jax_enable_x64` is on, else float32.

    Raises
    ------
    TypeError
        If the values are of another kind.
    """
    if not hasattr(values, "dtype"):
        values = np.asarray(values)
    if not jnp.issubdtype(values.dtype, np.floating):
        raise TypeError(f"`{name}` must be an array of floating point, got {values.dtype}")
    return jnp.asarray(values, dtype=jax.dtypes.canonicalize_dtype(np.float64))


def _as_whole(values: Any, name: str, total: int) -> Any:
    if not hasattr(values, "dtype"):
        values = np.asarray(values)
    if not jnp.issubdtype(values.dtype, np.integer):
        raise TypeError(f"`{name}` must be an array of whole numbers, got {values.dtype}")
    _check_shape(values, name, (total,))
    return values


def _check_shape(values: Any, name: str, shape: tuple[int | None, ...]) -> None:
    given = values.shape
    if len(given) != len(shape) or any(want is not None and want != got for want, got in zip(shape, given)):
        wanted = ", ".join("N" if n is None else str(n) for n in shape) + ("," if len(shape) == 1 else "")
        raise ValueError(f"`{name}` must have shape ({wanted}), got {given}")


def read(values: Any) -> NDArray[Any] | None:
    """The values of an array; None where `jax.jit` or `jax.vmap` traces it."""
    if isinstance(values, jax.core.Tracer):
        values = jax.lax.stop_gradient(values)  # under jax.grad alone there is an array below
    return None if isinstance(values, jax.core.Tracer) else np.asarray(values)


def sum_by_structure(values: Any, atoms: Atoms) -> Any:
    """Sums over each structure's atoms of (N, ...) values, shape (n, ...)."""
    if atoms.size == 1:
        return values.sum(axis=0, keepdims=True)
    return jnp.zeros((atoms.size, *values.shape[1:]), values.dtype).at[atoms.owners].add(values)


class _Unplaced(Batch):
    """A batch whose positions nobody knows: for channel schemes and densities that look at other things."""

    @property
    def positions(self) -> Any:  # type: ignore[override]
        """Raises."""
        raise ValueError(
            "the channel scheme or the density looks at `positions`, which jax traces: give `weights` of shape (N, C) "
            "and `widths`"
        )


def make_numpy_batch(atoms: Atoms, properties: Mapping[str, Any] | None = None) -> tuple[Batch, NDArray[np.int64]]:
    """The atoms in numpy, without those of number 0, and the indices of the others, shape (M,).

    Its positions raise a ValueError where they are traced.

    Raises
    ------
    ValueError
        If the numbers are traced, or a property is not one row for each atom.
    """
    if atoms.known is None:
        raise ValueError(
            "`numbers` are traced, but the channel scheme, the density or the placement looks at more than elements: "
            "give numbers as a numpy array, which jit takes as a constant"
        )
    rows: dict[str, Any] = {}
    for name, values in (properties or {}).items():
        row = read(values)
        if row is None:
            raise ValueError(f"`properties[{name!r}]` is traced; properties are constants: give a numpy array")
        if len(row) != len(atoms.known):
            raise ValueError(f"`properties[{name!r}]` has {len(row)} rows for {len(atoms.known)} atoms")
        rows[name] = row
    present = np.flatnonzero(atoms.known)
    positions, cells = read(atoms.positions), None if atoms.cells is None else read(atoms.cells)
    pbc = None if atoms.pbc is None else read(atoms.pbc)
    batch = Batch.from_arrays(
        np.zeros((len(present), 3)) if positions is None else positions[present],
        atoms.known[present].astype(np.uint8),
        np.searchsorted(present, atoms.offsets),
        cells,
        pbc if cells is not None else None,
        {name: row[present] for name, row in rows.items()},
    )
    if positions is None:
        batch = copy(batch)
        batch.__class__ = _Unplaced
    return batch, present
