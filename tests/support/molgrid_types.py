"""libmolgrid's atom types of some molecules: as a recorded file, or from the wheel if it is there.

``python tests/support/molgrid_types.py`` asks libmolgrid again for the molecules of the record (after
`make bench-peers`). To add one, write its SMILES into the record with an empty list first.
"""

import json
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv-peers/bin/python"
RECORD = ROOT / "tests/channels/molgrid_types.json"


def ask_molgrid(mols):
    """What `benchmarks/peers/gnina_types.py` says of RDKit molecules, in their order: types, "grids", the tables."""
    import numpy as np
    from rdkit import Chem

    with tempfile.TemporaryDirectory() as folder:
        for index, mol in enumerate(mols):
            Chem.MolToMolFile(mol, str(Path(folder) / f"{index:06d}.sdf"))
        command = [PYTHON, ROOT / "benchmarks" / "peers" / "gnina_types.py", folder]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"libmolgrid failed:\n{done.stderr}")
        answer = json.loads(done.stdout[done.stdout.index("{") :])
        answer["types"] = [answer["types"][key] for key in sorted(answer["types"])]
        answer["grids"] = np.load(Path(folder) / "grids.npy")
    return answer


def flat_mol(smiles):
    """The molecule with all hydrogens, drawn in the plane; None if RDKit cannot read it."""
    from rdkit import Chem
    from rdkit.Chem import AllChem

    mol = Chem.MolFromSmiles(smiles)
    if mol is not None:
        mol = Chem.AddHs(mol)
        AllChem.Compute2DCoords(mol)
    return mol


if __name__ == "__main__":
    recorded = list(json.loads(RECORD.read_text())["types"])
    found = ask_molgrid([flat_mol(smiles) for smiles in recorded])
    found["types"] = dict(zip(recorded, found["types"], strict=True))
    lines = [
        f" {json.dumps(key)}: {json.dumps(value)}" for key, value in found.items() if key not in ("types", "grids")
    ]
    molecules = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in found["types"].items()]
    lines.append(' "types": {\n' + ",\n".join(molecules) + "\n }")
    RECORD.write_text("{\n" + ",\n".join(lines) + "\n}\n")
