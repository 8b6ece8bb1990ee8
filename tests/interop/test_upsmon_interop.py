# SPDX-License-Identifier: GPL-2.0-or-later
"""Our upsmon against C upsd with C dummy-ups, and beside a C upsmon as its secondary."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.cnut import CUpsd, c_environment, c_tool, c_upsd
from tests.support.our_upsd import our_upsd
from tests.support.procs import Process, started
from tests.support.upsd_pair import fresh
from tests.support.wait import wait_until

pytestmark = pytest.mark.cnut

ONLINE = "ups.status: OL\nbattery.charge: 100\n"
ON_BATTERY = "ups.status: OB DISCHRG\nbattery.charge: 60\n"
LOW = "ups.status: OB LB DISCHRG\nbattery.charge: 9\n"
LIMIT_S = 30.0


@dataclass
class Host:
    """A monitor in a directory of its own: what NOTIFYCMD wrote, and what SHUTDOWNCMD wrote."""

    process: Process
    directory: Path

    @property
    def down(self) -> Path:
        return self.directory / "down"

    def is_down(self) -> bool:
        """Whether SHUTDOWNCMD has written its time; its file is there a moment before."""
        return self.down.exists() and self.down.read_text().endswith("\n")

    def notices(self) -> list[str]:
        path = self.directory / "notices"
        return path.read_text().splitlines() if path.exists() else []

    def kinds(self) -> list[str]:
        return [line.split("|")[0] for line in self.notices()]


def script(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def configure(directory: Path, target: str, account: str, role: str, extra: Sequence[str]) -> None:
    """Write an upsmon.conf whose commands leave their marks in `directory`."""
    directory.mkdir()
    stop = script(directory / "stop", f'date +%s.%N >>"{directory}/down"')
    told = script(directory / "told", f'echo "$NOTIFYTYPE|$UPSNAME|$1|$#" >>"{directory}/notices"')
    flag = f"POWERDOWNFLAG {directory}/killpower"
    lines = [
        f"MONITOR {target} 1 {account} {role}",
        f'SHUTDOWNCMD "{stop}"',
        f"NOTIFYCMD {told}",
        "POLLFREQ 1",
        "POLLFREQALERT 1",
        "FINALDELAY 1",
        "RUN_AS_USER root",
        *(extra if any("POWERDOWNFLAG" in line for line in extra) else (*extra, flag)),
    ]
    names = "ONLINE ONBATT LOWBATT FSD COMMOK COMMBAD SHUTDOWN"
    lines += [f"NOTIFYFLAG {name} SYSLOG+EXEC" for name in names.split()]
    conf = directory / "upsmon.conf"
    conf.write_text("\n".join(lines) + "\n")
    conf.chmod(0o600)


@contextlib.contextmanager
def our_upsmon(
    directory: Path,
    target: str,
    *,
    user: str = "monuser",
    password: str = "pass",
    role: str = "primary",
    extra: Sequence[str] = (),
    options: Sequence[str] = (),
) -> Iterator[Host]:
    configure(
        directory,
        target,
        f"{user} {password}",
        role,
        [*extra, "NOTIFYFLAG SHUTDOWN_HOSTSYNC EXEC", "NOTIFYFLAG OTHER SYSLOG+EXEC"],
    )
    argv = [sys.executable, "-m", "ridethrough.cli.main", "upsmon", "-F", *options]
    with started(argv, env=c_environment(directory, directory), name="upsmon") as process:
        yield Host(process, directory)


@contextlib.contextmanager
def c_upsmon(directory: Path, target: str, *, user: str, role: str) -> Iterator[Host]:
    configure(directory, target, f"{user} pass", role, ["HOSTSYNC 30"])
    argv = ["/lib/nut/upsmon", "-F", "-p"]
    with started(argv, env=c_environment(directory, directory), name="C upsmon") as process:
        yield Host(process, directory)


def move(server: CUpsd, text: str) -> None:
    """Let the UPS say something else, in one step."""
    path = server.drivers["ups"].dev_file
    new = path.with_suffix(".new")
    new.write_text(text)
    os.replace(new, path)


def test_an_outage_at_a_c_server(tmp_path: Path) -> None:
    """OL, OB, OB LB at C upsd: notices as C gives them, FSD at the server, flag, SHUTDOWNCMD once, exit 0."""
    with c_upsd(tmp_path, {"ups": ONLINE}) as server:
        target = server.target("ups")
        with our_upsmon(tmp_path / "host", target) as host:
            host.process.wait_output("logged in to UPS", LIMIT_S)
            assert not host.down.exists()
            if os.geteuid() == 0:
                assert Path(f"/proc/{host.process.pid}").stat().st_uid != 0
            move(server, ON_BATTERY)
            wait_until(lambda: "ONBATT" in host.kinds(), LIMIT_S, "ONBATT")
            move(server, LOW)
            assert host.process.wait(LIMIT_S) == 0
            wait_until(host.is_down, LIMIT_S, "SHUTDOWNCMD")
            output = host.process.output()
        status = c_tool("upsc", target, "ups.status").stdout.decode()
    assert status.strip() == "FSD OB LB DISCHRG"
    assert len(host.down.read_text().splitlines()) == 1
    assert (host.directory / "killpower").read_text().startswith("upsmon-shutdown-file")
    assert set(host.kinds()) == {"ONBATT", "LOWBATT", "FSD", "SHUTDOWN"}
    assert f"ONBATT|{target}|UPS {target} on battery|1" in host.notices()
    assert "SHUTDOWN||Auto logout and shutdown proceeding|1" in host.notices()
    assert "battery.charge 9" in output
    assert "Traceback" not in output


def test_a_c_secondary_goes_before_our_primary(tmp_path: Path) -> None:
    """A C upsmon as secondary sees our FSD and leaves; only then, and before HOSTSYNC, goes our primary."""
    with (
        c_upsd(tmp_path, {"ups": ONLINE}) as server,
        our_upsmon(tmp_path / "primary", server.target("ups"), extra=["HOSTSYNC 60"]) as primary,
        c_upsmon(tmp_path / "secondary", server.target("ups"), user="watcher", role="secondary") as secondary,
    ):
        primary.process.wait_output("logged in to UPS", LIMIT_S)
        wait_until(lambda: logins(server) == 2, LIMIT_S, "both logged in")
        move(server, LOW)
        wait_until(secondary.is_down, LIMIT_S, "SHUTDOWNCMD of the secondary")
        assert primary.process.wait(LIMIT_S) == 0
        wait_until(primary.is_down, LIMIT_S, "SHUTDOWNCMD of the primary")
        assert float(secondary.down.read_text()) < float(primary.down.read_text())
        assert "SHUTDOWN_HOSTSYNC" in primary.kinds()
        assert "FSD" in secondary.kinds()


def test_our_secondary_obeys_a_c_primary(tmp_path: Path) -> None:
    """FSD of a C upsmon primary shuts our secondary down; it writes no POWERDOWNFLAG, and goes first."""
    with (
        c_upsd(tmp_path, {"ups": ONLINE}) as server,
        our_upsmon(
            tmp_path / "secondary", server.target("ups"), user="watcher", role="secondary"
        ) as secondary,
        c_upsmon(tmp_path / "primary", server.target("ups"), user="monuser", role="primary") as primary,
    ):
        secondary.process.wait_output("logged in to UPS", LIMIT_S)
        wait_until(lambda: logins(server) == 2, LIMIT_S, "both logged in")
        move(server, LOW)
        assert secondary.process.wait(LIMIT_S) == 0
        wait_until(primary.is_down, LIMIT_S, "SHUTDOWNCMD of the primary")
        wait_until(secondary.is_down, LIMIT_S, "SHUTDOWNCMD of the secondary")
        assert float(secondary.down.read_text()) < float(primary.down.read_text())
        assert not (secondary.directory / "killpower").exists()


def test_a_wrong_password_at_a_c_server_is_loud(tmp_path: Path) -> None:
    """C upsd refuses the login: one clear line, an OTHER notice, no traceback, and it still watches."""
    with c_upsd(tmp_path, {"ups": ONLINE}) as server:
        target = server.target("ups")
        with our_upsmon(tmp_path / "host", target, user="nobody") as host:
            wait_until(lambda: "OTHER" in host.kinds(), LIMIT_S, "OTHER")
            move(server, ON_BATTERY)
            wait_until(lambda: "ONBATT" in host.kinds(), LIMIT_S, "ONBATT")
            output = host.process.output()
    (line,) = [line for line in output.splitlines() if "login refused: ACCESS-DENIED" in line]
    assert "upsmon.conf:1 with section [nobody] of upsd.users" in line
    assert line.startswith("upsmon: error: ")
    assert "Traceback" not in output


REFUSED = [
    ("ups", "monuser", "wrong", "primary", "ACCESS-DENIED", "the password, and the line: upsmon primary"),
    ("ups", "nobody", "pass", "secondary", "ACCESS-DENIED", "the password, and the line: upsmon secondary"),
    ("ups", "admin", "secret", "secondary", "ACCESS-DENIED", "with section [admin] of upsd.users on {}"),
    ("ups", "watcher", "pass", "primary", "the role of primary ACCESS-DENIED", "write 'upsmon primary' in s"),
    ("other", "monuser", "pass", "primary", "UNKNOWN-UPS", "has no UPS 'other': correct upsmon.conf:1 ('up"),
]


def test_every_refusal_is_loud_at_either_server(tmp_path: Path) -> None:
    """Ours and C's upsd refuse: an OTHER notice and an error line, with the line to change, in every case."""
    with (
        c_upsd(tmp_path, {"ups": ONLINE}) as c,
        our_upsd(tmp_path, {"ups": "dummy-ups"}, c.statepath) as ours,
        contextlib.ExitStack() as stack,
    ):
        wait_until(lambda: fresh(ours, "ups"), LIMIT_S, "the status at our upsd")
        hosts = []
        for number, (ups, user, password, role, err, hint) in enumerate(REFUSED):
            for name, server in (("ours", ours), ("c", c)):
                target, directory = server.target(ups), tmp_path / f"{name}-{number}"
                started_host = our_upsmon(
                    directory, target, user=user, password=password, role=role, options=["-p"]
                )
                place = target.partition("@")[2]
                hosts.append((stack.enter_context(started_host), target, err, hint.format(place)))
        for host, target, err, hint in hosts:
            host.process.wait_output("login refused", LIMIT_S)
            wait_until(lambda host=host: "OTHER" in host.kinds(), LIMIT_S, "OTHER")  # type: ignore[misc]
            (line,) = [line for line in host.process.output().splitlines() if "login refused" in line]
            assert line.startswith(f"upsmon: error: UPS {target}: login refused: {err}")
            assert hint in line
            (notice,) = [notice for notice in host.notices() if notice.startswith("OTHER")]
            assert notice.split("|")[:2] == ["OTHER", target]
            assert hint in notice


