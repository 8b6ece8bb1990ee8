# SPDX-License-Identifier: GPL-2.0-or-later
"""Guide 003 from end to end under `ridethrough serve`: as real processes, and on the virtual clock."""

from __future__ import annotations

import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.guides import guide003, played
from tests.guides.guide003 import Guide003
from tests.guides.serving import MAIN, events, mains, run, serving, timers
from tests.support.ports import free_port
from tests.support.wait import wait_until

EXPIRED = "-t upssched ONBATT timer expired"
TRIGGERED = "-t upssched Triggering cluster shutdown"
UNKNOWN = "-t upssched Unknown upssched-cmd: earlyshutdown"
LATE_S = 1.5  # how late a real timer may be
NEARLY_LOW = {"pollinterval": "1", "capacity_wh": "20", "charge": "20.6"}
# At 20 % there are some 2 minutes left.
HOLDING_OUT = {**NEARLY_LOW, "capacity_wh": "60"}


@pytest.fixture
def root() -> Iterator[Path]:
    """A directory with a short path (sockets), which other users may enter."""
    with tempfile.TemporaryDirectory(prefix="rt-") as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)


def simulated(root: Path, upsmon: str = "", **options: str) -> Guide003:
    chosen = {"pollinterval": "1", **options}
    return guide003.install(root, free_port(), driver="simulated-ups", options=chosen, upsmon=upsmon)


def environment(guide: Guide003) -> dict[str, str]:
    return {**os.environ, **guide.environment()}


# -- real processes ---------------------------------------------------------------------------------


def test_the_guides_test_commands_act_through_the_running_serve(root: Path) -> None:
    """`upsc`, `upssched test`, `upsschedctl cancel` and `start onbatt 5`, typed as the guide has them."""
    guide = simulated(root)
    with serving(guide):
        read = run(guide, root / "sbin/upsc", f"cyberpower@localhost:{guide.port}", "ups.status")
        assert read.stdout == "OL\n"
        tested = run(guide, guide.upssched, "test", "ONBATT", "cyberpower")
        assert (tested.returncode, tested.stderr) == (0, "")
        script = guide.etc / "upssched-cmd"
        assert tested.stdout.splitlines() == [
            "upssched.conf:7: AT ONBATT * START-TIMER onbatt 30:"
            f" starts timer onbatt; after 30 seconds runs {script} onbatt",
            "upssched.conf:12: AT ONBATT * START-TIMER earlyshutdown 300:"
            f" starts timer earlyshutdown; after 300 seconds runs {script} earlyshutdown",
        ]
        assert timers(guide) == ["onbatt", "earlyshutdown"]
        for name in ("onbatt", "earlyshutdown"):
            assert run(guide, guide.upsschedctl, "cancel", name).stdout == f"timer {name} cancelled\n"
        assert timers(guide) == []
        assert run(guide, guide.upsschedctl, "start", "onbatt", "5").returncode == 0
        assert timers(guide) == ["onbatt"]
        wait_until(lambda: guide.logged, 10, "the timer started by hand")
        assert guide.logged == [EXPIRED]
        (started,) = [each for each in events(guide, "log") if "New timer: onbatt (5 s" in each["text"]]
        (ended,) = [each for each in events(guide, "log") if "Event: onbatt" in each["text"]]
        assert 4.99 < ended["t"] - started["t"] < 5 + LATE_S
        run(guide, guide.upssched, "test", "LOWBATT", "cyberpower")
        wait_until(lambda: guide.cluster_shutdowns, 10, "the shutdown program")
        (call,) = guide.calls("cluster_shutdown")
        assert (call.type, call.ups, call.words) == ("LOWBATT", "cyberpower", "--reason nut_lowbat")
        # No timer daemon was started beside serve.
        assert not (guide.run / "upssched.pipe").exists()
        assert guide.shutdowns == []


