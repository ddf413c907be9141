"""Grids from ordinary differentiable torch operations: any device, any derivative that autograd can take.

The formulas are those of `particlegrid.reference`; each density has its own in a module here. This is what the
gradients of every other path are checked against, and what draws where no other kernel does.
"""

from particlegrid.torch.plain import coulomb, gaussian, lennard_jones, radial, sphere
from particlegrid.torch.plain.base import draw, evaluate, find_reach

__all__ = ["coulomb", "draw", "evaluate", "find_reach", "gaussian", "lennard_jones", "radial", "sphere"]
