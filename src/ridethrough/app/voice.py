# SPDX-License-Identifier: GPL-2.0-or-later
"""What `upsd`, `upsmon` and the drivers say of themselves: on standard error, or in the system's log.

Obeys NUT_DEBUG_SYSLOG and NUT_DEBUG_PID (nut.conf(5)).
"""

from __future__ import annotations

import contextlib
import os
import sys
import syslog
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Final

from ridethrough.app.printer import Printer, encoded, write_all
from ridethrough.config.environment import TO_STDERR, TO_SYSLOG, log_target, shows_pid, unknown_log_target

PRIORITIES: Final[Mapping[str, int]] = {
    "debug": syslog.LOG_DEBUG,
    "info": syslog.LOG_INFO,
    "notice": syslog.LOG_NOTICE,
    "warning": syslog.LOG_WARNING,
    "error": syslog.LOG_ERR,
    "critical": syslog.LOG_CRIT,
}
_BARE: Final = ("info", "notice")
STDOUT: Final = 1


class Voice:
    """Says the lines of the program `name`, down to the priority `least` of syslog(3).

    Inside `threaded` no line is waited for: a held terminal or a hung journal must not stop an event loop.
    """

    def __init__(self, name: str, env: Mapping[str, str], least: int = syslog.LOG_INFO) -> None:
        """Begin on standard error."""
        self.name = name
        self.least = least
        self._pid = shows_pid(env)
        self._target = log_target(env)
        self._unknown = unknown_log_target(env)
        self._detached = False
        self._printer: Printer | None = None

    @property
    def keeps_stderr(self) -> bool:
        """Whether a program in the background goes on with its standard error."""
        return self._target == TO_STDERR

    @property
    def debug(self) -> bool:
        """Whether lines for debugging are said, too."""
        return self.least >= syslog.LOG_DEBUG

    @debug.setter
    def debug(self, wanted: bool) -> None:
        self.least = syslog.LOG_DEBUG if wanted else syslog.LOG_INFO

    def connect(self) -> None:
        """Open the system's log now, as it may be out of reach in a jail."""
        if self._target == TO_SYSLOG:
            syslog.openlog(self.name, syslog.LOG_PID | syslog.LOG_NDELAY, syslog.LOG_DAEMON)

    @contextlib.contextmanager
    def threaded(self, *, begin: bool = True) -> Iterator[None]:
        """While the block runs `say` only notes the lines, and a thread writes them.

        With `begin=False` the thread starts with `begin`: a process drops root before it has threads.
        """
        with _standard_error() as descriptor:
            printer = self._printer = Printer(descriptor, begin=begin)
            try:
                yield
            finally:
                # What is held for good stays with its thread: the end of the program must not wait for it.
                if printer.close():
                    self._printer = None

    def begin(self) -> None:
        """Write from here on, in `threaded(begin=False)`."""
        if self._printer is not None:
            self._printer.begin()

    def detach(self) -> None:
        """The terminal is about to be let go of: what was said reaches it, and the rest goes to the log."""
        if self._unknown:
            words = "stderr, none, default"
            self.say("warning", f"NUT_DEBUG_SYSLOG '{self._unknown}' is ignored; it may be: {words}")
        if self._printer is not None:
            self._printer.flush()
        if not self.keeps_stderr:
            self.connect()
            self._detached = True

    def say(self, level: str, text: str) -> None:
        """One line; a level that is not known counts as an error."""
        priority = PRIORITIES.get(level, syslog.LOG_ERR)
        if priority > self.least:
            return
        if not self._detached:
            pid = f"[{os.getpid()}]" if self._pid else ""
            self._err(f"{self.name}{pid}: {'' if level in _BARE else f'{level}: '}{text}")
        elif self._target == TO_SYSLOG:
            line = encoded(text).decode("utf-8", "replace").replace("\0", "?")
            self._do(partial(syslog.syslog, priority, line))

    def out(self, text: str) -> None:
        """Lines on standard output, if there is one."""
        if sys.stdout is not None:
            self._do(partial(write_all, STDOUT, encoded(text) + b"\n"))

    def _err(self, line: str) -> None:
        if self._printer is not None:
            self._printer.say(line)
        elif sys.stderr is not None:
            with contextlib.suppress(OSError, ValueError):
                print(encoded(line).decode("utf-8", "replace"), file=sys.stderr, flush=True)

    def _do(self, deed: Callable[[], None]) -> None:
        if self._printer is not None:
            self._printer.do(deed)
            return
        with contextlib.suppress(OSError, ValueError):
            deed()


@contextlib.contextmanager
def _standard_error() -> Iterator[int]:
    """Its descriptor.  A program that was started without one must not write into what took its number."""
    if sys.stderr is not None:
        yield sys.stderr.fileno()
        return
    with open(os.devnull, "wb", buffering=0) as nowhere:
        yield nowhere.fileno()
