"""What libmolgrid's wheel says of atom types; runs in `.venv-peers`, which `make bench-peers` makes.

``python gnina_types.py FOLDER`` prints, as JSON, the table of types, gnina's two maps, and the types of the atoms of
each SDF file in the folder, hydrogens added. It also draws gnina's ligand grids of the files, 24 points 0.75 A apart
along each axis about the origin, and writes them to FOLDER/grids.npy.
"""

import json
import sys
import tempfile
from pathlib import Path

import molgrid
import numpy as np


def describe(typer):
    return [[name, round(radius, 4)] for name, radius in zip(typer.get_type_names(), typer.get_type_radii())]


def read(typer):
    """The atoms of each file."""
    with tempfile.NamedTemporaryFile("w", suffix=".types") as listing:
        listing.write("".join(f"1 {name}\n" for name in names))
        listing.flush()
        provider = molgrid.ExampleProvider(typer, typer, data_root=str(folder), add_hydrogens=True)
        provider.populate(listing.name)
        for _ in names:
            yield provider.next().coord_sets[0]


folder = Path(sys.argv[1])
names = sorted(path.name for path in folder.glob("*.sdf"))
answer = {
    "version": molgrid.__version__,
    "xs": describe(molgrid.GninaIndexTyper()),
    "covalent": describe(molgrid.GninaIndexTyper(True)),
    "receptor": list(molgrid.defaultGninaReceptorTyper.get_type_names()),
    "ligand": list(molgrid.defaultGninaLigandTyper.get_type_names()),
    "types": {},
}
for atoms in read(molgrid.GninaIndexTyper()):
    answer["types"][Path(atoms.src).stem] = [int(number) for number in atoms.type_index.tonumpy()]
json.dump(answer, sys.stdout)

grids = np.zeros((len(names), 14, 24, 24, 24), np.float32)
maker = molgrid.GridMaker(resolution=0.75, dimension=0.75 * 23)
for atoms in read(molgrid.defaultGninaLigandTyper):
    maker.forward(molgrid.float3(0, 0, 0), atoms, molgrid.Grid4f(grids[names.index(Path(atoms.src).name)]))
np.save(folder / "grids.npy", grids)
