"""Training: it learns, it repeats itself, and it can be stopped anywhere and continued as if it had not been."""

import json
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch

from particlegrid import Structure
from particlegrid.data import pack
from particlegrid.learn.checkpoint import Checkpoint
from particlegrid.learn.ema import Ema
from particlegrid.learn.interrupt import Guard
from particlegrid.learn.predict import Predictor
from particlegrid.learn.progress import Progress
from particlegrid.learn.recipe import Recipe, default_recipe
from particlegrid.learn.schedule import Budget, learning_rate_factor
from particlegrid.learn.targets import Targets, gather_labels
from particlegrid.learn.threads import _quota, torch_threads
from particlegrid.learn.train import train
from particlegrid.learn.trainer import Trainer
from particlegrid.torch import GridLoader


class Stop:
    """An `on_progress` that raises KeyboardInterrupt after some steps."""

    def __init__(self, steps):
        self.left = steps

    def __call__(self, progress):
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


def same_weights(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def without_times(history):
    return [{key: value for key, value in entry.items() if key != "seconds"} for entry in history]


@pytest.fixture
def fit(store, parts, recipe):
    """Train `recipe` on the tiny store."""

    def run(folder, recipe=recipe, **options):
        return train(store, parts[0], parts[1], recipe, folder, **options)

    return run


def test_beats_the_mean_and_says_how_it_went(fit, store, parts, tmp_path):
    seen = []
    run = fit(tmp_path / "run", steps=150, on_progress=seen.append)
    truth = gather_labels(store, ("homo", "lumo", "gap"), parts[2])
    error = np.abs(Predictor(run.checkpoint)(store.subset(parts[2])) - truth).mean(axis=0)
    mean = np.abs(truth - run.checkpoint.targets.mean).mean(axis=0)
    assert (error < [0.9, 0.6, 0.6] * mean).all()
    assert run.history[0]["loss"] is None
    losses = [entry["loss"] for entry in run.history[1:]]
    assert np.mean(losses[-5:]) < 0.5 * np.mean(losses[:5])
    validated = [entry for entry in run.history if "validation_mae" in entry]
    assert len(validated) == 5  # before the first step too
    assert validated[-1]["validation_mae"]["gap"] < 0.6 * validated[0]["validation_mae"]["gap"]
    assert json.loads((tmp_path / "run" / "history.json").read_text()) == run.history
    assert (run.steps, run.samples, run.interrupted) == (150, 150 * 32, False)
    assert run.seconds > 0
    assert run.gridding_ms > 0
    assert run.network_ms > 0
    last = seen.pop()
    assert (last.stage, last.done, last.message) == ("train", 1.0, "150 steps, 4,800 molecules")
    assert len(seen) == 150
    assert all(isinstance(p, Progress) and p.stage == "train" and p.samples_per_second > 0 for p in seen)
    assert [p.done for p in seen] == sorted(p.done for p in seen)
    assert seen[-1].seconds_left < seen[0].seconds_left
    assert not list((tmp_path / "run").glob("*.partial"))


def test_repeats_itself_to_the_bit(fit, recipe, tmp_path):
    first, second = (fit(tmp_path / name, steps=20) for name in ("a", "b"))
    assert same_weights(first.checkpoint.weights, second.checkpoint.weights)
    assert without_times(first.history) == without_times(second.history)
    other = fit(tmp_path / "c", recipe.reseed(1), steps=20)
    assert not same_weights(first.checkpoint.weights, other.checkpoint.weights)


@pytest.mark.parametrize("stop", [1, 7, 10, 17])  # 16 steps an epoch, validation after 10, 20, 30 and 40
def test_resumed_equals_uninterrupted(fit, tmp_path, stop):
    whole = fit(tmp_path / "whole", steps=40)
    part = fit(tmp_path / "part", steps=40, on_progress=Stop(stop))
    assert part.interrupted
    assert part.steps == stop
    rest = fit(tmp_path / "part", steps=40, resume=True)
    assert not rest.interrupted
    assert rest.steps == 40
    assert same_weights(rest.checkpoint.weights, whole.checkpoint.weights)
    assert same_weights(rest.checkpoint.training["model"], whole.checkpoint.training["model"])
    assert without_times(rest.history) == without_times(whole.history)
    assert rest.validation_mae == whole.validation_mae


def test_a_finished_run_has_nothing_to_resume(fit, tmp_path):
    run = fit(tmp_path, epochs=0.5)
    again = fit(tmp_path, epochs=0.5, resume=True)
    assert run.steps == again.steps == 8
    assert same_weights(run.checkpoint.weights, again.checkpoint.weights)


def test_an_interrupted_run_predicts(fit, store, parts, tmp_path):
    run = fit(tmp_path, steps=1000, on_progress=Stop(3))
    assert run.interrupted
    assert run.validation_mae == {}
    there = Predictor.load(tmp_path)(store.subset(parts[2]))
    assert np.isfinite(there).all()
    assert np.array_equal(there, Predictor(run.checkpoint)(store.subset(parts[2])))


def test_signals_wait_for_the_end_of_a_step(fit, tmp_path):
    """A signal in the middle of a step stops the run after it, with a checkpoint of just that step."""

    def raise_signal(progress):
        if progress.message.startswith("step 2,"):
            signal.raise_signal(signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    run = fit(tmp_path, steps=1000, on_progress=raise_signal)
    assert run.interrupted
    assert Checkpoint.load(tmp_path).provenance["steps"] == run.steps == 3
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


@pytest.fixture
def interruptible():
    """A shell's background jobs ignore Ctrl-C; these tests do not."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_late_signal_is_not_swallowed(interruptible):
    with pytest.raises(KeyboardInterrupt), Guard():
        signal.raise_signal(signal.SIGINT)


def test_a_second_signal_acts_at_once(interruptible):
    with Guard() as guard:
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            guard.check()
        guard.check()


def test_an_interrupt_inside_a_step_leaves_the_checkpoint_before_it(fit, tmp_path, monkeypatch):
    monkeypatch.setattr(Ema, "update", lambda self, step: Stop(1)(None))
    run = fit(tmp_path, steps=10)
    assert run.interrupted
    assert run.checkpoint.provenance["steps"] == 0
    assert same_weights(run.checkpoint.weights, Checkpoint.load(tmp_path).weights)


def test_the_clock_decides_the_schedule(fit, tmp_path, monkeypatch):
    rates = []
    step = Trainer._step
    monkeypatch.setattr(Trainer, "_step", lambda self, batch, factor: rates.append(factor) or step(self, batch, factor))
    run = fit(tmp_path, minutes=1.5 / 60)
    assert 1.5 <= run.seconds < 4
    assert not run.interrupted
    assert run.steps == len(rates)
    assert max(rates) > 0.8
    assert rates[-1] < 0.2
    more = fit(tmp_path, minutes=2 / 60, resume=True)
    assert more.seconds >= 2
    assert more.steps > run.steps


def test_schedule():
    factors = [learning_rate_factor(f, 0.1) for f in np.linspace(0, 1, 101)]
    assert np.argmax(factors) == 10
    assert factors[10] == 1
    assert factors[0] == 0.01
    assert factors[-1] == 0
    assert learning_rate_factor(0.0, 0.0) == 1
    assert learning_rate_factor(1.2, 0.1) == 0
    assert Budget.choose(None, 1.5, None, 10) == Budget(steps=15)
    for wrong in ((None, None, None), (1.0, 1.0, None)):
        with pytest.raises(ValueError, match="give one of"):
            Budget.choose(*wrong, 10)
    with pytest.raises(ValueError, match="`minutes` must be positive"):
        Budget.choose(-1.0, None, None, 10)


def test_a_wrong_budget_writes_nothing(fit, tmp_path):
    with pytest.raises(ValueError, match="`minutes` must be positive"):
        fit(tmp_path / "run", minutes=0)
    assert not (tmp_path / "run").exists()


def test_leaves_torch_as_it_was(fit, tmp_path):
    torch.manual_seed(5)
    threads, numbers = torch.get_num_threads(), torch.rand(3)
    torch.manual_seed(5)
    seen = []
    fit(tmp_path, steps=2, threads=2, on_progress=lambda progress: seen.append(torch.get_num_threads()))
    assert set(seen) == {2}
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.rand(3), numbers)


def test_threads_keep_to_the_quota(tmp_path):
    assert _quota(tmp_path) == np.inf
    for text, processors in (("max 100000\n", np.inf), ("150000 100000\n", 1.5), ("nonsense", np.inf)):
        (tmp_path / "cpu.max").write_text(text)
        assert _quota(tmp_path) == processors
    with pytest.raises(ValueError, match="`threads` must be at least 1"), torch_threads(0):
        pass


@pytest.mark.parametrize("loss", ["huber", "l1"])
def test_other_losses_and_weights(fit, recipe, tmp_path, loss):
    run = fit(tmp_path, replace(recipe, loss=loss, target_weights=(1.0, 1.0, 2.0)), steps=40)
    losses = [entry["loss"] for entry in run.history if entry["loss"] is not None]
    assert np.mean(losses[-10:]) < np.mean(losses[:10])


def test_the_network_of_the_demo_learns_charges_beside(store, parts, recipe, tmp_path):
    """The auxiliary loss falls, and it is not part of what is predicted."""
    config = {"widths": (8,), "blocks": (0,), "stencils": (1,), "hidden": 16}
    recipe = replace(recipe, model="atom_readout", model_config=config, atom_target="charge")
    run = train(store, parts[0], parts[1], recipe, tmp_path, steps=120)
    assert run.checkpoint.recipe.model_config["atom_outputs"] == 1
    truth = gather_labels(store, recipe.targets, parts[2])
    values = Predictor.load(tmp_path)(store.subset(parts[2]))
    assert (np.abs(values - truth).mean(axis=0) < np.abs(truth - run.checkpoint.targets.mean).mean(axis=0)).all()
    model = run.checkpoint.build_model()
    batch = next(iter(GridLoader(store, recipe.voxelizer, indices=parts[2], augment=recipe.view(0))))
    learned = model.predict_with_atoms(*batch[:1], *batch[2:5])[1][:, 0].numpy()
    charges = store.batch(batch.indices.numpy()).property("charge")
    assert np.corrcoef(learned, charges)[0, 1] > 0.9
    with pytest.raises(ValueError, match="no property 'spin'"):
        train(store, parts[0], parts[1], replace(recipe, atom_target="spin"), tmp_path / "b", steps=1)


def test_the_gap_is_made_as_validates_best(store, parts, recipe, tmp_path):
    targets = Targets.measure(recipe.targets, ("eV",) * 3, gather_labels(store, recipe.targets, parts[0]))
    trainer = Trainer(store, parts[0], parts[1], recipe, targets, tmp_path, {})
    with torch.no_grad():  # a network whose gap is wrong by far, and whose HOMO and LUMO are the means
        for module in trainer.ema.model.modules():
            if isinstance(module, torch.nn.Linear):
                module.weight.zero_()
                module.bias.copy_(torch.tensor([0.0, 0.0, 50.0]))
    errors = trainer.validate(views=1)
    assert trainer.targets.gap_rule == "difference"
    assert errors["gap"] < 2
    with torch.no_grad():
        for module in trainer.ema.model.modules():
            if isinstance(module, torch.nn.Linear):
                module.bias.copy_(torch.tensor([50.0, 0.0, 0.0]))
    trainer.validate(views=1)
    assert trainer.targets.gap_rule == "direct"


def test_ema_forgets_its_first_weights_soon():
    model = torch.nn.BatchNorm1d(2)
    ema = Ema(model, 0.9)
    model.weight.data.fill_(3.0)
    model.running_mean.fill_(2.0)
    model.num_batches_tracked.fill_(7)
    ema.update(0)
    assert torch.allclose(ema.model.weight, torch.full((2,), 0.1 * 1 + 0.9 * 3))
    assert torch.allclose(ema.model.running_mean, torch.full((2,), 0.9 * 2))
    assert ema.model.num_batches_tracked == 7
    with pytest.raises(ValueError, match="`decay`"):
        Ema(model, 1.0)


def test_refuses_what_does_not_fit(fit, store, parts, recipe, tmp_path):
    fit(tmp_path, steps=1)
    with pytest.raises(FileExistsError, match="resume=True"):
        fit(tmp_path, steps=1)
    with pytest.raises(ValueError, match=r"another recipe \(lr differ\)"):
        fit(tmp_path, replace(recipe, lr=1e-3), steps=1, resume=True)
    with pytest.raises(ValueError, match="other structures"):
        train(store, parts[0][:50], parts[1], recipe, tmp_path, steps=1, resume=True)
    with pytest.raises(ValueError, match=r"`valid_indices\[1\]` is 700"):
        train(store, parts[0], [0, 700], recipe, tmp_path / "new", steps=1)
    with pytest.raises(ValueError, match="`train_indices` must be whole numbers"):
        train(store, [], parts[1], recipe, tmp_path / "new", steps=1)
    with pytest.raises(ValueError, match="no label 'mu'"):
        fit(tmp_path / "new", replace(recipe, targets=("mu",)), steps=1)
    assert not (tmp_path / "new").exists()


def test_labels_that_cannot_be_learned(store, recipe, tmp_path):
    structures = [store[0], replace_info(store[1], homo=float("nan")), store[2]]
    broken = pack(structures, tmp_path / "broken")
    with pytest.raises(ValueError, match="1 of 3 structures have no finite 'homo', the first is structure 1"):
        train(broken, [0, 1, 2], [0], recipe, tmp_path / "run", steps=1)
    with pytest.raises(ValueError, match=r"target 'homo' is .* for all 1 training structures"):
        train(broken, [0], [0], recipe, tmp_path / "run", steps=1)


def replace_info(structure, **changes):
    info = {**structure.info, **changes}
    return Structure(structure.positions, structure.numbers, properties=structure.properties, info=info)


def test_a_loss_that_is_not_finite_stops_the_run(fit, recipe, tmp_path, monkeypatch):
    monkeypatch.setattr(Trainer, "_loss", lambda self, batch: self.model(*batch[:1], *batch[2:5]).sum() * float("nan"))
    with pytest.raises(FloatingPointError, match="the loss is nan in step 0"):
        fit(tmp_path, steps=2)
    assert Checkpoint.load(tmp_path).provenance["steps"] == 0


def test_recipe_survives_a_dict(recipe):
    again = Recipe.from_dict(json.loads(json.dumps(recipe.to_dict())))
    assert again == recipe
    standard = default_recipe(["H", "C"], ["gap"], seed=3)
    assert Recipe.from_dict(json.loads(json.dumps(standard.to_dict()))) == standard
    with pytest.raises(ValueError, match=r"lacks \['targets'\] and has unknown \['speed'\]"):
        Recipe.from_dict({key: v for key, v in recipe.to_dict().items() if key != "targets"} | {"speed": 1})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"targets": ()}, "`targets`"),
        ({"targets": ("gap", "gap")}, "`targets`"),
        ({"lr": -1.0}, "`lr`"),
        ({"batch_size": 0}, "`batch_size`"),
        ({"ema": 1.0}, "`ema`"),
        ({"loss": "l3"}, "`loss`"),
        ({"target_weights": (1.0,)}, "`target_weights` has 1 values for 3 targets"),
        ({"views": 9}, "`views` is 9; the augmentation has 8"),
        ({"augmentation": None}, "`views` is 2; the augmentation has 1"),
    ],
)
def test_recipe_refuses(recipe, change, message):
    with pytest.raises(ValueError, match=message):
        replace(recipe, **change)
