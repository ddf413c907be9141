import json
import multiprocessing
import pickle
import warnings

import numpy as np
import pytest

from particlegrid import Batch, Structure
from particlegrid.data import Store, pack


def make_structures() -> list[Structure]:
    """Eleven structures: molecules with and without bonds, crystals, a slab, one without atoms; labels of each kind."""
    random = np.random.default_rng(7)
    structures = []
    for i in range(11):
        n = 0 if i == 4 else int(random.integers(1, 9))
        bonds = [(0, j, 1) for j in range(1, n)] if i % 3 == 0 else None
        structures.append(
            Structure(
                random.normal(size=(n, 3)),
                random.integers(1, 119, n),
                cell=np.diag([4.0, 5.0, 6.0 + i]) + random.normal(scale=0.1, size=(3, 3)) if i in (2, 5, 9) else None,
                pbc=(True, True, False) if i == 5 else None,
                bonds=bonds,
                properties={"charge": random.normal(size=n), "force": random.normal(size=(n, 3)).astype(np.float32)},
                info={"energy": float(random.normal()), "count": i, "odd": bool(i % 2), "smiles": "C" * i},
                name=None if i == 3 else f"é-{i}",
            )
        )
    return structures


@pytest.fixture(scope="session")
def structures() -> list[Structure]:
    return make_structures()


@pytest.fixture(params=[1, 4, 100], ids=["shard-of-1", "shards-of-4", "one-shard"])
def store(request: pytest.FixtureRequest, tmp_path, structures: list[Structure]) -> Store:
    return pack(structures, tmp_path / "store", shard_size=request.param, units={"energy": "eV", "charge": "e"})


def test_structures_come_back_as_they_were(store, structures):
    assert len(store) == len(structures)
    for i, structure in enumerate(structures):
        assert store[i] == structure
        assert store[i - len(structures)] == structure
    assert list(store) == structures


def test_columns(store, structures):
    assert store.ids == [s.name or "" for s in structures]
    assert store.labels("energy").tolist() == [s.info["energy"] for s in structures]
    assert store.labels("count").dtype == np.int64
    assert store.labels("odd").dtype == np.bool_
    assert store.labels("smiles").tolist() == [s.info["smiles"] for s in structures]
    assert store.counts.tolist() == [len(s) for s in structures]
    assert store.units == {"energy": "eV", "count": "", "odd": ""}
    assert store.property_names == ["charge", "force"]
    assert not store.labels("energy").flags.writeable
    with pytest.raises(ValueError, match=r"no label 'gap'.*count, energy, odd, smiles"):
        store.labels("gap")


@pytest.mark.parametrize("pick", [[10, 0, 5, 5, 4, 3], [4], [], np.array([-1, 2, -11])], ids=str)
def test_a_batch_equals_its_structures(store, structures, pick):
    want = Batch([structures[i] for i in pick])
    batch = store.batch(pick)
    assert np.array_equal(batch.positions, want.positions)
    assert np.array_equal(batch.numbers, want.numbers)
    assert np.array_equal(batch.offsets, want.offsets)
    assert np.array_equal(batch.pbc, want.pbc)
    assert np.array_equal(batch.cells, np.zeros((len(pick), 3, 3)) if want.cells is None else want.cells)
    if len(pick):
        assert np.array_equal(batch.property("charge"), want.property("charge"))
        assert np.array_equal(batch.property("force"), want.property("force"))
    # with bonds, labels and names, which the arrays of a batch do not hold
    assert list(batch) == [structures[i] for i in pick]
    assert list(batch[1:3]) == [structures[i] for i in pick][1:3]
    with pytest.raises(ValueError, match="no property 'mass'"):
        batch.property("mass")


def test_a_moved_batch_keeps_what_belongs_to_its_atoms(store, structures):
    batch = store.batch([6, 2])
    moved = batch.with_positions(batch.positions + 1.0)
    assert np.array_equal(moved[0].positions, structures[6].positions + 1.0)
    assert np.array_equal(moved[0].bonds, structures[6].bonds)
    assert moved[1].info == structures[2].info
    assert np.array_equal(moved.property("charge"), batch.property("charge"))
    assert batch[0] == structures[6]


@pytest.mark.parametrize("index", [11, -12])
def test_an_index_out_of_range_is_named(store, index):
    with pytest.raises(IndexError, match=f"structure {index} of a store of 11"):
        store[index]
    with pytest.raises(IndexError, match=f"structure {index} of a store of 11"):
        store.batch([0, index])
    with pytest.raises(IndexError):
        store.batch([0])[1]


@pytest.mark.parametrize("indices", [[0.5], [[0, 1]], [True, False]])
def test_indices_must_be_whole_numbers(store, indices):
    with pytest.raises(TypeError, match="`indices` must be whole numbers of shape"):
        store.batch(indices)


def test_a_subset_is_a_store(store, structures):
    part = store.subset([9, 3, 0])
    assert list(part) == [structures[i] for i in (9, 3, 0)]
    assert part.ids == ["é-9", "", "é-0"]
    assert part.labels("count").tolist() == [9, 3, 0]
    assert part.counts.tolist() == [len(structures[i]) for i in (9, 3, 0)]
    assert part.batch([1, 0])[1] == structures[9]
    assert part.subset([2])[0] == structures[0]
    assert list(store[1::4]) == structures[1::4]


def test_pickles_by_path(store, structures, monkeypatch, tmp_path):
    monkeypatch.chdir(store.path.parent)
    data = pickle.dumps(Store(store.path.name).subset([2, 1]))
    assert len(data) < 1000
    monkeypatch.chdir("/")
    assert list(pickle.loads(data)) == [structures[2], structures[1]]
    batch = pickle.loads(pickle.dumps(store.batch([6])))
    assert batch[0] == structures[6]


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="needs fork")
def test_is_shared_with_forked_processes(store, structures):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # other tests may have left threads behind
        with multiprocessing.get_context("fork").Pool(2) as pool:
            assert pool.map(store.__getitem__, range(11)) == structures


def test_float32_positions(tmp_path, structures):
    store = pack(structures, tmp_path / "store", dtype="float32")
    assert store.batch([0]).positions.dtype == np.float64
    assert np.array_equal(store[0].positions, structures[0].positions.astype(np.float32))


def shard(store: Store):
    return sorted(store.path.glob("shard-*"))[-1]


def truncate(store: Store):
    path = shard(store)
    path.write_bytes(path.read_bytes()[:-1])
    return path


def empty(store: Store):
    shard(store).write_bytes(b"")
    return shard(store)


def remove(store: Store):
    path = shard(store)
    path.unlink()
    return path


def scramble_header(store: Store):
    path = shard(store)
    path.write_bytes(b"\xff" * 64 + path.read_bytes()[64:])
    return path


def exchange(store: Store):
    first, last = sorted(store.path.glob("shard-*"))[0], shard(store)
    last.write_bytes(first.read_bytes())
    return last


def scramble_manifest(store: Store):
    path = store.path / "manifest.json"
    path.write_text(path.read_text()[:-20])
    return path


def strip_manifest(store: Store):
    path = store.path / "manifest.json"
    manifest = json.loads(path.read_text())
    del manifest["labels"]
    path.write_text(json.dumps(manifest))
    return path


def newer_version(store: Store):
    path = store.path / "manifest.json"
    path.write_text(path.read_text().replace('"version": 1', '"version": 99'))
    return path


@pytest.mark.parametrize(
    "harm", [truncate, empty, remove, scramble_header, exchange, scramble_manifest, strip_manifest, newer_version]
)
def test_a_damaged_store_names_the_file(tmp_path, structures, harm):
    store = pack(structures, tmp_path / "store", shard_size=8)
    path = harm(store)
    with pytest.raises(ValueError, match=path.name) as caught:
        Store(store.path)
    assert str(path) in str(caught.value)


def test_verify_finds_a_changed_byte(store):
    store.verify()
    path = shard(store)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(ValueError, match=rf"{path.name} is damaged: its checksum"):
        Store(store.path).verify()


def test_a_folder_that_is_no_store(tmp_path):
    with pytest.raises(ValueError, match="is not a packed store"):
        Store(tmp_path)
    (tmp_path / "manifest.json").write_text("[]")
    with pytest.raises(ValueError, match="`format` is not 'particlegrid-store'"):
        Store(tmp_path)


def test_store_reads_what_safetensors_writes_and_the_other_way_round(store, structures):
    load_file = pytest.importorskip("safetensors.numpy").load_file
    tensors = load_file(sorted(store.path.glob("shard-*"))[0])
    assert np.array_equal(tensors["positions"][: len(structures[0])], structures[0].positions)
    assert isinstance(store[0], Structure)
