"""Cost follows the touched voxels and the bytes written: ratio 6.

    python benchmarks/scaling.py

Ten times the atoms in a box of one size, and the same atoms in a box of eight times the volume, less the time to write
its zeros.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

import particlegrid as pg
from command_line import run
from particlegrid import _native
from ratios import Ratio
from timing import Task, repeat, time_rounds

SPACING, ROUNDS, CALLS = 0.5, 15, 10


def measure() -> Iterator[Ratio]:
    """Ratio 6."""
    rng = np.random.default_rng(0)
    print("Scaling: random atoms in 16 A, one channel, sigma 0.5 A")
    few, many = (pg.Batch([pg.Structure(rng.uniform(-7, 7, (n, 3)), np.full(n, 6))]) for n in (200, 2000))
    small, large = (np.zeros((1, 1, n, n, n), np.float32) for n in (32, 64))
    tasks: dict[str, Task] = {
        "few": _draw(few, small),
        "many": _draw(many, small),
        "large box": _draw(few, large),
        "small floor": repeat(lambda: _native.stream_zeros(small), CALLS),
        "large floor": repeat(lambda: _native.stream_zeros(large), CALLS),
    }
    seconds = time_rounds(tasks, ROUNDS)
    micro = {name: 1e6 * value / CALLS for name, value in seconds.items()}
    note = f"{micro['many']:,.0f} / {micro['few']:,.0f} us"
    yield Ratio(6, "2000 atoms / 200 atoms", seconds["many"] / seconds["few"], 10, at_most=True, note=note)
    above = {box: micro[name] - micro[f"{box} floor"] for box, name in (("small", "few"), ("large", "large box"))}
    note = f"{above['large']:,.0f} / {above['small']:,.0f} us above the floor"
    yield Ratio(6, "64^3 / 32^3 voxels, above floor", above["large"] / above["small"], None, note=note)


def _draw(batch: pg.Batch, out: np.ndarray) -> Callable[[], None]:
    box = pg.Box(out.shape[2:], SPACING, center="origin")
    vox = pg.Voxelizer(box, pg.AllAtoms(), pg.Gaussian(0.5), threads=1)
    return repeat(lambda: vox(batch, out=out), CALLS)


if __name__ == "__main__":
    run(measure, __doc__)
