"""`PresentElements` and the resolving of schemes whose channels follow from the structures."""

import numpy as np
import pytest

from particlegrid import (
    AllAtoms,
    Around,
    Batch,
    Box,
    Elements,
    Gaussian,
    PresentElements,
    Structure,
    Voxelizer,
    reference,
)

water = Structure([[0, 0, 0], [0.76, 0.59, 0], [-0.76, 0.59, 0]], ["O", "H", "H"])
salt = Structure([[0, 0, -1], [0, 0, 1.4]], ["Cl", "Na"])
box, blob = Box(16, spacing=0.5), Gaussian(0.5)
vox = Voxelizer(box, PresentElements(), blob)


def test_the_channels_of_one_and_of_many() -> None:
    assert np.array_equal(vox(water), Voxelizer(box, Elements("H", "O"), blob)(water))
    assert np.array_equal(vox([water, salt]), Voxelizer(box, Elements("H", "O", "Na", "Cl"), blob)([water, salt]))
    out = np.empty((2, 4, 16, 16, 16), np.float32)
    assert vox([water, salt], out=out) is out
    with pytest.raises(ValueError, match=r"`out` must have shape \(2, 4, 16, 16, 16\)"):
        vox([water, salt], out=np.empty((2, 5, 16, 16, 16), np.float32))


def test_grids_of_unequal_shape_share_their_channels() -> None:
    grids = Voxelizer(Around(0.5, padding=2), PresentElements(), blob)([water, salt])
    assert [len(grid) for grid in grids] == [4, 4]
    assert grids[0].sum(axis=(1, 2, 3)).round(3).tolist() == [2, 1, 0, 0]


def test_a_volume_has_the_names() -> None:
    assert vox.volume(salt).channels == ("Na", "Cl")


def test_in_a_sum() -> None:
    both = Voxelizer(box, AllAtoms() + PresentElements(), blob)
    assert both.volume(water).channels == ("atoms", "H", "O")
    total, hydrogen, oxygen = both(water)
    assert np.allclose(total, hydrogen + oxygen, atol=1e-6)
    assert PresentElements().resolve(Batch([salt])) == Elements("Na", "Cl")
    fixed = AllAtoms() + Elements("H")
    assert fixed.resolve(Batch([salt])) is fixed


def test_no_names_without_structures() -> None:
    for ask in (lambda: vox.channels, lambda: (AllAtoms() + PresentElements()).channels):
        with pytest.raises(TypeError, match="follow from the structures"):
            ask()
    with pytest.raises(ValueError, match="finds no atoms"):
        vox(Structure([], []))


def test_the_definition_agrees() -> None:
    grid = box.place(Batch([water]))[0]
    assert np.allclose(reference.voxelize(water, grid, PresentElements(), blob), vox(water), atol=1e-6)
