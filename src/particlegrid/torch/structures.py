"""`Atoms`: flat batches of structures in tensors, checked and completed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from particlegrid.batch import Batch

__all__ = ["Atoms", "gather", "look_up", "make_numpy_batch", "sum_by_structure"]


class Atoms(NamedTuple):
    """N atoms of n structures, one structure after the other, on one device.

    Attributes
    ----------
    positions : Tensor, shape (N, 3), float64
        In A.
    numbers : Tensor, shape (N,), int64
    offsets : Tensor, shape (n + 1,), int64
        Structure i owns the atoms ``offsets[i]:offsets[i + 1]``.
    owners : Tensor, shape (N,), int64, or None
        Structure of each atom; None for one structure.
    cells : Tensor, shape (n, 3, 3), float64, or None
        Rows in A.
    pbc : Tensor, shape (n, 3), bool, or None
        None where nothing repeats.
    size : int
        n.
    """

    positions: Tensor
    numbers: Tensor
    offsets: Tensor
    owners: Tensor | None
    cells: Tensor | None
    pbc: Tensor | None
    size: int


def gather(
    positions: Tensor,
    numbers: Tensor,
    batch: Tensor | None,
    ptr: Tensor | None,
    batch_size: int | None,
    cell: Tensor | None,
    pbc: Any,
) -> Atoms:
    """The atoms of a call, in float64.

    Raises
    ------
    TypeError, ValueError
        If an argument has another type or shape than it must have, or `batch` or `ptr` do not rise.
    """
    _check(positions, "positions", (None, 3), "floating point")
    total = positions.shape[0]
    _check(numbers, "numbers", (total,), "whole numbers")
    count = _count(batch, ptr, batch_size, cell)
    if ptr is not None:
        _check(ptr, "ptr", (count + 1,), "whole numbers")
        offsets = ptr.long()
        # not repeat_interleave: its length is known to nobody who traces
        owners = torch.searchsorted(offsets, torch.arange(total, device=ptr.device), right=True) - 1
        _require((offsets[0] == 0) & (offsets[-1] == total) & (offsets.diff() >= 0).all(), _PTR, total)
    elif batch is not None:
        _check(batch, "batch", (total,), "whole numbers")
        owners = batch.long()
        offsets = torch.searchsorted(owners, torch.arange(count + 1, device=batch.device))
        rises = (owners.diff() >= 0).all()
        _require(rises & (offsets[0] == 0) & (offsets[-1] == total), _BATCH, count - 1)
    else:
        owners = None
        offsets = torch.tensor([0, total], device=positions.device)
    cells = None
    if cell is not None:
        _check(cell, "cell", (3, 3) if cell.dim() == 2 else (count, 3, 3), "floating point")
        cells = cell.to(torch.float64).expand(count, 3, 3)
    return Atoms(
        positions.to(torch.float64), numbers.long(), offsets, owners, cells, _read_pbc(pbc, cells, count), count
    )


_PTR = "`ptr` must rise from 0 to the number of atoms, {}"
_BATCH = "`batch` must give the structure of each atom, from 0 to {}, and must not fall: sort the atoms by structure"


def _count(batch: Tensor | None, ptr: Tensor | None, batch_size: int | None, cell: Tensor | None) -> int:
    if batch is not None and ptr is not None:
        raise ValueError("give either `batch` or `ptr`")
    if ptr is not None:
        count = ptr.shape[0] - 1
    elif batch is None:
        count = 1
    elif batch_size is not None:
        return batch_size
    elif cell is not None and cell.dim() == 3:
        return cell.shape[0]
    else:
        # the one place that needs the values of an index: say `batch_size` where a graph is traced
        return int(batch[-1]) + 1 if batch.shape[0] else 0
    if batch_size is not None and batch_size != count:
        raise ValueError(f"`batch_size` is {batch_size}, and there {'is' if count == 1 else 'are'} {count}")
    return count


def _read_pbc(pbc: Any, cells: Tensor | None, count: int) -> Tensor | None:
    if cells is None:
        if pbc is not None and bool(torch.as_tensor(pbc).any()):
            raise ValueError("`pbc` says that structures repeat, but they have no `cell`")
        return None
    if pbc is None:
        return (cells != 0).any(dim=2)
    if not isinstance(pbc, Tensor):
        pbc = torch.tensor(pbc, dtype=torch.bool, device=cells.device)
    if pbc.dtype != torch.bool or pbc.shape not in ((), (3,), (count, 3)):
        raise ValueError(
            f"`pbc` must be a bool, three of them, or of shape ({count}, 3), got {pbc.dtype} of shape "
            f"{tuple(pbc.shape)}"
        )
    flags: Tensor = pbc.to(cells.device).expand(count, 3)
    return flags


def _check(tensor: Any, name: str, shape: tuple[int | None, ...], kind: str) -> None:
    if not isinstance(tensor, Tensor):
        raise TypeError(f"`{name}` must be a tensor, got {type(tensor).__name__}")
    floating = tensor.dtype.is_floating_point
    whole = not floating and not tensor.dtype.is_complex and tensor.dtype != torch.bool
    if not (floating if kind == "floating point" else whole):
        raise TypeError(f"`{name}` must hold {kind}, got {tensor.dtype}")
    given = tensor.shape
    if len(given) != len(shape) or any(want is not None and want != got for want, got in zip(shape, given)):
        wanted = ", ".join("N" if n is None else str(n) for n in shape) + ("," if len(shape) == 1 else "")
        raise ValueError(f"`{name}` must have shape ({wanted}), got {tuple(given)}")


def _require(condition: Tensor, message: str, number: int) -> None:
    """Raise a ValueError unless the condition holds; a traced graph raises when it runs."""
    if torch.compiler.is_compiling():
        torch._assert_async(condition, message.format("their number"))
    elif not condition:
        raise ValueError(message.format(number))


def sum_by_structure(values: Tensor, atoms: Atoms) -> Tensor:
    """Sums over each structure's atoms of (N, 3) values, shape (n, 3), atom after atom."""
    if atoms.owners is None:
        return values.sum(dim=0, keepdim=True)
    return values.new_zeros((atoms.size, 3)).index_add(0, atoms.owners, values)


def look_up(table: Tensor, atoms: Atoms) -> Tensor:
    """The rows of a table by atomic number that belong to the atoms.

    Raises
    ------
    ValueError
        If a number is no atomic number; a traced graph raises an IndexError when it runs.
    """
    if torch.compiler.is_compiling():
        return table.index_select(0, atoms.numbers)
    try:
        return table.index_select(0, atoms.numbers)
    except IndexError:
        make_numpy_batch(atoms)  # says which
        raise


def make_numpy_batch(atoms: Atoms, properties: Mapping[str, Tensor] | None = None) -> Batch:
    """The atoms in numpy, detached: for channel schemes and placements that want more than elements.

    Raises
    ------
    ValueError
        If a number is no atomic number, or a property is not one row for each atom.
    """

    def read(tensor: Tensor) -> Any:
        return tensor.detach().cpu().numpy()

    numbers = read(atoms.numbers)
    if len(numbers) and not (numbers.min() >= 1 and numbers.max() <= 118):
        atom = int(np.argmax((numbers < 1) | (numbers > 118)))
        raise ValueError(f"`numbers[{atom}]` is {numbers[atom]}; atomic numbers run from 1 to 118")
    return Batch.from_arrays(
        read(atoms.positions),
        numbers.astype(np.uint8),
        read(atoms.offsets),
        None if atoms.cells is None else read(atoms.cells),
        None if atoms.pbc is None else read(atoms.pbc),
        {name: read(values) for name, values in (properties or {}).items()},
    )
