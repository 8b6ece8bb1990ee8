# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of ridethrough.schedule.diagram, and of the table that it draws."""

from __future__ import annotations

from ridethrough.schedule.diagram import timer_diagram
from ridethrough.schedule.timers import MOVES, Deed, Phase, Verb


def test_every_move_of_the_table_is_drawn() -> None:
    """The diagram of the docs has one arrow for each move, and begins where nothing runs."""
    drawn = timer_diagram().splitlines()
    assert drawn[:2] == ["stateDiagram-v2", "    [*] --> idle"]
    assert len(drawn) == 2 + len(MOVES)
    assert "    idle --> pending: START-TIMER - a timer begins" in drawn
    assert "    pending --> idle: time is up - CMDSCRIPT runs with the name" in drawn


def test_the_table_has_an_answer_to_everything_that_can_come() -> None:
    """No AT line can meet timers in a way that the table does not know; only a timer has a time."""
    assert set(MOVES) == {(phase, verb) for phase in Phase for verb in Verb} - {(Phase.IDLE, Verb.TIME_UP)}
    assert {deed for deed, _ in MOVES.values()} == set(Deed)
