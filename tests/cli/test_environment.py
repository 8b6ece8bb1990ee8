# SPDX-License-Identifier: GPL-2.0-or-later
"""NUT's environment variables: obeyed, survived when they hold nonsense, and documented."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest

from ridethrough.cli import arguments, upsd, upsmon
from ridethrough.client.channel import CONNECT_TIMEOUT_S

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
    assert arguments.debug_level({"NUT_DEBUG_LEVEL": text}) == level
    assert arguments.debug_level({}) == 0


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
    [(None, [], CONNECT_TIMEOUT_S), ("3", [], 3.0), ("3", ["-W", "4"], 4.0), ("0", [], CONNECT_TIMEOUT_S)],
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


def test_every_variable_is_documented() -> None:
    """Whatever of NUT's environment the code names stands in the document."""
    text = DOCUMENT.read_text()
    code = "".join(path.read_text() for path in (ROOT / "src").rglob("*.py"))
    named = set(re.findall(r'"(NUT_[A-Z_]+[A-Z])"', code)) - {"NUT_PORT"}  # a name of ours
    assert len(named) > 15
    assert {name for name in named if f"`{name}`" not in text} == set()
