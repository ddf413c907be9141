import json
import os
import time
import warnings

import numpy as np
import pytest

from particlegrid import Structure
from particlegrid.data import Store, pack
from particlegrid.errors import UnreadableRecordWarning


def helium(**info) -> Structure:
    return Structure([[0.0, 0.0, 0.0]], ["He"], info=info)


def test_what_cannot_be_read_is_skipped_counted_and_named(tmp_path):
    def records():
        # what a reader that skips records does
        errors.append(("a.sdf", 17, "no atoms block"))
        warnings.warn("told by the reader", UnreadableRecordWarning, stacklevel=1)
        yield helium(energy=1.0)
        yield "no structure"
        yield helium(energy=2.0)

    errors = []
    with pytest.warns(
        UnreadableRecordWarning, match=r"2 of 4 records .* record 17 of a\.sdf: no atoms block"
    ) as caught:
        store = pack(records(), tmp_path / "store", errors=errors, source="a.sdf")
    assert store.labels("energy").tolist() == [1.0, 2.0]
    assert store.manifest["skipped"]["count"] == 2
    assert store.manifest["skipped"]["records"][0] == ["a.sdf", 17, "no atoms block"]
    assert store.manifest["skipped"]["records"][1][:2] == ["a.sdf", 1]
    assert errors[1][1] == 1
    assert len(caught) == 1


def test_on_error_raise_names_the_structure_and_leaves_nothing(tmp_path):
    with pytest.raises(ValueError, match="structure 1 cannot be packed"):
        pack([helium(), "no structure"], tmp_path / "store", on_error="raise")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("stop", [OSError("disk gone"), KeyboardInterrupt()])
def test_a_job_stopped_half_way_leaves_nothing_and_starts_afresh(tmp_path, stop):
    def records():
        for i in range(10):
            if i == 7:
                # two shards are on disk by now, beside the store's place and not in it
                assert len(list(tmp_path.glob(".store.*.partial/shard-*"))) == 2
                assert not (tmp_path / "store").exists()
                raise stop
            yield helium(number=i)

    with pytest.raises(type(stop)):
        pack(records(), tmp_path / "store", shard_size=3)
    assert list(tmp_path.iterdir()) == []
    assert len(pack([helium()], tmp_path / "store")) == 1


def test_leftovers_of_a_killed_job_are_removed_after_a_day(tmp_path):

    old, fresh = tmp_path / ".store.1.partial", tmp_path / ".store.2.partial"
    old.mkdir()
    fresh.mkdir()
    os.utime(old, (time.time() - 1e5,) * 2)
    pack([helium()], tmp_path / "store")
    assert not old.exists()
    assert fresh.exists()


def test_never_overwrites(tmp_path):
    pack([helium()], tmp_path / "store")
    with pytest.raises(FileExistsError, match=r"store exists; remove it"):
        pack([helium()], tmp_path / "store")


def test_nothing_to_pack(tmp_path):
    with pytest.raises(ValueError, match="nothing to pack"):
        pack([], tmp_path / "store")
    with pytest.raises(ValueError, match=r"nothing to pack into .*; the first skipped is record 0"):
        pack([None], tmp_path / "store")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("wrong", ["molecules.sdf", helium()])
def test_a_path_or_a_single_structure_is_no_collection(tmp_path, wrong):
    with pytest.raises(TypeError, match="`structures` must be an iterable of structures"):
        pack(wrong, tmp_path / "store")


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"on_error": "stop"}, "`on_error` must be"),
        ({"dtype": "float16"}, "`dtype` must"),
        ({"shard_size": 0}, "least 1"),
    ],
)
def test_options_are_checked(tmp_path, option, message):
    with pytest.raises(ValueError, match=message):
        pack([helium()], tmp_path / "store", **option)


@pytest.mark.parametrize("shard_size", [1, 2, 10])
def test_a_missing_label_is_nan_or_an_empty_text(tmp_path, shard_size):
    items = [helium(count=1, note="a"), helium(), helium(count=3)]
    store = pack(items, tmp_path / "store", shard_size=shard_size)
    assert np.array_equal(store.labels("count"), [1.0, np.nan, 3.0], equal_nan=True)
    assert store.labels("note").tolist() == ["a", "", ""]
    assert store[0].info == {"count": 1.0, "note": "a"}
    assert isinstance(store[0].info["count"], float)
    assert np.isnan(store[1].info["count"])


