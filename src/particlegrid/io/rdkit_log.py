"""RDKit's complaints, kept off the terminal and put into our errors."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from particlegrid.errors import require

__all__ = ["call_rdkit"]

# each message starts with the time; the lines of the C++ stack trace that may follow do not
_MESSAGE = re.compile(r"^\[\d\d:\d\d:\d\d\] (?:ERROR: )?(\S.*)$", re.MULTILINE)


def call_rdkit(function: Callable[[], Any]) -> tuple[Any, str]:
    """What a function of RDKit returns, and the first error that it logged (RDKit 2026 and later tell)."""
    base = require("rdkit.rdBase", "chem")
    with base.BlockLogs():
        if not hasattr(base, "CaptureErrorLog"):
            return function(), ""
        with base.CaptureErrorLog() as log:
            result = function()
    first = _MESSAGE.search(log.messages)
    return result, first.group(1).strip() if first else ""
