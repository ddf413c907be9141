"""`as_structure` and `as_batch`: what every door calls on what it is given."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from os import PathLike
from typing import Any

from particlegrid.adapt import ase, plain, pymatgen, rdkit
from particlegrid.batch import Batch
from particlegrid.structure import Structure

__all__ = ["as_batch", "as_structure"]

_ACCEPTED = (
    "a Structure, ASE Atoms, a pymatgen Structure or Molecule, an RDKit Mol with a conformer, a torch_geometric Data "
    "(or any object with `z` and `pos`), a tuple (numbers, positions[, cell[, pbc]]), or a dict with the fields of "
    "Structure"
)

_KINDS: tuple[tuple[Callable[[Any], bool], Callable[[Any], Structure]], ...] = (
    (ase.is_ase, ase.from_ase),
    (rdkit.is_rdkit, rdkit.from_rdkit),
    (pymatgen.is_pymatgen, pymatgen.from_pymatgen),
    (plain.is_graph, plain.from_graph),
    (plain.is_mapping, plain.from_mapping),
    (plain.is_arrays, plain.from_arrays),
)


def as_structure(obj: Any) -> Structure:
    """Make a Structure of whatever describes one.

    Parameters
    ----------
    obj : object
        A Structure (returned as it is), ASE ``Atoms``, a pymatgen ``Structure`` or ``Molecule``, an RDKit ``Mol`` with
        a conformer (its default one; explicit atoms only), a torch_geometric ``Data`` or any object with ``z`` and
        ``pos``, a tuple or list ``(numbers, positions[, cell[, pbc]])``, or a dict with the fields of `Structure`.
        Lengths in A.

    Returns
    -------
    Structure
        Arrays per atom are in `Structure.properties` (ASE's ``initial_charges`` and calculated ``charges`` as
        ``"charge"``), what belongs to the whole is in `Structure.info`, RDKit's bonds are in `Structure.bonds`.

    Raises
    ------
    TypeError
        If `obj` is none of these.
    ValueError
        If it is one but has no coordinates, disordered sites, or values that `Structure` refuses.

    Examples
    --------
    >>> as_structure((["O", "H", "H"], [[0, 0, 0], [0.76, 0.59, 0], [-0.76, 0.59, 0]]))
    Structure(H2O)
    """
    if isinstance(obj, Structure):
        return obj
    for recognises, convert in _KINDS:
        if recognises(obj):
            return convert(obj)
    raise TypeError(f"cannot make a Structure of {_describe(obj)}{_hint(obj)}; accepted are {_ACCEPTED}")


def as_batch(objs: Any) -> tuple[Batch, bool]:
    """Make a Batch of one structure or of many.

    Parameters
    ----------
    objs : object or iterable of objects
        What `as_structure` takes, or a Batch, list, tuple, generator or other iterable of such. A torch_geometric
        ``Batch`` is many.

    Returns
    -------
    batch : Batch
    single : bool
        True if one structure came, False if many (a list of one is many).

    Raises
    ------
    TypeError, ValueError
        As `as_structure`; the position in the list is named.

    Examples
    --------
    >>> helium = Structure([[0, 0, 0]], ["He"])
    >>> as_batch(helium)
    (Batch(1 structures, 1 atoms), True)
    >>> as_batch([helium, ([1, 1], [[0, 0, 0], [0, 0, 0.74]])])
    (Batch(2 structures, 3 atoms), False)
    """
    if isinstance(objs, Structure):
        return Batch((objs,)), True
    if isinstance(objs, Batch):
        return objs, False
    if isinstance(objs, (list, tuple)) and objs and isinstance(objs[0], Structure):
        return Batch(_each(objs)), False
    if plain.is_many_graphs(objs):
        return Batch(_each(objs.to_data_list())), False
    if any(recognises(objs) for recognises, _ in _KINDS):
        return Batch((as_structure(objs),)), True
    if not isinstance(objs, Iterable) or isinstance(objs, (str, bytes)) or plain.is_number_array(objs):
        as_structure(objs)  # raises
    return Batch(_each(objs)), False


def _each(objs: Iterable[Any]) -> Iterable[Structure]:
    for i, obj in enumerate(objs):
        if isinstance(obj, Structure):
            yield obj
            continue
        try:
            structure = as_structure(obj)
        except (TypeError, ValueError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"`structures[{i}]`: {error}") from error
        yield structure


def _describe(obj: Any) -> str:
    text = repr(obj) if isinstance(obj, (str, bytes, int, float, PathLike)) else ""
    shape = getattr(obj, "shape", None)
    if isinstance(shape, tuple):
        text = f"of shape {shape}"
    return f"{type(obj).__name__}{text and ' ' + text[:60]}"


def _hint(obj: Any) -> str:
    if isinstance(obj, (str, PathLike)):
        return "; a file is read with particlegrid.read, a SMILES with particlegrid.from_smiles"
    if plain.is_swapped(obj):
        return "; this looks like (positions, numbers): the numbers come first"
    if plain.is_number_array(obj):
        return "; positions alone do not say which elements they are: give (numbers, positions)"
    return ""
