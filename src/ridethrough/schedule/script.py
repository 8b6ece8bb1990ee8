# SPDX-License-Identifier: GPL-2.0-or-later
"""Running CMDSCRIPT: which program with which arguments and environment, one call after another.

Used by the stand-alone upssched only; inside `serve` the root helper runs it.
`posix_spawn` instead of `subprocess`: upssched starts at every notice, and should start quickly.
"""

from __future__ import annotations

import errno
import os
import re
import signal
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ridethrough.schedule.rules import Cause

PATIENCE_S = 10.0
MAX_WAITING = 2048
# A command of such characters needs no shell.
_PLAIN = re.compile(r"[A-Za-z0-9_./:@%+, -]+")

Say = Callable[[str, bool], None]
"""Where log lines go: the text, and whether a person should look at it."""


def argv(cmdscript: str, name: str) -> list[str]:
    """The words that run CMDSCRIPT with `name` as its one further argument.

    CMDSCRIPT is trusted as written: a path (blanks in it are fine if such a file is there), a path with
    arguments, or a shell's command line.
    `name` is an argument of its own in each case, and never becomes text of a shell.
    """
    command = cmdscript.strip()
    if os.path.isfile(command):
        return [command, name]
    if _PLAIN.fullmatch(command):
        return [*command.split(), name]
    # Behind a separator the name would be a command; such a script still finds it in $1.
    line = command if command.endswith((";", "&", "|", "(", "{")) else f'{command} "$1"'
    return ["/bin/sh", "-c", line, "sh", name]


def environment(base: Mapping[str, str], cause: Cause) -> dict[str, str]:
    """The environment of a script: `base` with the notice's NOTIFYTYPE, UPSNAME and NOTIFYMSG.

    What a cause does not have is left out, so that no other notice's value is taken for it.
    """
    env = {key: value for key, value in base.items() if key not in ("NOTIFYTYPE", "UPSNAME", "NOTIFYMSG")}
    values = {"NOTIFYTYPE": cause.type, "UPSNAME": cause.ups, "NOTIFYMSG": cause.text}
    if not cause.type:
        return env
    return env | {key: value.replace("\0", "") for key, value in values.items()}


def _spawn(words: list[str], env: Mapping[str, str]) -> int:
    # Python ignores SIGPIPE; a script must not inherit that.
    return os.posix_spawnp(words[0], words, env, setsigdef=[signal.SIGPIPE])


@dataclass(slots=True)
class _Child:
    pid: int
    command: str
    began: float


class Lane:
    """Runs scripts one after another, as C does; but a script that hangs delays the next by PATIENCE_S only.

    `failures` counts what could not be started.
    The owner calls `poll(now)` again and again while `busy`.
    """

    def __init__(
        self, cmdscript: str, env: Mapping[str, str], say: Say, patience_s: float = PATIENCE_S
    ) -> None:
        self._cmdscript = cmdscript
        self._env = env
        self._say = say
        self._patience_s = patience_s
        self._waiting: deque[tuple[str, Cause]] = deque()
        self._current: _Child | None = None
        self._outstayed: list[_Child] = []
        self.failures = 0

    @property
    def busy(self) -> bool:
        """Whether a script is still to be started, or the latest one is being waited for."""
        return bool(self._waiting) or self._current is not None

    @property
    def running(self) -> bool:
        """Whether any script runs, those no longer waited for included."""
        return self.busy or bool(self._outstayed)

    def run(self, command: str, cause: Cause) -> None:
        """Have CMDSCRIPT run with this command, after those asked for before."""
        if not self._cmdscript:
            self.failures += 1
            self._say(f"No CMDSCRIPT defined, cannot execute command: {command}", True)
        elif len(self._waiting) >= MAX_WAITING:
            self.failures += 1
            self._say(f"{MAX_WAITING} scripts wait already; not executed: {command}", True)
        else:
            self._waiting.append((command, cause))

    def adopt(self, pid: int, command: str, began: float) -> None:
        """Wait for a script that this process has started before; call it while nothing else runs here."""
        self._current = _Child(pid, command, began)

    def poll(self, now: float) -> None:
        """Collect what has ended, and start what is next."""
        self._outstayed = [child for child in self._outstayed if not self._ended(child)]
        if self._current is not None:
            if self._ended(self._current):
                self._current = None
            elif now - self._current.began >= self._patience_s:
                took = (
                    f"{self._cmdscript} '{self._current.command}' has not ended after {self._patience_s:g} s"
                )
                self._say(f"{took}; it goes on, and is no longer waited for", True)
                self._outstayed.append(self._current)
                self._current = None
        while self._waiting and self._current is None:
            self._start(*self._waiting.popleft(), now)

    def _start(self, command: str, cause: Cause, now: float) -> None:
        words = argv(self._cmdscript, command)
        env = environment(self._env, cause)
        try:
            try:
                pid = _spawn(words, env)
            except OSError as error:
                # A script without #! line: C's system(3) gives it to the shell.
                if error.errno != errno.ENOEXEC:
                    raise
                pid = _spawn(["/bin/sh", *words], env)
        except (OSError, ValueError) as error:
            self.failures += 1
            reason = error.strerror if isinstance(error, OSError) else str(error)
            hint = "; make it executable (chmod 755)" if isinstance(error, PermissionError) else ""
            self._say(f"Execute command failure: {self._cmdscript} '{command}': {reason}{hint}", True)
            return
        self._current = _Child(pid, command, now)

    def _ended(self, child: _Child) -> bool:
        """Whether a child has ended; if it has, it is reaped and a failure is said."""
        try:
            pid, status = os.waitpid(child.pid, os.WNOHANG)
        except ChildProcessError:
            return True
        if pid == 0:
            return False
        code = os.waitstatus_to_exitcode(status)
        call = f"exec_cmd({self._cmdscript} '{child.command}')"
        if code < 0:
            self._say(f"{call} terminated with signal {-code}", True)
        elif code > 0:
            self._say(f"{call} returned {code}", True)
        return True
