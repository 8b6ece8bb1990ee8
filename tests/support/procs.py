# SPDX-License-Identifier: GPL-2.0-or-later
"""Real processes in tests: started in a session of their own, and surely gone afterwards."""

from __future__ import annotations

import contextlib
import os
import pwd
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from tests.support.wait import POLL_S, wait_until

TERM_S = 5.0  # how long a process may take to obey SIGTERM


class Process:
    """A started process.  It is only reaped when its `started` block ends, so its pid stays its own."""

    def __init__(self, popen: subprocess.Popen[bytes], name: str, log: IO[bytes]) -> None:
        """Wrap `popen`; `log` is the file that receives its standard output and error."""
        self.name = name
        self._popen = popen
        self._log = log

    @property
    def pid(self) -> int:
        """The process id, which is also the id of its session and process group."""
        return self._popen.pid

    @property
    def returncode(self) -> int | None:
        """The exit status (negative: the signal that ended it), or None while it runs."""
        if self._popen.returncode is not None:
            return self._popen.returncode
        info = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if info is None:
            return None
        return info.si_status if info.si_code == os.CLD_EXITED else -info.si_status

    def output(self) -> str:
        """All that was written to standard output and standard error so far."""
        self._log.flush()
        size = os.fstat(self._log.fileno()).st_size
        return os.pread(self._log.fileno(), size, 0).decode("utf-8", "backslashreplace")

    def wait(self, timeout: float) -> int:
        """Wait for the end and return the exit status; AssertionError after `timeout` seconds."""
        wait_until(lambda: self.returncode is not None, timeout, f"end of {self.name}")
        code = self.returncode
        assert code is not None
        return code

    def wait_output(self, text: str, timeout: float) -> str:
        """Wait until the output contains `text`, and return the output.

        AssertionError after `timeout` seconds, or at once if the process has ended without it.
        """

        def seen() -> bool:
            code = self.returncode
            if text in self.output():
                return True
            assert code is None, f"{self.name} ended with status {code} before it wrote {text!r}"
            return False

        wait_until(seen, timeout, f"{text!r} in the output of {self.name}")
        return self.output()

    def send_signal(self, number: int) -> None:
        """Send a signal to this process alone; nothing happens if it has ended."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def end(self) -> None:
        """TERM to the process, a bounded wait, then KILL to what is left of its process group."""
        self.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + TERM_S
        while self.returncode is None and time.monotonic() < deadline:
            time.sleep(POLL_S)
        # Not reaped yet, so the number of the group can't belong to anybody else.
        if self._popen.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
            self._popen.wait(TERM_S)


def identity(user: str | None) -> dict[str, Any]:
    """The arguments of Popen that make the child another user's, with the groups of that user alone."""
    if user is None:
        return {}
    entry = pwd.getpwnam(user)
    groups = os.getgrouplist(user, entry.pw_gid)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": groups}


@contextlib.contextmanager
def started(
    argv: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    cwd: str | Path | None = None,
    name: str | None = None,
    user: str | None = None,
) -> Iterator[Process]:
    """Start `argv` in its own session; end it when the block is left.

    `env` is added to the environment of the test run; with `user`, root starts it as somebody else.
    Whatever is raised inside the block carries the
    output of the process as a note, so that a failure explains itself.
    """
    with tempfile.TemporaryFile() as log:
        popen = subprocess.Popen(
            [str(word) for word in argv],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
            cwd=cwd,
            start_new_session=True,
            **identity(user),
        )
        process = Process(popen, name or Path(argv[0]).name, log)
        try:
            yield process
        except BaseException as error:
            code = process.returncode
            state = "still running" if code is None else f"ended with status {code}"
            error.add_note(f"--- {process.name} (pid {process.pid}, {state}) wrote:\n{process.output()}---")
            raise
        finally:
            process.end()