@pytest.mark.parametrize("user", ["root", "nut"])
def test_low_battery_runs_the_program_and_then_shuts_down(root: Path, user: str) -> None:
    """LOWBATT calls the guide's program at once, SHUTDOWN calls it again, SHUTDOWNCMD runs once, flag set.

    RUN_AS_USER root is what the scripts run as, also where the core itself has become `nut`.
    """
    guide = simulated(root, "FINALDELAY 1\n", **NEARLY_LOW)
    if user != "root":
        if os.geteuid() != 0 or not any(entry.pw_name == user for entry in pwd.getpwall()):
            pytest.skip(f"only root can become {user}, where there is one")
        shutil.chown(guide.run, user)
    with serving(guide, user=user) as serve:
        assert not guide.powerdownflag.exists()
        mains(guide, "off")
        wait_until(lambda: guide.shutdowns, 20, "SHUTDOWNCMD")
        # They run side by side, so either may have written first.
        calls = sorted(guide.calls("cluster_shutdown"), key=lambda call: call.type)
        assert [(call.uid, call.type, call.words) for call in calls] == [
            (os.geteuid(), "LOWBATT", "--reason nut_lowbat"),
            (os.geteuid(), "SHUTDOWN", "--reason nut_lowbat"),
        ]
        assert [call.ups for call in calls] == [f"cyberpower@127.0.0.1:{guide.port}", ""]
        assert calls[0].text == f"UPS cyberpower@127.0.0.1:{guide.port} battery is low"
        assert guide.logged == [TRIGGERED, TRIGGERED]
        assert guide.powerdownflag.read_bytes() == b"upsmon-shutdown-file"
        notices = {each["type"]: each["t"] for each in events(guide, "notice")}
        assert list(notices) == ["ONBATT", "LOWBATT", "FSD", "SHUTDOWN"]
        if os.geteuid() == 0:
            status = Path(f"/proc/{serve.pid}/status").read_text("ascii", "replace")
            assert f"\nUid:\t{pwd.getpwnam(user).pw_uid}\t" in status
        # The UPS stays on battery, and low: nothing is done a second time.
        mains(guide, "on")
        wait_until(lambda: "mains is back" in serve.output(), 5, "the mains")
    assert guide.shutdowns == ["-h +0"]
    assert len(guide.cluster_shutdowns) == 2


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_the_thirty_seconds_really_run_under_serve(root: Path) -> None:
    """Mains off, ONBATT, and 30 s later the dispatcher; mains on, and the 300 s timer is called off."""
    guide = simulated(root)
    with serving(guide):
        mains(guide, "off")
        wait_until(lambda: timers(guide), 10, "the timers")
        assert timers(guide) == ["onbatt", "earlyshutdown"]
        wait_until(lambda: guide.logged, 40, "the 30 s timer")
        (call,) = guide.calls("logger")
        assert call.words == EXPIRED
        assert (call.type, call.ups) == ("ONBATT", f"cyberpower@127.0.0.1:{guide.port}")
        wait_until(lambda: events(guide, "ran"), 5, "the end of the dispatcher")
        (ran,) = events(guide, "ran")
        (onbatt,) = [each for each in events(guide, "notice") if each["type"] == "ONBATT"]
        assert (ran["command"], ran["status"]) == ("onbatt", 0)
        assert 29.99 < ran["t"] - onbatt["t"] < 30 + LATE_S
        assert timers(guide) == ["earlyshutdown"]
        mains(guide, "on")
        wait_until(lambda: not timers(guide), 10, "the end of the timers")
        assert [each["type"] for each in events(guide, "notice")] == ["ONBATT", "ONLINE"]
    assert guide.logged == [EXPIRED]
    assert guide.cluster_shutdowns == guide.shutdowns == []


@pytest.mark.parametrize(
    "ups_conf",
    [
        pytest.param(guide003.UPS_CONF, id="quoted"),
        pytest.param(guide003.UPS_CONF_OPEN_QUOTE, id="open quote"),
    ],
)
def test_the_unedited_files_are_served_and_not_taken_for_protection(root: Path, ups_conf: str) -> None:
    """With nothing but the driver changed the UPS can be read, and serve says that it protects nobody."""
    guide = replace(unedited(root, ups_conf.replace("usbhid-ups", "simulated-ups")), port=free_port())
    with serving(guide, logged_in=False) as serve:
        read = run(guide, *MAIN, "upsc", f"cyberpower@localhost:{guide.port}", "ups.status")
        assert read.stdout == "OL\n"
        assert "upsmon.conf: error: no SHUTDOWNCMD" in serve.output()
        serve.wait_output("no UPS is monitored (MONITOR): nothing will shut this host down", 5)
        assert run(guide, *MAIN, "status").returncode == 1


