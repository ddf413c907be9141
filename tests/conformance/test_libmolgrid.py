"""Grids of random molecules beside libmolgrid's own, where `make bench-peers` has installed it."""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

import particlegrid as pg

ROOT = Path(__file__).resolve().parents[2]
PYTHON = Path(os.environ.get("PARTICLEGRID_PEERS_PYTHON", ROOT / ".venv-peers/bin/python"))
N_MOLECULES, N_POINTS, SPACING = 200, 24, 0.5
ELEMENTS = ("H", "C", "N", "O", "S")

pytestmark = pytest.mark.skipif(not PYTHON.exists(), reason="libmolgrid is not installed (make bench-peers)")


def random_molecules():
    """Atoms at positions that float32 holds exactly, since libmolgrid rounds them to it."""
    rng = np.random.default_rng(0)
    offsets = np.concatenate([[0], np.cumsum(rng.integers(5, 40, N_MOLECULES))])
    positions = rng.normal(0, 2.0, (offsets[-1], 3)).astype(np.float32).astype(float)
    numbers = rng.choice(np.array([1, 6, 7, 8, 16], np.uint8), offsets[-1])
    return pg.Batch.from_arrays(positions, numbers, offsets)


@pytest.mark.parametrize(("scale", "multiple"), [(1.0, 1.0), (1.0, 1.5), (0.75, 2.0)])
def test_same_grids(tmp_path, scale, multiple):
    molecules = random_molecules()
    density = pg.GaussianQuadratic("vdw", scale=scale, multiple=multiple)
    scheme = pg.Elements(*ELEMENTS)
    np.savez(
        tmp_path / "molecules.npz",
        positions=molecules.positions,
        channels=scheme.list_entries(molecules).channels,
        radii=density.atom_widths(molecules),
        offsets=molecules.offsets,
        n_channels=len(ELEMENTS),
        n_points=N_POINTS,
        spacing=SPACING,
        scale=scale,
        multiple=multiple,
    )
    script = str(Path(__file__).parent / "libmolgrid_grids.py")
    files = [str(tmp_path / name) for name in ("molecules.npz", "grids.npy")]
    subprocess.run([str(PYTHON), script, *files], check=True, capture_output=True)
    theirs = np.load(files[1])
    ours = pg.Voxelizer(pg.Box(N_POINTS, SPACING, center="origin", outside="ignore"), scheme, density)(molecules)
    difference = np.abs(ours - theirs).max()
    print(f"largest difference from libmolgrid, whose value at an atom is 1: {difference:.1e}")  # pytest -s shows it
    assert theirs.max() > 1
    assert difference <= 2e-6
