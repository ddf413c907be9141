"""Checkpoints: what goes in comes out to the bit, and damage is told."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

import particlegrid
from particlegrid.learn.checkpoint import Checkpoint
from particlegrid.learn.predict import Predictor
from particlegrid.learn.train import train


@pytest.fixture
def run(store, parts, recipe, tmp_path):
    return train(store, parts[0], parts[1], recipe, tmp_path / "run", steps=6)


def test_predictions_are_the_same_after_a_round_trip(run, store, parts, tmp_path):
    before = Predictor(run.checkpoint)(store.subset(parts[2]))
    run.checkpoint.save(tmp_path / "copy.pt")
    after = Predictor.load(tmp_path / "copy.pt")(store.subset(parts[2]))
    assert np.array_equal(before, after)
    assert np.array_equal(before, Predictor.load(run.folder)(store.subset(parts[2])))


def test_it_carries_how_its_input_is_made(run, recipe, store):
    loaded = Checkpoint.load(run.folder)
    assert loaded.recipe == run.checkpoint.recipe
    assert loaded.recipe.voxelizer == recipe.voxelizer
    assert loaded.recipe.augmentation == recipe.augmentation
    assert loaded.recipe.model_config["width"] == 8  # the whole of it, defaults too
    assert loaded.targets == run.checkpoint.targets
    assert loaded.targets.units == ("eV", "eV", "eV")
    assert loaded.provenance["particlegrid"] == particlegrid.__version__
    assert loaded.provenance["source"] == "random numbers"
    assert loaded.provenance["steps"] == 6
    assert str(store.path.parent) not in json.dumps(loaded.provenance)
    assert loaded.weights.keys() == run.checkpoint.weights.keys()
    assert all(torch.equal(loaded.weights[name], tensor) for name, tensor in run.checkpoint.weights.items())


def test_without_the_training_state(run, tmp_path):
    replace(run.checkpoint, training=None).save(tmp_path / "small.pt")
    assert Checkpoint.load(tmp_path / "small.pt").training is None
    assert (tmp_path / "small.pt").stat().st_size < 0.7 * (run.folder / "last.pt").stat().st_size


def test_what_is_no_checkpoint(run, tmp_path):
    with pytest.raises(FileNotFoundError, match="no checkpoint at"):
        Checkpoint.load(tmp_path / "nothing.pt")
    with pytest.raises(FileNotFoundError, match="no checkpoint at"):
        Checkpoint.load(tmp_path)  # a folder without a run
    file = tmp_path / "file.pt"
    whole = (run.folder / "last.pt").read_bytes()
    for content in (b"", b"hello", whole[: len(whole) // 2], whole[:-10]):
        file.write_bytes(content)
        with pytest.raises(ValueError, match=r"file\.pt is damaged or no checkpoint"):
            Checkpoint.load(file)
    for thing in ([1, 2], {"state_dict": {}}):
        torch.save(thing, file)
        with pytest.raises(ValueError, match=r"file\.pt is no checkpoint of particlegrid"):
            Checkpoint.load(file)


def test_nothing_in_a_file_is_executed(tmp_path):
    torch.save({"format": "particlegrid checkpoint", "weights": Attack(tmp_path / "mark")}, tmp_path / "evil.pt")
    with pytest.raises(ValueError, match=r"evil\.pt is damaged or no checkpoint"):
        Checkpoint.load(tmp_path / "evil.pt")
    assert not (tmp_path / "mark").exists()


class Attack:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_one_flipped_bit_in_the_weights_is_noticed(run, tmp_path):
    content = bytearray((run.folder / "last.pt").read_bytes())
    weight = next(iter(run.checkpoint.weights.values())).permute(0, 2, 3, 4, 1).contiguous().numpy().tobytes()
    at = content.find(weight)
    assert at > 0
    content[at] ^= 1
    (tmp_path / "bit.pt").write_bytes(content)
    with pytest.raises(ValueError, match=r"bit\.pt is damaged"):
        Checkpoint.load(tmp_path / "bit.pt")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 99}, "version 99"),
        ({"description": "{"}, "is damaged"),
        ({"description": "{}"}, "is damaged"),
        ({"sha256": "0"}, "checksum"),
    ],
)
def test_parts_that_are_wrong(run, tmp_path, change, message):
    content = torch.load(run.folder / "last.pt", weights_only=True)
    torch.save({**content, **change}, tmp_path / "changed.pt")
    with pytest.raises(ValueError, match=rf"changed\.pt.*{message}"):
        Checkpoint.load(tmp_path / "changed.pt")


def test_weights_of_another_network(run):
    other = replace(run.checkpoint, recipe=replace(run.checkpoint.recipe, model_config={"width": 5}))
    with pytest.raises(ValueError, match="the weights do not fit the network 'tiny'"):
        other.build_model()


def test_a_failed_save_keeps_the_old_file(run, monkeypatch):
    before = (run.folder / "last.pt").read_bytes()

    def fail(content, file):
        file.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(OSError, match="disk full"):
        run.checkpoint.save(run.folder / "last.pt")
    assert (run.folder / "last.pt").read_bytes() == before
    assert sorted(p.name for p in run.folder.iterdir()) == ["history.json", "last.pt"]
