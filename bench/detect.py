# SPDX-License-Identifier: GPL-2.0-or-later
"""`./dev bench detect [N] [--quick] [--write]`: how soon a host knows, and how soon it goes down, beside C's.

Groups of hosts of each kind (C's programs, ours, `serve`, and a mixture) play an outage: N groups each (50
unless told otherwise, 5 with --quick), two of each kind at once.  A driver of the benchmark tells the server
the new status at a known moment; the clock stops when NOTIFYCMD or SHUTDOWNCMD has begun.
POLLFREQ and POLLFREQALERT are 1 s, the least that C takes, FINALDELAY is 0.
Exit status 1 if `serve` is slower than C's.  With `--write` the table goes into docs/benchmarks.md.
"""

from __future__ import annotations

import contextlib
import random
import sys
import tempfile
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench import _docs
from bench._detect import DOWN, LIMIT_S, LOST, LOW, NOTIFY, SPREAD_S, Clock, Kind, running
from bench._figures import percentile, table

COUNT, QUICK, EACH_AT_ONCE = 50, 5, 2
PAIRS = (
    Kind("C", "C", "C", "C"),
    Kind("ours", "ours", "ours", "ours"),
    Kind("`serve`, our secondary", "serve", "", "ours"),
    Kind("`serve`, C's secondary", "serve", "", "C"),
)
ALONE = tuple(Kind(f"{kind.name.split(',')[0]}", kind.server, kind.primary, "") for kind in PAIRS[:3])
HEAD = ("what happens", "what runs", "where", "programs", "n", "p50 ms", "p99 ms", "p50 / C's")

Times = dict[tuple[str, str], list[float]]
"""Seconds by event and host."""


def batch(kinds: Sequence[Kind], name: str, clock: Clock) -> list[Mapping[tuple[str, str], float]]:
    """Start a group of each; all play when the last one is ready, and end when the last one is down."""
    ready = threading.Barrier(len(kinds))

    def one(index: int) -> Mapping[tuple[str, str], float]:
        with _meeting(ready), running(f"{name}-{index}", kinds[index], clock) as group:
            ready.wait(2 * LIMIT_S)
            found = group.play(random.uniform(0, SPREAD_S))
            ready.wait(2 * LIMIT_S)  # To end a group takes processor time from those that are measured.
            return found

    with ThreadPoolExecutor(len(kinds)) as pool:
        results = [pool.submit(one, index) for index in range(len(kinds))]
    errors = [error for error in (result.exception() for result in results) if error is not None]
    for error in sorted(errors, key=lambda error: isinstance(error, threading.BrokenBarrierError)):
        raise error  # The first one of its own; the others only say that somebody failed.
    return [result.result() for result in results]


@contextlib.contextmanager
def _meeting(barrier: threading.Barrier) -> Iterator[None]:
    """Whoever fails does not let the others wait."""
    try:
        yield
    except BaseException:
        barrier.abort()
        raise


def measure(kinds: Sequence[Kind], count: int) -> list[Times]:
    """The times of every kind, of `count` groups each."""
    found: list[Times] = [defaultdict(list) for _ in kinds]
    with tempfile.TemporaryDirectory(prefix="rt-detect-") as name:
        place = Path(name)
        place.chmod(0o755)
        clock = Clock(place / "marks")
        try:
            for first in range(0, count, EACH_AT_ONCE):
                each = min(EACH_AT_ONCE, count - first)
                results = batch([*kinds] * each, str(first), clock)
                for times, result in zip(found * each, results, strict=True):
                    for key, seconds in result.items():
                        times[key].append(seconds)
        finally:
            clock.close()
    return found


def rows(kinds: Sequence[Kind], found: Sequence[Times]) -> list[tuple[str, ...]]:
    """The lines of the table: by event and host, and the kinds below each other."""
    lines = []
    for alone, host in ((False, "primary"), (False, "secondary"), (True, "primary")):
        of = [pair for pair in zip(kinds, found, strict=True) if alone is not bool(pair[0].secondary)]
        for event, runs in ((LOST, NOTIFY), (LOW, DOWN)):
            if alone and event == LOST:
                continue  # The same as with a secondary.
            least = percentile(of[0][1][event, host], 0.5)
            for kind, times in of:
                values = times[event, host]
                where = "primary, alone" if alone else host
                ratio = f"{percentile(values, 0.5) / least:.2f}"
                cells = (f"{1000 * percentile(values, share):.0f}" for share in (0.5, 0.99))
                lines.append((event, runs, where, kind.name, str(len(values)), *cells, ratio))
    return lines


def late(lines: Sequence[Sequence[str]]) -> bool:
    """Whether a `serve` is slower than C's."""
    return any(
        line[3].startswith("`serve`") and line[2] != "secondary" and float(line[-1]) > 1 for line in lines
    )


def main(count: int, write: bool) -> int:
    """Measure and print."""
    kinds = (*PAIRS, *ALONE)
    lines = rows(kinds, measure(kinds, count))
    python = sys.version.split()[0]
    text = f"{count} outages of each kind, with Python {python}.\n\n{table(HEAD, lines)}"
    print(text)
    if write:
        _docs.write("detect", text)
    return 1 if late(lines) else 0


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if not word.startswith("--")]
    number = int(words[0]) if words else QUICK if "--quick" in sys.argv else COUNT
    sys.exit(main(number, "--write" in sys.argv))
