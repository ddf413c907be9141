"""What derivatives cost: beside the drawing of the same atoms, and through a PyTorch layer.

python benchmarks/gradients.py [--data FOLDER]

One thread unless said otherwise. The drawing that derivatives are compared with only accumulates: it goes into a
`Canvas`, of which nothing is written but where atoms are or were.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

import particlegrid as pg
from command_line import parse, start
from particlegrid.densities import Tangent
from particlegrid.drawing import make_drawing
from ratios import Ratio, print_ratios
from timing import time_rounds, unpin
from workloads import small_molecules

ELEMENTS = ("H", "C", "N", "O", "F")
SIZE = 64


def measure() -> Iterator[Ratio]:
    """Ratio 5 for a batch of molecules, sheared crystals, and a layer with a learned embedding."""
    yield from _derivatives()
    yield from _crystals()
    yield _embedding()


def _derivatives() -> Iterator[Ratio]:
    batch, name = small_molecules(SIZE)
    for shape, spacing in ((32, 0.5), (48, 0.375)):
        vox = pg.Voxelizer(
            pg.Box(shape, spacing, outside="ignore"), pg.Elements(*ELEMENTS), pg.Gaussian(0.5), threads=1
        )
        values = np.zeros((SIZE, len(ELEMENTS), shape, shape, shape), np.float32)
        canvas = pg.Canvas(values)
        upstream = np.random.default_rng(0).normal(size=values.shape).astype(np.float32)
        drawing = make_drawing(vox, batch, vox.where.place(batch), upstream)
        into = replace(drawing, out=np.empty_like(values))
        everything, direction = Tangent.zeros(drawing), Tangent.zeros(drawing)
        positions = replace(everything, widths=None, axes=None)
        direction.positions[:] = np.random.default_rng(1).normal(size=direction.positions.shape)
        tasks: dict[str, Callable[[], object]] = {
            "accumulate": lambda vox=vox, canvas=canvas: vox(batch, out=canvas),
            "backward": lambda what=vox.what, d=drawing, g=positions: what.pull_back(d, g),
            "backward, widths and cell too": lambda what=vox.what, d=drawing, g=everything: what.pull_back(d, g),
            "forward derivative": lambda what=vox.what, d=into, t=direction: what.push_forward(d, t),
            "second derivative": lambda what=vox.what, d=drawing, g=positions, t=direction: what.pull_back(d, g, t),
        }
        seconds = time_rounds(tasks, 15)
        for task, taken in list(seconds.items())[1:]:
            note = f"{taken / SIZE * 1e6:.1f} us a molecule / {seconds['accumulate'] / SIZE * 1e6:.1f} ({name})"
            target = 1.5 if task == "backward" else None
            yield Ratio(5, f"{shape}^3 {task} / accumulate", taken / seconds["accumulate"], target, True, note)


def _crystals() -> Iterator[Ratio]:
    """Integrals in 16 sheared cells of copper, beside the drawing, which writes all voxels."""
    rng = np.random.default_rng(0)
    sites = np.array([[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]])
    cells = [3.61 * (np.eye(3) + rng.normal(0, 0.06, (3, 3))) for _ in range(16)]
    batch = pg.Batch([pg.Structure(sites @ cell + rng.normal(0, 0.05, (4, 3)), [29] * 4, cell=cell) for cell in cells])
    vox = pg.Voxelizer(pg.UnitCell((8, 8, 8)), pg.AllAtoms(), pg.Gaussian(0.7), threads=1)
    upstream = rng.normal(size=(16, 1, 8, 8, 8)).astype(np.float32)
    drawing = make_drawing(vox, batch, vox.where.place(batch), upstream)
    into = replace(drawing, out=np.empty_like(upstream))
    everything, direction = Tangent.zeros(drawing), Tangent.zeros(drawing)
    positions = replace(everything, widths=None, axes=None)
    direction.positions[:] = rng.normal(size=direction.positions.shape)
    what = vox.what
    tasks: dict[str, Callable[[], object]] = {
        "draw": lambda: what.draw_natively(into),
        "backward": lambda: what.pull_back(drawing, positions),
        "backward, widths and cell too": lambda: what.pull_back(drawing, everything),
        "forward derivative": lambda: what.push_forward(into, direction),
        "second derivative": lambda: what.pull_back(drawing, positions, direction),
        "second derivative, widths and cell too": lambda: what.pull_back(drawing, everything, direction),
    }
    seconds = time_rounds(tasks, 15)
    for task, taken in list(seconds.items())[1:]:
        note = f"{taken / 16 * 1e6:.0f} us a crystal / {seconds['draw'] / 16 * 1e6:.0f}"
        yield Ratio(5, f"sheared crystals {task} / drawing", taken / seconds["draw"], None, True, note)


def _embedding() -> Ratio:
    """Molecules a second, forward and backward, with weights of every element in every channel."""
    import torch

    import particlegrid.torch as pgt

    unpin()
    torch.set_num_threads(2)
    batch, _ = small_molecules(SIZE)
    vox = pg.Voxelizer(pg.Box(32, 0.5, outside="ignore"), pg.AllAtoms(), pg.Gaussian(0.5))
    layer = pgt.Voxelizer(vox, embedding=len(ELEMENTS))
    positions = torch.from_numpy(np.array(batch.positions)).requires_grad_()
    numbers, owners = torch.from_numpy(np.array(batch.numbers)), torch.from_numpy(np.array(batch.owners))
    upstream = torch.randn(SIZE, len(ELEMENTS), 32, 32, 32)

    def step() -> None:
        layer(positions, numbers, batch=owners, batch_size=SIZE).backward(upstream)

    rate = SIZE / time_rounds({"step": step}, 30, wall=True)["step"]
    return Ratio(5, "embedding, forward and backward, molecules/s", rate, 5000, note="(64, 5, 32^3), two threads")


def main() -> None:
    """Print them."""
    parse(__doc__)
    start()
    print_ratios(measure())


if __name__ == "__main__":
    main()
