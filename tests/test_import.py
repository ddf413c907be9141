"""`import particlegrid` needs numpy alone and is quick."""

import json
import os
import subprocess
import sys

OPTIONAL = (
    *("torch", "ase", "gemmi", "rdkit", "pymatgen", "safetensors", "qm9pack", "monai", "matplotlib", "k3d", "typer"),
    *("rich", "scipy", "pandas", "spglib", "smact", "lightning", "torchmetrics", "playwright", "ray", "jax"),
)

BLOCKED = f"""
import sys

class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {OPTIONAL!r}:
            raise ImportError(f"{{name}} is blocked")

sys.meta_path.insert(0, Block())
import numpy as np
import particlegrid as pg

methane = pg.Structure(
    [[0, 0, 0], [0.63, 0.63, 0.63], [-0.63, -0.63, 0.63], [-0.63, 0.63, -0.63], [0.63, -0.63, -0.63]], [6, 1, 1, 1, 1]
)
vox = pg.Voxelizer(pg.Box(24, spacing=0.5), pg.Elements("H", "C"), pg.Gaussian(0.5))
grids = vox([methane, methane])
assert grids.shape == (2, 2, 24, 24, 24) and grids.dtype == np.float32, (grids.shape, grids.dtype)
assert np.allclose(grids.sum(axis=(2, 3, 4)), [[4, 1], [4, 1]], atol=1e-5), grids.sum(axis=(2, 3, 4))
assert np.array_equal(vox((methane.numbers, methane.positions)), grids[0])
try:
    pg.read({__file__!r}, format="sdf")
except ImportError as error:
    print("told:", error)
print("loaded:", [name for name in {OPTIONAL!r} if name in sys.modules])
"""

# processor time of the process: the clock on the wall also runs while other tests do
TIMED = """
import json, time
begin = time.process_time()
import numpy
between = time.process_time()
import particlegrid
print(json.dumps([between - begin, time.process_time() - between]))
"""


def run(code, cache=None):
    environment = dict(os.environ)
    if cache is not None:  # compiled files count as installed, whatever the developer's settings
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        environment["PYTHONPYCACHEPREFIX"] = str(cache)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_numpy_alone_makes_a_grid():
    output = run(BLOCKED)
    assert "loaded: []" in output
    assert 'told: this needs rdkit, which is not installed: pip install "particlegrid[chem]"' in output


def test_import_loads_nothing_optional():
    loaded = run("import sys, particlegrid; print([name for name in sys.modules if '.' not in name])")
    assert not [name for name in OPTIONAL if repr(name) in loaded]


def test_import_adds_little_to_numpys(tmp_path):
    """The limit is 150 ms on an idle machine (benchmarks/import_time.py); beside other tests only a ratio holds."""
    run(TIMED, tmp_path)  # compiles
    times = [json.loads(run(TIMED, tmp_path)) for _ in range(5)]
    numpy_alone, added = (min(column) for column in zip(*times, strict=True))
    assert added < 0.5 * numpy_alone, f"particlegrid adds {1000 * added:.0f} ms to numpy's {1000 * numpy_alone:.0f} ms"
