"""Molecules and crystals to 3D voxel grids for deep learning, and back."""

from particlegrid.batch import Batch
from particlegrid.structure import Structure

__version__ = "0.1.0"
__all__ = ["Batch", "Structure"]