# -- the virtual clock ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("story", "done", "logged", "left"),
    [
        pytest.param(
            [(0, "mains off")],
            [(30.0, "CMDSCRIPT onbatt"), (300.0, "CMDSCRIPT earlyshutdown")],
            [EXPIRED, UNKNOWN],
            ["onbatt earlyshutdown"],
            id="nobody comes",
        ),
        pytest.param(
            [(0, "mains off"), (299, "mains on")],
            [(30.0, "CMDSCRIPT onbatt")],
            [EXPIRED],
            ["onbatt earlyshutdown", ""],
            id="back at 299 s",
        ),
        pytest.param(
            [(0, "mains off"), (29, "mains on"), (40, "mains off"), (50, "mains on")],
            [],
            [],
            ["onbatt earlyshutdown", "", "onbatt earlyshutdown", ""],
            id="ONLINE cancels both, each time",
        ),
    ],
)
def test_the_300_seconds_on_the_virtual_clock(
    root: Path,
    story: list[tuple[float, str]],
    done: list[tuple[float, str]],
    logged: list[str],
    left: list[str],
) -> None:
    """The same files in the same house: `earlyshutdown` fires 300 s after ONBATT, and not if ONLINE came."""
    guide = simulated(root)
    guide.find_logger()
    seen = played.play(guide.etc, guide.run, environment(guide), story, 400)
    onbatt = seen.at("ONBATT")
    assert onbatt < 1
    assert [(round(at - onbatt, 1), what) for at, what in seen.done] == done
    assert guide.logged == logged
    assert [after for _, _, after in seen.timers] == left
    assert guide.shutdowns == []


# -- what `check` says, and the corrected example ------------------------------------------------------


def check(guide: Guide003) -> list[str]:
    """The lines of `ridethrough check`."""
    done = run(guide, *MAIN, "check", "--config", guide.etc)
    lines = done.stdout.splitlines()
    assert done.returncode == any(": error: " in line for line in lines), done
    assert done.stderr == ""
    return lines


def unedited(root: Path, ups_conf: str) -> Guide003:
    """The guide's files and nothing else, as its reader has them on a fresh machine."""
    guide = Guide003(root, 3493)
    guide003.make_directories(guide)
    files = {
        "ups.conf": ups_conf,
        "nut.conf": guide003.NUT_CONF,
        "upsmon.conf": guide003.moved(guide003.UPSMON_CONF, root),
        "upssched.conf": guide003.moved(guide003.UPSSCHED_CONF, root),
        "upssched-cmd": guide003.moved(guide003.DISPATCHER, root),
    }
    for name, text in files.items():
        (guide.etc / name).write_text(text, "utf-8")
        (guide.etc / name).chmod(0o755 if name == "upssched-cmd" else 0o640)
    return guide


FAULTS = [
    "upsmon.conf: error: no UPS is monitored; write: MONITOR ",
    "upsmon.conf: error: no SHUTDOWNCMD, ",
    "upsmon.conf: warning: no POWERDOWNFLAG, ",
    "upsd.conf: error: the file is missing in ",
    "upsd.users: error: the file is missing in ",
    "upsmon.conf:2: warning: {root}/sbin/upssched is not there: ",
    "upssched.conf:12: warning: upssched-cmd does not mention earlyshutdown, ",
    "upssched-cmd:11: warning: {root}/usr/local/bin/cluster_shutdown.py is not there; ",
    "{root}/etc/nut: 4 errors, 4 warnings",
]


