# SPDX-License-Identifier: GPL-2.0-or-later
"""`./dev bench server [--quick] [--write]`: our upsd beside C's, over one and the same driver.

Both serve the 50 variables of one C dummy-ups.
The load is put on them by turns, seven times each (three times with --quick); medians are shown.
The spread is that of the ratios of neighbouring runs.
--write puts the tables into docs/benchmarks.md.
It needs Debian's nut-server.
"""

from __future__ import annotations

import argparse
import contextlib
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench._figures import table
from bench._load import Pool, Sample, resident_bytes, set_up
from tests.support.cnut import UPSD, c_upsd, state_directory
from tests.support.our_upsd import START_S, converse, our_upsd
from tests.support.wait import wait_until

UPS = "bench"
VARIABLES = 50
CROWD = 1000
UPSD_CONF = ("MAXCONN 1100",)
DOCS = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
OPENING, CLOSING = "<!-- measured: server -->", "<!-- /measured: server -->"

GET = (f"GET VAR {UPS} battery.charge\n".encode(), b"\n")
LIST = (f"LIST VAR {UPS}\n".encode(), f"END LIST VAR {UPS}\n".encode())


@dataclass(frozen=True, slots=True)
class Server:
    """One of the two."""

    port: int
    pid: int


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of load.  `least` and `aim` are ratios of our rate to C's, 0 where none is promised."""

    name: str
    least: float
    aim: float
    request: tuple[bytes, bytes] = GET
    connections: int = 1
    active: int = 0
    batch: int = 1
    quick_ack: bool = False


CASES = (
    *(Case(f"GET VAR, {count} connection{'s' * (count > 1)}", 0.7, 0.9, connections=count) for count in (1, 10, 100, 1000)),
    Case("GET VAR, 1 asks among 1000 idle", 4, 4, connections=CROWD + 1, active=1),
    Case("GET VAR, 100 pipelined", 2.5, 4, batch=100),
    Case("LIST VAR, 1 connection, quick ACK", 1.5, 3, LIST, quick_ack=True),
    Case("LIST VAR, 100 connections, quick ACK", 1.5, 3, LIST, 100, quick_ack=True),
    Case("LIST VAR, 1 connection", 0, 0, LIST),
    Case("LIST VAR, 100 connections", 0, 0, LIST, 100),
    Case("LIST VAR, 1000 connections", 3, 3, LIST, CROWD),
)
SET_UP = Case("connect, GET VAR, close", 0.5, 0.5)


@dataclass(frozen=True, slots=True)
class Result:
    """All runs of a case: ours and C's, in the order of the turns."""

    case: Case
    ours: list[Sample]
    theirs: list[Sample]

    @property
    def ratios(self) -> list[float]:
        """Ours to C's, turn by turn."""
        return [one.rate / other.rate for one, other in zip(self.ours, self.theirs, strict=True)]

    @property
    def ratio(self) -> float:
        """The ratio of the medians."""
        return median(each.rate for each in self.ours) / median(each.rate for each in self.theirs)


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident bytes of a server: alone, and for each of the crowd."""

    alone: int
    client: float


def device() -> str:
    """A .dev file; with what the driver adds itself, the UPS has 50 variables."""
    named = {"ups.status": "OL", "battery.charge": "100", "battery.runtime": "1800", "ups.mfr": "Bench"}
    return "".join(f"{name}: {value}\n" for name, value in named.items()) + "".join(
        f"outlet.{number}.voltage: 230.{number}\n" for number in range(1, VARIABLES - len(named) - ADDED + 1)
    )


ADDED = 13  # variables that C dummy-ups adds: driver.*, device.* ...


@contextlib.contextmanager
def both() -> Iterator[tuple[Server, Server]]:
    """Our server and C's, over one driver."""
    with tempfile.TemporaryDirectory() as name, state_directory() as state:
        place = Path(name)
        with (
            c_upsd(place, {UPS: device()}, upsd_conf=UPSD_CONF, statepath=state) as theirs,
            our_upsd(
                place, {UPS: "dummy-ups"}, state, upsd_conf=UPSD_CONF, options=("-u", "root", "-FF")
            ) as ours,
        ):
            wait_until(lambda: has_data(ours.port), START_S, "our upsd with the driver's data")
            yield Server(ours.port, ours.process.pid), Server(theirs.port, theirs.process.pid)


def has_data(port: int) -> bool:
    """Whether a server serves the UPS by now."""
    return converse(port, [GET[0]])[0].startswith(b"VAR ")


