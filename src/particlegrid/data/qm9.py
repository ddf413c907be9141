"""QM9: 130,831 small organic molecules with quantum-chemical properties."""

from __future__ import annotations

import csv
import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from particlegrid.data.pack import pack
from particlegrid.data.store import Store
from particlegrid.elements import atomic_numbers
from particlegrid.structure import Structure

__all__ = ["ATOM_REFERENCES", "HARTREE", "QM9_SIZE", "QM9_UNITS", "load_qm9"]

HARTREE = 27.211386245988
"""Hartree energy in eV (CODATA 2018)."""

QM9_SIZE = 130_831
"""Molecules of QM9: 133,885 less the 3,054 whose geometry failed the authors' consistency check."""

# Energies are converted to eV, once, here. The others keep the units in which results on QM9 are always quoted.
_COLUMNS = {
    "A": ("RotA_GHz", "GHz"),
    "B": ("RotB_GHz", "GHz"),
    "C": ("RotC_GHz", "GHz"),
    "mu": ("Dipole_debye", "D"),
    "alpha": ("Polarizability_bohr3", "bohr^3"),
    "homo": ("HOMO_au", "eV"),
    "lumo": ("LUMO_au", "eV"),
    "gap": ("HOMO_LUMO_gap_au", "eV"),
    "r2": ("R2_bohr2", "bohr^2"),
    "zpve": ("ZPVE_au", "eV"),
    "u0": ("InternalEnergy_0K_au", "eV"),
    "u298": ("InternalEnergy_298K_au", "eV"),
    "h298": ("Enthalphy_298K_au", "eV"),
    "g298": ("GibbsFreeEnergy_298K_au", "eV"),
    "cv": ("Heatcapacity_Cv_cal_mol_K", "cal/(mol K)"),
}

QM9_UNITS = {name: unit for name, (_, unit) in _COLUMNS.items()}
"""The 15 properties and their units."""

# B3LYP/6-31G(2df,p) values in Ha (cv: cal/(mol K)) of Ramakrishnan, Dral, Rupp and von Lilienfeld, "Atomref: Reference
# thermochemical energies of H, C, N, O, F atoms", figshare 1057643, part of Sci. Data 1, 140022 (2014).
_ATOMREF = {
    "u0": (-0.500273, -37.846772, -54.583861, -75.064579, -99.718730),
    "u298": (-0.498857, -37.845355, -54.582445, -75.063163, -99.717314),
    "h298": (-0.497912, -37.844411, -54.581501, -75.062219, -99.716370),
    "g298": (-0.510927, -37.861317, -54.598897, -75.079532, -99.733544),
}

ATOM_REFERENCES: dict[str, dict[int, float]] = {
    name: {z: HARTREE * value for z, value in zip((1, 6, 7, 8, 9), values)} for name, values in _ATOMREF.items()
} | {"cv": dict.fromkeys((1, 6, 7, 8, 9), 2.981)}
"""Property of the free atoms by atomic number, in the units of `QM9_UNITS`.

A molecule's `u0` less the sum over its atoms is its energy of atomisation at 0 K (negative).
"""

_SOURCE = (
    "QM9: R. Ramakrishnan, P. O. Dral, M. Rupp, O. A. von Lilienfeld, Scientific Data 1, 140022 (2014), "
    "B3LYP/6-31G(2df,p); CSV files of qm9pack 1.0.3 (MIT)"
)


def load_qm9(root: str | os.PathLike[str] | None = None, download: bool = True) -> Store:
    """QM9 as a packed store: made once from the files of the `qm9pack` package, then opened in milliseconds.

    Rows are in the order of the QM9 index. Each molecule has its geometry, Mulliken charges (per-atom property
    ``"charge"``, in e), the 15 properties of `QM9_UNITS` as labels, the labels ``"index"`` and ``"smiles"``, and the
    name of its file in the original data set. `gap` is stored as given: it equals `lumo` - `homo` to the 1e-4 Ha
    (2.7 meV) to which all three were rounded.

    Parameters
    ----------
    root : str or PathLike, optional
        Where the store lies or is made. By default the folder named by the environment variable ``PARTICLEGRID_CACHE``,
        or else the user's cache folder.
    download : bool
        If False, open what was packed before and do not make it.

    Returns
    -------
    Store

    Raises
    ------
    ImportError
        If the store must be made and `qm9pack` is not installed.
    FileNotFoundError
        If the store must be made and `download` is False.
    """
    path = (_cache_folder() if root is None else Path(root)) / "qm9-1"
    if path.exists():
        return Store(path)
    if not download:
        raise FileNotFoundError(f"{path} does not exist; call load_qm9 with download=True to make it")
    folder = _find_files()
    try:
        return pack(_read_molecules(folder), path, units={**QM9_UNITS, "charge": "e"}, source=_SOURCE, on_error="raise")
    except FileExistsError:
        return Store(path)  # another process was faster


def _cache_folder() -> Path:
    if "PARTICLEGRID_CACHE" in os.environ:
        return Path(os.environ["PARTICLEGRID_CACHE"])
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "particlegrid"


def _find_files() -> Path:
    # `import qm9pack` fails without pkg_resources, which setuptools no longer has; its data files need no import
    spec = importlib.util.find_spec("qm9pack")
    if spec is None or not spec.submodule_search_locations:
        raise ImportError('QM9 comes with qm9pack, which is not installed: pip install "particlegrid[data]"')
    return Path(spec.submodule_search_locations[0]) / "data"


def _read_molecules(folder: Path) -> Iterator[Structure]:
    """The molecules of qm9pack's CSV files, in the order of the QM9 index."""
    number = dict(zip("HCNOF", atomic_numbers(list("HCNOF")).tolist()))
    strip = str.maketrans("", "", "[]")
    for part in ("qm9_part1.csv", "qm9_part2.csv", "qm9_part3.csv"):
        with open(folder / part, newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                # "0." is no JSON and ast.literal_eval takes 24 s for all; fromstring takes 2 s
                positions = np.fromstring(row["XYZ_Ang"].translate(strip), sep=",")
                labels = {
                    name: float(row[column]) * (HARTREE if unit == "eV" else 1.0)
                    for name, (column, unit) in _COLUMNS.items()
                }
                yield Structure(
                    positions.reshape(-1, 3),
                    [number[symbol] for symbol in row["Elements"][2:-2].split("','")],
                    properties={"charge": np.fromstring(row["Mulliken_pop"].translate(strip), np.float32, sep=",")},
                    info={"index": int(row["Index"]), "smiles": row["SMILES"], **labels},
                    name=row["XYZ_file"].removesuffix(".xyz"),
                )
