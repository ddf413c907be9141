"""`Voxelizer`: where + which + what, the front door to the native core."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from particlegrid import _native, reference
from particlegrid.adapt import as_batch
from particlegrid.batch import Batch
from particlegrid.canvas import Canvas
from particlegrid.channels import ChannelScheme
from particlegrid.densities import Density
from particlegrid.drawing import find_shape, make_drawing
from particlegrid.errors import check_out
from particlegrid.grid import Grids
from particlegrid.memory import allocate, as_bits, borrow, store
from particlegrid.molecules import find_style
from particlegrid.placements import Placement
from particlegrid.projection import check_density
from particlegrid.registry import Noun, from_dict
from particlegrid.structure import Structure
from particlegrid.threads import count_threads
from particlegrid.volume import Volume

if TYPE_CHECKING:
    from particlegrid.sparse import SparseGrids

__all__ = ["Voxelizer"]

_DTYPES = ("float32", "float64", "float16", "bfloat16")
_OUTS = (np.ndarray, type(None), Canvas)


@dataclass(frozen=True)
class Voxelizer:
    """Turns structures into voxel grids.

    Parameters
    ----------
    where : Box, Around, UnitCell or Grid
        The placement: which grid a structure gets.
    which : Elements, AllAtoms, Property, GninaTypes or another ChannelScheme, or several joined by ``+``
        The channel scheme: which atoms feed which channel.
    what : Gaussian, SphereOverlap, LennardJones or another Density
        The density: what an atom looks like.
    dtype : {"float32", "float64", "float16", "bfloat16"}
        Type of the values. Sums are made in float32 for the 16-bit types. "bfloat16" gives arrays of that type of
        ml_dtypes, or writes its bits to an `out` of uint16.
    tol : float
        Accuracy: no value is off by more than tol times the sum of abs(weight) times peak over the entries near it,
        plus rounding; the mass of an atom that is left out is below tol / 2 of its weight. Rounding stays below 1e-6
        of the largest value (2 units in the last place in float16) for molecules; where thousands of atoms overlap in
        one voxel, sums in float32 may lose up to 6e-8 times their number, and float64 helps.
    threads : int, optional
        Threads for one call; see `particlegrid.threads.count_threads` for the default. The bits of the result do not
        depend on it.

    Raises
    ------
    TypeError, ValueError
        If a part is not what it should be.

    Examples
    --------
    >>> from particlegrid import Box, Elements, Gaussian, Structure, Voxelizer
    >>> vox = Voxelizer(Box(32, spacing=0.5), Elements("H", "O"), Gaussian(0.5))
    >>> water = Structure([[0, 0, 0], [0.76, 0.59, 0], [-0.76, 0.59, 0]], ["O", "H", "H"])
    >>> grid = vox(water)
    >>> grid.shape, grid.sum(axis=(1, 2, 3)).round(4).tolist()
    ((2, 32, 32, 32), [2.0, 1.0])
    >>> vox([water, water]).shape
    (2, 2, 32, 32, 32)
    """

    where: Placement
    which: ChannelScheme
    what: Density
    dtype: str = field(default="float32", kw_only=True)
    tol: float = field(default=1e-6, kw_only=True)
    threads: int | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        _check_part(self.where, "where", Placement, "a placement such as Box(32, spacing=0.5)")
        _check_part(self.which, "which", ChannelScheme, 'a channel scheme such as Elements("H", "C")')
        _check_part(self.what, "what", Density, "a density such as Gaussian(0.5)")
        shape = getattr(self.where, "shape", None)
        if isinstance(shape, tuple) and None in shape:
            check_density(self.what)
        object.__setattr__(self, "dtype", _check_dtype(self.dtype))
        self.what.check_type(self.dtype)
        if not 1e-15 <= self.tol <= 0.1:
            raise ValueError(f"`tol` must lie between 1e-15 and 0.1, got {self.tol!r}")
        object.__setattr__(self, "tol", float(self.tol))
        if self.threads is not None:
            count_threads(self.threads)  # says what is wrong with it

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the channels."""
        return self.which.channels

    def __call__(self, structures: Any, out: Any = None) -> Any:
        """Draw one structure or many.

        Parameters
        ----------
        structures : Structure, Batch, or iterable
            One structure or many, or what `as_structure` takes.
        out : ndarray, torch.Tensor, object with `__dlpack__`, or Canvas, optional
            Memory on the CPU to write to, of the result's shape; any strides that are whole elements. Its dtype
            overrides the Voxelizer's. Every element is written. A `Canvas` keeps its memory between calls, holds as
            many structures or more, and is written only where there is something to write.

        Returns
        -------
        ndarray, or the type of `out`
            `out` itself if it is given and no `Canvas`. Shape (C, X, Y, Z) for one structure and (n, C, X, Y, Z) for
            many, without an axis that is integrated along; a list of arrays for many whose shapes differ (`Around`,
            ``UnitCell(spacing=...)``).

        Raises
        ------
        ValueError, TypeError
            If a structure does not fit the placement, scheme or density, or `out` does not fit the result.
        """
        if type(out) not in _OUTS:
            values, is_bfloat16 = borrow(out)
            (self._in_bfloat16 if is_bfloat16 else self)(structures, values.view(np.ndarray))
            return out
        style = self._style
        if style is not None and type(structures) is Structure and structures.cell is None:
            values, marks = self._take_memory(self._molecule_shape, out)
            threads = self._count_threads(values)
            outside = style.draw(structures.positions, structures.numbers, None, as_bits(values), threads, marks)
            if outside > 0 and self._warns:
                self.where.place(Batch([structures]))  # says so, counting frames up to who called
            if outside >= 0:
                return values
        batch, single = as_batch(structures)
        if style is not None and not single and batch.cells is None:
            values, marks = self._take_memory((len(batch), *self._molecule_shape), out)
            threads = self._count_threads(values)
            outside = style.draw(batch.positions, batch.numbers, batch.offsets, as_bits(values), threads, marks)
            if outside > 0 and self._warns:
                self.where.place(batch)
            if outside >= 0:
                return values
        return self._resolve(batch)._draw_batch(batch, self.where.place(batch), single, out)

    @cached_property
    def _style(self) -> _native.MoleculeStyle | None:
        return find_style(self.where, self.which, self.what, self.tol)

    @property
    def _warns(self) -> bool:
        return bool(self.where.outside == "warn")  # type: ignore[attr-defined]

    @cached_property
    def _molecule_shape(self) -> tuple[int, ...]:
        return (len(self.channels), *self.where.shape)  # type: ignore[attr-defined]

    @cached_property
    def _in_bfloat16(self) -> Voxelizer:
        return self if self.dtype == "bfloat16" else replace(self, dtype="bfloat16")

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key not in ("_style", "_in_bfloat16")}

    def _draw_batch(self, batch: Batch, grids: Grids, single: bool, out: NDArray[Any] | Canvas | None) -> Any:
        if not single and not grids.share_shape:
            if out is not None:
                raise ValueError("the structures' grids differ in shape, so `out` cannot hold them; leave it out")
            return [self(structure) for structure in batch]
        shape = find_shape(self, batch, grids)[1 if single else 0 :]
        if isinstance(out, Canvas) and grids.projection is not None:
            raise ValueError(f"a canvas keeps grids of three axes; for a projection give an array, shape {shape}")
        values, marks = self._take_memory(shape, out)
        if isinstance(out, Canvas) and not self._can_mark:
            out.mark_all(len(batch))
            marks = None
        self._draw(batch, grids, values[None] if single else values, marks)
        return values

    @property
    def _can_mark(self) -> bool:
        """Whether the density notes which voxels it touches; what changes the sums afterwards may touch all."""
        return self.what.marks_touched and not self._is_finished

    @property
    def _is_finished(self) -> bool:
        return type(self.what).finish is not Density.finish

    def sparse(self, structures: Any, layout: str = "coo", out: SparseGrids | None = None) -> Any:
        """Draw one structure or many, and keep only what is not zero.

        Parameters
        ----------
        structures : Structure, Batch, or iterable
            As `__call__` takes.
        layout : {"coo", "blocks"}
            Single values with their places, or blocks of 8 x 8 x 8 voxels that hold anything.
        out : SparseGrids, optional
            An earlier result, whose memory is written to again where it is large enough. Without it the length is
            counted first, which draws twice.

        Returns
        -------
        SparseGrids or SparseBlocks
            ``to_dense()`` gives what `__call__` draws. A list for many structures whose shapes differ.

        Raises
        ------
        ValueError, TypeError
            As `__call__` does, and for 2^31 voxels a structure (all channels) and more.

        Notes
        -----
        Threads share out structures. Densities without a kernel for sparse output are drawn densely first.
        """
        from particlegrid.sparse_drawing import draw_sparse  # not everyone needs its classes

        return draw_sparse(self, structures, layout, out)

    def volume(self, structure: Any) -> Volume:
        """Draw one structure and keep its grid, channel names and atoms with the values."""
        batch, single = as_batch(structure)
        if not single:
            raise TypeError("volume() takes one structure; draw many by calling the Voxelizer")
        grids, vox = self.where.place(batch), self._resolve(batch)
        return Volume(vox._draw_batch(batch, grids, single, None), grids[0], vox.channels, batch[0])

    def _resolve(self, batch: Batch) -> Voxelizer:
        """The Voxelizer whose channels are those of a batch; itself unless the scheme's names come from structures."""
        which = self.which.resolve(batch)
        return self if which is self.which else replace(self, which=which)

    def to_dict(self) -> dict[str, Any]:
        """Describe as plain values (fit for JSON), all that decides the numbers; `threads` is left out."""
        parts: dict[str, Noun] = {"where": self.where, "which": self.which, "what": self.what}  # type: ignore[dict-item]
        return {**{key: part.to_dict() for key, part in parts.items()}, "dtype": self.dtype, "tol": self.tol}

    @classmethod
    def from_dict(cls, description: dict[str, Any], threads: int | None = None) -> Voxelizer:
        """Make the Voxelizer again that `to_dict` described.

        Raises
        ------
        ValueError
            If a part is missing or unknown.
        """
        missing = {"where", "which", "what"} - description.keys()
        if missing:
            raise ValueError(f"the description of a Voxelizer lacks {', '.join(sorted(missing))}")
        parts: dict[str, Any] = {key: from_dict(description[key]) for key in ("where", "which", "what")}
        options = {key: description[key] for key in ("dtype", "tol") if key in description}
        return cls(**parts, **options, threads=threads)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the description, in hex: the same in every process and on every machine."""
        import hashlib  # OpenSSL takes 5 ms to load

        return hashlib.sha256(json.dumps(self.to_dict(), sort_keys=True).encode()).hexdigest()

    def __hash__(self) -> int:
        return int(self.digest[:15], 16)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Voxelizer):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in ("where", "which", "what", "dtype", "tol"))

    def _take_memory(
        self, shape: tuple[int, ...], out: NDArray[Any] | Canvas | None
    ) -> tuple[NDArray[Any], NDArray[np.int32] | None]:
        """An array to draw in, and what a canvas knows of it."""
        if out is None:
            return allocate(shape, self.dtype), None
        if isinstance(out, Canvas):
            return out.cut(shape)
        # bits of bfloat16 are taken as such only where they were asked for
        return check_out(out, shape, (*_DTYPES, "uint16") if self.dtype == "bfloat16" else _DTYPES), None

    def _count_threads(self, values: NDArray[Any]) -> int:
        # asking how many there might be takes a microsecond
        return count_threads(self.threads) if values.nbytes >= self.what.serial_bytes else 1

    def _draw(self, batch: Batch, grids: Grids, values: NDArray[Any], marks: NDArray[np.int32] | None = None) -> None:
        if values.itemsize == 2:  # a dtype makes its name in 5 us
            self.what.check_type(values.dtype.name)
        # sums may leave the range of a 16-bit type before they are finished
        target = allocate(values.shape, "float32") if self._is_finished and values.itemsize == 2 else values
        drawing = make_drawing(self, batch, grids, as_bits(target), touched=marks)
        if len(batch) == 0:
            return
        if not self.what.draw_natively(drawing):
            for i, structure in enumerate(batch):
                store(reference.voxelize(structure, grids[i], self.which, self.what), values[i])
            return
        self.what.finish(target)
        if target is not values:
            store(target, values)


def _check_part(part: Any, name: str, kind: type, expected: str) -> None:
    if isinstance(part, type) or not isinstance(part, kind):
        mend = "; it is a class: call it" if isinstance(part, type) else ""
        raise TypeError(f"`{name}` must be {expected}, got {part!r}{mend}")


def _check_dtype(dtype: DTypeLike) -> str:
    try:
        name = np.dtype(dtype).name
    except TypeError:
        name = str(dtype)
    if name not in _DTYPES:
        raise ValueError(f"`dtype` must be one of {', '.join(_DTYPES)}, got {dtype!r}")
    return name
