# SPDX-License-Identifier: GPL-2.0-or-later
"""upssched as real processes (ours or C's) in a private directory; its script writes down its calls."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.wait import wait_until

OURS = (sys.executable, "-m", "ridethrough.cli.upssched")
CTL = (sys.executable, "-m", "ridethrough.cli.upsschedctl")
C_UPSSCHED = (os.environ.get("RIDETHROUGH_C_UPSSCHED", "/sbin/upssched"),)
"""C's program: Debian's, or a newer one that was built by hand."""
RUN_S = 20.0
RECORDER = """\
#!/bin/sh
printf '%s|%s|%s|%s\\n' "$1" "$NOTIFYTYPE" "$UPSNAME" "$NOTIFYMSG" >>'{calls}'
"""


@functools.cache
def c_knows_sharing() -> bool:
    """Whether C's program is newer than 2.8.0: START-TIMER-SHARED, `-l`, and a timer's own notice."""
    shown = subprocess.run([*C_UPSSCHED, "-h"], capture_output=True, text=True, timeout=10, check=False)
    return "pending timers" in shown.stdout


@dataclass(frozen=True, slots=True)
class Ran:
    """What one run left: exit status, standard output, standard error."""

    status: int
    out: str
    err: str


class Site:
    """A configuration directory with upssched.conf, and what happens in it."""

    def __init__(self, directory: Path, rules: str) -> None:
        self.directory = directory
        self.pipe, self.lock = directory / "p", directory / "l"
        self.conf = directory / "upssched.conf"
        self.script = directory / "cmd"
        self._calls = directory / "calls"
        self._log = directory / "log"
        self.script.write_text(RECORDER.format(calls=self._calls))
        self.script.chmod(0o755)
        self.conf.write_text(f"CMDSCRIPT {self.script}\nPIPEFN {self.pipe}\nLOCKFN {self.lock}\n{rules}")

    def environment(self, **more: str) -> dict[str, str]:
        """The environment of a run: this directory is NUT_CONFPATH and NUT_STATEPATH, no notice is set."""
        clean = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("NUT_", "NOTIFY", "UPSNAME"))
        }
        here = str(self.directory)
        return {**clean, "NUT_CONFPATH": here, "NUT_STATEPATH": here, **more}

    def start(self, words: Sequence[str], **env: str) -> subprocess.Popen[str]:
        """Start a program; standard output is a pipe, standard error goes to the log of the site."""
        with self._log.open("a") as log:
            return subprocess.Popen(
                list(words),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=self.environment(**env),
            )

    def run(self, words: Sequence[str], **env: str) -> Ran:
        """Run a program to its end; it must let go of its pipes, whatever it leaves in the background."""
        done = subprocess.run(
            list(words),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env=self.environment(**env),
            timeout=RUN_S,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def notice(
        self, kind: str, ups: str = "a@h", text: str = "message", program: Sequence[str] = OURS
    ) -> Ran:
        """What upsmon does at a notice; the daemon's lines go to the log of the site."""
        options = ("-D",) if program is OURS else ()
        process = self.start([*program, *options, text], NOTIFYTYPE=kind, UPSNAME=ups)
        out, _ = process.communicate(timeout=RUN_S)
        return Ran(process.returncode, out, "")

    @property
    def log(self) -> str:
        """All that was written to standard error by `start` and `notice`, and by the daemons behind them."""
        return self._log.read_text() if self._log.exists() else ""

    @property
    def calls(self) -> list[str]:
        """The calls of CMDSCRIPT: `name|NOTIFYTYPE|UPSNAME|NOTIFYMSG`."""
        return self._calls.read_text("utf-8", "surrogateescape").splitlines() if self._calls.exists() else []

    @property
    def names(self) -> list[str]:
        """The names that CMDSCRIPT was called with."""
        return [call.partition("|")[0] for call in self.calls]

    def wait_calls(self, count: int, timeout_s: float = 10.0) -> list[str]:
        """Wait until CMDSCRIPT has been called so often."""
        wait_until(
            lambda: len(self.calls) >= count, timeout_s, f"{count} calls of CMDSCRIPT, not {self.calls}"
        )
        return self.calls

    def daemons(self) -> list[int]:
        """The processes that were started for this site and still run."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    words = (entry / "environ").read_bytes().split(b"\0")
                    if (
                        f"NUT_CONFPATH={self.directory}".encode() in words
                        and (entry / "cmdline").read_bytes()
                    ):
                        found.append(int(entry.name))
        return found

    def wait_gone(self, timeout_s: float = 10.0) -> None:
        """Wait until no process of the site is left."""
        wait_until(lambda: not self.daemons(), timeout_s, "the end of the timer daemon")

    def end(self) -> None:
        """End what is left of the site, by process id."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            for pid in self.daemons():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
            with contextlib.suppress(AssertionError):
                self.wait_gone(2.0)


@contextlib.contextmanager
def site(rules: str) -> Iterator[Site]:
    """A site in a temporary directory (short: a socket's path is bounded); its processes are ended."""
    with tempfile.TemporaryDirectory(prefix="rt-") as directory:
        one = Site(Path(directory), rules)
        try:
            yield one
        except BaseException as error:
            error.add_note(f"--- upssched wrote:\n{one.log}---")
            raise
        finally:
            one.end()
