# SPDX-License-Identifier: GPL-2.0-or-later
"""`./dev bench server [--quick] [--uvloop] [--write]`: our upsd beside C's, over one and the same driver.

Both serve the 50 variables of one C dummy-ups.
The load is put on them by turns, seven times each (three times with --quick); medians are shown.
The spread is that of the ratios of neighbouring runs.
A promise is judged by the rates, or by the servers' processor time where the generator had no time left.
Exit status 1 if one is not kept.
--write puts the tables into docs/benchmarks.md.
--uvloop measures apart what that event loop makes of ours; no promise is judged by it.
It needs Debian's nut-server.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import os
import platform
import resource
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from bench import _docs
from bench._figures import table
from bench._load import Pool, Sample, resident_bytes, set_up
from tests.support.cnut import UPSD, c_upsd, state_directory
from tests.support.our_upsd import START_S, converse, our_upsd
from tests.support.wait import wait_until

UPS = "bench"
VARIABLES = 50
ADDED = 11  # variables that C dummy-ups adds: driver.*, device.* ...
CROWD = 1000
BUSY = 0.9  # A generator that works for more of the time has held the servers up.
CONNECTS_PER_S = 2000
MOST_ALONE, MOST_CLIENT = 30e6, 5e3  # bytes, promised
UPSD_CONF = ("MAXCONN 1100",)
CORES = sorted(os.sched_getaffinity(0))
HEAD = (
    *("load", "ours/s", "C/s", "ours / C", "spread", "CPU ours", "CPU C", "C / ours"),
    *("busy", "ceiling/s", "least / aim", "kept"),
)

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
    *(
        Case(f"GET VAR, {count} connection{'s' * (count > 1)}", 0.7, 0.9, connections=count)
        for count in (1, 10, 100, 1000)
    ),
    Case("GET VAR, 1 asks among 1000 idle", 4, 4, connections=CROWD + 1, active=1),
    Case("GET VAR, 100 pipelined, quick ACK", 2.5, 4, batch=100, quick_ack=True),
    Case("GET VAR, 100 pipelined", 0, 0, batch=100),
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

    @property
    def cpu_ratio(self) -> float:
        """How many times the work ours does with the processor time that C's needs."""
        return median(each.cpu_per_100k for each in self.theirs) / median(
            each.cpu_per_100k for each in self.ours
        )

    @property
    def busy(self) -> float:
        """The generator's share of the time where it had more to do."""
        return max(median(each.busy for each in runs) for runs in (self.ours, self.theirs))

    @property
    def is_held_up(self) -> bool:
        """Whether the generator was the bottleneck, so that only the servers' processor time tells."""
        return self.busy > BUSY


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


@contextlib.contextmanager
def both(own: str) -> Iterator[tuple[Server, Server]]:
    """Our server, with this ridethrough.toml, and C's, over one driver."""
    with tempfile.TemporaryDirectory() as name, state_directory() as state:
        place = Path(name)
        with (
            c_upsd(place, {UPS: device()}, upsd_conf=UPSD_CONF, statepath=state) as theirs,
            our_upsd(
                place, {UPS: "dummy-ups"}, state, upsd_conf=UPSD_CONF, options=("-u", "root", "-FF"), own=own
            ) as ours,
        ):
            wait_until(lambda: has_data(ours.port), START_S, "our upsd with the driver's data")
            yield Server(ours.port, ours.process.pid), Server(theirs.port, theirs.process.pid)


def has_data(port: int) -> bool:
    """Whether a server serves the UPS by now."""
    return converse(port, [GET[0]])[0].startswith(b"VAR ")


def by_turns(case: Case, turns: int, one: Callable[[], Sample], other: Callable[[], Sample]) -> Result:
    """Measure both, `turns` times; who comes first changes."""
    found: tuple[list[Sample], list[Sample]] = ([], [])
    for turn in range(turns):
        for which in (0, 1) if turn % 2 else (1, 0):
            found[which].append((one, other)[which]())
    return Result(case, *found)


def arrange(servers: tuple[Server, Server], *, together: bool) -> None:
    """Put the servers on the generator's processor, or on another one.

    Where one request is under way at a time, the two never work at once.
    On two processors it would be measured how fast one of them wakes the other.
    """
    for server in servers:
        os.sched_setaffinity(server.pid, {CORES[0] if together else CORES[-1]})


