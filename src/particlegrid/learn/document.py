"""The parts of a report, told once and rendered as HTML and Markdown.

Every number in a report is a `Cited`: its text is made from a value of ``metrics.json`` and carries the path to it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = [
    "Block",
    "Cited",
    "Citer",
    "Code",
    "Image",
    "Paragraph",
    "Row",
    "Section",
    "Table",
    "Text",
    "View",
    "format_count",
    "format_duration",
    "format_figure",
]


@dataclass(frozen=True)
class Cited:
    """A number as a reader sees it, and where in the metrics it stands ("results/rows/0/...")."""

    text: str
    path: str


Text = tuple[str | Cited, ...]
"""Running text: words and cited numbers."""


@dataclass(frozen=True)
class Paragraph:
    """Running text; `lead` for the summary under the title."""

    text: Text
    lead: bool = False


@dataclass(frozen=True)
class Row:
    """Cells of a table; `strong` for the one the report is about, `quiet` for quoted figures."""

    cells: tuple[Text, ...]
    strong: bool = False
    quiet: bool = False


@dataclass(frozen=True)
class Table:
    """A table; the first column holds words, the others figures, `words` tells further columns of words."""

    caption: str
    header: tuple[str, ...]
    rows: tuple[Row, ...]
    words: tuple[int, ...] = ()


@dataclass(frozen=True)
class Image:
    """A PNG that lies beside the report under `name`."""

    name: str
    png: bytes
    alt: str
    caption: str


@dataclass(frozen=True)
class View:
    """An interactive page, shown inside the HTML report; `instead` is what Markdown says."""

    page: str
    caption: str
    instead: str


@dataclass(frozen=True)
class Code:
    """A command."""

    text: str


Block = Paragraph | Table | Image | View | Code


@dataclass(frozen=True)
class Section:
    """A heading and what stands under it."""

    title: str
    blocks: tuple[Block, ...]


class Citer:
    """Makes `Cited` numbers from the metrics.

    Examples
    --------
    >>> Citer({"rows": [{"mae": 0.28512}]}).figure("rows/0/mae")
    Cited(text='0.285', path='rows/0/mae')
    """

    def __init__(self, metrics: Mapping[str, Any]) -> None:
        self._metrics = metrics

    def look_up(self, path: str) -> Any:
        """The value at a path, or None where the path leads nowhere."""
        value: Any = self._metrics
        for key in path.split("/"):
            if isinstance(value, list):
                value = value[int(key)]
            elif isinstance(value, Mapping) and key in value:
                value = value[key]
            else:
                return None
        return value

    def figure(self, path: str) -> Cited:
        """A number with three digits."""
        return Cited(format_figure(self.look_up(path)), path)

    def count(self, path: str) -> Cited:
        """A whole number."""
        return Cited(format_count(self.look_up(path)), path)

    def duration(self, path: str) -> Cited:
        """Seconds in the unit that suits."""
        return Cited(format_duration(self.look_up(path)), path)


def format_figure(value: float) -> str:
    """Three significant digits, all digits before the point.

    Examples
    --------
    >>> [format_figure(x) for x in (0.0061234, 0.28512, 20.04, 1234.5, 0.0, 2e-6)]
    ['0.00612', '0.285', '20.0', '1,234', '0', '2.00e-06']
    """
    if value == 0:
        return "0"
    size = abs(value)
    if size < 1e-4:
        return f"{value:.2e}"
    return f"{value:,.{max(0, 2 - math.floor(math.log10(size)))}f}"


def format_count(value: int) -> str:
    """A whole number with thousands set apart."""
    return f"{value:,}"


def format_duration(seconds: float) -> str:
    """Seconds, minutes or hours.

    Examples
    --------
    >>> [format_duration(x) for x in (0.022, 74, 452.0, 9000)]
    ['22 ms', '74 s', '7.53 min', '2.5 h']
    """
    for limit, unit, name in ((1.0, 1e-3, "ms"), (120.0, 1.0, "s"), (7200.0, 60.0, "min")):
        if seconds < limit:
            return f"{seconds / unit:.3g} {name}"
    return f"{seconds / 3600:.3g} h"
