# SPDX-License-Identifier: GPL-2.0-or-later
"""Virtual USB UPSes for real programs, under umockdev.

Mark the tests that use it with `pytest.mark.umockdev`.  What a test can say is in
ridethrough/sim/usb/commands.py.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import ridethrough
from tests.support import cnut
from tests.support.procs import Process, started
from tests.support.wait import wait_until

WRAPPER = Path("/usr/bin/umockdev-wrapper")
SYSTEM_PYTHON = Path("/usr/bin/python3")
"""PyGObject is there for Debian's own Python only."""
HOST = "ridethrough.sim.usb.umockdev_host"
PRELOAD = "libumockdev-preload.so.0"
SOURCE = Path(ridethrough.__file__).resolve().parents[1]
END_S = 5.0
DRIVER_S = 15.0


@dataclass(frozen=True, slots=True)
class UsbBench:
    """Running virtual UPSes."""

    root: str
    _popen: subprocess.Popen[str]

    @property
    def environment(self) -> dict[str, str]:
        """What a program needs in its environment to see the virtual devices."""
        return {"LD_PRELOAD": PRELOAD, "UMOCKDEV_DIR": self.root}

    def tell(self, line: str) -> dict[str, Any]:
        """Give a command and return its answer; `at` is the time of `time.monotonic()` when it was done."""
        assert self._popen.stdin is not None
        self._popen.stdin.write(line + "\n")
        self._popen.stdin.flush()
        answer = _answer(self._popen.stdout)
        assert "error" not in answer, answer["error"]
        return answer

    def log(self, *, port: str = "") -> list[str]:
        """The requests that a device has seen, oldest first."""
        found: list[str] = self.tell(f"{port} log".strip())["log"]
        return found


def _answer(pipe: IO[str] | None) -> dict[str, Any]:
    assert pipe is not None
    line = pipe.readline()
    assert line, "the bench of virtual UPSes has ended"
    found: dict[str, Any] = json.loads(line)
    return found


@contextlib.contextmanager
def usb_bench(*devices: str) -> Iterator[UsbBench]:
    """Plug in virtual UPSes: profiles by name or recordings by path, with `@busport` or not.

    They are gone when the block is left.  What is raised inside carries the messages of the bench.
    """
    with tempfile.TemporaryFile() as messages, cnut.state_directory() as directory:
        popen = subprocess.Popen(
            [WRAPPER, SYSTEM_PYTHON, "-m", HOST, *devices],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=messages,
            text=True,
            env={**os.environ, "PYTHONPATH": str(SOURCE), "TMPDIR": str(directory)},
        )
        try:
            yield UsbBench(_answer(popen.stdout)["root"], popen)
        except BaseException as error:
            messages.seek(0)
            error.add_note(f"messages of the bench: {messages.read().decode('utf-8', 'replace')}")
            raise
        finally:
            _end(popen)


def _end(popen: subprocess.Popen[str]) -> None:
    assert popen.stdin is not None
    assert popen.stdout is not None
    with contextlib.suppress(OSError):
        popen.stdin.close()
    try:
        popen.wait(END_S)
    except subprocess.TimeoutExpired:
        popen.kill()
        popen.wait(END_S)
    popen.stdout.close()


@dataclass(frozen=True, slots=True)
class CUsbhid:
    """A C usbhid-ups behind a C upsd."""

    server: cnut.CUpsd
    name: str
    process: Process

    @property
    def target(self) -> str:
        """`ups@host:port` for command lines."""
        return self.server.target(self.name)

    def get(self, variable: str = "ups.status") -> str:
        """A variable's value, or the last line of upsc's complaint (`Error: Data stale`)."""
        done = cnut.c_tool("upsc", self.target, variable)
        lines = (done.stdout or done.stderr).decode("utf-8", "surrogateescape").splitlines()
        return lines[-1].strip() if lines else ""

    def everything(self) -> dict[str, str]:
        """All variables."""
        text = cnut.c_tool("upsc", self.target).stdout.decode("utf-8", "surrogateescape")
        return dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)


@contextlib.contextmanager
def c_usbhid_ups(
    bench: UsbBench, tmp_path: Path, name: str = "ups", options: Mapping[str, str] | None = None
) -> Iterator[CUsbhid]:
    """Start a C usbhid-ups on the bench, and a C upsd that has its data.

    `options` are lines of its section in ups.conf.
    """
    conf = tmp_path / f"usbhid-{name}"
    conf.mkdir()
    lines = {"driver": "usbhid-ups", "port": "auto", "pollinterval": "1", **(options or {})}
    text = "".join(f"{key} = {value}\n" for key, value in lines.items())
    (conf / "ups.conf").write_text(f"[{name}]\n{text}")
    with cnut.state_directory() as state:
        environment = {**cnut.c_environment(conf, state), **bench.environment}
        argv: list[str | Path] = [cnut.DRIVER_DIRECTORY / "usbhid-ups", "-a", name, "-u", "root", "-F", "-D"]
        with started(argv, env=environment, name=f"C usbhid-ups {name}") as process:
            socket = state / f"usbhid-ups-{name}"

            def there() -> bool:
                assert process.returncode is None, "C usbhid-ups has ended"
                return socket.exists()

            wait_until(there, DRIVER_S, f"socket {socket}")
            with cnut.c_upsd(tmp_path, {}, others={name: "usbhid-ups"}, statepath=state) as server:
                yield CUsbhid(server, name, process)
