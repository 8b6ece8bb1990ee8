# SPDX-License-Identifier: GPL-2.0-or-later
"""Which event loop upsd runs on."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from types import ModuleType

import pytest

from ridethrough.app.clock import BoottimeLoop, boottime
from ridethrough.app.loops import server_loop

Said = list[tuple[str, str]]


def factory(directory: Path, name: str = "uvloop") -> tuple[object, Said]:
    """What makes the loop, and what was said."""
    said: Said = []
    return server_loop(directory, lambda level, text: said.append((level, text)), name), said


@pytest.mark.parametrize("text", [None, "", "uvloop = false\n"])
def test_our_own_unless_asked(tmp_path: Path, text: str | None) -> None:
    """Without ridethrough.toml, or without the key."""
    if text is not None:
        (tmp_path / "ridethrough.toml").write_text(text)
    assert factory(tmp_path) == (BoottimeLoop, [])


def test_what_is_not_installed_is_said(tmp_path: Path) -> None:
    """The server runs all the same, and one line says what to install."""
    (tmp_path / "ridethrough.toml").write_text("uvloop = true\n")
    made, said = factory(tmp_path, "no_such_loop")
    assert made is BoottimeLoop
    [(level, text)] = said
    assert level == "warning"
    assert "install ridethrough[uvloop]" in text


def test_a_wrong_value_is_said_with_its_line(tmp_path: Path) -> None:
    """And counts as no."""
    (tmp_path / "ridethrough.toml").write_text('uvloop = "yes"\n')
    made, said = factory(tmp_path)
    assert made is BoottimeLoop
    assert said == [("error", "ridethrough.toml:1: uvloop: neither true nor false; it stays false")]


def test_it_is_used_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its loop, with our clock: deadlines stand on CLOCK_BOOTTIME as everywhere."""
    (tmp_path / "ridethrough.toml").write_text("uvloop = true\n")
    module = ModuleType("a_loop_module")
    vars(module)["Loop"] = asyncio.SelectorEventLoop
    monkeypatch.setitem(sys.modules, "a_loop_module", module)
    made, said = factory(tmp_path, "a_loop_module")
    assert said == []
    assert callable(made)
    with asyncio.Runner(loop_factory=made) as runner:
        assert isinstance(runner.get_loop(), asyncio.SelectorEventLoop)
        assert abs(runner.get_loop().time() - boottime()) < 1
