# SPDX-License-Identifier: GPL-2.0-or-later
"""What `upsdrvctl` decides: order, command lines, further attempts, the table of `status`.

Source: NUT's upsdrvctl(8), ups.conf(5); corner cases learned from drivers/upsdrvctl.c (GPL-2.0-or-later).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final, TypeAlias

from ridethrough.config.model_ups import UpsConf, UpsSection
from ridethrough.wire.words import quote

MAX_ATTEMPTS: Final = 1000
MAX_DELAY_S: Final = 3600.0
"""What stands for "without end": a start that has taken an hour will not work."""
STATUS_HEADER: Final = f"{'UPSNAME':<11}\t{'UPSDRV':>11}\tRUNNING\tPF_PID\tS_RESPONSIVE\tS_PID\tS_STATUS"
NOT_AVAILABLE: Final = "N/A"
NO_PID_FILE: Final = -3
EMPTY_PID_FILE: Final = -2
BAD_PID_FILE: Final = -1


@dataclass(frozen=True, slots=True)
class Task:
    """One driver to be started, stopped or asked."""

    ups: str
    driver: str
    port: str
    sdorder: int = 0
    attempts: int = 1
    retry_delay_s: float = 5.0
    start_limit_s: float = 75.0


def tasks(conf: UpsConf) -> tuple[Task, ...]:
    """Every section, in the order of ups.conf; the section's own limits go before the global ones."""
    return tuple(_task(section, conf) for section in conf.sections)


def _task(section: UpsSection, conf: UpsConf) -> Task:
    start_limit_s = section.number("maxstartdelay", -1)
    if start_limit_s < 0:
        start_limit_s = conf.maxstartdelay_s
    attempts = section.number("maxretry", -1)
    delay_s = section.number("retrydelay", -1)
    return Task(
        ups=section.name,
        driver=section.driver,
        port=section.port,
        sdorder=int(section.number("sdorder", 0)),
        attempts=int(min(max(attempts if attempts >= 0 else conf.maxretry, 0), MAX_ATTEMPTS)),
        retry_delay_s=min(max(delay_s if delay_s >= 0 else conf.retrydelay_s, 0.0), MAX_DELAY_S),
        # NUT waits without end for 0 and for less.
        start_limit_s=min(start_limit_s, MAX_DELAY_S) if start_limit_s > 0 else MAX_DELAY_S,
    )


def shutdown_order(all_tasks: Sequence[Task]) -> tuple[Task, ...]:
    """All 0s of `sdorder`, then the 1s and so on, each in the order of ups.conf; below 0 is left out."""
    return tuple(sorted((task for task in all_tasks if task.sdorder >= 0), key=lambda task: task.sdorder))


# -- command lines -----------------------------------------------------------------------------------


class Place(Enum):
    """Where a started driver runs, as the option for it."""

    BY_DEBUG = ""
    BACKGROUND = "-B"
    FOREGROUND = "-F"
    FOREGROUND_WITH_PID_FILE = "-FF"

    @property
    def foreground(self) -> bool:
        """Whether the drivers stay children of upsdrvctl."""
        return self in (Place.FOREGROUND, Place.FOREGROUND_WITH_PID_FILE)


@dataclass(frozen=True, slots=True)
class Passed:
    """What upsdrvctl passes on to the drivers."""

    debug: int = 0
    place: Place = Place.BY_DEBUG
    chroot: str = ""
    user: str = ""

    @property
    def detaches(self) -> bool:
        """Whether a driver started so goes to the background, so that its start has an end to wait for."""
        return self.place is Place.BACKGROUND or (self.place is Place.BY_DEBUG and self.debug == 0)


def start_words(task: Task, passed: Passed) -> tuple[str, ...]:
    """The options that start the driver."""
    debug = ("-" + "D" * min(passed.debug, 100),) if passed.debug else ()
    place = (passed.place.value,) if passed.place.value else ()
    return (*debug, *place, "-a", task.ups, *_who(passed))


def shutdown_words(task: Task, passed: Passed) -> tuple[str, ...]:
    """The options with which the driver switches its UPS off and ends."""
    return ("-a", task.ups, "-k", *_who(passed))


def _who(passed: Passed) -> tuple[str, ...]:
    chroot = ("-r", passed.chroot) if passed.chroot else ()
    return (*chroot, *(("-u", passed.user) if passed.user else ()))


# -- the attempts of a start -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait so long for the process that runs."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Launch:
    """Start the driver after a pause, then wait so long for it."""

    pause_s: float
    wait_s: float


@dataclass(frozen=True, slots=True)
class Over:
    """No further attempt.  `still_starting`: its process goes on in the background."""

    ok: bool
    still_starting: bool = False


Move: TypeAlias = Wait | Launch | Over


@dataclass(frozen=True, slots=True)
class Attempts:
    """How many attempts are left for a task."""

    task: Task
    left: int


def begin(task: Task) -> tuple[Attempts, Move]:
    """The first attempt.  `maxretry = 0` starts nothing, and is no failure, as in NUT."""
    if task.attempts == 0:
        return Attempts(task, 0), Over(ok=True)
    return Attempts(task, task.attempts - 1), Launch(0.0, task.start_limit_s)


def after(state: Attempts, exit_status: int | None) -> tuple[Attempts, Move]:
    """What follows once the process has ended with a status, or (None) has not within the time.

    A driver that is still starting gets the time of the next attempt: a second one beside it would fight
    with it for the device.
    """
    if exit_status == 0:
        return state, Over(ok=True)
    if state.left == 0:
        return state, Over(ok=False, still_starting=exit_status is None)
    task, state = state.task, replace(state, left=state.left - 1)
    if exit_status is None:
        return state, Wait(task.retry_delay_s + task.start_limit_s)
    return state, Launch(task.retry_delay_s, task.start_limit_s)


def pid_of(text: str) -> int:
    """The pid in a pid file, or one of the negative numbers that `status` shows in its place."""
    line = text.partition("\n")[0].strip()
    if not line:
        return EMPTY_PID_FILE
    if not (line.isascii() and line.isdigit()) or len(line) > 9 or int(line) < 2:
        return BAD_PID_FILE
    return int(line)


# -- status ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Found:
    """What is known of a driver: by its pid file (below 0: why there is no pid), and by its socket.

    `file_alive` and `socket_alive`: whether that process lives and is this driver.
    """

    file_pid: int = NO_PID_FILE
    file_alive: bool = False
    responsive: bool = False
    socket_pid: str | None = None
    socket_alive: bool = False
    status: str | None = None


def running(found: Found) -> str:
    """The column RUNNING: the pid file is believed first, then the socket."""
    if found.file_alive or found.socket_alive:
        return "RUNNING"
    known = found.file_pid >= 0 or found.socket_pid is not None
    return "STOPPED" if known else NOT_AVAILABLE


def status_row(task: Task, found: Found) -> str:
    """One line of `upsdrvctl status`."""
    columns = (
        f"{task.ups:<11}",
        f"{task.driver:>11}",
        running(found),
        str(found.file_pid),
        "RESPONSIVE" if found.responsive else "NOT_RESPONSIVE",
        NOT_AVAILABLE if found.socket_pid is None else found.socket_pid,
        "" if found.status is None else quote(found.status),
    )
    return "\t".join(columns)