def measure(case: Case, servers: tuple[Server, Server], turns: int, seconds: float) -> Result:
    """One case."""
    arrange(servers, together=case.connections == 1 or case.active == 1)
    with contextlib.ExitStack() as stack:
        pools = []
        for server in servers:
            pool = Pool(
                server.port, server.pid, case.connections, *case.request, batch=case.batch, active=case.active
            )
            stack.callback(pool.close)
            pools.append(pool)
        ours, theirs = pools
        assert ours.reply == theirs.reply, "the two servers answer differently"
        assert case.request is not LIST or ours.reply.count(b"\n") == VARIABLES + 2, "not 50 variables"
        one, other = (partial(pool.run, seconds, quick_ack=case.quick_ack) for pool in pools)
        return by_turns(case, turns, one, other)


def memory(server: Server) -> Memory:
    """Alone before any load, then with a crowd."""
    alone = resident_bytes(server.pid)
    pool = Pool(server.port, server.pid, CROWD, *GET)
    crowded = resident_bytes(server.pid)
    pool.close()
    return Memory(alone, (crowded - alone) / CROWD)


def verdict(result: Result) -> str:
    """What is kept of the promise."""
    case = result.case
    ratio = result.cpu_ratio if result.is_held_up else result.ratio
    if not case.least:
        return ""
    return "aim" if ratio >= case.aim else "least" if ratio >= case.least else "MISSED"


def row(result: Result) -> tuple[str, ...]:
    """A line of the table."""
    ours, theirs, case = result.ours, result.theirs, result.case
    return (
        case.name,
        f"{median(each.rate for each in ours):,.0f}",
        f"{median(each.rate for each in theirs):,.0f}",
        f"{result.ratio:.2f}",
        f"{min(result.ratios):.2f}-{max(result.ratios):.2f}",
        f"{median(each.cpu_per_100k for each in ours):.2f}",
        f"{median(each.cpu_per_100k for each in theirs):.2f}",
        f"{result.cpu_ratio:.2f}",
        f"{result.busy:.0%}",
        f"{median(each.ceiling for each in ours):,.0f}",
        f"{case.least:g} / {case.aim:g}" if case.least else "",
        verdict(result),
    )


def sizes(memories: Sequence[Memory]) -> list[tuple[str, ...]]:
    """The lines about memory."""
    ours, theirs = memories

    def line(name: str, used: float, other: float, most: float, unit: str, size: float) -> tuple[str, ...]:
        figures = (f"{bytes_ / size:.1f} {unit}" for bytes_ in (used, other, most))
        return (name, *figures, "yes" if used <= most else "MISSED")

    return [
        line("resident, no client", ours.alone, theirs.alone, MOST_ALONE, "MB", 1e6),
        line(f"for each of {CROWD} clients", ours.client, theirs.client, MOST_CLIENT, "kB", 1e3),
    ]


def measure_all(turns: int, seconds: float, only: str, own: str) -> tuple[list[Result], list[Memory]]:
    """All loads with `only` in their names, and the memory."""
    with both(own) as servers:
        memories = [memory(server) for server in servers]
        results = [measure(case, servers, turns, seconds) for case in CASES if only in case.name]
        if only in SET_UP.name:
            arrange(servers, together=True)
            count = int(CONNECTS_PER_S * seconds)
            one, other = (partial(set_up, server.port, server.pid, count, GET[0]) for server in servers)
            results.append(by_turns(SET_UP, turns, one, other))
    return results, memories


def main(argv: Sequence[str]) -> int:
    """Measure and print; 1 if a promise is not kept."""
    parser = argparse.ArgumentParser(prog="./dev bench server", description="our upsd beside C's")
    parser.add_argument("--quick", action="store_true", help="three short turns instead of seven")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/benchmarks.md")
    parser.add_argument("--only", default="", metavar="TEXT", help="only the loads with TEXT in their names")
    parser.add_argument("--uvloop", action="store_true", help="ours on uvloop, measured apart")
    options = parser.parse_args(argv)
    if options.uvloop and importlib.util.find_spec("uvloop") is None:
        raise SystemExit("there is no uvloop here; run: .venv/bin/pip install uvloop")
    if options.write and (options.quick or options.only):
        parser.error("--write wants everything measured: leave --quick and --only out")
    if not UPSD.exists():
        raise SystemExit(f"there is no {UPSD}; run: ./dev test --install-system")
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    os.sched_setaffinity(0, CORES[:1])
    turns, seconds = (3, 0.15) if options.quick else (7, 0.4)
    own = "uvloop = true\n" if options.uvloop else ""
    results, memories = measure_all(turns, seconds, options.only, own)
    found = sizes(memories)
    text = "\n\n".join(
        (
            f"Medians of {turns} runs each, by turns, with Python {platform.python_version()}.",
            table(HEAD, [row(each) for each in results]),
            table(("memory", "ours", "C", "at most", "kept"), found),
        )
    )
    print(text)
    if options.write:
        _docs.write("server-uvloop" if options.uvloop else "server", text)
    return 0 if options.uvloop else int(any("MISSED" in line for line in (*map(row, results), *found)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
