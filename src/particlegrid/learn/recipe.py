"""`Recipe`: everything that decides a training, apart from the data and the time."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

import torch

from particlegrid import models
from particlegrid.augment import Augmentation, PrincipalFrame, RandomRotation
from particlegrid.channels import Elements
from particlegrid.densities import Gaussian
from particlegrid.errors import as_positive, choose
from particlegrid.placements import Box
from particlegrid.registry import from_dict
from particlegrid.voxelizer import Voxelizer

__all__ = ["Recipe", "default_recipe"]


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a training, apart from the data and the time.

    Parameters
    ----------
    voxelizer : Voxelizer
        How the network's input is made.
    targets : tuple of str
        Labels to predict.
    model, model_config : str, dict
        Name and options of `particlegrid.models.build`; the numbers of channels and outputs are added.
    augmentation : Augmentation, optional
        Applied to every molecule in training; its views are averaged in prediction.
    views : int
        Views of each molecule that a prediction averages, at most as many as the augmentation has.
    batch_size : int
    lr : float
        Peak learning rate of AdamW.
    betas : tuple of 2 float
    weight_decay : float
        Of weight matrices and convolutions; biases and norms have none.
    warmup : float
        Part of the budget in which the learning rate rises.
    clip : float
        Largest norm of the gradient.
    ema : float
        Decay of the moving average of the weights, which is what validates and predicts.
    loss : {"mse", "huber", "l1"}
        Of the z-scores: squared error, absolute error, or absolute error that is rounded off (quadratic) below
        `huber_delta`.
    huber_delta : float
    target_weights : tuple of float, optional
        Weights of the targets in the loss, by default equal.
    atom_target : str, optional
        Per-atom property of the training structures (such as "charge") that the network learns beside the targets, if
        it has outputs for atoms (`predict_with_atoms`). It teaches the network chemistry and is not asked for in
        predictions.
    atom_weight : float
        Weight of its mean absolute error (in standard deviations) in the loss.
    validations, validation_size : int
        Times that a run is validated after its start, and molecules used for it.
    seed : int
        Of the first weights and of the order of the molecules; the augmentation has its own.

    Raises
    ------
    ValueError, TypeError
        If a value is out of range.
    """

    voxelizer: Voxelizer
    targets: tuple[str, ...]
    model: str
    model_config: Mapping[str, Any] = field(default_factory=dict)
    augmentation: Augmentation | None = None
    views: int = 1
    batch_size: int = 64
    lr: float = 2e-3
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = 0.02
    warmup: float = 0.02
    clip: float = 2.0
    ema: float = 0.999
    loss: str = "mse"
    huber_delta: float = 0.1
    target_weights: tuple[float, ...] | None = None
    atom_target: str | None = None
    atom_weight: float = 0.18
    validations: int = 10
    validation_size: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        if isinstance(self.targets, str) or not self.targets or len(set(self.targets)) != len(self.targets):
            raise ValueError(f"`targets` must be a tuple of different labels, got {self.targets!r}")
        object.__setattr__(self, "targets", tuple(self.targets))
        for name in ("lr", "clip", "huber_delta", "atom_weight"):
            as_positive(getattr(self, name), name)
        for name in ("batch_size", "validations", "validation_size", "views"):
            if not isinstance(getattr(self, name), int) or getattr(self, name) < 1:
                raise ValueError(f"`{name}` must be a whole number of at least 1, got {getattr(self, name)!r}")
        for name in ("warmup", "ema"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"`{name}` must be at least 0 and below 1, got {getattr(self, name)!r}")
        choose(self.loss, "loss", ("mse", "huber", "l1"))
        if self.target_weights is not None and len(self.target_weights) != len(self.targets):
            raise ValueError(f"`target_weights` has {len(self.target_weights)} values for {len(self.targets)} targets")
        if self.views > self.count_views():
            raise ValueError(f"`views` is {self.views}; the augmentation has {self.count_views()}")

    def build_model(self) -> torch.nn.Module:
        """The network with random weights, in the memory format that 3D convolutions are fastest in."""
        model = models.build(
            self.model, channels=len(self.voxelizer.channels), outputs=len(self.targets), **self.model_config
        )
        model.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]  # missing in torch's stubs
        return model

    def count_views(self) -> int:
        """How many views of a molecule the augmentation offers for averaging."""
        if isinstance(self.augmentation, PrincipalFrame):
            return max(1, self.augmentation.flips)
        if isinstance(self.augmentation, RandomRotation) and self.augmentation.kind == "octahedral":
            return 24
        return 1

    def view(self, k: int) -> Augmentation | None:
        """What makes view number `k` of a molecule for a prediction; None leaves it as it is."""
        augmentation = self.augmentation
        if isinstance(augmentation, PrincipalFrame):
            return augmentation.view(k)
        if isinstance(augmentation, RandomRotation) and augmentation.kind == "octahedral":
            return augmentation.view(k)
        return None

    def to_dict(self) -> dict[str, Any]:
        """Describe as plain values, fit for JSON."""
        plain = {f.name: getattr(self, f.name) for f in fields(self)}
        plain |= {key: list(value) for key, value in plain.items() if isinstance(value, tuple)}
        plain["voxelizer"] = self.voxelizer.to_dict()
        plain["augmentation"] = None if self.augmentation is None else self.augmentation.to_dict()
        plain["model_config"] = json.loads(json.dumps(dict(self.model_config)))
        return plain

    @classmethod
    def from_dict(cls, description: Mapping[str, Any]) -> Self:
        """Make the recipe again that `to_dict` described.

        Raises
        ------
        ValueError
            If a part is missing or unknown.
        """
        values: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in description.items()
        }
        missing = {"voxelizer", "targets", "model"} - values.keys()
        unknown = values.keys() - {f.name for f in fields(cls)}
        if missing or unknown:
            raise ValueError(f"the description of a Recipe lacks {sorted(missing)} and has unknown {sorted(unknown)}")
        values["voxelizer"] = Voxelizer.from_dict(values["voxelizer"])
        if values.get("augmentation") is not None:
            values["augmentation"] = from_dict(values["augmentation"])
        return cls(**values)

    def reseed(self, seed: int) -> Self:
        """The same recipe with other random numbers: weights, order and augmentation."""
        augmentation = self.augmentation
        if isinstance(augmentation, (PrincipalFrame, RandomRotation)):
            augmentation = replace(augmentation, seed=seed)
        return replace(self, seed=seed, augmentation=augmentation)


