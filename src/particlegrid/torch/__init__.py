"""PyTorch: differentiable grids, data sets and loaders that make grids while a network trains, and what moves tensors."""

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

__all__ = [
    "GridBatch",
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
