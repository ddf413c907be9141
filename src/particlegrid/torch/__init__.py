"""PyTorch: differentiable grids, and data sets and loaders that make grids while a network trains."""

from particlegrid.errors import require

require("torch", "torch")

from particlegrid.augment import PrincipalFrame, RandomRotation  # noqa: E402
from particlegrid.torch.batch import GridBatch, collate, make_batch  # noqa: E402
from particlegrid.torch.dataset import GridDataset  # noqa: E402
from particlegrid.torch.functional import voxelize  # noqa: E402
from particlegrid.torch.loader import GridLoader  # noqa: E402
from particlegrid.torch.voxelizer import Voxelizer  # noqa: E402

__all__ = [
    "GridBatch",
    "GridDataset",
    "GridLoader",
    "PrincipalFrame",
    "RandomRotation",
    "Voxelizer",
    "collate",
    "make_batch",
    "voxelize",
]
