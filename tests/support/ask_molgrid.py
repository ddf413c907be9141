"""What libmolgrid's wheel says of atom types; runs in `.venv-peers`, which `make bench-peers` makes.

``python ask_molgrid.py FOLDER`` prints, as JSON, the table of types, gnina's two maps, and the types of the atoms of
each SDF file in the folder, hydrogens added.
"""

import json
import sys
import tempfile
from pathlib import Path

import molgrid


def describe(typer):
    return [[name, round(radius, 4)] for name, radius in zip(typer.get_type_names(), typer.get_type_radii())]


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
with tempfile.NamedTemporaryFile("w", suffix=".types") as listing:
    listing.write("".join(f"1 {name}\n" for name in names))
    listing.flush()
    provider = molgrid.ExampleProvider(
        molgrid.GninaIndexTyper(), molgrid.GninaIndexTyper(), data_root=str(folder), add_hydrogens=True
    )
    provider.populate(listing.name)
    for _ in names:
        atoms = provider.next().coord_sets[0]
        answer["types"][Path(atoms.src).stem] = [int(number) for number in atoms.type_index.tonumpy()]
json.dump(answer, sys.stdout)
