"""The command line: ``particlegrid COMMAND``, one file a command. It needs the extra ``cli`` (typer and rich)."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from particlegrid.errors import require

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and end the process with its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        What stands behind ``particlegrid``; by default the process's own.

    Raises
    ------
    SystemExit
        Always: 0 if all went well, 2 for input that cannot be used (one line on stderr says why), 130 after Ctrl-C.
    """
    try:
        require("rich", "cli")
        require("typer", "cli")
    except ImportError as error:
        print(f"particlegrid: error: {error}", file=sys.stderr)
        sys.exit(2)
    # Read when torch is first loaded. Waiting threads that spin train 930 to 1,130 molecules a second on two idle cores
    # but 35 to 84 as soon as another process wants one of them; threads that sleep train 670 to 690 and 480 to 590.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")

    from particlegrid.cli.app import make_app

    make_app()(None if arguments is None else list(arguments), prog_name="particlegrid")
