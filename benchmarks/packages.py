"""Where a package's files lie that is installed here or in ``.venv-peers``; it is not imported."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

PEERS = Path(__file__).resolve().parents[1] / ".venv-peers"


def find_package(module: str) -> Path:
    """The folder of a package.

    Raises
    ------
    SystemExit
        If it is not installed.
    """
    spec = importlib.util.find_spec(module)
    if spec is not None and spec.origin is not None:
        return Path(spec.origin).parent
    for folder in PEERS.glob(f"lib*/python*/site-packages/{module}"):
        return folder
    sys.exit(f"the package {module} is not installed; `make bench-peers` installs it")
