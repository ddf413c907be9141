"""What kinds of structures a scene holds: the one thing that the host must know before it can start kernels."""

from __future__ import annotations

import torch
import triton
import triton.language as tl

from particlegrid.torch.scene import Scene

__all__ = ["OBLIQUE", "REPEATS", "survey"]

OBLIQUE, REPEATS = 1, 2
_BLOCK = 64


def survey(scene: Scene) -> list[int]:
    """Flags of each structure: OBLIQUE if its voxels are not orthogonal, REPEATS if its atoms do; waits for the GPU."""
    n = len(scene.axes)
    flags = torch.empty(n, dtype=torch.int32, device=scene.axes.device)
    _survey[(triton.cdiv(n, _BLOCK),)](scene.axes, scene.periodic.view(torch.uint8), flags, n, BLOCK=_BLOCK)
    found: list[int] = flags.tolist()
    return found


@triton.jit
def _load_row(rows, structures, d: tl.constexpr, inside):
    row = rows + 9 * structures + 3 * d
    return (
        tl.load(row, mask=inside, other=1.0),
        tl.load(row + 1, mask=inside, other=1.0),
        tl.load(row + 2, mask=inside, other=1.0),
    )


@triton.jit
def _is_oblique(ax, ay, az, bx, by, bz):
    product = ax * bx + ay * by + az * bz
    # the cosine beyond 1e-9, as the kernels for the CPU have it
    return product * product > 1e-18 * (ax * ax + ay * ay + az * az) * (bx * bx + by * by + bz * bz)


@triton.jit
def _survey(axes, periodic, flags, n, BLOCK: tl.constexpr):
    structures = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = structures < n
    ax, ay, az = _load_row(axes, structures, 0, inside)
    bx, by, bz = _load_row(axes, structures, 1, inside)
    cx, cy, cz = _load_row(axes, structures, 2, inside)
    oblique = (
        _is_oblique(ax, ay, az, bx, by, bz) | _is_oblique(bx, by, bz, cx, cy, cz) | _is_oblique(cx, cy, cz, ax, ay, az)
    )
    repeats = (
        tl.load(periodic + 3 * structures, mask=inside, other=0)
        + tl.load(periodic + 3 * structures + 1, mask=inside, other=0)
        + tl.load(periodic + 3 * structures + 2, mask=inside, other=0)
    )
    tl.store(flags + structures, oblique.to(tl.int32) + 2 * (repeats != 0).to(tl.int32), mask=inside)
