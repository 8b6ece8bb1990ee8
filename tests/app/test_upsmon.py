# SPDX-License-Identifier: GPL-2.0-or-later
"""`upsmon` alone: what a user reads who has forgotten something, and what -K and -c answer."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path

import pytest

from ridethrough.app.commands import CommandOutput
from ridethrough.app.upsmon import Options, describe
from ridethrough.app.upsmon_files import UpsmonError, pid_path, read_config
from ridethrough.app.voice import Voice
from ridethrough.cli import upsmon as cli
from ridethrough.cli.upsmon import main
from ridethrough.config.model_upsmon import UpsmonConf
from ridethrough.monitor.messages import Level, LogDecision
from ridethrough.privsep.errors import HelperError
from ridethrough.ups.notices import Notice, NotifyFlag, NotifyType
from tests.support.procs import started
from tests.support.vloop import run_virtual

GOOD = "MONITOR ups@localhost 1 mon secretword primary\nSHUTDOWNCMD /bin/true\nMINSUPPLIES 1\n"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NUT_CONFPATH", str(tmp_path))
    monkeypatch.setenv("NUT_PIDPATH", str(tmp_path))
    monkeypatch.delenv("NUT_DEBUG_LEVEL", raising=False)
    return tmp_path


def write(place: Path, text: str) -> None:
    path = place / "upsmon.conf"
    path.write_text(text)
    path.chmod(0o600)


FAULTS = [
    (None, "can't read {}/upsmon.conf"),
    ("SHUTDOWNCMD /bin/true\n", "has no valid MONITOR line"),
    (GOOD.replace("MINSUPPLIES 1", "MINSUPPLIES 3"), "the power values sum up to 1, MINSUPPLIES is 3"),
]


@pytest.mark.parametrize(("text", "said"), FAULTS)
def test_one_clear_line(place: Path, capsys: pytest.CaptureFixture[str], text: str | None, said: str) -> None:
    """What upsmon can't do without is said in one line of error, with exit status 1 and no traceback."""
    if text is not None:
        write(place, text)
    assert main(["upsmon", "-F"]) == 1
    told = capsys.readouterr().err
    assert said.format(place) in told.splitlines()[-1]
    assert told.splitlines()[-1].startswith("upsmon: error: ")
    assert "Traceback" not in told


def test_no_shutdowncmd_is_a_warning(place: Path) -> None:
    """Without SHUTDOWNCMD it runs, as C does, and says that the host will not be shut down."""
    said = list[str]()
    write(place, GOOD.replace("SHUTDOWNCMD /bin/true\n", ""))
    conf = read_config(dict(os.environ), lambda level, text: said.append(f"{level}: {text}")).conf
    assert conf.shutdowncmd == ""
    assert any(line.startswith("warning: ") and "has no SHUTDOWNCMD" in line for line in said)
    assert not any("secretword" in line for line in said)


def test_a_second_one_refuses(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A living upsmon's pid file is named, and nothing is started."""
    write(place, GOOD)
    with started([sys.executable, "-c", "import time; time.sleep(60)", "upsmon"]) as other:
        pid_path(dict(os.environ)).write_text(f"{other.pid}\n")
        assert main(["upsmon", "-F"]) == 1
    assert f"(pid {other.pid}) holds the pid file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "status", "said"),
    [
        (b"upsmon-shutdown-file", 0, "is set"),
        (b"upsmon-shutdown-file\n", 0, "is set"),
        (b"precious", 1, "is not from upsmon"),
        (b"", 1, "is not from upsmon"),
        (None, 1, "is not set"),
    ],
)
def test_k_looks_at_the_flag(
    place: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, status: int, said: str
) -> None:
    """-K exits with 0 only for a POWERDOWNFLAG with NUT's word in it."""
    flag = place / "killpower"
    write(place, f"{GOOD}POWERDOWNFLAG {flag}\n")
    if content is not None:
        flag.write_bytes(content)
    assert main(["upsmon", "-K"]) == status
    assert said in capsys.readouterr().err


