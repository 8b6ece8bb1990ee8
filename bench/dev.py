# SPDX-License-Identifier: GPL-2.0-or-later
"""`./dev bench dev [N]`: what ./dev adds to a call, once .venv is built.

The same command is called through ./dev and directly, by turns, N times each (11 unless told otherwise).
The median of the differences is what a developer pays; over 0.3 s is a failure (exit status 1).
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from bench._figures import ms, table

ROOT = Path(__file__).resolve().parent.parent
PROMISE_S = 0.3
LIMIT_S = 10.0
THROUGH = (str(ROOT / "dev"), "fuzz", "--help")
DIRECTLY = (str(ROOT / ".venv" / "bin" / "python"), "-m", "tests.fuzz", "--help")


def took(command: Sequence[str]) -> float:
    """Seconds from the start of a command to its end.  Raises CalledProcessError if it fails."""
    began = time.perf_counter()
    # The end of its output is waited for: with a limit, the end of a process is only looked for now and then.
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True, timeout=LIMIT_S)
    return time.perf_counter() - began


def main(count: int) -> int:
    """Measure and print; 0 if the promise is kept."""
    took(THROUGH)  # Once before, so that both find the files in memory.
    pairs = [(took(THROUGH), took(DIRECTLY)) for _ in range(count)]
    through, directly = (median(values) for values in zip(*pairs, strict=True))
    added = median(one - other for one, other in pairs)
    rows = [
        ("./dev fuzz --help", ms(through)),
        ("the same without ./dev", ms(directly)),
        ("./dev adds", ms(added)),
        ("promise: less than", ms(PROMISE_S)),
    ]
    print(table((f"call (median of {count})", "ms"), rows))
    return 0 if added < PROMISE_S else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 11))
