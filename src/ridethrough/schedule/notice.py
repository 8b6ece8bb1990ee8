# SPDX-License-Identifier: GPL-2.0-or-later
"""One run of the stand-alone upssched: a notice comes, its AT lines are carried out, the process ends."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping

from ridethrough.config.models import UpsschedConf
from ridethrough.config.problems import Severity
from ridethrough.config.upssched import parse_upssched
from ridethrough.schedule import core, daemon, messages, pipe
from ridethrough.schedule import rules as at
from ridethrough.schedule.journal import Journal
from ridethrough.schedule.rules import Cause
from ridethrough.schedule.script import Lane

FILE = "upssched.conf"
LAST_SCRIPT_S = 300.0
_POLL_S = 0.005


class NoConfiguration(Exception):
    """upssched.conf can't be read; the text says why."""


def load(directory: str, journal: Journal) -> UpsschedConf:
    """Read upssched.conf; each problem is logged with its file:line, and what is well is used.

    Raises `NoConfiguration` if the file can't be read.
    """
    path = os.path.join(directory, FILE)
    try:
        with open(path, "rb") as file:
            data = file.read(2 * 1024 * 1024)
    except OSError as error:
        hint = "write one (see upssched.conf(5)), or point NUT_CONFPATH to the directory that has it"
        if isinstance(error, PermissionError):
            hint = "let the user who runs upssched read it"
        raise NoConfiguration(f"{path}: {error.strerror}; {hint}") from None
    conf, problems = parse_upssched(data, path)
    for problem in problems:
        journal(str(problem), problem.severity is Severity.ERROR)
    return conf


class Run:
    """Carries out AT lines in the order of the file."""

    def __init__(
        self, conf: UpsschedConf, env: Mapping[str, str], journal: Journal, *, keep_stderr: bool
    ) -> None:
        self._conf = conf
        self._env = env
        self._journal = journal
        self._keep_stderr = keep_stderr
        self._lane = Lane(conf.cmdscript, env, self._journal)
        self._unreachable = False
        self._refused = False

    @property
    def failed(self) -> bool:
        """Whether something asked for was not done (a script that ran and failed does not count, as in C)."""
        return self._refused or self._lane.failures > 0

    def handle(
        self,
        cause: Cause,
        done: int = 0,
        child: tuple[int, str, float] | None = None,
        silent: pipe.Place | None = None,
    ) -> None:
        """Carry out all AT lines for this notice, then wait a while for the last script.

        The first `done` of them were carried out before this; `child` is the script of the last of those, if
        it is still to be waited for: process id, command, and when it began (time.monotonic).
        `silent` is the PIPEFN of a daemon that was asked, and has not answered in time.
        """
        if silent is not None and self._conf.lockfn:
            try:
                pipe.give_up(self._conf.pipefn, self._conf.lockfn, silent, self._journal)
            except pipe.PipeError as error:
                self._refused = True
                self._journal(str(error), True)
        if child is not None:
            self._lane.adopt(*child)
            self._wait()
        for rule in at.matching(self._conf.rules, cause)[done:]:
            action = at.action(rule)
            for effect in core.preface(rule, action):
                if isinstance(effect, core.Log):
                    self._journal(effect.text, effect.warning)
            if isinstance(action, at.Refused):
                self._refused = True
            if isinstance(action, at.Execute):
                self._run(action.command, cause)
            event = core.event_of(action, cause)
            if event is not None:
                self.send(event)
        self._finish()

    def send(self, event: core.StartTimer | core.CancelTimer) -> bool:
        """Hand an event to the timer daemon; a start makes one if there is none. False if that failed."""
        starting = isinstance(event, core.StartTimer)
        answer = self._ask(messages.request(event), pipe.tell, start=starting)
        if answer is None and isinstance(event, core.CancelTimer) and not self._unreachable:
            # No daemon, so no timer: a cancel has nothing to do but its command.
            _, effects = core.step(core.State(), event, 0.0)
            for effect in effects:
                if isinstance(effect, core.RunScript):
                    self._run(effect.command, effect.cause)
                else:
                    self._journal(effect.text, effect.warning)
            return True
        if answer is None:
            return False
        wrong = messages.outcome(answer)
        if wrong is not None:
            self._refused = True
            self._journal(f"the timer daemon refuses {event.name}: {wrong}", True)
        return wrong is None

    def pending(self) -> list[list[str]] | None:
        """The fields of each running timer (see `messages.listing`); None if no daemon runs."""
        answer = self._ask(f"{messages.LIST}\n".encode(), pipe.ask, start=False)
        return None if answer is None else messages.rows(answer)

    def _ask(self, line: bytes, ask: pipe.Ask, *, start: bool) -> bytes | None:
        self._unreachable = False

        def launch(listener: socket.socket) -> None:
            daemon.launch(listener, self._conf, self._env, self._journal, keep_stderr=self._keep_stderr)

        try:
            return ask(line, self._conf.pipefn, self._conf.lockfn, launch if start else None, self._journal)
        except pipe.PipeError as error:
            self._unreachable = self._refused = True
            self._journal(str(error), True)
            return None

    def _run(self, command: str, cause: Cause) -> None:
        """Run a script, and wait for it as long as the lane's patience lasts."""
        self._lane.run(command, cause)
        self._wait()

    def _wait(self) -> None:
        while True:
            self._lane.poll(time.monotonic())
            if not self._lane.busy:
                return
            time.sleep(_POLL_S)

    def _finish(self) -> None:
        deadline = time.monotonic() + LAST_SCRIPT_S
        while self._lane.running and time.monotonic() < deadline:
            self._lane.poll(time.monotonic())
            time.sleep(_POLL_S)
