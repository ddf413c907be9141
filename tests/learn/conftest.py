"""A small store whose labels are simple functions of the geometry, and a network that is quick to train."""

import numpy as np
import pytest
import torch

from particlegrid import Box, Elements, Gaussian, Structure, Voxelizer, models
from particlegrid.data import pack
from particlegrid.learn.recipe import Recipe
from particlegrid.learn.threads import torch_threads
from particlegrid.torch import PrincipalFrame

CHARGES = {"H": 0.2, "C": 0.0, "O": -0.4}
ELEMENTS = tuple(CHARGES)


def make_molecules(n, seed=0):
    """Molecules of 3 to 7 atoms; HOMO follows the size, LUMO the number of oxygens, gap = LUMO - HOMO."""
    rng = np.random.default_rng(seed)
    for i in range(n):
        count = int(rng.integers(3, 8))
        positions = np.cumsum(rng.normal(0, 0.7, (count, 3)), axis=0)
        symbols = rng.choice(ELEMENTS, count).tolist()
        spread = np.linalg.norm(positions - positions.mean(axis=0), axis=1).mean()
        homo, lumo = -6.0 - spread, 1.0 - 0.5 * symbols.count("O")
        info = {"homo": homo, "lumo": lumo, "gap": lumo - homo}
        charges = [CHARGES[s] + 0.01 * spread for s in symbols]
        yield Structure(positions, symbols, properties={"charge": charges}, info=info, name=f"m{i}")


@pytest.fixture
def molecules():
    """The function that makes them."""
    return make_molecules


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    units = {"homo": "eV", "lumo": "eV", "gap": "eV"}
    return pack(make_molecules(700), tmp_path_factory.mktemp("stores") / "tiny", units=units, source="random numbers")


@pytest.fixture(scope="session")
def parts():
    """Rows of the store for training, validation and test."""
    return np.arange(500), np.arange(500, 600), np.arange(600, 700)


@pytest.fixture
def recipe():
    return Recipe(
        voxelizer=Voxelizer(Box((16, 12, 10), 0.75, outside="ignore"), Elements(*ELEMENTS), Gaussian(0.6)),
        targets=("homo", "lumo", "gap"),
        model="tiny",
        augmentation=PrincipalFrame(flips=8, tilt=5.0, jitter=0.2),
        views=2,
        batch_size=32,
        lr=5e-3,
        ema=0.98,
        validations=4,
        validation_size=100,
    )


class Tiny(torch.nn.Module):
    """Stands in for a real network: a convolution with batch norm and dropout, pooled, and the number of atoms."""

    def __init__(self, channels, outputs, width=8):
        super().__init__()
        self.config = {"name": "tiny", "channels": channels, "outputs": outputs, "width": width}
        self.conv = torch.nn.Conv3d(channels, width, 3, stride=2, padding=1)
        self.norm = torch.nn.BatchNorm3d(width)
        self.drop = torch.nn.Dropout(0.02)
        self.head = torch.nn.Linear(2 * width + channels + 1, outputs)

    def forward(self, grid, points, numbers, batch):
        x = torch.relu(self.norm(self.conv(grid)))
        count = torch.bincount(batch, minlength=len(grid))[:, None] / 10
        features = torch.cat([x.mean((2, 3, 4)), x.amax((2, 3, 4)), grid.sum((2, 3, 4)), count], dim=1)
        return self.head(self.drop(features))


@pytest.fixture(autouse=True)
def one_thread():
    """Tests run side by side, and threads that wait for each other on busy cores are slow."""
    with torch_threads(1):
        yield


@pytest.fixture(autouse=True)
def tiny_model(monkeypatch):
    monkeypatch.setitem(models.MODELS, "tiny", Tiny)
