"""as_structure and as_batch on arrays, dicts, graphs and what is none of them."""

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from particlegrid import Batch, Structure
from particlegrid.adapt import as_batch, as_structure

WATER = Structure([[0, 0, 0.1], [0.76, 0.59, 0], [-0.76, 0.59, 0]], ["O", "H", "H"])
NUMBERS, POSITIONS = WATER.numbers, WATER.positions
CUBE = 5.0 * np.eye(3)


def test_structure_comes_back_itself():
    assert as_structure(WATER) is WATER
    batch, single = as_batch(WATER)
    assert single
    assert batch[0] is WATER


def test_batch_comes_back_itself():
    batch = Batch([WATER])
    assert as_batch(batch) == (batch, False)
    assert as_batch(batch)[0] is batch


@pytest.mark.parametrize(
    "obj",
    [
        (NUMBERS, POSITIONS),
        [NUMBERS, POSITIONS],
        (NUMBERS.tolist(), POSITIONS.tolist()),
        (["O", "H", "H"], POSITIONS),
        (("O", "H", "H"), tuple(map(tuple, POSITIONS.tolist()))),
        {"numbers": NUMBERS, "positions": POSITIONS},
    ],
)
def test_arrays_and_dicts(obj):
    assert as_structure(obj) == WATER
    batch, single = as_batch(obj)
    assert single
    assert batch[0] == WATER


def test_arrays_with_cell_and_pbc():
    slab = as_structure((NUMBERS, POSITIONS, CUBE, (True, True, False)))
    np.testing.assert_array_equal(slab.cell, CUBE)
    assert slab.pbc.tolist() == [True, True, False]
    assert as_structure((NUMBERS, POSITIONS, CUBE)).pbc.all()


def test_tensors():
    torch = pytest.importorskip("torch")
    positions = torch.tensor(POSITIONS, requires_grad=True)
    numbers = torch.tensor(NUMBERS.astype(np.int64))
    assert as_structure((numbers, positions)) == WATER
    assert (
        as_structure({"numbers": numbers, "positions": positions, "properties": {"q": positions[:, 0]}})
        .properties["q"]
        .tolist()
        == POSITIONS[:, 0].tolist()
    )


@pytest.mark.parametrize("make", [list, tuple, iter, lambda items: (item for item in items)])
def test_many(make):
    """Two or more pairs look like (numbers, positions) from afar; they are many."""
    pair = (NUMBERS, POSITIONS)
    for items in ([WATER, WATER], [pair, pair], [pair, WATER, {"numbers": [2], "positions": [[0, 0, 0]]}], [WATER]):
        batch, single = as_batch(make(items))
        assert not single
        assert len(batch) == len(items)
        assert batch[0] == WATER


def test_no_structures_is_an_empty_batch():
    batch, single = as_batch([])
    assert (len(batch), single) == (0, False)


def test_one_atom_tuple_is_single():
    batch, single = as_batch(([2], [[0.0, 0.0, 0.0]]))
    assert single
    assert batch[0].symbols == ["He"]


def test_graph():
    graph = SimpleNamespace(
        z=NUMBERS, pos=POSITIONS, cell=CUBE[None], y=np.array([[-1.5]]), forces=POSITIONS, idx=7, edge_index=[[0], [1]]
    )
    structure = as_structure(graph)
    np.testing.assert_array_equal(structure.cell, CUBE)
    assert structure.pbc.all()
    assert structure.info == {"y": -1.5, "idx": 7}
    np.testing.assert_array_equal(structure.properties["forces"], POSITIONS)
    assert as_batch(graph)[1]


class GraphBatch:
    """Behaves like a torch_geometric Batch of two."""

    z = np.concatenate([NUMBERS, NUMBERS])
    pos = np.concatenate([POSITIONS, POSITIONS])
    batch = np.repeat([0, 1], 3)
    num_graphs = 2

    def to_data_list(self):
        return [SimpleNamespace(z=NUMBERS, pos=POSITIONS)] * 2


def test_graph_batch_is_many_and_never_one():
    batch, single = as_batch(GraphBatch())
    assert (len(batch), single, batch[1]) == (2, False, WATER)
    with pytest.raises(ValueError, match=r"holds 2 graphs, not one structure; pass `data\.to_data_list\(\)`"):
        as_structure(GraphBatch())


@pytest.mark.parametrize(
    ("obj", "message"),
    [
        ("water.sdf", r"Structure of str 'water\.sdf'; a file is read with particlegrid\.read"),
        (POSITIONS, r"ndarray of shape \(3, 3\); positions alone do not say which elements"),
        ((POSITIONS, NUMBERS), r"looks like \(positions, numbers\): the numbers come first"),
        (None, r"Structure of NoneType; accepted are a Structure, ASE Atoms, a pymatgen Structure"),
        (7, r"Structure of int 7;"),
        (b"x", r"Structure of bytes b'x';"),
    ],
)
def test_what_is_no_structure(obj, message):
    with pytest.raises(TypeError, match=message):
        as_structure(obj)
    with pytest.raises(TypeError, match="accepted are"):
        as_batch(obj)


def test_the_wrong_one_of_many_is_named():
    with pytest.raises(TypeError, match=r"`structures\[1\]`: cannot make a Structure of int 3"):
        as_batch([WATER, 3])
    with pytest.raises(ValueError, match=r"`structures\[1\]`: `numbers\[0\]` is 119; atomic numbers run from 1 to 118"):
        as_batch([WATER, ([119], [[0.0, 0.0, 0.0]])])


def test_dict_with_wrong_keys():
    with pytest.raises(ValueError, match="the dict has no 'positions'; its keys are the fields of Structure"):
        as_structure({"numbers": [1]})
    with pytest.raises(ValueError, match="the dict has the unknown key 'colour'"):
        as_structure({"numbers": [1], "positions": [[0, 0, 0]], "colour": 1})


def test_import_brings_no_optional_package():
    code = (
        "import sys, particlegrid.adapt, particlegrid.io\n"
        "print([m for m in ('ase', 'rdkit', 'gemmi', 'pymatgen', 'torch') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
