# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line of our drivers."""

from __future__ import annotations

import pytest

from ridethrough.cli.driver_args import (
    BACKGROUND,
    FOREGROUND,
    FOREGROUND_WITH_PID_FILE,
    command_of,
    listed,
    parser_of,
)


@pytest.mark.parametrize(
    ("words", "place"),
    [
        ("", None),
        ("-D", None),
        ("-F", FOREGROUND),
        ("-D -F", FOREGROUND),
        ("-FF", FOREGROUND_WITH_PID_FILE),
        ("-F -D -F", FOREGROUND_WITH_PID_FILE),
        ("-FF -B", BACKGROUND),
        ("-DB", BACKGROUND),
        ("-B -F", FOREGROUND),
    ],
)
def test_the_last_word_on_the_place_counts(words: str, place: int | None) -> None:
    """-F after -B wins, and -B after -F; two -F ask for a pid file."""
    assert parser_of("dummy-ups").parse_args(["-a", "u", *words.split()]).place == place


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("reload", "reload"),
        ("reload-or-exit", "reload-or-exit"),
        ("reload-or", "reload-or-error"),
        ("rel", "reload-or-error"),
        ("e", "exit"),
        ("dump", "dump"),
        ("data", "data-dump"),
        ("s", "stop"),
        ("", None),
        ("reloads", None),
    ],
)
def test_words_of_c(text: str, command: str | None) -> None:
    """A whole word means itself; the beginning of one the first that NUT would try."""
    assert command_of(text) == command


def test_help_and_list(capsys: pytest.CaptureFixture[str]) -> None:
    """-h shows every setting with what it means, and -L for programs to read."""
    with pytest.raises(SystemExit) as ended:
        parser_of("simulated-ups").parse_args(["-h"])
    assert ended.value.code == 0
    assert "capacity_wh=VALUE  energy of the full battery, in Wh" in capsys.readouterr().out
    assert 'VALUE capacity_wh "energy of the full battery, in Wh"' in listed("simulated-ups")
    assert any(line.startswith("FLAG repeater_disable_strict_start ") for line in listed("dummy-ups"))


@pytest.mark.parametrize("words", ["-Z", "-i 0", "-d x", "-d 0", "word"])
def test_mistakes(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A mistake is one line, and NUT's status 1."""
    with pytest.raises(SystemExit) as ended:
        parser_of("dummy-ups").parse_args(words.split())
    assert ended.value.code == 1
    assert len(capsys.readouterr().err.splitlines()) == 1
