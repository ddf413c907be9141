"""Channels of pharmacophore features."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from particlegrid.batch import Batch
from particlegrid.channels.base import ChannelScheme, Entries
from particlegrid.channels.molecules import as_bonded_mol, match_atoms
from particlegrid.errors import require
from particlegrid.structure import Structure

__all__ = ["FAMILIES", "Pharmacophores"]

FAMILIES = (
    *("Donor", "Acceptor", "NegIonizable", "PosIonizable", "ZnBinder", "Aromatic", "Hydrophobe", "LumpedHydrophobe"),
)
"""Families of RDKit's BaseFeatures.fdef, in its order."""


@dataclass(frozen=True, init=False)
class Pharmacophores(ChannelScheme):
    """A channel for each family of pharmacophore features: an atom weighs 1 in those it has a part in.

    Features are those of RDKit's BaseFeatures.fdef, found by the RDKit that is installed; an atom may be in several
    families or in none.

    Parameters
    ----------
    *families : str
        Of "Donor", "Acceptor", "NegIonizable", "PosIonizable", "ZnBinder", "Aromatic", "Hydrophobe" and
        "LumpedHydrophobe"; by default all, in this order.

    Raises
    ------
    ValueError
        If a family is unknown or given twice.

    Examples
    --------
    >>> from particlegrid import Batch, from_smiles
    >>> phenol = from_smiles("Oc1ccccc1", seed=0)
    >>> entries = Pharmacophores("Donor", "Acceptor", "Aromatic").list_entries(Batch([phenol]))
    >>> entries.atoms.tolist()
    [0, 0, 1, 2, 3, 4, 5, 6]
    >>> entries.channels.tolist()
    [0, 1, 2, 2, 2, 2, 2, 2]
    """

    families: tuple[str, ...]

    def __init__(self, *families: str) -> None:
        for name in families:
            if name not in FAMILIES:
                raise ValueError(f"{name!r} is not a family of features; they are {', '.join(FAMILIES)}")
        if len(set(families)) != len(families):
            raise ValueError(f"each family has one channel, got {families}")
        object.__setattr__(self, "families", families or FAMILIES)

    @classmethod
    def _from_fields(cls, values: dict[str, Any]) -> Self:
        return cls(*values.pop("families"), **values)

    @property
    def channels(self) -> tuple[str, ...]:
        """The families."""
        return self.families

    def list_entries(self, batch: Batch) -> Entries:
        """An entry for each atom and family it is in, atom by atom.

        Raises
        ------
        ImportError
            If RDKit is not installed.
        ValueError
            If a structure has no bonds, or RDKit cannot make sense of them.
        """
        rows = [np.empty((0, len(self.families)), bool), *(self._find_members(structure) for structure in batch)]
        atoms, channels = np.nonzero(np.concatenate(rows))
        return Entries.pick(batch, atoms, channels, np.ones(len(atoms)))

    def _find_members(self, structure: Structure) -> NDArray[np.bool_]:
        members = np.zeros((len(structure), len(self.families)), bool)
        mol = as_bonded_mol(structure)
        for family, pattern in _read_features():
            if family in self.families:
                members[match_atoms(mol, pattern), self.families.index(family)] = True
        return members


@lru_cache(maxsize=1)
def _read_features() -> list[tuple[str, Any]]:
    """Family and pattern of every feature; the factory's own search is cut off in a protein, after a minute."""
    features = require("rdkit.Chem.ChemicalFeatures", "chem")
    chem = require("rdkit.Chem", "chem")
    folder = require("rdkit.RDConfig", "chem").RDDataDir
    factory = features.BuildFeatureFactory(str(Path(folder) / "BaseFeatures.fdef"))
    return [(name.partition(".")[0], chem.MolFromSmarts(s)) for name, s in factory.GetFeatureDefs().items()]
