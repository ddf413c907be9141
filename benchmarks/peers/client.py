"""This side of a peer: starts its script, asks for one timed run at a time, and fetches what it drew.

A peer waits on its pipe while others run, so that its turns can be interleaved with ours on one processor.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

PYTHON = Path(__file__).resolve().parents[2] / ".venv-peers/bin/python"


@dataclass(frozen=True)
class PeerTask:
    """One task of a running peer."""

    process: subprocess.Popen[str]
    name: str
    folder: Path

    def clock(self) -> float:
        """Seconds of processor time that one run took over there."""
        return float(_ask(self.process, {"run": self.name}))

    def result(self) -> NDArray[Any]:
        """What the task's last run drew."""
        file = self.folder / "result.npy"
        _ask(self.process, {"save": self.name, "file": str(file)})
        return np.asarray(np.load(file))


@contextmanager
def start_peer(script: str, inputs: Mapping[str, Any]) -> Iterator[dict[str, PeerTask]]:
    """Run ``peers/<script>.py`` on inputs; gives its tasks by name, or none where the peers are not installed.

    Raises
    ------
    RuntimeError
        If the script fails.
    """
    if not PYTHON.exists():
        print("(peers are not installed; `make bench-peers` installs them)")
        yield {}
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "inputs.npz"
        np.savez(file, **inputs)
        command = [str(PYTHON), str(Path(__file__).parent / f"{script}.py"), str(file)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            names = _answer(process)
            yield {name: PeerTask(process, name, Path(folder)) for name in names}
            _pipe(process.stdin).close()


def _ask(process: subprocess.Popen[str], request: dict[str, str]) -> Any:
    pipe = _pipe(process.stdin)
    pipe.write(json.dumps(request) + "\n")
    pipe.flush()
    return _answer(process)


def _answer(process: subprocess.Popen[str]) -> Any:
    for line in _pipe(process.stdout):
        if line.startswith("> "):  # anything else is a library's own chatter
            return json.loads(line[2:])
    raise RuntimeError(f"the peer {process.args!r} stopped; its message is above")


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe
