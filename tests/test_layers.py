"""A file imports only from the layers below its own."""

import ast
import sys
from pathlib import Path

import pytest

import particlegrid

ROOT = Path(particlegrid.__file__).parent

# Low to high. A unit is a module or a whole package; units of one layer do not know each other.
LAYERS = (
    ("errors", "elements", "registry", "threads", "_native"),
    ("structure", "memory", "radii"),
    ("batch", "canvas"),
    ("grid",),
    ("resampling",),
    ("placements", "densities", "sparse", "volume"),
    ("philox", "rotations", "projection"),
    ("channels", "adapt", "transform"),
    ("augment", "molecules", "reference", "drawing", "element_tables"),
    ("sparse_drawing",),
    ("voxelizer", "io"),
    ("__init__",),
    ("data",),
    ("torch", "jax"),
    ("view",),
    ("learn",),
    ("cli",),
)
# Networks know nothing of particlegrid; these may know the networks.
APART = "models"
MAY_IMPORT_MODELS = {"learn", "cli"}

# Functions that lead up on a user's behalf: (file, function, unit it imports from).
DOORS = {
    ("structure.py", "Structure.to_ase", "adapt"),
    ("structure.py", "Structure.to_pymatgen", "adapt"),
    ("structure.py", "Structure.to_rdkit", "adapt"),
    ("volume.py", "Volume._repr_html_", "view"),
    ("volume.py", "Volume.load", "io"),
    ("volume.py", "Volume.save", "io"),
}

# Packages besides numpy and the standard library that a unit's modules import when they are loaded.
PACKAGES = {
    "torch": {"torch", "triton"},
    "jax": {"jax"},
    "models": {"torch"},
    "learn": {"torch"},
    "cli": {"typer", "rich"},
}

RANK = {unit: rank for rank, layer in enumerate(LAYERS) for unit in layer}
FILES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.py"))


def unit_of(file):
    return file.partition("/")[0].removesuffix(".py")


class Imports(ast.NodeVisitor):
    """(function or None, imported module, names, relative level) of every import that runs."""

    def __init__(self, source):
        self.found = []
        self._scope = []
        self._in_function = 0
        self.visit(ast.parse(source))

    def visit_ClassDef(self, node):
        self._scope.append(node.name)
        self.generic_visit(node)
        self._scope.pop()

    def visit_FunctionDef(self, node):
        self._in_function += 1
        self.visit_ClassDef(node)
        self._in_function -= 1

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_If(self, node):
        if "TYPE_CHECKING" in ast.unparse(node.test):
            for child in node.orelse:
                self.visit(child)
        else:
            self.generic_visit(node)

    def visit_Import(self, node):
        for name in node.names:
            self._add(name.name, [], 0)

    def visit_ImportFrom(self, node):
        self._add(node.module or "", [name.name for name in node.names], node.level)

    def _add(self, module, names, level):
        self.found.append((".".join(self._scope) if self._in_function else None, module, names, level))


def imported_units(file):
    """(function or None, unit) of every import of particlegrid in a file, and the other top-level packages it loads."""
    own, others = [], set()
    for function, module, names, level in Imports((ROOT / file).read_text(encoding="utf-8")).found:
        if level:
            folder = Path(file).parts[:-1]
            assert level <= len(folder), f"{file} imports from beyond its package; write the whole name"
            own.append((function, unit_of(file)))
        elif module.partition(".")[0] != "particlegrid":
            if function is None:
                others.add(module.partition(".")[0])
        elif "." in module:
            own.append((function, module.split(".")[1]))
        elif names:
            own += [(function, name if name in RANK or name == APART else "__init__") for name in names]
        else:
            own.append((function, "__init__"))
    return own, others


def test_the_table_is_complete():
    units = {unit_of(file) for file in FILES} | {"_native"}
    assert units == RANK.keys() | {APART}


@pytest.mark.parametrize("file", FILES)
def test_imports_lead_down(file):
    unit = unit_of(file)
    for function, target in imported_units(file)[0]:
        if target == unit:
            continue
        where = f"{file}{f', {function}' if function else ''} imports particlegrid.{target}"
        if target == APART:
            assert unit in MAY_IMPORT_MODELS, f"{where}; only {MAY_IMPORT_MODELS} may"
            continue
        assert unit != APART, f"{where}; the networks stand apart"
        assert target in RANK, f"{where}, which is in no layer"
        if RANK[target] >= RANK[unit]:
            assert (file, function, target) in DOORS, f"{where}, which is not below it"


@pytest.mark.parametrize("file", FILES)
def test_heavy_packages_are_imported_late(file):
    allowed = {"numpy", *sys.stdlib_module_names, *PACKAGES.get(unit_of(file), ())}
    assert imported_units(file)[1] <= allowed, "import it inside the function that needs it, through errors.require"


def test_every_door_is_there():
    found = {(file, function, unit) for file in FILES for function, unit in imported_units(file)[0]}
    assert found >= DOORS
