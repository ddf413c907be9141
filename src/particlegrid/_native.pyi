"""The C++ core: arrays are C-contiguous and of exactly these dtypes, or the call raises TypeError."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

def list_instruction_sets() -> list[str]: ...
def active_instruction_set() -> str: ...
def use_instruction_set(name: str) -> None: ...
def stream_zeros(out: NDArray[Any]) -> None: ...
def draw_gaussians(
    positions: NDArray[np.float64],
    entry_atoms: NDArray[np.int64],
    entry_channels: NDArray[np.int64],
    entry_weights: NDArray[np.float64],
    entry_sigmas: NDArray[np.float64],
    entry_offsets: NDArray[np.int64],
    origins: NDArray[np.float64],
    spacing: NDArray[np.float64],
    value: str,
    cut: float,
    out: NDArray[Any],
    threads: int,
) -> None: ...
