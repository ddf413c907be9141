"""What goes wrong, said once: warnings of our own, argument checks and optional packages."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

__all__ = [
    "OutsideBoxWarning",
    "UnreadableRecordWarning",
    "as_array",
    "as_positive",
    "as_vector",
    "check_out",
    "choose",
    "require",
]


class OutsideBoxWarning(UserWarning):
    """A grid cuts atoms off: they lie outside its box."""


class UnreadableRecordWarning(UserWarning):
    """A record of a file could not be read and was skipped."""


def require(module: str, extra: str) -> ModuleType:
    """Import an optional package or say how to install it.

    Parameters
    ----------
    module : str
        The module's import name, such as ``"ase.io"``.
    extra : str
        The extra of particlegrid that installs it, such as ``"io"``.

    Raises
    ------
    ImportError
        If the module is not installed; the message is the pip line that mends it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        mend = f'pip install "particlegrid[{extra}]"'
        raise ImportError(f"this needs {package}, which is not installed: {mend}") from error


def as_array(
    value: Any, name: str, shape: tuple[int | None, ...], dtype: DTypeLike = np.float64, finite: bool = True
) -> NDArray[Any]:
    """Copy `value` into a contiguous array of `dtype` after checking its shape (None is any length) and finiteness."""
    expected = "(" + ", ".join("n" if n is None else str(n) for n in shape) + ("," if len(shape) == 1 else "") + ")"
    try:
        array = np.array(value, dtype=dtype, order="C")
    except (TypeError, ValueError) as error:
        raise TypeError(f"`{name}` must be an array of {np.dtype(dtype)} of shape {expected}: {error}") from None
    if array.dtype.kind in "iu" and not np.array_equal(array, np.asarray(value)):
        raise ValueError(f"`{name}` must hold whole numbers that fit {array.dtype}, got {value!r}")
    if array.ndim != len(shape) or any(want is not None and got != want for got, want in zip(array.shape, shape)):
        raise ValueError(f"`{name}` must have shape {expected}, got {array.shape}")
    if finite and array.dtype.kind == "f" and not np.isfinite(array).all():
        index = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        place = "[" + ", ".join(map(str, index)) + "]" if index else ""
        raise ValueError(f"`{name}{place}` is {array[index]}; every value must be finite")
    return array


def as_vector(value: Any, name: str) -> NDArray[np.float64]:
    """Three finite floats, from three numbers or from one that stands for all axes."""
    if np.ndim(value) == 0:
        value = (value,) * 3
    return as_array(value, name, (3,))


def as_positive(value: Any, name: str, unit: str = "") -> float:
    """One finite float > 0."""
    if isinstance(value, (bool, str, bytes)) or np.ndim(value) != 0:
        raise TypeError(f"`{name}` must be a number{unit and ' in ' + unit}, got {value!r}")
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise TypeError(f"`{name}` must be a number{unit and ' in ' + unit}, got {value!r}") from None
    if not (number > 0.0 and np.isfinite(number)):
        raise ValueError(f"`{name}` must be positive and finite, got {value!r}")
    return number


def choose(value: str, name: str, options: tuple[str, ...]) -> str:
    """`value` if it is one of `options`, else a ValueError that lists them."""
    if value not in options:
        raise ValueError(f"`{name}` must be one of {', '.join(map(repr, options))}, got {value!r}")
    return value


# a dtype makes its name in 5 us, as long as a small drawing takes
_NAMES = {np.dtype(name): name for name in ("float16", "float32", "float64", "uint16")}


def check_out(out: Any, shape: tuple[int, ...], dtypes: tuple[str, ...]) -> NDArray[Any]:
    """`out` if it is an array of `shape` and one of `dtypes` whose elements can all be written, each to its own place.

    Raises
    ------
    TypeError, ValueError
        If it is not; the message says what to change.
    """
    if not isinstance(out, np.ndarray):
        raise TypeError(f"`out` must be a numpy array, got {type(out).__name__}; of a torch tensor pass .numpy()")
    if out.shape != shape:
        raise ValueError(f"`out` must have shape {shape}, got {out.shape}")
    if (_NAMES.get(out.dtype) or out.dtype.name) not in dtypes or not out.dtype.isnative:
        names = f"{', '.join(dtypes[:-1])} or {dtypes[-1]}"
        raise ValueError(f"`out` must be {names} in native byte order, got {out.dtype}")
    flags = out.flags
    if flags.carray:  # contiguous, aligned and writeable
        return out
    if not flags.writeable:
        raise ValueError("`out` is read-only")
    if not flags.aligned or any(stride % out.itemsize for stride in out.strides):
        raise ValueError(f"`out` must lie on whole elements; its address or strides {out.strides} do not: copy it")
    reach = out.itemsize
    for stride, n in sorted((abs(stride), n) for stride, n in zip(out.strides, out.shape) if n > 1):
        if stride < reach:
            raise ValueError(f"`out` has elements that overlap (strides {out.strides})")
        reach = stride * (n - 1) + reach
    return out
