# SPDX-License-Identifier: GPL-2.0-or-later
"""Notice types, texts and the vocabulary."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ridethrough.ups import units
from ridethrough.ups.notices import (
    DEFAULT_FLAGS,
    DEFAULT_MESSAGES,
    WITHOUT_UPS,
    NotifyFlag,
    NotifyType,
    render,
)
from ridethrough.ups.vocabulary import COMMANDS, VARIABLES, describe_command, describe_variable


def test_every_type_has_a_text_and_names_its_ups() -> None:
    """No notice leaves without words; those of a UPS name it."""
    assert set(DEFAULT_MESSAGES) == set(NotifyType)
    for kind, text in DEFAULT_MESSAGES.items():
        if kind not in WITHOUT_UPS:
            assert "myups@host" in render(text, "myups@host", "detail")


def test_by_default_notices_go_to_syslog_and_wall() -> None:
    """NUT's default; EXEC is asked for."""
    assert DEFAULT_FLAGS == NotifyFlag.SYSLOG | NotifyFlag.WALL
    assert not NotifyFlag.IGNORE


@pytest.mark.parametrize(
    ("template", "values", "text"),
    [
        ("UPS %s: [%s]", ("u@h", "alarm"), "UPS u@h: [alarm]"),
        ("UPS %s: [%s]", ("u@h",), "UPS u@h: []"),
        ("no place", ("u@h",), "no place"),
        ("100%% of %s, 5% more %d", ("u",), "100% of u, 5% more %d"),
        ("%s", ("%s",), "%s"),
        ("at the end %", (), "at the end %"),
    ],
)
def test_templates_render_without_surprises(template: str, values: tuple[str, ...], text: str) -> None:
    """What a user writes in NOTIFYMSG can be odd; it never fails and never reads beyond."""
    assert render(template, *values) == text


@given(st.text(), st.lists(st.text(), max_size=3))
def test_no_template_raises(template: str, values: list[str]) -> None:
    """Whatever it holds."""
    render(template, *values)


def test_descriptions() -> None:
    """GET DESC has words for what is common, and None for what nobody knows."""
    assert describe_variable("ups.status")
    assert describe_command("LOAD.OFF") == COMMANDS["load.off"]
    assert describe_variable("no.such") is None
    assert describe_command("no.such") is None
    assert all(text and '"' not in text for text in (*VARIABLES.values(), *COMMANDS.values()))


def test_units_are_numbers() -> None:
    """A unit costs nothing at run time."""
    assert units.Seconds(1.5) == 1.5
