"""The cost of one call through PyTorch: one atom, one channel, 4^3 voxels, without gradients: ratio 9.

python benchmarks/torch_operator.py
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

import particlegrid as pg
import particlegrid.torch as pgt
from command_line import run
from particlegrid.torch import ops
from ratios import Ratio
from timing import Task, repeat, time_rounds

CALLS, ROUNDS = 1000, 15


def measure() -> Iterator[Ratio]:
    """Ratio 9."""
    torch.set_num_threads(1)
    structure = pg.Structure([[0.1, 0.2, 0.3]], ["C"])
    vox = pg.Voxelizer(pg.Box(4, 0.5, outside="ignore"), pg.AllAtoms(), pg.Gaussian(0.5), threads=1)
    layer = pgt.Voxelizer(vox)
    positions, numbers = torch.from_numpy(structure.positions.copy()), torch.tensor([6])
    moving = positions.clone().requires_grad_()
    given = catch_arguments(layer, positions, numbers)
    if not np.array_equal(ops.voxelize(*given)[0].numpy(), vox(structure)):
        raise SystemExit("the operator and the numpy door draw different values")
    print("PyTorch: one atom, 4^3 voxels")
    tasks: dict[str, Task] = {
        "the numpy door": repeat(lambda: vox(structure), CALLS),
        "the operator": repeat(lambda: ops.voxelize(*given), CALLS),
        "the layer": repeat(lambda: layer(positions, numbers), CALLS),
        "the layer, forward and backward": repeat(lambda: layer(moving, numbers).sum().backward(), CALLS),
    }
    seconds = time_rounds(tasks, ROUNDS)
    for name in tasks:
        target = 40.0 if name == "the operator" else None
        yield Ratio(9, f"{name}, microseconds", 1e6 * seconds[name] / CALLS, target, at_most=True)


def catch_arguments(layer: pgt.Voxelizer, positions: torch.Tensor, numbers: torch.Tensor) -> tuple[object, ...]:
    """What the layer hands to the operator."""
    caught: list[tuple[object, ...]] = []
    operator = ops.voxelize

    def catch(*given: object) -> torch.Tensor:
        caught.append(given)
        return operator(*given)

    ops.voxelize = catch
    try:
        layer(positions, numbers)
    finally:
        ops.voxelize = operator
    return caught[0]


if __name__ == "__main__":
    run(measure, __doc__)
