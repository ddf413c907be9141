"""A `Drawing` over the memory of tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray
from torch import Tensor

from particlegrid.densities import Drawing

__all__ = ["TensorDrawing"]

_NAMES = ("positions", "weights", "widths", "axes", "origins", "lattices", "atoms", "channels", "offsets", "periodic")
# PyTorch 2.10 and newer tells the kernels where a tensor lies without a Python call; ten arrays and a look at them take
# 14 us, half of a small drawing
_EXCHANGES = hasattr(Tensor, "__dlpack_c_exchange_api__")


class TensorDrawing(Drawing):
    """What a kernel gets, as tensors; who asks for an array gets a view of one."""

    @classmethod
    def over(cls, tensors: Sequence[Tensor], out: NDArray[Any], tol: float, threads: int) -> TensorDrawing:
        """Take the ten tensors that `Drawing.tensors` names, on the CPU, and the (n, C, X, Y, Z) to draw into."""
        # maps of C functions
        if not all(map(Tensor.is_contiguous, tensors)) or any(map(Tensor.is_neg, tensors)):
            tensors = [tensor.resolve_neg().contiguous() for tensor in tensors]
        drawing = object.__new__(cls)  # past the checks of a frozen dataclass, which take as long as all else here
        drawing.__dict__.update(given=tensors, out=out, tol=tol, threads=threads)
        if _EXCHANGES:
            drawing.__dict__["tensors"] = tensors
        return drawing

    def __getattr__(self, name: str) -> Any:
        # asked for what is not in __dict__ yet
        if name not in _NAMES:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        given = self.__dict__["given"]
        array = given[_NAMES.index(name)].detach().numpy()
        if name in ("lattices", "periodic") and not given[-1].any():
            array = None
        self.__dict__[name] = array
        return array