def by_turns(
    case: Case, turns: int, one: Callable[[], Sample], other: Callable[[], Sample]
) -> Result:
    """Measure both, `turns` times; who comes first changes."""
    found: tuple[list[Sample], list[Sample]] = ([], [])
    for turn in range(turns):
        for which in (0, 1) if turn % 2 else (1, 0):
            found[which].append((one, other)[which]())
    return Result(case, *found)


def measure(case: Case, servers: tuple[Server, Server], turns: int, seconds: float) -> Result:
    """One case."""
    with contextlib.ExitStack() as stack:
        pools = []
        for server in servers:
            pool = Pool(
                server.port, server.pid, case.connections, *case.request, batch=case.batch, active=case.active
            )
            stack.callback(pool.close)
            pools.append(pool)
        ours, theirs = pools
        assert ours.reply == theirs.reply, f"the two servers answer differently: {ours.reply!r} {theirs.reply!r}"
        return by_turns(
            case,
            turns,
            lambda: ours.run(seconds, quick_ack=case.quick_ack),
            lambda: theirs.run(seconds, quick_ack=case.quick_ack),
        )


def memory(server: Server) -> Memory:
    """Alone before any load, then with a crowd."""
    alone = resident_bytes(server.pid)
    pool = Pool(server.port, server.pid, CROWD, *GET)
    crowded = resident_bytes(server.pid)
    pool.close()
    return Memory(alone, (crowded - alone) / CROWD)


def verdict(case: Case, ratio: float) -> str:
    """What a ratio keeps of the promise."""
    if not case.least:
        return ""
    return "aim" if ratio >= case.aim else "kept" if ratio >= case.least else "MISSED"


def row(result: Result) -> tuple[str, ...]:
    """A line of the table."""
    ours, theirs, case = result.ours, result.theirs, result.case
    return (
        case.name,
        f"{median(each.rate for each in ours):,.0f}",
        f"{median(each.rate for each in theirs):,.0f}",
        f"{result.ratio:.2f}",
        f"{min(result.ratios):.2f}-{max(result.ratios):.2f}",
        f"{case.least:g} / {case.aim:g}" if case.least else "",
        verdict(case, result.ratio),
        f"{median(each.cpu_per_100k for each in ours):.2f}",
        f"{median(each.cpu_per_100k for each in theirs):.2f}",
        f"{max(median(each.busy for each in runs) for runs in (ours, theirs)):.0%}",
    )


HEAD = ("load", "ours/s", "C/s", "ratio", "spread", "least / aim", "", "ours CPU s", "C CPU s", "generator")


def report(results: list[Result], memories: tuple[Memory, Memory]) -> str:
    """Both tables."""
    ours, theirs = memories
    sizes = [
        ("resident, no client", f"{ours.alone / 1e6:.1f} MB", f"{theirs.alone / 1e6:.1f} MB", "30 MB"),
        ("for each client", f"{ours.client / 1e3:.1f} kB", f"{theirs.client / 1e3:.1f} kB", "5 kB"),
    ]
    return "\n\n".join(
        (table(HEAD, [row(each) for each in results]), table(("memory", "ours", "C", "at most"), sizes))
    )


def main(argv: list[str]) -> int:
    """Measure and print; 1 if a promise is not kept."""
    parser = argparse.ArgumentParser(prog="./dev bench server", description="our upsd beside C's")
    parser.add_argument("--quick", action="store_true", help="three short turns instead of seven")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/benchmarks.md")
    parser.add_argument("--only", default="", metavar="TEXT", help="only the loads with TEXT in their names")
    options = parser.parse_args(argv)
    if not UPSD.exists():
        print(f"there is no {UPSD}; install Debian's nut-server", file=sys.stderr)
        return 2
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    turns, seconds = (3, 0.15) if options.quick else (7, 0.4)
    began = time.monotonic()
    with both() as servers:
        memories = (memory(servers[0]), memory(servers[1]))
        results = []
        for case in CASES:
            if options.only in case.name:
                results.append(measure(case, servers, turns, seconds))
        if options.only in SET_UP.name:
            ours, theirs = servers
            count = int(2000 * seconds)
            results.append(
                by_turns(
                    SET_UP,
                    turns,
                    lambda: set_up(ours.port, ours.pid, count, GET[0]),
                    lambda: set_up(theirs.port, theirs.pid, count, GET[0]),
                )
            )
    print(report(results, memories))
    print(time.monotonic() - began)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
