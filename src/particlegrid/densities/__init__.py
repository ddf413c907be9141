"""What an atom looks like on a grid: frozen parameters of densities."""

from particlegrid.densities.base import Density, Drawing
from particlegrid.densities.coulomb import Coulomb
from particlegrid.densities.gaussian import Gaussian

__all__ = ["Coulomb", "Density", "Drawing", "Gaussian"]
