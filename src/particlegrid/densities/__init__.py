"""What an atom looks like on a grid: frozen parameters of densities."""

from particlegrid.densities.base import Density, Drawing
from particlegrid.densities.boltzmann import Boltzmann
from particlegrid.densities.coulomb import Coulomb
from particlegrid.densities.gaussian import Gaussian
from particlegrid.densities.lennard_jones import LennardJones
from particlegrid.densities.radial import Binary, GaussianQuadratic, Occupancy, Radial
from particlegrid.densities.sphere import SphereOverlap

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
]
