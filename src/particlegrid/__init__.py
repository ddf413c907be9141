"""Molecules and crystals to 3D voxel grids for deep learning, and back."""

from typing import TYPE_CHECKING, Any

from particlegrid.adapt import as_structure
from particlegrid.batch import Batch
from particlegrid.canvas import Canvas
from particlegrid.channels import (
    AllAtoms,
    ByRule,
    ChannelScheme,
    ElementGroups,
    Elements,
    ElementVectors,
    GninaTypes,
    Pharmacophores,
    PresentElements,
    Property,
    WithWidths,
)
from particlegrid.densities import (
    Binary,
    Boltzmann,
    Coulomb,
    Density,
    Gaussian,
    GaussianQuadratic,
    LennardJones,
    Occupancy,
    Radial,
    SphereOverlap,
)
from particlegrid.grid import Grid
from particlegrid.placements import Around, Box, UnitCell
from particlegrid.resampling import resample
from particlegrid.structure import Structure
from particlegrid.transform import Transform
from particlegrid.volume import Volume
from particlegrid.voxelizer import Voxelizer

if TYPE_CHECKING:
    from particlegrid.io import from_smiles, iread, read

__version__ = "0.1.0"
__all__ = [
    "AllAtoms",
    "Around",
    "Batch",
    "Binary",
    "Boltzmann",
    "Box",
    "ByRule",
    "Canvas",
    "ChannelScheme",
    "Coulomb",
    "Density",
    "ElementGroups",
    "ElementVectors",
    "Elements",
    "Gaussian",
    "GaussianQuadratic",
    "GninaTypes",
    "Grid",
    "LennardJones",
    "Occupancy",
    "Pharmacophores",
    "PresentElements",
    "Property",
    "Radial",
    "SphereOverlap",
    "Structure",
    "Transform",
    "UnitCell",
    "Volume",
    "Voxelizer",
    "WithWidths",
    "as_structure",
    "from_smiles",
    "iread",
    "read",
    "resample",
]

_FROM_IO = ("from_smiles", "iread", "read")


def __getattr__(name: str) -> Any:
    # the readers need pathlib and urllib, a tenth of the whole import; they are loaded when first asked for
    if name in _FROM_IO:
        from particlegrid import io

        return getattr(io, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
