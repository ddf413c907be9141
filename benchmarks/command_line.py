"""What every benchmark of a ratio does when it is run by itself."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator

from particlegrid import _native
from ratios import Ratio, print_ratios
from timing import describe_machine, pin_to_one_processor

Measure = Callable[[], Iterator[Ratio]]


def run(measure: Measure, doc: str | None) -> None:
    """Read ``--data``, pin the process and print the ratios."""
    parse(doc)
    start()
    print_ratios(measure())


def parse(doc: str | None, *more: str) -> list[str]:
    """Read ``--data`` into the environment; the positional arguments, which must be among `more`."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="folder of workloads.npz; default: the environment variable PARTICLEGRID_DATA")
    if more:
        parser.add_argument("names", nargs="*", choices=[*more, []], help="all without")
    options = parser.parse_args()
    if options.data:
        os.environ["PARTICLEGRID_DATA"] = options.data
    return list(getattr(options, "names", []))


def start() -> None:
    """Pin the process and say where it runs."""
    pin_to_one_processor()
    print(f"{_native.active_instruction_set()}, one thread; {describe_machine()}\n")
