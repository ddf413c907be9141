"""Stopping in good order."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self

__all__ = ["Guard"]


class Guard:
    """While it is entered, Ctrl-C and SIGTERM wait for the next `check`; a second one acts at once, as ever.

    Outside the main thread, where Python delivers no signals, it does nothing.

    Examples
    --------
    >>> with Guard() as guard:
    ...     signal.raise_signal(signal.SIGINT)
    ...     print("the step is finished first")
    ...     try:
    ...         guard.check()
    ...     except KeyboardInterrupt:
    ...         print("stopped")
    the step is finished first
    stopped
    """

    def __init__(self) -> None:
        self._before: dict[int, Any] = {}
        self._stop = False

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()
        if kind is None:
            self.check()  # a signal that came after the last check is not swallowed

    def check(self) -> None:
        """Raise KeyboardInterrupt if a signal has come."""
        if self._stop:
            self._stop = False
            raise KeyboardInterrupt

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._stop = True
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()
