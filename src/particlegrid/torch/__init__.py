"""PyTorch: differentiable grids, data sets and loaders that make them while a network trains, and tensors in motion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from particlegrid.errors import require

require("torch", "torch")

from particlegrid.augment import PrincipalFrame, RandomRotation  # noqa: E402
from particlegrid.torch.augment import draw_transforms  # noqa: E402
from particlegrid.torch.batch import GridBatch, collate, make_batch  # noqa: E402
from particlegrid.torch.dataset import GridDataset  # noqa: E402
from particlegrid.torch.functional import voxelize  # noqa: E402
from particlegrid.torch.loader import GridLoader  # noqa: E402
from particlegrid.torch.resampling import resample  # noqa: E402
from particlegrid.torch.transforms import Transforms  # noqa: E402
from particlegrid.torch.voxelizer import Voxelizer  # noqa: E402

if TYPE_CHECKING:
    from particlegrid.torch.calculator import GridCalculator

__all__ = [
    "GridBatch",
    "GridCalculator",
    "GridDataset",
    "GridLoader",
    "PrincipalFrame",
    "RandomRotation",
    "Transforms",
    "Voxelizer",
    "collate",
    "draw_transforms",
    "make_batch",
    "resample",
    "voxelize",
]


def __getattr__(name: str) -> Any:
    # its class is a subclass of ASE's, which only those load who ask for it
    if name == "GridCalculator":
        from particlegrid.torch.calculator import GridCalculator

        return GridCalculator
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
