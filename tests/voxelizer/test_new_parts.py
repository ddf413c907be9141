"""docs/architecture.md: a density and a channel scheme of one's own need nothing but what it says there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from particlegrid import Batch, Box, ChannelScheme, Density, Elements, Structure, Voxelizer, reference
from particlegrid.channels import Entries
from particlegrid.grid import Grid
from particlegrid.registry import Noun


@pytest.fixture(autouse=True)
def _leave_no_kinds_behind() -> Iterator[None]:
    kinds = dict(Noun._kinds)
    yield
    Noun._kinds.clear()
    Noun._kinds.update(kinds)


def test_a_density_without_a_kernel_is_drawn_by_its_definition() -> None:
    @dataclass(frozen=True)
    class Shell(Density):
        radius: float = 1.0
        width: float = 0.3

        def atom_widths(self, batch: Batch) -> NDArray[np.float64]:
            return np.full(len(batch.numbers), self.width)

    @reference.evaluate.register(Shell)
    def _(what: Shell, position: NDArray[np.float64], width: float, grid: Grid) -> NDArray[np.float64]:
        distance = np.linalg.norm(grid.centers() - position, axis=-1)
        return np.exp(-((distance - what.radius) ** 2) / (2 * width**2))

    vox = Voxelizer(Box(9, 0.5), Elements("H"), Shell())
    grid = vox([Structure([[0, 0, 0]], ["H"])])
    assert grid[0, 0, 4, 4, 4] == pytest.approx(np.exp(-1 / (2 * 0.3**2)), rel=1e-6)
    assert grid[0, 0, 4, 4, 6] == pytest.approx(1, rel=1e-6)
    assert Voxelizer.from_dict(vox.to_dict()) == vox


def test_a_channel_scheme_of_ones_own() -> None:
    @dataclass(frozen=True)
    class FirstAtom(ChannelScheme):
        @property
        def channels(self) -> tuple[str, ...]:
            return ("first",)

        def list_entries(self, batch: Batch) -> Entries:
            atoms = batch.offsets[:-1][batch.counts > 0]
            return Entries.pick(batch, atoms, np.zeros(len(atoms), np.int64), np.ones(len(atoms)))

    structures = [Structure(np.zeros((n, 3)), ["H"] * n) for n in (2, 0, 3)]
    from particlegrid import Gaussian

    grids = Voxelizer(Box(16, 0.5), FirstAtom() + Elements("H"), Gaussian(0.5))(structures)
    assert grids.sum(axis=(2, 3, 4)).round(4).tolist() == [[1, 2], [0, 0], [1, 3]]
