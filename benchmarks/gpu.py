"""Gaussians on a GPU: agreement with the CPU, share of the copy bandwidth, molecules/s, share of a training step.

    python benchmarks/gpu.py > benchmarks/results/DATE-GPU.md
    python benchmarks/gpu.py --interpret          # without a GPU: a small run through Triton's interpreter

Prints markdown. Agreement is that of values and of all six gradients in float32 with the CPU's in float64, on 1,000
random batches, half of them boxes and half cells, half of each with sheared voxels; differences are relative to the
largest value of each result. `tol` is 1e-8 there, so that the cut-offs, which sheared kernels place differently, do not
count. The copy bandwidth counts bytes read and written by a copy of 1 GiB; a drawing's share of it, bytes written.
Times are medians of runs that take turns over several batches, with the GPU synchronised before and after.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from itertools import cycle

import numpy as np
import torch
from torch import Tensor, nn

import particlegrid as pg
from gpu_workloads import draw_by_cpu, draw_sampled, make_molecules, make_random, pull_back_by_cpu
from particlegrid.torch.scene import Scene
from workloads import small_molecules, split_batch

ELEMENTS = ("H", "C", "N", "O", "F")
SPACINGS = {32: 0.5, 48: 0.375, 64: 0.25}
SIGMA, TOL, TIGHT = 0.5, 1e-6, 1e-8
LIMIT = 1e-5
RESULTS = ("values", "positions", "weights", "widths", "axes", "origins", "lattices")


def main() -> int:
    """Run all, or say why not."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--interpret", action="store_true", help="a small run on the CPU; its times mean nothing")
    parser.add_argument("--batches", type=int, help="random batches to compare; default 1000, interpreted 3")
    options = parser.parse_args()
    if options.interpret:
        os.environ["TRITON_INTERPRET"] = "1"  # before Triton is imported
    elif not torch.cuda.is_available():
        print("no GPU here: torch.cuda.is_available() is False; try --interpret for a small run on the CPU",
              file=sys.stderr)  # fmt: skip
        return 1
    device = torch.device("cpu" if options.interpret else "cuda")
    print("\n".join(describe(device)))
    agrees = compare(device, options.batches or (3 if options.interpret else 1000))
    bandwidth = measure_copy(device)
    print(f"\nCopy: {bandwidth / 1e12:.2f} TB/s, read and written.\n")
    for row in measure_speed(device, bandwidth, (8,) if options.interpret else tuple(SPACINGS)):
        print(row)
    print(measure_training(device, 8 if options.interpret else 32))
    return 0 if agrees else 1


def describe(device: torch.device) -> Iterator[str]:
    """Title: hardware, versions, date."""
    import triton

    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "Triton's interpreter: times mean nothing"
    yield f"# {name}, {date.today().isoformat()}\n"
    yield f"torch {torch.__version__}, CUDA {torch.version.cuda}, Triton {triton.__version__}.\n"


def compare(device: torch.device, batches: int) -> bool:
    """Print the largest differences from the CPU, and say whether all are small."""
    from particlegrid.torch import triton as kernels

    rng = np.random.default_rng(0)
    what, worst = pg.Gaussian(SIGMA), dict.fromkeys(RESULTS, 0.0)
    shape, structures, atoms = ((16, 20, 36), 4, 20) if device.type == "cuda" else ((5, 6, 7), 1, 1)
    for number in range(batches):
        scene = make_random(rng, shape, structures, atoms, periodic=bool(number & 1), sheared=bool(number & 2))
        there = Scene(*(tensor.to(device) for tensor in scene))
        want = draw_by_cpu(what, scene, shape, 2, TIGHT)
        grad = torch.from_numpy(rng.normal(size=want.shape)).float()
        wanted = [want, *pull_back_by_cpu(what, scene, grad, TIGHT)]
        got = [kernels.draw(what, there, shape, 2, torch.float32, TIGHT),
               *kernels.pull_back(what, there, grad.to(device), TIGHT)]  # fmt: skip
        for name, a, b in zip(RESULTS, got, wanted, strict=True):
            gap = float((a.cpu().double() - b).abs().max() / b.abs().max().clamp_min(1e-300)) if b.any() else 0.0
            worst[name] = max(worst[name], gap if gap == gap else float("inf"))
    agrees = all(gap <= LIMIT for gap in worst.values())
    verdict = "all" if agrees else "NOT all"
    print(f"Largest differences from the CPU in {batches} random batches ({verdict} <= {LIMIT:g}):\n")
    print("| " + " | ".join(worst) + " |")
    print("|" + "---|" * len(worst))
    print("| " + " | ".join(f"{gap:.1e}" for gap in worst.values()) + " |")
    return agrees


def measure_copy(device: torch.device) -> float:
    """Bytes a second that a copy reads and writes."""
    source = torch.rand((1 << 28) if device.type == "cuda" else (1 << 20), device=device)
    target = torch.empty_like(source)
    return 2 * source.nbytes / clock([lambda: target.copy_(source)], device)


