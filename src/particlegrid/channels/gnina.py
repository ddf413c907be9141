"""Channels of gnina's atom types, as libmolgrid draws them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from particlegrid.batch import Batch
from particlegrid.channels.base import ChannelScheme, Entries, atom_weights, check_name
from particlegrid.channels.gnina_perception import find_gnina_types
from particlegrid.channels.gnina_table import DEFAULT_MAPS, GNINA_TYPES, TYPE_NUMBERS
from particlegrid.channels.map_files import read_map
from particlegrid.errors import choose

__all__ = ["GninaTypes"]


@dataclass(frozen=True, init=False)
class GninaTypes(ChannelScheme):
    """Channels of the 28 atom types of gnina, which tell donors, acceptors, aromatic and hydrophobic atoms apart.

    Types follow from bonds, which RDKit reads; `find_gnina_types` has the rules. Atoms whose type is in no channel are
    absent, as in libmolgrid: gnina's maps leave out hydrogens.

    Parameters
    ----------
    groups : {"all", "receptor", "ligand"} or sequence of sequences of str
        Names of the types in each channel: a channel for each type, one of gnina's two default maps of 14 channels, or
        a map of one's own. See also `from_file`.
    radii : {"xs", "covalent"}, optional
        Give each atom its type's radius as width in place of the density's: libmolgrid's grids are
        ``GaussianQuadratic`` over ``GninaTypes(..., radii="xs")``. By default the density decides.
    types : str, optional
        Name of a per-atom property that holds the types' numbers (as in .gninatypes files); neither bonds nor RDKit
        are needed then.
    weight : str, optional
        Name of the per-atom property that weighs the atoms; by default each weighs 1. Atoms of weight 0 are absent, so
        that of a complex ``GninaTypes("receptor", weight="in_receptor") + GninaTypes("ligand", weight="in_ligand")``
        draws the two in channels of their own.

    Raises
    ------
    ValueError
        If a type is unknown or given twice, or a channel has none.

    Examples
    --------
    >>> from particlegrid import Batch, from_smiles
    >>> scheme = GninaTypes("ligand")
    >>> len(scheme.channels), scheme.channels[9]
    (14, 'Oxygen_OxygenXSAcceptor')
    >>> acetone = from_smiles("CC(=O)C", seed=0)
    >>> scheme.list_entries(Batch([acetone])).channels  # hydrogens have no channel
    array([0, 1, 9, 0])
    """

    groups: tuple[tuple[str, ...], ...]
    radii: str | None
    types: str | None
    weight: str | None

    def __init__(
        self,
        groups: str | Sequence[Sequence[str]] = "all",
        radii: str | None = None,
        types: str | None = None,
        weight: str | None = None,
    ) -> None:
        if isinstance(groups, str):
            groups = DEFAULT_MAPS[choose(groups, "groups", tuple(DEFAULT_MAPS))]
        table = np.full(len(GNINA_TYPES), -1)
        for channel, names in enumerate(groups):
            if isinstance(names, str) or not names:
                raise ValueError(f"`groups[{channel}]` must list the names of its types, got {names!r}")
            for name in names:
                if name not in TYPE_NUMBERS:
                    raise ValueError(
                        f"{name!r} in `groups[{channel}]` is not a gnina type; they are {', '.join(TYPE_NUMBERS)}"
                    )
                if table[TYPE_NUMBERS[name]] != -1:
                    raise ValueError(f"each type has one channel, but {name} is given twice")
                table[TYPE_NUMBERS[name]] = channel
        if not groups:
            raise ValueError(
                '`groups` must have at least one channel, such as [["Zinc"]], or be "receptor" or "ligand"'
            )
        if radii is not None:
            choose(radii, "radii", ("xs", "covalent"))
        object.__setattr__(self, "groups", tuple(tuple(names) for names in groups))
        object.__setattr__(self, "radii", radii)
        object.__setattr__(self, "types", check_name(types, "types"))
        object.__setattr__(self, "weight", check_name(weight, "weight"))
        object.__setattr__(self, "_table", table)

    @classmethod
    def from_file(cls, path: str | PathLike[str], **options: Any) -> Self:
        """Read a map file of libmolgrid: one line for each channel with the names of its types.

        An empty line and what follows a "#" count for nothing. The map is kept, not the path, so that a description of
        the scheme is complete.

        Parameters
        ----------
        path : path-like
            The file.
        **options
            `radii`, `types` and `weight`.

        Raises
        ------
        ValueError
            If a type is unknown or given twice, with the line's number.
        """
        return cls(read_map(path, TYPE_NUMBERS, "a gnina type"), **options)

    @property
    def channels(self) -> tuple[str, ...]:
        """The names of each channel's types, joined by underscores, as libmolgrid names them."""
        return tuple("_".join(names) for names in self.groups)

    def list_entries(self, batch: Batch) -> Entries:
        """One entry for each atom whose type has a channel.

        Raises
        ------
        ImportError
            If types are to be found and RDKit is not installed.
        ValueError
            If a structure has no bonds or impossible ones, or a property is missing or wrong.
        """
        types = self._find_types(batch)
        channels = self._table[types]  # type: ignore[attr-defined]
        weights = atom_weights(batch, self.weight)
        atoms = np.flatnonzero((channels >= 0) & (weights != 0))
        entries = Entries.pick(batch, atoms, channels[atoms], weights[atoms])
        if self.radii is None:
            return entries
        radii = np.array([getattr(kind, self.radii) for kind in GNINA_TYPES])
        return Entries(entries.atoms, entries.channels, entries.weights, entries.offsets, radii[types[atoms]])

    def _find_types(self, batch: Batch) -> NDArray[np.int64]:
        if self.types is None:
            return np.concatenate([np.empty(0, np.int64), *(find_gnina_types(structure) for structure in batch)])
        values = atom_weights(batch, self.types)
        wrong = (values < 0) | (values >= len(GNINA_TYPES)) | (values != np.floor(values))
        if wrong.any():
            atom = int(np.argmax(wrong))
            raise ValueError(
                f"property {self.types!r} is {values[atom]:g} at atom {atom} of the batch; "
                f"gnina types are whole numbers from 0 to {len(GNINA_TYPES) - 1}"
            )
        return values.astype(np.int64)