def test_k_without_a_flag_configured(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No POWERDOWNFLAG in upsmon.conf, or no upsmon.conf: exit status 1."""
    write(place, GOOD)
    assert main(["upsmon", "-K"]) == 1
    assert "no POWERDOWNFLAG is configured" in capsys.readouterr().err
    (place / "upsmon.conf").unlink()
    assert main(["upsmon", "-K"]) == 1


def test_commands_are_signals(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """-c fsd is SIGUSR1, -P names the process; without a process, or for an unknown word, one line."""
    got = list[int]()
    before = signal.signal(signal.SIGUSR1, lambda number, frame: got.append(number))
    try:
        assert main(["upsmon", "-c", "fsd", "-P", str(os.getpid())]) == 0
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert got == [signal.SIGUSR1]
    # Any beginning of a word will do, as with C's; nothing at all will not.
    assert main(["upsmon", "-c", "", "-P", str(os.getpid())]) == 1
    assert "unknown command ''" in capsys.readouterr().err
    assert main(["upsmon", "-c", "sto"]) == 1
    assert "names no running upsmon" in capsys.readouterr().err
    assert main(["upsmon", "-c", "dance"]) == 1
    assert "it may be: fsd, reload, stop" in capsys.readouterr().err


def test_f_names_another_file(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """-f FILE is read instead of upsmon.conf, by -K as well; its name stands in the faults."""
    other, flag = place / "other.conf", place / "killpower"
    flag.write_bytes(b"upsmon-shutdown-file")
    other.write_text(f"{GOOD}POWERDOWNFLAG {flag}\nPOLLFRQ 5\n")
    assert main(["upsmon", "-K", "-f", str(other)]) == 0
    assert main(["upsmon", "-F", "-f", str(place / "none.conf")]) == 1
    assert f"can't read {place}/none.conf: the file is missing" in capsys.readouterr().err
    said: list[str] = []
    read_config(dict(os.environ), lambda level, text: said.append(text), str(other))
    assert any(line.startswith("other.conf:5: ") and "did you mean 'POLLFREQ'?" in line for line in said)


@pytest.mark.parametrize("words", [["-Z"], ["-W", "soon"], ["-c"], ["-P", "one", "-c", "stop"]])
def test_a_mistake_on_the_command_line_is_one_line(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit status 1, and where the help is; -h is 0."""
    with pytest.raises(SystemExit) as ended:
        main(["upsmon", *words])
    assert ended.value.code == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("upsmon: ")
    assert line.endswith("see: upsmon -h")
    with pytest.raises(SystemExit) as ended:
        main(["upsmon", "-h"])
    assert ended.value.code == 0


@pytest.mark.parametrize(
    ("words", "stays"),
    [([], False), (["-D"], True), (["-D", "-B"], False), (["-B", "-F"], True), (["-F", "-B"], False)],
)
def test_foreground_and_background(monkeypatch: pytest.MonkeyPatch, words: list[str], stays: bool) -> None:
    """-D stays in the foreground by itself; of -F and -B the last one counts."""
    ran: list[bool] = []
    monkeypatch.setattr(cli, "_run", lambda *_: ran.append(True))
    monkeypatch.setattr(cli, "in_background", lambda run, **_: ran.append(False))
    main(["upsmon", *words])
    assert ran == [stays]


def test_debug_min_is_as_many_d(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """DEBUG_MIN in upsmon.conf makes the voice say lines for debugging, and its end takes them back."""
    seen: list[bool] = []

    def run(env: object, options: Options, voice: Voice, ready: object) -> int:
        for level in (2, 0):
            options.debug_min(level)
            seen.append(voice.debug)
        return 0

    monkeypatch.setattr(cli, "_run", run)
    main(["upsmon", "-F"])
    main(["upsmon", "-F", "-D"])
    assert seen == [True, False, True, True]


def test_strict_c_is_read_and_said(place: Path) -> None:
    """ridethrough.toml beside upsmon.conf; a fault in it is named and costs nothing else."""
    write(place, GOOD + "MONITOR nas@other:99 0 mon secretword secondary\n")
    (place / "ridethrough.toml").write_text("strict_c = true\nstrict = 1\n")
    said: list[str] = []
    files = read_config(dict(os.environ), lambda level, text: said.append(text))
    assert said[-1].startswith("ridethrough.toml:2: warning: unknown key 'strict'")
    assert describe(files) == [
        "UPS: ups@localhost (primary) (power value 1)",
        "UPS: nas@other:99 (monitoring only)",
        "strict_c: readings are believed and silence is judged as C upsmon does it",
    ]


def test_a_monitor_that_fails_is_said(
    place: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Who protects nobody any more says so, with exit status 1; a fault that nobody caught is a line."""

    def fault() -> None:
        raise KeyError("a fault")

    async def broken(self: object) -> int:
        asyncio.get_running_loop().call_soon(fault)
        await asyncio.sleep(0)
        raise RuntimeError("a defect")

    monkeypatch.setattr("ridethrough.app.upsmon.Monitor.run", broken)
    write(place, GOOD)
    assert main(["upsmon", "-F", "-p"]) == 1
    told = capfd.readouterr().err
    assert "critical: the monitor failed, this host is NOT protected: RuntimeError('a defect')" in told
    assert "error: a fault in the program: " in told
    assert "KeyError('a fault')" in told
    assert "Traceback" not in told


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """-V names NUT's program, for scripts that look for it."""
    assert main(["upsmon", "-V"]) == 0
    assert "Network UPS Tools upsmon" in capsys.readouterr().out


def test_a_reload_with_a_fault_is_refused_in_words(place: Path) -> None:
    """UpsmonError is a line; who reloads keeps the old configuration."""
    write(place, "MONITOR nonsense\n")
    with pytest.raises(UpsmonError, match="no valid MONITOR line"):
        read_config(dict(os.environ), lambda level, text: None)


class Actions:
    """Only what CommandOutput needs; `fails` raises from everything."""

    def __init__(self, fails: bool = False) -> None:
        self.done: list[str] = []
        self._fails = fails

    async def _do(self, what: str) -> int:
        if self._fails:
            raise HelperError("the helper has ended")
        self.done.append(what)
        return 0

    def notify(self, notice: Notice) -> Coroutine[None, None, int]:
        return self._do(f"notify {notice.type} {notice.text}")

    def wall(self, text: str) -> Coroutine[None, None, int]:
        return self._do(f"wall {text}")

    async def shutdown(self) -> None:
        await self._do("shutdown")

    async def write_powerdownflag(self) -> None:
        await self._do("flag")


CONF = UpsmonConf(notifycmd="/bin/tell", shutdowncmd="/sbin/down", powerdownflag="/flag")
NOTICE = Notice(NotifyType.ONBATT, "ups@host", "UPS ups@host on battery")


def run_output(conf: UpsmonConf, actions: Actions) -> list[str]:
    said: list[str] = []

    async def play() -> None:
        output = CommandOutput(conf, actions, lambda level, text: said.append(f"{level}: {text}"))  # type: ignore[arg-type]
        output.notice(NOTICE, NotifyFlag.EXEC | NotifyFlag.SYSLOG)
        output.notice(NOTICE, NotifyFlag.SYSLOG)
        output.wall("hello")
        output.log(Level.NOTICE, "a line")
        output.decision(LogDecision("decided", {"ups.status": "OB"}))
        for deed in (output.powerdownflag(), output.shutdown()):
            try:
                await deed
            except HelperError as error:
                said.append(str(error))
        await asyncio.sleep(0.1)
        await output.close()

    run_virtual(play())
    return said


def test_commands_go_to_the_helper() -> None:
    """EXEC runs NOTIFYCMD, WALL wall; the flag and SHUTDOWNCMD are asked for; decisions show readings."""
    actions = Actions()
    said = run_output(CONF, actions)
    assert sorted(actions.done) == ["flag", "notify ONBATT UPS ups@host on battery", "shutdown", "wall hello"]
    assert "warning: decided [ups.status OB]" in said
    assert "critical: running SHUTDOWNCMD: /sbin/down" in said


def test_a_secret_in_shutdowncmd_is_not_logged() -> None:
    """Only the program is named; what it is given may be a password."""
    conf = replace(CONF, shutdowncmd="ssh -i /key root@nas 'down --token hunter2'")
    said = run_output(conf, Actions())
    assert "critical: running SHUTDOWNCMD: ssh ... (its arguments are not shown)" in said
    assert "hunter2" not in "".join(said)


def test_what_is_not_configured_is_not_asked_for() -> None:
    """No NOTIFYCMD, no flag, no SHUTDOWNCMD: nothing is run, and the last one is said loudly."""
    actions = Actions()
    said = run_output(UpsmonConf(), actions)
    assert actions.done == ["wall hello"]
    assert "critical: upsmon.conf has no SHUTDOWNCMD: this host is not shut down" in said


def test_a_dead_helper_ends_no_monitor() -> None:
    """Every failure of the helper is a line of the log."""
    said = run_output(CONF, Actions(fails=True))
    assert "warning: NOTIFYCMD for ONBATT was not run: the helper has ended" in said
    assert "warning: wall was not run: the helper has ended" in said
