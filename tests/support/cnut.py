# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's C NUT for tests: `dummy-ups` drivers and an `upsd`, in directories and on ports of their own.

Mark the tests that use it with `pytest.mark.cnut`.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.ports import LOOPBACK, free_port
from tests.support.procs import Process, started
from tests.support.wait import wait_until

DRIVER_DIRECTORY = Path("/lib/nut")
UPSD = Path("/lib/nut/upsd")
START_S = 15.0  # dummy-ups opens its socket only after a second; the machine may be busy
USERS = """\
[admin]
  password = secret
  actions = SET FSD
  instcmds = ALL
[monuser]
  password = pass
  upsmon primary
[watcher]
  password = pass
  upsmon secondary
"""


@dataclass(frozen=True, slots=True)
class CDummyUps:
    """A running C dummy-ups: `socket` is its driver socket; rewrite `dev_file` to change its data."""

    name: str
    socket: Path
    dev_file: Path
    confpath: Path
    statepath: Path
    process: Process


@dataclass(frozen=True, slots=True)
class CUpsd:
    """A running C upsd with its drivers."""

    host: str
    port: int
    confpath: Path
    statepath: Path
    process: Process
    drivers: Mapping[str, CDummyUps] = field(default_factory=dict)

    def target(self, ups: str) -> str:
        """`ups@host:port` for command lines."""
        return f"{ups}@{self.host}:{self.port}"


def c_environment(confpath: Path, statepath: Path) -> dict[str, str]:
    """The environment that turns C NUT to private directories."""
    return {
        "NUT_CONFPATH": str(confpath),
        "NUT_STATEPATH": str(statepath),
        "NUT_ALTPIDPATH": str(statepath),
        "NUT_PIDPATH": str(statepath),
        "NUT_QUIET_INIT_SSL": "true",
        "NUT_QUIET_INIT_UPSNOTIFY": "true",
    }


def c_tool(name: str, *words: str, stdin: str = "") -> subprocess.CompletedProcess[bytes]:
    """Run one of C NUT's client programs (`upsc`, `upscmd`, `upsrw`) to its end."""
    path = shutil.which(name)
    assert path is not None, f"C {name} is not installed"
    return subprocess.run(
        [path, *(word.encode("utf-8", "surrogateescape") for word in words)],
        input=os.fsencode(stdin),
        capture_output=True,
        timeout=30,
        check=False,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )


@contextlib.contextmanager
def state_directory() -> Iterator[Path]:
    """A short private directory, as the path of a unix socket may have 107 bytes only."""
    with tempfile.TemporaryDirectory(prefix="rt-nut-") as name:
        yield Path(name)


@contextlib.contextmanager
def c_dummy_ups(
    tmp_path: Path,
    name: str,
    dev: str,
    *,
    statepath: Path | None = None,
    section: Sequence[str] = (),
    pollinterval_s: int = 1,
) -> Iterator[CDummyUps]:
    """Start a C dummy-ups named `name` over a file with the text `dev`, and wait for its socket.

    `section` holds further lines for its section of ups.conf (`desc`, `mode`, `override.*` ...).
    Its socket lies in `statepath`, or else in a directory of its own; its ups.conf in `tmp_path/name`.
    """
    with contextlib.ExitStack() as stack:
        state = statepath or stack.enter_context(state_directory())
        driver = _start_driver(stack, tmp_path, name, dev, state, section, pollinterval_s)
        _wait_for_socket(driver)
        yield driver


