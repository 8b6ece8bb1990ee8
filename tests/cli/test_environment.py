# SPDX-License-Identifier: GPL-2.0-or-later
"""NUT's environment variables: obeyed, survived when they hold nonsense, and documented."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest

from ridethrough.cli import upsd, upsmon
from ridethrough.client.channel import CONNECT_TIMEOUT_S
from ridethrough.config import environment

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs/files-and-signals.md"


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No configuration: every daemon ends at once, having said who it is."""
    for name in ("NUT_CONFPATH", "NUT_STATEPATH", "NUT_PIDPATH", "NUT_ALTPIDPATH"):
        monkeypatch.setenv(name, str(tmp_path))
    for name in ("NUT_QUIET_INIT_BANNER", "NUT_DEBUG_LEVEL", "NUT_DEFAULT_CONNECT_TIMEOUT"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("module", [upsd, upsmon])
@pytest.mark.parametrize(
    ("value", "said"), [(None, True), ("false", True), ("true", False), ("TRUE", False), ("", False)]
)
def test_the_banner_can_be_hushed(
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    module: ModuleType,
    value: str | None,
    said: bool,
) -> None:
    """NUT_QUIET_INIT_BANNER empty or true leaves the first line out; what is wrong is said all the same."""
    if value is not None:
        monkeypatch.setenv("NUT_QUIET_INIT_BANNER", value)
    name = module.__name__.rpartition(".")[2]
    assert module.main([name, "-F"]) == 1
    errors = capfd.readouterr().err
    assert (f"Network UPS Tools {name}" in errors) is said
    assert f"{name}: error: " in errors


@pytest.mark.parametrize(
    ("text", "level"), [("", 0), ("0", 0), ("3", 3), ("-1", 0), ("much", 0), ("9" * 5000, 0)]
)
def test_the_debug_level(text: str, level: int) -> None:
    """NUT_DEBUG_LEVEL is a small number; anything else counts as none."""
    assert environment.debug_level({"NUT_DEBUG_LEVEL": text}) == level
    assert environment.debug_level({}) == 0


@pytest.mark.parametrize("module", [upsd, upsmon])
def test_nonsense_is_survived(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, module: ModuleType
) -> None:
    """A variable that holds nonsense costs a warning at most."""
    monkeypatch.setenv("NUT_DEBUG_LEVEL", "9" * 5000)
    monkeypatch.setenv("NUT_DEFAULT_CONNECT_TIMEOUT", "soon")
    assert module.main(["prog", "-F"]) == 1
    errors = capfd.readouterr().err
    assert "Traceback" not in errors
    if module is upsmon:
        assert "warning: NUT_DEFAULT_CONNECT_TIMEOUT 'soon' is ignored" in errors


@pytest.mark.parametrize(
    ("text", "options", "limit_s"),
    [(None, [], CONNECT_TIMEOUT_S), ("3", [], 3.0), ("3", ["-W", "4"], 4.0), ("0", [], 86400.0)],
)
def test_how_long_upsmon_tries_to_connect(
    monkeypatch: pytest.MonkeyPatch, text: str | None, options: list[str], limit_s: float
) -> None:
    """-W, else NUT_DEFAULT_CONNECT_TIMEOUT, else NUT's default."""
    if text is not None:
        monkeypatch.setenv("NUT_DEFAULT_CONNECT_TIMEOUT", text)
    seen: list[float] = []
    monkeypatch.setattr(upsmon, "_run", lambda env, chosen, voice, ready: seen.append(chosen.connect_limit_s))
    upsmon.main(["upsmon", "-F", *options])
    assert seen == [limit_s]


# All that the newest programs of C NUT read.
READ_BY_C = """
ALLOW_NO_DEVICE ALLOW_NOT_ALL_LISTENERS CONTENT_LENGTH HOME LD_LIBRARY_PATH LD_LIBRARY_PATH_32
LD_LIBRARY_PATH_64 LIBUSB_DEBUG NOTIFYTYPE NOTIFY_SOCKET NUT_ALTPIDPATH NUT_AUTHCONF_FILE NUT_AUTHCONF_PATH
NUT_CONFPATH NUT_DEBUG_LEVEL NUT_DEBUG_PID NUT_DEBUG_PROCNAME NUT_DEBUG_SYSLOG NUT_DEFAULT_CONNECT_TIMEOUT
NUT_IGNORE_CHECKPROCNAME NUT_IGNORE_NOWAIT NUT_PIDPATH NUT_QUIET_INIT_BANNER NUT_QUIET_INIT_LISTENER
NUT_QUIET_INIT_NDE_WARNING NUT_QUIET_INIT_SSL NUT_QUIET_INIT_UPSNOTIFY NUT_QUIET_OK_NOTRACKING NUT_STATEPATH
NUT_SYSMAXCONN_LIMIT PATH QUERY_STRING SERVER_SOFTWARE TEMP TEMPDIR TMP TMPDIR UPSNAME WATCHDOG_PID
WATCHDOG_USEC
"""


def test_every_variable_of_c_is_documented() -> None:
    """Obeyed or not, the document says what becomes of it."""
    text = DOCUMENT.read_text()
    assert [name for name in READ_BY_C.split() if f"`{name}`" not in text] == []


@pytest.mark.parametrize(
    ("word", "target", "unknown"),
    [
        ("stderr", "stderr", ""),
        ("none", "none", ""),
        ("false", "none", ""),
        ("default", "syslog", ""),
        ("", "syslog", ""),
        ("journal", "syslog", "journal"),
    ],
)
def test_where_the_log_is(word: str, target: str, unknown: str) -> None:
    """NUT_DEBUG_SYSLOG has few words; another one counts as none, and can be told."""
    assert environment.log_target({"NUT_DEBUG_SYSLOG": word}) == target
    assert environment.unknown_log_target({"NUT_DEBUG_SYSLOG": word}) == unknown
    assert environment.log_target({}) == "syslog"
    assert environment.unknown_log_target({}) == ""


@pytest.mark.parametrize(
    ("word", "ignored"),
    [("true", True), ("YES", True), ("on", True), ("1", True), ("false", False), ("", False), ("2", False)],
)
def test_whether_names_of_processes_count(word: str, ignored: bool) -> None:
    """NUT_IGNORE_CHECKPROCNAME is a yes in NUT's words, anything else is a no."""
    assert environment.any_name({"NUT_IGNORE_CHECKPROCNAME": word}) is ignored
    assert environment.any_name({}) is False


def test_every_variable_is_documented() -> None:
    """Whatever of NUT's environment the code names stands in the document."""
    text = DOCUMENT.read_text()
    code = "".join(path.read_text() for path in (ROOT / "src").rglob("*.py"))
    named = set(re.findall(r'"(NUT_[A-Z_]+[A-Z])"', code)) - {"NUT_PORT"}  # a name of ours
    assert len(named) > 15
    assert {name for name in named if f"`{name}`" not in text} == set()
