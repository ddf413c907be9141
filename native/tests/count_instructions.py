"""Instructions of the kernels under valgrind, which repeat to the digit, against stored counts: 3 % more is a failure.

    python native/tests/count_instructions.py BUILD            compare (make count-instructions)
    python native/tests/count_instructions.py BUILD --store    store them as the counts of this compiler
    ... --require                                              counts that cannot be compared are a failure too

BUILD is a folder in which the C++ tests were built without sanitizers. Counts hold for one compiler, one C library and
one instruction set, so they are stored by these; where none are stored, or valgrind does not run, the last line says
that nothing was compared.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

STORED = Path(__file__).with_name("instruction_counts.json")
BUDGET = 0.03


def count_instructions(program: Path, workload: str) -> int:
    """Instructions between the start and the end of the function `measured`."""
    command = ["valgrind", "--tool=callgrind", "--toggle-collect=measured", "--callgrind-out-file=/dev/null"]
    run = subprocess.run([*command, str(program), workload], capture_output=True, text=True)
    found = re.search(r"Collected : (\d+)", run.stderr)
    if run.returncode or not found or int(found[1]) == 0:
        sys.exit(f"valgrind counted nothing for {workload!r}:\n{run.stderr[-2000:]}")
    return int(found[1])


def compare(counts: dict[str, int], stored: dict[str, int]) -> bool:
    """Print a line for each workload; True if all are within the budget."""
    within = True
    for workload in sorted(counts.keys() | stored.keys()):
        if workload not in counts or workload not in stored:
            where = "not stored; run make store-counts" if workload in counts else "stored, but no longer there"
            print(f"{workload:40s} {where}")
            within = False
            continue
        change = counts[workload] / stored[workload] - 1
        verdict = "" if change <= BUDGET else f"  more than {BUDGET:.0%}: slower"
        if change < -BUDGET:
            verdict = "  faster: make store-counts keeps it so"
        print(f"{workload:40s} {counts[workload]:13,d} {change:+8.2%}{verdict}")
        within &= change <= BUDGET
    return within


def main() -> int:
    """Count, and compare or store."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=Path)
    parser.add_argument("--store", action="store_true")
    parser.add_argument("--require", action="store_true")
    options = parser.parse_args()
    not_compared = "NOT COMPARED: instruction counts; "
    if shutil.which("valgrind") is None:
        mend = "install it (apt-get install valgrind)" if platform.system() == "Linux" else "it needs Linux"
        print(f"{not_compared}valgrind is not here: {mend}")
        return int(options.require)
    program = options.build / "native" / "tests" / "count_instructions"
    build = subprocess.run([program, "--build"], check=True, capture_output=True, text=True).stdout.strip()
    workloads = subprocess.run([program], check=True, capture_output=True, text=True).stdout.splitlines()
    counts = {workload: count_instructions(program, workload) for workload in workloads}
    stored = json.loads(STORED.read_text()) if STORED.exists() else {}
    if options.store:
        STORED.write_text(json.dumps(dict(sorted({**stored, build: counts}.items())), indent=2) + "\n")
        print(f"stored for {build}")
        return 0
    print(f"instructions, {build}")
    if build in stored:
        return 0 if compare(counts, stored[build]) else 1
    for workload, count in counts.items():
        print(f"{workload:40s} {count:13,d}")
    known = "; ".join(stored) or "nothing"
    print(f"{not_compared}counts are stored for {known}. On a commit known to be fast: make store-counts")
    return int(options.require)


if __name__ == "__main__":
    sys.exit(main())