def test_check_names_every_fault_of_the_unedited_guide(root: Path) -> None:
    """What the guide leaves out or gets wrong is named, each with its file, and nothing else is."""
    found = check(unedited(root, guide003.UPS_CONF))
    expected = [fault.format(root=root) for fault in FAULTS]
    assert len(found) == len(expected), found
    for line, start in zip(found, expected, strict=True):
        assert line.startswith(start)


def test_check_names_the_open_quote_of_the_guides_second_example(root: Path) -> None:
    """The `desc` that is never closed is an error on its own line."""
    found = check(unedited(root, guide003.UPS_CONF_OPEN_QUOTE))
    assert found[0].startswith('ups.conf:4: error: the quote (") opened on this line is not closed ')


def test_check_finds_a_dispatcher_that_is_missing_or_not_executable(root: Path) -> None:
    """`chmod 755`, which the guide asks for and people forget, is an error with that very command."""
    guide = simulated(root)
    script = guide.etc / "upssched-cmd"
    script.chmod(0o644)
    assert f"upssched.conf:1: error: CMDSCRIPT {script} is not executable; run: chmod 755 {script}" in (
        check(guide)
    )
    script.unlink()
    assert any(f"CMDSCRIPT {script}: No such file or directory" in line for line in check(guide))


def test_the_corrected_example_has_no_fault(root: Path) -> None:
    """`ridethrough check` has nothing to say about examples/guide-003."""
    guide = guide003.install_example(root, 3493)
    assert check(guide) == [f"{guide.etc}: 0 errors, 0 warnings"]


SLOWLY = "#!/bin/sh\nsleep 1\n"


def test_the_corrected_example_keeps_the_guides_promise(root: Path) -> None:
    """Mains lost, low battery: the cluster first, with 60 s of time, then POWERDOWNFLAG and SHUTDOWNCMD."""
    guide = guide003.install_example(root, free_port(), driver="simulated-ups", options=HOLDING_OUT)
    guide.find_logger()
    program = root / "usr/local/bin/cluster_shutdown.py"
    program.write_text(SLOWLY + program.read_text("utf-8"), "utf-8")
    seen = played.play(guide.etc, guide.run, environment(guide), [(0, "mains off")], 100)
    assert [kind for _, kind in seen.notices] == ["ONBATT", "LOWBATT", "FSD", "SHUTDOWN"]
    low = seen.at("LOWBATT")
    assert 1 < low < 30
    assert seen.when("CMDSCRIPT emergency-shutdown")[0] == round(low, 1)
    # Both notices ask for it; the lock lets one run at a time.
    assert guide.cluster_shutdowns == ["--reason nut_lowbat"]
    assert seen.when("SHUTDOWNCMD") == [round(seen.at("SHUTDOWN") + 60, 1)]
    assert [what for _, what in seen.done if what.isupper()] == ["POWERDOWNFLAG", "SHUTDOWNCMD"]
    assert guide.shutdowns == ["-h +0"]
    assert guide.powerdownflag.exists()


def test_the_corrected_early_shutdown_brings_the_host_down(root: Path) -> None:
    """`earlyshutdown` orders FSD by `upsmon -c fsd`, which leads to the cluster and to SHUTDOWNCMD."""
    guide = guide003.install_example(root, free_port(), driver="simulated-ups", options={"pollinterval": "1"})
    conf = guide.etc / "upsmon.conf"
    conf.write_text(conf.read_text("utf-8").replace("FINALDELAY 60", "FINALDELAY 1"), "utf-8")
    with serving(guide):
        mains(guide, "off")
        wait_until(lambda: timers(guide), 10, "the timers")
        assert run(guide, guide.upsschedctl, "start", "earlyshutdown", "0").returncode == 0
        wait_until(lambda: guide.shutdowns, 20, "SHUTDOWNCMD")
        assert guide.cluster_shutdowns == ["--reason nut_lowbat"]
        assert [each["type"] for each in events(guide, "notice")] == ["ONBATT", "FSD", "SHUTDOWN"]
        assert guide.logged == [
            "-t upssched on battery for 300 s: shutting down",
            "-t upssched shutting the cluster down (SHUTDOWN)",
        ]
        assert guide.powerdownflag.exists()
    assert guide.shutdowns == ["-h +0"]
