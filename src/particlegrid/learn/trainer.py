"""`Trainer`: the state of a training, and one step of it. A plain loop: there is nothing here for a framework to do."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from particlegrid.data import Store
from particlegrid.learn.checkpoint import CHECKPOINT_FILE, Checkpoint, replace_file
from particlegrid.learn.ema import Ema
from particlegrid.learn.predict import predict_scores
from particlegrid.learn.recipe import Recipe
from particlegrid.learn.schedule import Budget, learning_rate_factor
from particlegrid.learn.targets import GAP_RULES, Targets, gather_labels
from particlegrid.torch import GridBatch, GridLoader

__all__ = ["HISTORY_FILE", "Trainer"]

HISTORY_FILE = "history.json"
"""Name of the record of a training in the folder of a run."""

_RECORDS = 100
_SAVE_SECONDS = 60.0
_ATOM_SAMPLE = 10_000


class Trainer:
    """The state of a training: all of it that decides what comes next goes into the checkpoint and back.

    Parameters
    ----------
    store, train_indices, valid_indices, recipe, folder
        As for `particlegrid.learn.train.train`.
    targets : Targets
    provenance : dict
        Plain values for the checkpoint.

    Attributes
    ----------
    steps, samples : int
        Optimizer steps done and molecules seen.
    seconds : float
        Time spent in `run`, over all sessions.
    history : list of dict
    """

    def __init__(
        self,
        store: Store,
        train_indices: NDArray[np.int64],
        valid_indices: NDArray[np.int64],
        recipe: Recipe,
        targets: Targets,
        folder: Path,
        provenance: Mapping[str, Any],
    ) -> None:
        self.store, self.recipe, self.targets, self.folder = store, recipe, targets, folder
        self.provenance = dict(provenance)
        self.loader = GridLoader(
            store,
            recipe.voxelizer,
            recipe.targets,
            indices=train_indices,
            batch_size=min(recipe.batch_size, len(train_indices)),
            seed=recipe.seed,
            augment=recipe.augmentation,
        )
        self.valid = valid_indices[: recipe.validation_size]
        self._truth = gather_labels(store, recipe.targets, self.valid)
        self.model = recipe.build_model().train()
        self.recipe = _with_whole_config(recipe, self.model)
        self.ema = Ema(self.model, recipe.ema)
        self.optimizer = _make_optimizer(self.model, recipe)
        # z-scores are made in float64: total energies of -1e4 eV have no thousandths in float32
        labels = np.stack([np.asarray(store.labels(name), np.float64) for name in recipe.targets], axis=1)
        self._goals = torch.from_numpy(((labels - targets.mean) / targets.std).astype(np.float32))
        self._weights = torch.tensor(recipe.target_weights or [1.0] * len(recipe.targets))
        self._weights /= self._weights.sum()
        self._atom_scale = _measure_atoms(store, recipe, train_indices)
        self.steps, self.samples, self.seconds = 0, 0, 0.0
        self.grid_seconds, self.network_seconds = 0.0, 0.0
        self.history: list[dict[str, Any]] = []
        self.whole = True  # False in the middle of a step, when the state is not fit to be saved
        self._epoch, self._batch = 0, 0
        self._records, self._validations = -1, -1
        self._losses: list[float] = []
        self._saved = time.monotonic()

    def run(self, budget: Budget, after_step: Callable[[float, float, float], object]) -> None:
        """Train until the budget is spent; ``after_step(fraction, loss, seconds of the step)`` follows each step."""
        start = time.monotonic() - self.seconds
        batches = self._draw_batches()
        while True:
            self.seconds = time.monotonic() - start
            fraction = budget.fraction(self.steps, self.seconds)
            self._record(fraction)
            if fraction >= 1:
                return
            if time.monotonic() - self._saved > _SAVE_SECONDS:
                self.save()
            before = time.monotonic()
            batch = next(batches)
            drawn = time.monotonic()
            loss = self._step(batch, learning_rate_factor(fraction, self.recipe.warmup))
            done = time.monotonic()
            self.grid_seconds += drawn - before
            self.network_seconds += done - drawn
            self.seconds = done - start
            after_step(fraction, loss, done - before)

    def validate(self, views: int) -> dict[str, float]:
        """Mean absolute errors on the validation molecules; the gap is made from now on as is best for them."""
        scores, _ = predict_scores(self.ema.model, self.store, self.recipe, indices=self.valid, views=views)
        rules = list(GAP_RULES) if self.targets.has_gap else ["direct"]
        errors = {}
        for rule in rules:
            values = replace(self.targets, gap_rule=rule).restore(scores)
            errors[rule] = dict(zip(self.targets.names, np.abs(values - self._truth).mean(axis=0).tolist()))
        best = min(rules, key=lambda rule: errors[rule].get("gap", 0.0))
        self.targets = replace(self.targets, gap_rule=best)
        return errors[best]

    def checkpoint(self) -> Checkpoint:
        """The average of the weights as it is now."""
        weights = {name: tensor.clone() for name, tensor in self.ema.model.state_dict().items()}
        done = {"steps": self.steps, "samples": self.samples, "epoch": self._epoch, "seconds": round(self.seconds, 3)}
        return Checkpoint(self.recipe, self.targets, weights, {**self.provenance, **done}, self._training_state())

    def save(self) -> None:
        """Write the checkpoint and the history."""
        self.checkpoint().save(self.folder / CHECKPOINT_FILE)
        text = json.dumps(self.history, indent=1)
        replace_file(self.folder / HISTORY_FILE, lambda file: file.write(text.encode()))
        self._saved = time.monotonic()

    def restore(self, checkpoint: Checkpoint) -> None:
        """Continue where `save` was."""
        state: Any = checkpoint.training
        self.ema.model.load_state_dict(dict(checkpoint.weights))
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["rng"])
        self.targets = checkpoint.targets
        for name, value in json.loads(state["counters"]).items():
            setattr(self, name, value)

    def _training_state(self) -> dict[str, Any]:
        counters = ("steps", "samples", "seconds", "grid_seconds", "network_seconds", "history")
        hidden = ("_epoch", "_batch", "_records", "_validations", "_losses")
        return {
            "model": {name: tensor.clone() for name, tensor in self.model.state_dict().items()},
            "optimizer": self.optimizer.state_dict(),
            "rng": torch.get_rng_state(),
            "counters": json.dumps({name: getattr(self, name) for name in (*counters, *hidden)}),
        }

    def _draw_batches(self) -> Iterator[GridBatch]:
        while True:
            self.loader.set_epoch(self._epoch)
            yield from self.loader.iterate(self._batch)
            self._epoch, self._batch = self._epoch + 1, 0

    def _step(self, batch: GridBatch, factor: float) -> float:
        self.whole = False
        for group in self.optimizer.param_groups:
            group["lr"] = self.recipe.lr * factor
        loss = self._loss(batch)
        value = loss.item()
        if not np.isfinite(value):
            raise FloatingPointError(
                f"the loss is {value} in step {self.steps}; lower `lr` or `clip` of the recipe, and look for extreme "
                "labels"
            )
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.clip)
        self.optimizer.step()
        self.ema.update(self.steps)
        self.steps += 1
        self.samples += len(batch.indices)
        self._batch += 1
        self._losses.append(value)
        self.whole = True
        return value

    def _loss(self, batch: GridBatch) -> torch.Tensor:
        goal = self._goals[batch.indices]
        inputs = (batch.grid, batch.points, batch.numbers, batch.batch)
        if self._atom_scale is None:
            return self._compare(self.model(*inputs), goal)
        outputs, atom_outputs = self.model.predict_with_atoms(*inputs)  # type: ignore[operator]
        mean, std = self._atom_scale
        atom_goal = self.store.batch(batch.indices.numpy()).property(self.recipe.atom_target or "")
        atom_scores = torch.from_numpy(((atom_goal - mean) / std).astype(np.float32))
        extra = functional.l1_loss(atom_outputs[:, 0], atom_scores)
        return self._compare(outputs, goal) + self.recipe.atom_weight * extra

    def _compare(self, outputs: torch.Tensor, goal: torch.Tensor) -> torch.Tensor:
        if self.recipe.loss == "mse":
            each = functional.mse_loss(outputs, goal, reduction="none")
        elif self.recipe.loss == "l1":
            each = functional.l1_loss(outputs, goal, reduction="none")
        else:
            each = functional.smooth_l1_loss(outputs, goal, reduction="none", beta=self.recipe.huber_delta)
        return (each.mean(dim=0) * self._weights).sum()

    def _record(self, fraction: float) -> None:
        """Write down and validate when it is time; a function of the state, so that a resumed run does the same."""
        records = int(min(fraction, 1.0) * _RECORDS + 1e-9)
        validations = int(min(fraction, 1.0) * self.recipe.validations + 1e-9)
        if records <= self._records and validations <= self._validations:
            return
        entry: dict[str, Any] = {
            "step": self.steps,
            "epoch": self._epoch,
            "samples": self.samples,
            "seconds": round(self.seconds, 3),
            "loss": float(np.mean(self._losses)) if self._losses else None,
        }
        if validations > self._validations:
            entry["validation_mae"] = self.validate(views=1)
        self.history.append(entry)
        self._losses = []
        self._records, self._validations = records, validations
        if "validation_mae" in entry:
            self.save()


def _with_whole_config(recipe: Recipe, model: torch.nn.Module) -> Recipe:
    """The recipe with all options of the network written out, so that later defaults do not change it."""
    config: Mapping[str, Any] = model.config  # type: ignore[assignment]
    return replace(recipe, model_config={k: v for k, v in config.items() if k not in ("name", "channels", "outputs")})


def _measure_atoms(store: Store, recipe: Recipe, indices: NDArray[np.int64]) -> tuple[float, float] | None:
    """Mean and standard deviation of the per-atom target, from the first structures."""
    if recipe.atom_target is None:
        return None
    values = store.batch(indices[:_ATOM_SAMPLE]).property(recipe.atom_target)
    if values.ndim != 1 or not np.isfinite(values).all() or not np.ptp(values) > 0:
        raise ValueError(f"per-atom property {recipe.atom_target!r} must hold one finite number an atom, and vary")
    return float(values.mean(dtype=np.float64)), float(values.std(dtype=np.float64))


def _make_optimizer(model: torch.nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    parameters = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.dim() > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in parameters if p.dim() <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=recipe.lr, betas=recipe.betas, fused=True)
