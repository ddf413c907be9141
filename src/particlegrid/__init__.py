"""Molecules and crystals to 3D voxel grids for deep learning, and back."""

from particlegrid.adapt import as_structure
from particlegrid.batch import Batch
from particlegrid.channels import AllAtoms, ByRule, ChannelScheme, Elements, Property
from particlegrid.densities import Density, Gaussian
from particlegrid.grid import Grid
from particlegrid.io import from_smiles, iread, read
from particlegrid.placements import Around, Box, UnitCell
from particlegrid.structure import Structure
from particlegrid.transform import Transform
from particlegrid.volume import Volume
from particlegrid.voxelizer import Voxelizer

__version__ = "0.1.0"
__all__ = [
    "AllAtoms",
    "Around",
    "Batch",
    "Box",
    "ByRule",
    "ChannelScheme",
    "Density",
    "Elements",
    "Gaussian",
    "Grid",
    "Property",
    "Structure",
    "Transform",
    "UnitCell",
    "Volume",
    "Voxelizer",
    "as_structure",
    "from_smiles",
    "iread",
    "read",
]
