"""JAX: differentiable grids on the CPU."""

from particlegrid.errors import require

require("jax", "jax")

from particlegrid.jax.functional import voxelize  # noqa: E402
from particlegrid.jax.lowering import register  # noqa: E402

register()

__all__ = ["voxelize"]
