"""``particlegrid info``: what is installed, and what a file holds."""

from __future__ import annotations

import importlib.metadata
import platform
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

import particlegrid
from particlegrid import _native
from particlegrid.cli.terminal import tell_skipped
from particlegrid.elements import SYMBOLS
from particlegrid.threads import count_threads

__all__ = ["info"]

_EXTRAS = {
    "torch": ("torch",),
    "io": ("ase", "gemmi"),
    "chem": ("rdkit",),
    "crystal": ("pymatgen-core",),
    "data": ("safetensors", "qm9pack"),
    "learn": ("monai", "matplotlib"),
    "view": ("k3d",),
    "cli": ("typer", "rich"),
}

_Lines = Iterable[tuple[str, str]]


def info(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="A structure file, store, run, checkpoint or volume.")
    ] = None,
) -> None:
    """Show what is installed, or what a file holds."""
    lines = list(_describe_installation() if file is None else _describe_file(file))
    width = max(len(name) for name, _ in lines)
    for name, text in lines:
        print(f"{name.ljust(width)}  {text}".rstrip())


def _describe_installation() -> _Lines:
    yield "particlegrid", particlegrid.__version__
    active = _native.active_instruction_set()
    others = [name for name in _native.list_instruction_sets() if name != active]
    yield "instruction set", active + (f" (also {', '.join(others)}; PARTICLEGRID_SIMD chooses)" if others else "")
    yield "threads", f"{count_threads()} (PARTICLEGRID_NUM_THREADS chooses)"
    yield "python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    yield "numpy", np.__version__
    for extra, packages in _EXTRAS.items():
        for package in packages:
            try:
                yield package, importlib.metadata.version(package)
            except importlib.metadata.PackageNotFoundError:
                yield package, f'not installed: pip install "particlegrid[{extra}]"'


def _describe_file(path: Path) -> _Lines:
    if not path.exists():
        raise FileNotFoundError(f"there is no file {path}")
    if path.is_dir():
        if (path / "manifest.json").exists():
            return _describe_store(path)
        if (path / "last.pt").exists():
            return _describe_checkpoint(path)
        raise ValueError(f"{path} is neither a store (manifest.json) nor a run (last.pt)")
    suffix = path.suffix.lower()
    if suffix == ".npz":
        return _describe_npz(path)
    if suffix == ".cube":
        return _describe_volume(path)
    return _describe_checkpoint(path) if suffix == ".pt" else _describe_structures(path)


def _describe_store(path: Path) -> _Lines:
    from particlegrid.data import Store

    store = Store(path)
    counts = store.counts
    yield "store", str(path)
    yield "structures", f"{len(store):,}"
    yield "atoms", f"{counts.sum():,}" + (f", {counts.min()} to {counts.max()} in each" if len(counts) else "")
    for name in store.manifest["labels"]:
        values = store.labels(name)
        spread = ""
        if values.ndim == 1 and values.dtype.kind in "fiu" and np.isfinite(values).any():
            spread = f"{np.nanmin(values):.4g} to {np.nanmax(values):.4g}"
        yield f"label {name}", f"{spread} {store.units.get(name, '')}".strip()
    for name in store.manifest["texts"]:
        yield f"text {name}", ""
    yield "positions", f"{store.manifest['positions']['dtype']}, A"
    yield "source", str(store.manifest["source"]) or "not said"
    yield "skipped", f"{store.manifest['skipped']['count']:,} records"
    yield "size", _size(sum(file.stat().st_size for file in path.iterdir()))


def _describe_checkpoint(path: Path) -> _Lines:
    from particlegrid.learn.checkpoint import Checkpoint

    checkpoint = Checkpoint.load(path)
    recipe = checkpoint.recipe
    yield "checkpoint", str(path)
    for name, unit in zip(checkpoint.targets.names, checkpoint.targets.units):
        yield f"target {name}", unit or "no unit known"
    yield "network", f"{recipe.model}, {sum(w.numel() for w in checkpoint.weights.values()):,} numbers"
    yield "grids", str(recipe.voxelizer.where)
    yield "channels", " ".join(recipe.voxelizer.channels)
    yield "density", str(recipe.voxelizer.what)
    for name, value in checkpoint.provenance.items():
        yield name, str(value)


def _describe_npz(path: Path) -> _Lines:
    with np.load(path, allow_pickle=False) as content:
        if "names" not in content.files or "voxelizer" not in content.files:
            return _describe_volume(path)
        array, channels = content["array"], content["channels"]
        return [
            ("grids", str(path)),
            ("array", f"{' x '.join(map(str, array.shape))} {array.dtype}"),
            ("channels", " ".join(channels)),
            ("voxelizer", str(content["voxelizer"])),
        ]


def _describe_volume(path: Path) -> _Lines:
    from particlegrid.io.volumes import read_volume

    volume = read_volume(path)
    yield "volume", repr(volume)
    yield "structure", repr(volume.structure) if volume.structure is not None else "none"
    for name, values in zip(volume.channels, volume.array):
        yield f"channel {name}", f"{values.min():.4g} to {values.max():.4g}, sum {values.sum(dtype=np.float64):.6g}"


def _describe_structures(path: Path) -> _Lines:
    from particlegrid.io import iread

    skipped: list[tuple[str, int, str]] = []
    formulas: Counter[str] = Counter()
    elements: set[int] = set()
    keys: set[str] = set()
    atoms, periodic, name = [], 0, ""
    for structure in iread(path, errors=skipped):
        name = name or structure.name or ""
        formulas[structure.formula] += 1
        elements |= set(structure.numbers.tolist())
        atoms.append(len(structure))
        periodic += bool(structure.pbc.any())
        keys |= structure.info.keys()
    tell_skipped(skipped)
    if not atoms:
        raise ValueError(f"{path} holds no structure that can be read")
    several = len(atoms) > 1
    yield "file", str(path)
    yield "structures", f"{len(atoms):,}" + (f", {periodic:,} periodic" if periodic else "")
    yield "first" if several else "name", name or "no name"
    most = ", ".join(formula for formula, _ in formulas.most_common(3))
    yield "formulas" if several else "formula", most + (f" and {len(formulas) - 3:,} more" if len(formulas) > 3 else "")
    yield "atoms", f"{sum(atoms):,}" + (f", {min(atoms)} to {max(atoms)} in each" if several else "")
    yield "elements", " ".join(SYMBOLS[number] for number in sorted(elements))
    yield "info", ", ".join(sorted(keys)) or "none"


def _size(count: float) -> str:
    unit = "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if count < 1000:
            break
        count, unit = count / 1000, larger
    return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
