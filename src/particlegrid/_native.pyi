"""The C++ core: arrays are C-contiguous and of exactly these dtypes, or the call raises TypeError."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from particlegrid.densities.drawing import Drawing
from particlegrid.densities.tangent import Tangent

def list_instruction_sets() -> list[str]: ...
def active_instruction_set() -> str: ...
def use_instruction_set(name: str) -> None: ...
def stream_zeros(out: NDArray[Any]) -> None: ...
def take_memory(bytes: int) -> NDArray[np.uint8]: ...
def draw_gaussians(drawing: Drawing, value: str, cut: float) -> None: ...
def push_forward_gaussians(
    drawing: Drawing, direction: Tangent, value: str, cut: float, sheared_cut: float
) -> None: ...
def pull_back_gaussians(
    drawing: Drawing, gradient: Tangent, direction: Tangent | None, value: str, cut: float, sheared_cut: float
) -> None: ...
def list_jax_handlers(function: Callable[[str, list[NDArray[Any]], list[NDArray[Any]]], None]) -> dict[str, Any]: ...
def draw_sphere_overlaps(drawing: Drawing, per: str, maximum: bool) -> None: ...
def push_forward_sphere_overlaps(drawing: Drawing, direction: Tangent, per: str, maximum: bool) -> None: ...
def pull_back_sphere_overlaps(
    drawing: Drawing, gradient: Tangent, direction: Tangent | None, per: str, maximum: bool
) -> None: ...
def resample(
    source: NDArray[Any],
    map: NDArray[np.float64],
    periodic: NDArray[np.bool_],
    method: str,
    target: NDArray[Any],
    threads: int,
) -> None: ...
def resample_adjoint(
    target: NDArray[Any],
    map: NDArray[np.float64],
    periodic: NDArray[np.bool_],
    method: str,
    source: NDArray[Any],
    threads: int,
) -> None: ...

class MoleculeStyle:
    def draw(
        self,
        positions: NDArray[np.float64],
        numbers: NDArray[np.uint8],
        offsets: NDArray[np.int64] | None,
        out: NDArray[Any],
        threads: int,
        touched: NDArray[np.int32] | None = None,
        sink: SparseSink | None = None,
    ) -> int: ...

def make_style(
    shape: tuple[int, int, int],
    spacing: tuple[float, float, float],
    on_centroid: bool,
    center: tuple[float, float, float],
    channels: int,
    channel: NDArray[np.int64],
    sigma: NDArray[np.float64],
    value: str,
    cut: float,
) -> MoleculeStyle: ...
def draw_coulomb(drawing: Drawing, split: float) -> None: ...
def pull_back_coulomb(drawing: Drawing, split: float, gradient: Tangent, direction: Tangent | None = None) -> None: ...
def push_forward_coulomb(drawing: Drawing, split: float, direction: Tangent) -> None: ...
def draw_lennard_jones(drawing: Drawing, probe_width: float, cutoff: float, shift: bool) -> None: ...
def draw_radial(
    drawing: Drawing,
    profile: str,
    *,
    maximum: bool = False,
    multiple: float = 1.0,
    scale: float = 1.0,
    cutoff: float = 1.0,
    table: NDArray[np.float64] | None = None,
    cut: float = 0.0,
    normalize: bool = False,
) -> None: ...
def pull_back_lennard_jones(
    drawing: Drawing,
    probe_width: float,
    cutoff: float,
    shift: bool,
    gradient: Tangent,
    direction: Tangent | None = None,
) -> None: ...
def push_forward_lennard_jones(
    drawing: Drawing, probe_width: float, cutoff: float, shift: bool, direction: Tangent
) -> None: ...
def pull_back_radial(
    drawing: Drawing,
    profile: str,
    gradient: Tangent,
    direction: Tangent | None = None,
    *,
    maximum: bool = False,
    multiple: float = 1.0,
    scale: float = 1.0,
    cutoff: float = 1.0,
    table: NDArray[np.float64] | None = None,
) -> None: ...
def push_forward_radial(
    drawing: Drawing,
    profile: str,
    direction: Tangent,
    *,
    maximum: bool = False,
    multiple: float = 1.0,
    scale: float = 1.0,
    cutoff: float = 1.0,
    table: NDArray[np.float64] | None = None,
) -> None: ...

class SparseSink:
    def __init__(self, values: NDArray[Any], places: NDArray[np.int32], counts: NDArray[np.int64]) -> None: ...
    @property
    def needed(self) -> int: ...
    @property
    def is_complete(self) -> bool: ...
