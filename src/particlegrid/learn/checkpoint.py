"""`Checkpoint`: a trained network with everything that is needed to use it."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import torch

from particlegrid.learn.recipe import Recipe
from particlegrid.learn.targets import Targets

__all__ = ["CHECKPOINT_FILE", "Checkpoint", "replace_file"]

CHECKPOINT_FILE = "last.pt"
"""Name of the checkpoint in the folder of a run."""

_FORMAT = "particlegrid checkpoint"
_VERSION = 1


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A trained network with everything that is needed to use it.

    Parameters
    ----------
    recipe : Recipe
        How the input is made, which network it is and how it was trained.
    targets : Targets
        Names, units and scale of the outputs.
    weights : dict of str to Tensor
        State of the network: the moving average.
    provenance : dict
        Plain values: the library's version, the data, the time, how far the training came.
    training : dict, optional
        What is needed to continue; tensors and plain values.
    """

    recipe: Recipe
    targets: Targets
    weights: Mapping[str, torch.Tensor]
    provenance: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] | None = None

    def build_model(self) -> torch.nn.Module:
        """The network with its weights, in eval mode.

        Raises
        ------
        ValueError
            If the weights are not those of the recipe's network.
        """
        with torch.random.fork_rng(devices=[]):
            model = self.recipe.build_model()
        try:
            model.load_state_dict(dict(self.weights))
        except RuntimeError as error:
            raise ValueError(f"the weights do not fit the network {self.recipe.model!r}: {error}") from None
        return model.eval().requires_grad_(False)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write to a file, which is replaced in one step: what was there stays until the new one is complete."""
        description = {
            "recipe": self.recipe.to_dict(),
            "targets": self.targets.to_dict(),
            "provenance": dict(self.provenance),
        }
        content = {
            "format": _FORMAT,
            "version": _VERSION,
            "description": json.dumps(description),
            "sha256": _digest(self.weights),
            "weights": dict(self.weights),
            "training": None if self.training is None else dict(self.training),
        }
        replace_file(Path(path), lambda file: torch.save(content, file))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read what `save` wrote. The file holds no code, but a `ByRule` in its Voxelizer imports the module it names.

        Parameters
        ----------
        path : str or PathLike
            A checkpoint, or the folder of a run that holds one.

        Raises
        ------
        FileNotFoundError
            If there is none.
        ValueError
            If the file is damaged, is something else, or comes from a later version; it is named.
        """
        file = Path(path)
        if file.is_dir():
            file = file / CHECKPOINT_FILE
        if not file.is_file():
            raise FileNotFoundError(f"there is no checkpoint at {file}; `particlegrid train` makes one")
        try:
            content = torch.load(file, map_location="cpu", weights_only=True)
        except Exception as error:  # a damaged file fails in zipfile, pickle, struct, ... alike
            raise ValueError(f"{file} is damaged or no checkpoint of particlegrid: {_first_line(error)}") from None
        if not isinstance(content, dict) or content.get("format") != _FORMAT:
            raise ValueError(f"{file} is no checkpoint of particlegrid")
        if content.get("version") != _VERSION:
            raise ValueError(
                f"{file} has version {content.get('version')!r} of the format and this particlegrid reads {_VERSION}; "
                "install the version that wrote it"
            )
        try:
            if _digest(content["weights"]) != content["sha256"]:
                raise ValueError("the weights' checksum is wrong")
            description = json.loads(content["description"])
            return cls(
                Recipe.from_dict(description["recipe"]),
                Targets.from_dict(description["targets"]),
                content["weights"],
                description["provenance"],
                content["training"],
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"{file} is damaged: {_first_line(error)}") from error


def replace_file(path: Path, write: Any) -> None:
    """Write a file through ``write(binary file)`` beside `path` and put it there in one step."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".partial", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
        os.chmod(name, 0o644)  # mkstemp makes it private
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _digest(weights: Mapping[str, torch.Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(weights):
        tensor = weights[name].detach().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