@contextlib.contextmanager
def c_upsd(
    tmp_path: Path,
    devices: Mapping[str, str],
    users: str = USERS,
    port: int | None = None,
    *,
    upsd_conf: Sequence[str] = (),
    sections: Mapping[str, Sequence[str]] | None = None,
    host: str = LOOPBACK,
    others: Mapping[str, str] | None = None,
    statepath: Path | None = None,
) -> Iterator[CUpsd]:
    """Start a C upsd with one C dummy-ups for each device, and wait until it has all their data.

    `devices` maps names to the texts of .dev files; `users` is upsd.users; `upsd_conf` and `sections` hold
    further lines of upsd.conf and of the devices' sections.  `others` maps further devices to the names of
    drivers that are not started here: serve their sockets (`<driver>-<device>`) in `statepath` beforehand.
    Yields the server with `.port`, `.confpath`, `.statepath` and `.drivers`.
    """
    with contextlib.ExitStack() as stack:
        state = statepath or stack.enter_context(state_directory())
        conf = tmp_path / "upsd"
        conf.mkdir()
        drivers = {
            name: _start_driver(stack, tmp_path, name, dev, state, (sections or {}).get(name, ()), 1)
            for name, dev in devices.items()
        }
        for driver in drivers.values():
            _wait_for_socket(driver)
        number = port or free_port(host)
        elsewhere = others or {}
        texts = [
            section_text(it.name, it.dev_file, (sections or {}).get(it.name, ())) for it in drivers.values()
        ]
        texts += [f"[{name}]\ndriver = {driver}\nport = none\n" for name, driver in elsewhere.items()]
        _write_server_files(conf, "\n".join(texts), users, f"LISTEN {host} {number}", upsd_conf)
        process = stack.enter_context(
            started([UPSD, "-u", "root", "-F"], env=c_environment(conf, state), name="C upsd"),
        )
        known = [(name, "driver.name") for name in devices] + [(name, "ups.status") for name in elsewhere]
        wait_until(lambda: _answers(process, host, number, known), START_S, "C upsd with all its data")
        yield CUpsd(host, number, conf, state, process, drivers)


def section_text(name: str, dev_file: Path, lines: Sequence[str] = (), pollinterval_s: int = 1) -> str:
    """A section of ups.conf for a dummy-ups."""
    rows = [f"[{name}]", "driver = dummy-ups", f'port = "{dev_file}"', f"pollinterval = {pollinterval_s}"]
    return "\n".join([*rows, *lines, ""])


def _start_driver(
    stack: contextlib.ExitStack,
    tmp_path: Path,
    name: str,
    dev: str,
    state: Path,
    section: Sequence[str],
    pollinterval_s: int,
) -> CDummyUps:
    conf = tmp_path / f"driver-{name}"
    conf.mkdir()
    dev_file = conf / f"{name}.dev"
    dev_file.write_bytes(dev.encode("utf-8", "surrogateescape"))
    (conf / "ups.conf").write_text(section_text(name, dev_file, section, pollinterval_s))
    argv: list[str | Path] = [DRIVER_DIRECTORY / "dummy-ups", "-a", name, "-u", "root", "-F"]
    process = stack.enter_context(started(argv, env=c_environment(conf, state), name=f"C dummy-ups {name}"))
    return CDummyUps(name, state / f"dummy-ups-{name}", dev_file, conf, state, process)


def _wait_for_socket(driver: CDummyUps) -> None:
    def there() -> bool:
        assert driver.process.returncode is None, f"C dummy-ups {driver.name} ended"
        return driver.socket.exists()

    wait_until(there, START_S, f"socket {driver.socket}")


def _write_server_files(conf: Path, ups_conf: str, users: str, listen: str, upsd_conf: Sequence[str]) -> None:
    files = {
        "ups.conf": ups_conf,
        "upsd.conf": "\n".join([listen, *upsd_conf, ""]),
        "upsd.users": users,
    }
    for name, text in files.items():
        path = conf / name
        path.write_text(text)
        path.chmod(0o600)


def _answers(process: Process, host: str, port: int, known: Sequence[tuple[str, str]]) -> bool:
    """Whether the server has these variables of its devices, and none says WAIT."""
    assert process.returncode is None, f"C upsd ended: {process.output()}"
    try:
        with socket.create_connection((host, port), timeout=1) as link:
            file = link.makefile("rwb")
            for ups, variable in known:
                file.write(f"GET VAR {ups} {variable}\n".encode())
            file.flush()
            lines = [file.readline() for _ in known]
            return all(line.startswith(b"VAR ") and b'"WAIT"' not in line for line in lines)
    except OSError:
        return False
