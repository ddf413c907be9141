"""What an atom looks like on a grid: frozen parameters of densities."""

from particlegrid.densities.base import Density
from particlegrid.densities.boltzmann import Boltzmann
from particlegrid.densities.coulomb import Coulomb
from particlegrid.densities.drawing import Drawing
from particlegrid.densities.gaussian import Gaussian
from particlegrid.densities.lennard_jones import LennardJones
from particlegrid.densities.radial import Binary, GaussianQuadratic, Occupancy, Radial
from particlegrid.densities.sphere import SphereOverlap
from particlegrid.densities.tangent import Tangent

__all__ = [
    "Binary",
    "Boltzmann",
    "Coulomb",
    "Density",
    "Drawing",
    "Gaussian",
    "GaussianQuadratic",
    "LennardJones",
    "Occupancy",
    "Radial",
    "SphereOverlap",
    "Tangent",
]
