"""The C++ core: arrays are C-contiguous and of exactly these dtypes, or the call raises TypeError."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from particlegrid.densities.base import Drawing

def list_instruction_sets() -> list[str]: ...
def active_instruction_set() -> str: ...
def use_instruction_set(name: str) -> None: ...
def stream_zeros(out: NDArray[Any]) -> None: ...
def draw_gaussians(drawing: Drawing, value: str, cut: float) -> None: ...
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
