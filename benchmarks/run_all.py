"""Every ratio of README.md in one run, each beside its target.

python benchmarks/run_all.py [--data FOLDER] [molecules pocket crystal lennard_jones threads scaling overhead gradients]
"""

from __future__ import annotations

import importlib

from command_line import parse, start
from ratios import Ratio, print_summary

NAMES = ("molecules", "pocket", "crystal", "lennard_jones", "scaling", "overhead", "gradients", "threads")


def main() -> None:
    """Measure what is named on the command line, or all; `threads` comes last since it unpins the process."""
    chosen = parse(__doc__, *NAMES)
    start()
    ratios: list[Ratio] = []
    for name in NAMES:
        if not chosen or name in chosen:
            for ratio in importlib.import_module(name).measure():
                print(ratio, flush=True)
                ratios.append(ratio)
            print()
    print_summary(ratios)


if __name__ == "__main__":
    main()