def test_labels_choose_and_may_be_arrays(tmp_path):
    items = [helium(stress=np.full((3, 3), float(i)), energy=1.0, note="x") for i in range(3)]
    with pytest.warns(UserWarning, match=r"left out.*labels\['gap'\] \(no structure has it\)"):
        store = pack(items, tmp_path / "store", labels=["stress", "gap"], shard_size=2)
    assert set(store.units) == {"stress"}
    assert np.array_equal(store.labels("stress")[:, 0, 0], [0.0, 1.0, 2.0])
    assert np.array_equal(store[2].info["stress"], np.full((3, 3), 2.0))


def test_what_a_store_cannot_hold_is_named(tmp_path):
    items = [
        Structure(
            [[0, 0, 0]], ["He"], properties={"mass": [4.0], "site": ["A"]}, info={"tags": {}, "dipole": [1, 2, 3]}
        ),
        helium(),
    ]
    with pytest.warns(UserWarning, match="left out of") as caught:
        store = pack(items, tmp_path / "store", units={"enregy": "eV"})
    left_out = store.manifest["left_out"]
    assert left_out["properties['mass']"] == "only 1 of 2 structures have it"
    assert set(left_out) == {
        "properties['mass']", "properties['site']", "info['tags']", "info['dipole']", "units['enregy']",
    }  # fmt: skip
    assert all(name in str(caught[0].message) for name in left_out)
    assert store.property_names == []
    assert dict(store[0].properties) == {}


@pytest.mark.parametrize("shard_size", [1, 10])
@pytest.mark.parametrize(
    ("second", "message"),
    [
        (helium(x="text"), r"`info\['x'\]` is a text; in earlier structures it is a number"),
        (
            Structure([[0, 0, 0]], ["He"], properties={"p": [[1.0, 2.0]]}),
            r"`properties\['p'\]` has an array of shape \(2,\) an atom; in earlier structures it has a number",
        ),
    ],
)
def test_a_label_that_changes_its_kind_is_an_error_of_that_structure(tmp_path, second, message, shard_size):
    first = Structure([[0, 0, 0]], ["He"], properties={"p": [1.0]}, info={"x": 1.0})
    with pytest.warns(UnreadableRecordWarning, match=message):
        store = pack([first, second, first], tmp_path / "store", shard_size=shard_size)
    assert list(store) == [first, first]


def test_numbers_of_many_types(tmp_path):
    info = {
        "a": np.float32(1.5),
        "b": np.int16(-3),
        "c": np.array(2.0, dtype=">f8"),
        "d": np.longdouble(0.5),
        "e": True,
    }
    store = pack([helium(**info)] * 2, tmp_path / "store")
    assert store[1].info == {"a": 1.5, "b": -3, "c": 2.0, "d": 0.5, "e": True}
    assert store.labels("a").dtype == np.float32


def test_manifest_tells_what_is_there(tmp_path):
    pack([helium(energy=1.0)] * 3, tmp_path / "store", units={"energy": "eV"}, source="a table", shard_size=2)
    manifest = json.loads((tmp_path / "store" / "manifest.json").read_text())
    assert manifest["structures"] == manifest["atoms"] == 3
    assert manifest["source"] == "a table"
    assert manifest["positions"] == {"dtype": "float64", "unit": "A"}
    assert manifest["labels"] == {"energy": {"dtype": "float64", "shape": [], "unit": "eV"}}
    assert [s["structures"] for s in manifest["shards"]] == [2, 1]


def test_progress_and_streaming(tmp_path):
    seen, alive = [], []

    def records():
        for i in range(2500):
            alive.append(i - (seen[-1] if seen else 0))
            yield helium(number=i)

    store = pack(records(), tmp_path / "store", shard_size=500, progress=seen.append)
    assert seen == [1000, 2000, 2500]
    assert max(alive) <= 1000  # structures are taken one by one, not all at once
    assert store.labels("number").tolist() == list(range(2500))
    assert Store(store.path).manifest["structures"] == 2500
