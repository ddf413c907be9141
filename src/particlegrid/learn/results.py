"""`Results`: everything a report says, in one object that goes to JSON and back."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from particlegrid.errors import choose
from particlegrid.learn.metrics import Estimate
from particlegrid.structure import Structure

__all__ = ["Cost", "LearningCurve", "ResultRow", "Results", "Target", "TestSet", "Timings"]

_Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Target:
    """A property that was learned: its key, such as "gap", its unit, and how a reader knows it."""

    name: str
    unit: str
    label: str


@dataclass(frozen=True)
class ResultRow:
    """One method's errors on the test set.

    Parameters
    ----------
    name : str
        The method.
    kind : {"measured", "quoted"}
        Whether its figures were measured in this run, on this test set, or come from elsewhere.
    metrics : dict of str to dict of str to Estimate
        By target's name, then "mae", "rmse", "mse"; what is unknown is left out.
    note : str
        What a reader must know of it.
    train_seconds, train_size, parameters : optional
        What it cost to fit, on how many molecules, and how many numbers were fitted.
    ours : bool
        The one row that the report is about.
    """

    name: str
    kind: str
    metrics: Mapping[str, Mapping[str, Estimate]]
    note: str = ""
    train_seconds: float | None = None
    train_size: int | None = None
    parameters: int | None = None
    ours: bool = False

    def __post_init__(self) -> None:
        choose(self.kind, "kind", ("measured", "quoted"))


@dataclass(frozen=True, eq=False)
class LearningCurve:
    """How the error fell: arrays (k,) of seconds, molecules seen, training loss and validation MAE of one target.

    NaN stands where a figure was not taken.
    """

    target: str
    seconds: _Floats
    samples: _Floats
    train_loss: _Floats
    validation_mae: _Floats

    def __post_init__(self) -> None:
        _check_lengths(self, ("seconds", "samples", "train_loss", "validation_mae"))


@dataclass(frozen=True, eq=False)
class TestSet:
    """Predictions and truth (n, targets) of the test molecules, with their numbers of atoms and heavy atoms (n,)."""

    __test__ = False  # pytest takes the name for a test

    predictions: _Floats
    targets: _Floats
    atoms: NDArray[np.int64]
    heavy_atoms: NDArray[np.int64]

    def __post_init__(self) -> None:
        _check_lengths(self, ("predictions", "targets", "atoms", "heavy_atoms"))
        if self.predictions.shape != self.targets.shape or self.predictions.ndim != 2:
            raise ValueError(
                f"`predictions` and `targets` must both have shape (molecules, targets), "
                f"got {self.predictions.shape} and {self.targets.shape}"
            )


@dataclass(frozen=True)
class Timings:
    """What training took: seconds, molecules a second, and milliseconds a molecule for its grid and the network."""

    training_seconds: float
    samples_per_second: float
    gridding_ms: float
    network_ms: float


@dataclass(frozen=True)
class Cost:
    """What one prediction takes, measured in batches of `batch_size` on `device`, over `views` rotated grids."""

    gridding_ms: float
    network_ms: float
    batch_size: int
    device: str
    views: int = 1

    @property
    def total_ms(self) -> float:
        """Grid and network together, in milliseconds a molecule."""
        return self.gridding_ms + self.network_ms


@dataclass(frozen=True, eq=False)
class Results:
    """What came out of a training run.

    Parameters
    ----------
    data_set : str
        Name of the data set, such as "QM9".
    targets : tuple of Target
    rows : tuple of ResultRow
        Methods, in the order of the table; one of them is `ours`.
    curve : LearningCurve
    test : TestSet
    timings : Timings
    cost : Cost
    train_size, validation_size : int
        Numbers of molecules.
    parameters : int
        Numbers that the network learned.
    hardware, date, command : str
        Where and when it ran, and the command that runs it again.
    seeds : tuple of int
    split_hash : str
        Hash of the lists of training, validation and test molecules.
    voxelizer : dict
        `Voxelizer.to_dict()`: how the network's input was made.
    model : str
        The network in words.
    example : Structure
        The molecule that is shown.
    notes : tuple of str
        What else a reader must know.

    Raises
    ------
    ValueError
        If not exactly one row is ours, or a row or the test set does not fit the targets.
    """

    data_set: str
    targets: tuple[Target, ...]
    rows: tuple[ResultRow, ...]
    curve: LearningCurve
    test: TestSet
    timings: Timings
    cost: Cost
    train_size: int
    validation_size: int
    parameters: int
    hardware: str
    date: str
    command: str
    seeds: tuple[int, ...]
    split_hash: str
    voxelizer: Mapping[str, Any]
    model: str
    example: Structure
    notes: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        ours = [row.name for row in self.rows if row.ours]
        if len(ours) != 1:
            raise ValueError(f"exactly one of `rows` must have ours=True, got {len(ours)}: {', '.join(ours)}")
        names = {target.name for target in self.targets}
        for row in self.rows:
            if not row.metrics.keys() <= names:
                raise ValueError(f"row {row.name!r} has metrics of {sorted(row.metrics.keys() - names)}, no target")
        if self.test.targets.shape[1] != len(self.targets):
            raise ValueError(f"`test` has {self.test.targets.shape[1]} columns for {len(self.targets)} targets")
        if self.curve.target not in names:
            raise ValueError(f"the learning curve is of {self.curve.target!r}, no target")

    @property
    def ours(self) -> ResultRow:
        """The row that the report is about."""
        return next(row for row in self.rows if row.ours)

    def to_dict(self) -> dict[str, Any]:
        """Plain values; NaN becomes None."""
        plain: dict[str, Any] = _to_plain(self)
        return plain

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Results:
        """The object that `to_dict` described."""
        v = dict(values)
        curve, test, example = v["curve"], v["test"], v["example"]
        return cls(
            **v
            | {
                "targets": tuple(Target(**target) for target in v["targets"]),
                "rows": tuple(_row_from_plain(row) for row in v["rows"]),
                "curve": LearningCurve(curve["target"], *(_floats(curve[f.name]) for f in fields(LearningCurve)[1:])),
                "test": TestSet(
                    _floats(test["predictions"]),
                    _floats(test["targets"]),
                    np.array(test["atoms"], np.int64),
                    np.array(test["heavy_atoms"], np.int64),
                ),
                "timings": Timings(**v["timings"]),
                "cost": Cost(**v["cost"]),
                "seeds": tuple(v["seeds"]),
                "example": Structure(**example),
                "notes": tuple(v["notes"]),
            }
        )

    @classmethod
    def read(cls, path: str | Path) -> Results:
        """Read the results out of a report's ``metrics.json``."""
        return cls.from_dict(json.loads(Path(path).read_text(encoding="utf-8"))["results"])


def _to_plain(value: Any) -> Any:
    if isinstance(value, Structure):
        # what a picture needs; the rest of a structure may be of any kind
        parts = ("positions", "numbers", "cell", "pbc", "bonds", "name")
        return {part: _to_plain(getattr(value, part)) for part in parts}
    if is_dataclass(value):
        return {f.name: _to_plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _to_plain(v) for key, v in value.items()}
    if isinstance(value, (tuple, list)):
        return [_to_plain(v) for v in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return _to_plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _row_from_plain(row: Mapping[str, Any]) -> ResultRow:
    metrics = {
        target: {name: Estimate(**estimate) for name, estimate in group.items()}
        for target, group in row["metrics"].items()
    }
    return ResultRow(**{**row, "metrics": metrics})


def _floats(values: Any) -> _Floats:
    """None becomes NaN."""
    return np.array(values, dtype=np.float64)


def _check_lengths(owner: Any, names: tuple[str, ...]) -> None:
    lengths = {name: len(getattr(owner, name)) for name in names}
    if len(set(lengths.values())) != 1:
        raise ValueError(f"{type(owner).__name__}: lengths differ: {lengths}")
