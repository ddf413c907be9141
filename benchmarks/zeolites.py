"""Zeolite frameworks expand from their symmetry to SiO2.

    apt-get install libavogadro-data        # or apt-get download, and dpkg -x into a folder
    python benchmarks/zeolites.py [FOLDER]

The folder is that of the 198 CIF files of Debian's libavogadro-data 1.97 (from the IZA Database of Zeolite Structures,
http://www.iza-structure.org/databases, public domain). Nine are no SiO2 as they stand: eight frameworks are interrupted
and have O or OH too many, and ZSM-5 is a hydrated aluminosilicate. VSV lists the operators of the second origin of
I 41/a m d with coordinates of the first, so that atoms overlap; that it is refused is right, and with the operators of
the first origin it is SiO2.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections import Counter
from pathlib import Path

import particlegrid as pg

FOLDER = "/usr/share/avogadro2/crystals/zeolites"
OTHER_ORIGIN = {"VSV": "I 41/a m d:1"}


def main() -> None:
    """Count the atoms of each file."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else FOLDER)
    files = sorted(folder.glob("*.cif"))
    if not files:
        sys.exit(f"{folder} has no CIF files; see the first lines of this file")
    exact = 0
    for file in files:
        try:
            counts = Counter(pg.read(file).symbols)
        except ValueError as error:
            print(f"{file.stem:6s} {str(error).split(': ', 1)[1]}")
            if file.stem not in OTHER_ORIGIN:
                continue
            counts = Counter(_read_in_group(file, OTHER_ORIGIN[file.stem]).symbols)
            print(f"{'':6s} in {OTHER_ORIGIN[file.stem]!r}: {_formula(counts)}")
        if counts.keys() == {"Si", "O"} and counts["O"] == 2 * counts["Si"]:
            exact += 1
        else:
            print(f"{file.stem:6s} {_formula(counts)}")
    print(f"{exact} of {len(files)} are SiO2")


def _read_in_group(file: Path, group: str) -> pg.Structure:
    """Read a file with the operators of a named group instead of its own."""
    text = re.sub(r"loop_\s+_symmetry_equiv_pos_as_xyz\s+('[^']*'\s+)+", "", file.read_text())
    text = re.sub(r"(_symmetry_space_group_name_H-M\s+).*", rf"\1'{group}'", text)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / file.name
        copy.write_text(text)
        return pg.read(copy)


def _formula(counts: Counter[str]) -> str:
    return " ".join(f"{symbol}{n}" for symbol, n in sorted(counts.items()))


if __name__ == "__main__":
    main()