def clock(tasks: list[Callable[[], object]], device: torch.device, rounds: int = 50) -> float:
    """Median seconds of tasks that take turns."""
    turns = cycle(tasks)
    rounds = rounds if device.type == "cuda" else 1
    seconds = []
    for number in range(rounds + len(tasks)):
        synchronise(device)
        start = time.perf_counter()
        next(turns)()
        synchronise(device)
        if number >= len(tasks):  # the first round compiles
            seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def synchronise(device: torch.device) -> None:
    """Wait for the GPU."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def make_scenes(device: torch.device, size: int) -> list[Scene]:
    """Four batches of 64 molecules (interpreted: one of 2) on grids of size^3."""
    count, batches = (64, 4) if device.type == "cuda" else (2, 1)
    molecules, _ = small_molecules(count * batches)
    vox = pg.Voxelizer(
        pg.Box(size, SPACINGS.get(size, 0.5), outside="ignore"), pg.Elements(*ELEMENTS), pg.Gaussian(SIGMA)
    )
    return [
        Scene(*(tensor.to(device) for tensor in make_molecules(vox, batch))) for batch in split_batch(molecules, count)
    ]


def measure_speed(device: torch.device, bandwidth: float, sizes: tuple[int, ...]) -> Iterator[str]:
    """Rows of a table: molecules/s of each way to draw, and the share of the bandwidth."""
    yield "| grid | Triton, molecules/s | of the copy bandwidth | with gradients | plain torch | sampled Gaussians |"
    yield "|---|---|---|---|---|---|"
    for size in sizes:
        yield measure_size(make_scenes(device, size), (size,) * 3, device, bandwidth)


def measure_size(scenes: list[Scene], shape: tuple[int, ...], device: torch.device, bandwidth: float) -> str:
    """One row."""
    from particlegrid.torch import triton as kernels

    what, count, channels = pg.Gaussian(SIGMA), len(scenes[0].axes), len(ELEMENTS)
    grad = torch.randn((count, channels, *shape), device=device)

    def draw(scene: Scene) -> Tensor:
        return kernels.draw(what, scene, shape, channels, torch.float32, TOL)

    def draw_and_pull_back(scene: Scene) -> tuple[Tensor, ...]:
        return draw(scene), *kernels.pull_back(what, scene, grad, TOL)

    def draw_plainly(scene: Scene) -> Tensor:
        from particlegrid.torch import plain

        with torch.no_grad():
            return plain.draw(what, scene, shape, channels, torch.float32, TOL)

    ways = (draw, draw_and_pull_back, draw_plainly, lambda scene: draw_sampled(scene, shape, channels))
    first, *rates = (count / clock([partial(way, scene) for scene in scenes], device) for way in ways)
    share = grad.nbytes * first / count / bandwidth
    cells = [f"{first:,.0f}", f"{share:.2f}", *(f"{rate:,.0f}" for rate in rates)]
    return f"| {count} x {channels} x {shape[0]}^3 | " + " | ".join(cells) + " |"


def measure_training(device: torch.device, size: int) -> str:
    """The share of gridding in a training step of a small network."""
    from particlegrid.torch import triton as kernels

    what, scenes, shape = pg.Gaussian(SIGMA), make_scenes(device, size), (size,) * 3
    network = nn.Sequential(
        nn.Conv3d(len(ELEMENTS), 32, 3, padding=1), nn.SiLU(), nn.MaxPool3d(2),
        nn.Conv3d(32, 64, 3, padding=1), nn.SiLU(), nn.MaxPool3d(2),
        nn.Conv3d(64, 128, 3, padding=1), nn.SiLU(), nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(128, 1),
    ).to(device)  # fmt: skip
    optimiser = torch.optim.AdamW(network.parameters())
    targets = torch.randn((len(scenes[0].axes), 1), device=device)

    def draw(scene: Scene) -> Tensor:
        return kernels.draw(what, scene, shape, len(ELEMENTS), torch.float32, TOL)

    def step(grids: Tensor) -> None:
        optimiser.zero_grad()
        nn.functional.mse_loss(network(grids), targets).backward()
        optimiser.step()

    kept = [draw(scene) for scene in scenes]
    with_grids = clock([lambda s=scene: step(draw(s)) for scene in scenes], device)
    without = clock([lambda g=grids: step(g) for grids in kept], device)
    return (
        f"\nA training step of a network of three convolutions, {len(targets)} x {len(ELEMENTS)} x {size}^3: "
        f"{1e3 * with_grids:.2f} ms with gridding, {1e3 * without:.2f} ms with grids that are there already: "
        f"gridding takes {1e3 * (with_grids - without):.2f} ms."
    )


if __name__ == "__main__":
    sys.exit(main())
