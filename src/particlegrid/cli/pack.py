"""``particlegrid pack``: files into a store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from particlegrid.cli.terminal import ProgressDisplay, tell_skipped

__all__ = ["pack"]


def pack(
    inputs: Annotated[list[Path], typer.Argument(metavar="IN...", help="Files of any readable format.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="STORE", help="Folder to make; must not exist.")],
    unit: Annotated[
        list[str] | None, typer.Option("--unit", metavar="NAME=UNIT", help="Unit of a label, such as gap=eV.")
    ] = None,
    label: Annotated[
        list[str] | None, typer.Option("--label", metavar="NAME", help="Label to keep; all numbers by default.")
    ] = None,
    single: Annotated[bool, typer.Option("--float32", help="Positions in float32: half the size.")] = False,
) -> None:
    """Pack structures into a store that opens at once and is read at random.

    Records that cannot be read are skipped and named; the store's manifest lists them. The store appears when it is
    complete.
    """
    from particlegrid.data import pack as pack_structures
    from particlegrid.io import iread

    units = _parse_units(unit or [])
    if output.exists():
        raise FileExistsError(f"{output} exists; remove it or choose another -o")
    skipped: list[tuple[str, int, str]] = []
    with ProgressDisplay() as display:
        store = pack_structures(
            iread(inputs, errors=skipped),
            output,
            units=units,
            labels=label,
            source=", ".join(map(str, inputs[:10])) + (", ..." if len(inputs) > 10 else ""),
            errors=skipped,
            dtype="float32" if single else "float64",
            progress=lambda done: display.count("packed", done),
        )
    tell_skipped(skipped, f"; the first 1,000 are in {output / 'manifest.json'}")
    labels = ", ".join(
        f"{name} ({store.units[name]})" if store.units.get(name) else name for name in store.manifest["labels"]
    )
    print(f"{output}: {len(store):,} structures, labels: {labels or 'none'}")


def _parse_units(texts: list[str]) -> dict[str, str]:
    units = {}
    for text in texts:
        name, equals, unit = text.partition("=")
        if not (name and equals and unit):
            raise ValueError(f"--unit must be NAME=UNIT such as gap=eV, got {text!r}")
        units[name] = unit
    return units