def test_signals_and_files(tmp_path: Path) -> None:
    """The pid file names it, a second one refuses, -c reload and -c stop are obeyed."""
    with c_upsd(tmp_path, {"ups": ONLINE}) as server:
        directory = tmp_path / "host"
        # With -p, since the user it would drop to can't read a test's private directory again.
        with our_upsmon(directory, server.target("ups"), options=["-p"]) as host:
            host.process.wait_output("logged in to UPS", LIMIT_S)
            assert (directory / "upsmon.pid").read_text().strip() == str(host.process.pid)
            command = [sys.executable, "-m", "ridethrough.cli.main", "upsmon"]
            environment = c_environment(directory, directory)
            with started([*command, "-F"], env=environment, name="a second upsmon") as second:
                assert second.wait(LIMIT_S) == 1
                assert f"(pid {host.process.pid}) holds the pid file" in second.output()
            with started([*command, "-c", "reload"], env=environment) as signaller:
                assert signaller.wait(LIMIT_S) == 0
            host.process.wait_output("upsmon.conf was read again", LIMIT_S)
            with started([*command, "-c", "stop"], env=environment) as signaller:
                assert signaller.wait(LIMIT_S) == 0
            assert host.process.wait(LIMIT_S) == 0
        assert not host.down.exists()


def test_a_stale_powerdownflag_is_removed(tmp_path: Path) -> None:
    """A flag of an earlier shutdown goes at the start, with one line; a foreign file of that name stays."""
    flag = tmp_path / "killpower"
    flag.write_text("upsmon-shutdown-file")
    with (
        c_upsd(tmp_path, {"ups": ONLINE}) as server,
        our_upsmon(tmp_path / "host", server.target("ups"), extra=[f"POWERDOWNFLAG {flag}"]) as host,
    ):
        host.process.wait_output("of an earlier shutdown was there and is removed", LIMIT_S)
        assert not flag.exists()
        host.process.send_signal(signal.SIGTERM)
        assert host.process.wait(LIMIT_S) == 0
        flag.write_text("precious")
        with our_upsmon(tmp_path / "other", server.target("ups"), extra=[f"POWERDOWNFLAG {flag}"]) as other:
            other.process.wait_output("could not be removed", LIMIT_S)
            assert flag.read_text() == "precious"


def logins(server: CUpsd) -> int:
    answer = c_tool("upsc", "-c", server.target("ups")).stdout.decode()
    return len([line for line in answer.splitlines() if line.strip()])
