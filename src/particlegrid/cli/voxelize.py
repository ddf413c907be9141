"""``particlegrid voxelize``: structures into grids in a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from particlegrid.batch import Batch
from particlegrid.channels import AllAtoms, ChannelScheme, Elements
from particlegrid.cli.densities import DENSITIES, ENERGIES, make_density
from particlegrid.cli.inputs import parse_numbers, parse_shape
from particlegrid.cli.terminal import tell_skipped
from particlegrid.elements import SYMBOLS
from particlegrid.placements import Around, Box, Placement, UnitCell
from particlegrid.voxelizer import Voxelizer

__all__ = ["voxelize"]

# Grids are made faster than they are read, so a large file of them is a mistake more often than a wish.
_MOST_BYTES = 16 << 30

_Shape = tuple[int, int, int]
_Edges = tuple[float, float, float]


def voxelize(
    inputs: Annotated[list[Path], typer.Argument(metavar="IN...", help="Files of any readable format.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="OUT", help="File to write: .npz or .cube.")],
    shape: Annotated[
        str | None, typer.Option(metavar="N|X,Y,Z", help="Voxels along each axis; of a box, 32 by default.")
    ] = None,
    spacing: Annotated[
        str | None, typer.Option(metavar="H|X,Y,Z", help="Edge of a voxel in Å, in a cell the longest; 0.5 by default.")
    ] = None,
    around: Annotated[
        float | None,
        typer.Option(metavar="PADDING", help="A box just around each structure and this much room, in Å."),
    ] = None,
    elements: Annotated[
        str | None,
        typer.Option(
            metavar="H,C,...",
            help="A channel each; by default those present, by atomic number, and of an energy all atoms together.",
        ),
    ] = None,
    density: Annotated[str, typer.Option(metavar="NAME", help=f"{', '.join(DENSITIES)}.")] = "gaussian",
    sigma: Annotated[
        float | None, typer.Option(metavar="S", help="Width of an atom in Å (gaussian); 0.5 by default.")
    ] = None,
    value: Annotated[str | None, typer.Option(metavar="KIND", help="integral, mean or point (gaussian).")] = None,
    probe: Annotated[str | None, typer.Option(metavar="NAME", help="CH4, H2, Ar, ... (lennard-jones).")] = None,
    cap: Annotated[float | None, typer.Option(metavar="E", help="Highest energy in eV (lennard-jones).")] = None,
    dtype: Annotated[str, typer.Option(metavar="TYPE", help="float16, float32 or float64.")] = "float32",
) -> None:
    """Draw structures as voxel grids: molecules in a box, periodic structures in their cells.

    One structure becomes a volume: .npz holds every channel and is read by Volume.load, .cube the sum of the channels.
    Several become one .npz with "array" (n, channel, x, y, z), "names", "channels", "axes" (n, 3, 3), "origins" and
    "voxelizer".
    For training, pack a store instead: grids are made faster than they are read.
    """
    from particlegrid.io import iread
    from particlegrid.io.volumes import FORMATS

    if output.is_dir():
        raise ValueError(f"{output} is a folder; -o takes a file name that ends in {' or '.join(FORMATS)}")
    if output.suffix.lower() not in FORMATS:
        raise ValueError(f"-o must end in {' or '.join(FORMATS)}, got {str(output)!r}")
    if not output.absolute().parent.is_dir():
        raise FileNotFoundError(f"there is no folder {output.absolute().parent} to write {output.name} to")
    if around is not None and shape is not None:
        raise ValueError("give --shape or --around, not both: --around chooses the shape")
    size = None if shape is None else parse_shape(shape)
    edges = None if spacing is None else parse_numbers(spacing, "--spacing")
    what = make_density(density, sigma=sigma, value=value, probe=probe, cap=cap)
    which: ChannelScheme | None = AllAtoms() if density in ENERGIES else None
    if elements is not None:
        which = Elements(*(symbol.strip() for symbol in elements.split(",")))
    skipped: list[tuple[str, int, str]] = []
    structures = Batch(iread(inputs, errors=skipped))
    tell_skipped(skipped)
    if not len(structures):
        raise ValueError("there is no structure that can be read")
    if which is None:
        which = Elements(*(SYMBOLS[number] for number in np.unique(structures.numbers)))
    vox = Voxelizer(_choose_placement(structures, size, edges, around), which, what, dtype=dtype)
    if len(structures) == 1:
        volume = vox.volume(structures[0])
        volume.save(output)
        print(f"{output}: {volume}")
    else:
        _write_many(vox, structures, output)


def _choose_placement(
    structures: Batch, shape: _Shape | None, spacing: _Edges | None, around: float | None
) -> Placement:
    """The cells of periodic structures, boxes for molecules."""
    periodic = np.asarray(structures.pbc.any(axis=1))
    if not periodic.any():
        edges = spacing or (0.5, 0.5, 0.5)
        return Box(shape or (32, 32, 32), edges) if around is None else Around(edges, around)
    if not periodic.all():
        raise ValueError(
            f"{int(periodic.sum()):,} of {len(periodic):,} structures are periodic, and their grids fill their cells; "
            "voxelize them and the molecules apart"
        )
    if around is not None:
        raise ValueError("--around is for molecules; the grid of a periodic structure fills its cell")
    if shape is not None:
        if spacing is not None:
            raise ValueError("give --shape or --spacing, not both: the cell of a periodic structure decides the other")
        return UnitCell(shape)
    if spacing is not None and len(set(spacing)) > 1:
        raise ValueError(f"--spacing must be one number for a periodic structure, the longest edge, got {spacing}")
    return UnitCell(spacing=0.5 if spacing is None else spacing[0])


def _write_many(vox: Voxelizer, structures: Batch, output: Path) -> None:
    """Write one .npz with the grids of all structures."""
    n = len(structures)
    if output.suffix.lower() != ".npz":
        raise ValueError(f"a {output.suffix} file holds one structure, and there are {n:,}; write to .npz")
    grids = vox.where.place(structures)
    if not grids.share_shape:
        raise ValueError(f"the {n:,} structures get grids of different shapes; give --shape alone")
    shape = (n, len(vox.channels), *grids.shapes[0].tolist())
    size = int(np.prod(shape)) * np.dtype(vox.dtype).itemsize
    if size > _MOST_BYTES:
        raise ValueError(
            f"the grids of {n:,} structures take {size / 1e9:,.0f} GB; pack the structures and make grids when "
            "they are needed"
        )
    temporary = output.with_name(f".{output.name}.partial")
    try:
        with open(temporary, "wb") as file:
            np.savez_compressed(
                file,
                array=vox(structures),
                names=np.array([structure.name or "" for structure in structures]),
                channels=np.array(vox.channels),
                axes=grids.axes,
                origins=grids.origins,
                voxelizer=np.array(json.dumps(vox.to_dict())),
            )
        temporary.replace(output)
    finally:
        temporary.unlink(missing_ok=True)
    print(f"{output}: array {' x '.join(map(str, shape))} {vox.dtype}, channels {' '.join(vox.channels)}")
