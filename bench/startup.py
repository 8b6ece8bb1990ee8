# SPDX-License-Identifier: GPL-2.0-or-later
"""`./dev bench startup [N] [--write]`: how long C's tools and ours take from their start to their end.

Our tools are started through the stubs of `ridethrough link`.
C's and ours run by turns, N times each (21 unless told otherwise), against C's upsd and ours, which serve the
same dummy-ups with 50 variables.  `upssched` carries out a notice that runs /bin/true, and one that starts a
timer while its daemon runs already; C's and ours have daemons of their own.
Exit status 1 if a promise is not kept.  With `--write` the table goes into docs/benchmarks.md.
"""

from __future__ import annotations

import contextlib
import io
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench import _docs
from bench._figures import ms, table
from ridethrough.cli import link
from tests.support.cnut import c_upsd
from tests.support.our_upsd import our_upsd
from tests.support.upsd_pair import fresh
from tests.support.wait import wait_until

UPS = "su700"
VARIABLES = 50
LIMIT_S = 10.0
MOST_S, MOST_TIMES = 0.020, 8.0  # Promised: one of the two.
UPSSCHED_CONF = """\
CMDSCRIPT /bin/true
PIPEFN {directory}/pipe
LOCKFN {directory}/lock
AT ONBATT * EXECUTE onbatt
AT ONLINE * START-TIMER online 3
"""
HEAD = ("call", "server", "C ms", "ours ms", "ours / C", "promise", "kept")


@dataclass(frozen=True, slots=True)
class Call:
    """One call to measure, and what is promised of it: "", "quick" (20 ms or 8 x C), "8 x C" or "faster"."""

    shown: str
    server: str
    tool: str
    words: tuple[str, ...]
    promise: str
    notice: str = ""


def took(program: str, words: Sequence[str], env: Mapping[str, str]) -> float:
    """Seconds from the start of a program to its end.  Raises CalledProcessError if it fails."""
    nowhere = subprocess.DEVNULL
    began = time.perf_counter()
    process = subprocess.Popen([program, *words], env=env, stdin=nowhere, stdout=nowhere, stderr=nowhere)
    descriptor = os.pidfd_open(process.pid)
    ready, _, _ = select.select([descriptor], [], [], LIMIT_S)
    seconds = time.perf_counter() - began
    os.close(descriptor)
    if not ready:
        process.kill()
    if process.wait():
        raise subprocess.CalledProcessError(process.returncode, [program, *words])
    return seconds


def dev() -> str:
    """The dummy's variables; the driver and the server add a few of their own."""
    rows = [f"ambient.{number}.temperature: {20 + number / 10:.1f}" for number in range(1, VARIABLES - 13)]
    return "\n".join(["ups.status: OL", "battery.charge: 100", *rows, ""])


@contextlib.contextmanager
def servers(directory: Path) -> Iterator[dict[str, int]]:
    """C's upsd and ours over the same driver: name -> port."""
    with (
        c_upsd(directory, {UPS: dev()}) as c,
        our_upsd(directory, {UPS: "dummy-ups"}, c.statepath) as ours,
    ):
        wait_until(lambda: fresh(ours, UPS), LIMIT_S, f"{UPS} at our upsd")
        yield {"C": c.port, "ours": ours.port}


def calls(ports: Mapping[str, int]) -> list[Call]:
    """All that is measured."""
    found = []
    for server, port in ports.items():
        at = f"127.0.0.1:{port}"
        faster = "faster" if server == "C" else ""
        found += [
            Call("upsc UPS VAR", server, "upsc", (f"{UPS}@{at}", "ups.status"), "quick"),
            Call(f"upsc UPS ({VARIABLES} variables)", server, "upsc", (f"{UPS}@{at}",), faster),
            Call("upsc -l", server, "upsc", ("-l", at), ""),
            Call("upscmd -l", server, "upscmd", ("-l", f"{UPS}@{at}"), "quick"),
            Call("upsrw -l", server, "upsrw", (f"{UPS}@{at}",), "quick"),
        ]
    return [
        *found,
        Call("upssched, EXECUTE", "", "upssched", ("UPS on battery",), "8 x C", "ONBATT"),
        Call("upssched, START-TIMER", "", "upssched", ("UPS on line power",), "8 x C", "ONLINE"),
    ]


def surroundings(directory: Path, name: str) -> dict[str, str]:
    """The environment of one side's programs: a configuration directory of their own, and no nutauth.conf."""
    conf = directory / name
    conf.mkdir()
    (conf / "upssched.conf").write_text(UPSSCHED_CONF.format(directory=conf))
    path = "/bin:/usr/bin:/sbin:/usr/sbin"
    return {
        "PATH": path,
        "NUT_CONFPATH": str(conf),
        "NUT_STATEPATH": str(conf),
        "UPSNAME": f"{UPS}@localhost",
    }


def measured(call: Call, stubs: Path, sides: Sequence[Mapping[str, str]], count: int) -> tuple[float, float]:
    """The medians of C's program and ours, in seconds; `sides` are their environments."""
    theirs = shutil.which(call.tool, path=sides[0]["PATH"])
    if theirs is None:
        raise SystemExit(f"C's {call.tool} is not installed; run: ./dev test --install-system")
    runs = [
        (program, call.words, {**env, "NOTIFYTYPE": call.notice})
        for program, env in zip((theirs, str(stubs / call.tool)), sides, strict=True)
    ]
    for run in runs:
        took(*run)  # Once before, so that both find their files in memory, and their timer daemons.
    pairs = [tuple(took(*run) for run in runs) for _ in range(count)]
    c, ours = (median(values) for values in zip(*pairs, strict=True))
    return c, ours


def row(call: Call, c: float, ours: float) -> tuple[str, ...]:
    """A call's line of the table."""
    promise, kept = "", ""
    if call.promise == "quick":
        promise = f"<= {ms(MOST_S)} ms or {MOST_TIMES:g} x C"
        kept = "yes" if ours <= max(MOST_S, MOST_TIMES * c) else "no"
    elif call.promise == "8 x C":
        promise, kept = f"<= {MOST_TIMES:g} x C", "yes" if ours <= MOST_TIMES * c else "no"
    elif call.promise == "faster":
        promise, kept = "faster than C", "yes" if ours < c else "no"
    return call.shown, call.server, ms(c), ms(ours), f"{ours / c:.2f}", promise, kept


def main(count: int, write: bool) -> int:
    """Measure and print; 0 if every promise is kept."""
    with tempfile.TemporaryDirectory(prefix="rt-bench-") as name, contextlib.ExitStack() as stack:
        directory = Path(name)
        stubs = directory / "bin"
        stubs.mkdir()
        with contextlib.redirect_stderr(io.StringIO()):
            link.main(["link", str(stubs)])
        sides = [surroundings(directory, name) for name in ("c", "r")]
        ports = stack.enter_context(servers(directory))
        rows = [row(call, *measured(call, stubs, sides, count)) for call in calls(ports)]
    python = sys.version.split()[0]
    text = f"Medians of {count} runs each, by turns, with Python {python}.\n\n{table(HEAD, rows)}"
    print(text)
    if write:
        _docs.write("startup", text)
    return 1 if any(cells[-1] == "no" for cells in rows) else 0


if __name__ == "__main__":
    arguments = [word for word in sys.argv[1:] if word != "--write"]
    sys.exit(main(int(arguments[0]) if arguments else 21, "--write" in sys.argv))