def default_recipe(
    channels: Sequence[str], targets: Sequence[str], *, atom_target: str | None = None, seed: int = 0
) -> Recipe:
    """The recipe of the demo: molecules of the size of QM9's in a box of 12 x 8 x 6 A along their principal axes.

    Parameters
    ----------
    channels : sequence of str
        Elements, a channel each.
    targets : sequence of str
        Labels to predict; one called "gap" counts twice in the loss.
    atom_target : str, optional
        Per-atom property to learn beside them.
    seed : int
        Of everything random.

    Examples
    --------
    >>> recipe = default_recipe(["H", "C", "N", "O", "F"], ["homo", "lumo", "gap"])
    >>> recipe.voxelizer.where.shape, recipe.views
    ((24, 16, 12), 8)
    """
    # Settled by trials on QM9 with two cores; docs/decisions.md has the figures.
    return Recipe(
        voxelizer=Voxelizer(
            Box((24, 16, 12), 0.5, outside="ignore"), Elements(*channels), Gaussian(0.45, value="mean")
        ),
        targets=tuple(targets),
        model="atom_readout",
        augmentation=PrincipalFrame(seed=seed, flips=8, tilt=10.0, jitter=0.25),
        views=8,
        batch_size=32,
        loss="huber",
        target_weights=tuple(2.0 if name == "gap" else 1.0 for name in targets),
        atom_target=atom_target,
        seed=seed,
    )
