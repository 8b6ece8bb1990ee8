# SPDX-License-Identifier: GPL-2.0-or-later
"""Snapshots, drafts, changes; variables; outcomes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ridethrough.ups.commands import CODES, Outcome
from ridethrough.ups.state import EMPTY, Change, Draft, Snapshot
from ridethrough.ups.status import Status
from ridethrough.ups.variables import Variable, VarKind, parse_number


def commit(base: Snapshot = EMPTY, **values: str) -> tuple[Snapshot, Change]:
    draft = Draft(base)
    for name, value in values.items():
        draft.set(name.replace("_", "."), value)
    return draft.commit()


def test_a_commit_gives_one_change_with_all_of_it() -> None:
    """Observers get one diff a poll: values, commands, status edges."""
    draft = Draft(commit(ups_status="OL CHRG", battery_charge="100", ups_load="7")[0])
    draft.set_status(Status.parse("OB CHRG"))
    draft.set("battery.charge", 99)
    draft.delete("ups.load")
    draft.delete("never.there")
    draft.add_command("load.off")
    snapshot, change = draft.commit()
    assert [(v.name, v.value) for v in change.set] == [("ups.status", "OB CHRG"), ("battery.charge", "99")]
    assert change.deleted == ("ups.load",)
    assert change.commands_added == ("load.off",)
    assert (change.status_added, change.status_removed) == (("OB",), ("OL",))
    assert snapshot.get("battery.charge") == "99"
    assert snapshot.get("ups.load", "none") == "none"
    back = Draft(snapshot)
    back.delete_command("load.off")
    assert back.commit()[1].commands_removed == ("load.off",)


def test_a_commit_without_difference_is_no_change() -> None:
    """A poll that read the same tells nobody anything, and the snapshot stays the same object."""
    first, _ = commit(ups_status="OL")
    again, change = commit(first, ups_status="OL")
    assert not change
    assert again is first


def test_a_snapshot_never_changes() -> None:
    """Whoever holds one may read it while the next poll is drafted."""
    first, _ = commit(ups_status="OL")
    draft = Draft(first)
    draft.set("ups.status", "OB")
    assert first.get("ups.status") == "OL"
    second, _ = draft.commit()
    draft.set("ups.status", "LB")
    assert second.status == Status.parse("OB")
    with pytest.raises(TypeError):
        second.variables["ups.status"] = Variable("ups.status", "LB")


def test_type_survives_a_new_value() -> None:
    """set() changes the value only; describe() of what is not there is left out."""
    draft = Draft()
    draft.describe("ups.id", rw=True)
    assert draft.variable("ups.id") is None
    draft.set("ups.id", "x")
    draft.describe("ups.id", rw=True, kind=VarKind.STRING, max_length=8)
    draft.describe("ups.id", enum=("x", "y"), ranges=(("1", "2"),))
    draft.set("ups.id", "y")
    expected = Variable("ups.id", "y", True, VarKind.STRING, 8, ("x", "y"), (("1", "2"),))
    assert draft.variable("ups.id") == expected
    assert draft.names() == ("ups.id",)
    assert draft.get("ups.id") == "y"
    assert draft.get("none", "default") == "default"
    assert draft.status == Status.EMPTY


def test_numbers_are_nuts_notation_only() -> None:
    """A comma, an exponent or NaN is no number that anything is decided on."""
    snapshot, _ = commit(battery_charge="99.5", ups_load="1,5", battery_runtime="1e4")
    assert snapshot.number("battery.charge") == 99.5
    assert snapshot.number("ups.load") is None
    assert snapshot.number("battery.runtime") is None
    assert snapshot.number("not.there") is None
    assert [parse_number(text) for text in ("nan", "inf", "", " 1", "٣", "-2.", ".5", "+3")] == [
        None,
        None,
        None,
        None,
        None,
        -2.0,
        0.5,
        3.0,
    ]


@pytest.mark.parametrize(
    ("variable", "words"),
    [
        (Variable("a", "1"), "NUMBER"),
        (Variable("a", "1", rw=True), "RW NUMBER"),
        (Variable("a", "x", True, VarKind.STRING, 32), "RW STRING:32"),
        (Variable("a", "x", True, enum=("x",)), "RW ENUM NUMBER"),
        (Variable("a", "5", ranges=(("1", "9"),)), "RANGE NUMBER"),
    ],
)
def test_type_words_are_those_of_upsd(variable: Variable, words: str) -> None:
    """The bytes after TYPE."""
    assert variable.type_words() == words


@pytest.mark.parametrize(
    ("variable", "value", "refusal"),
    [
        (Variable("a", "1"), "2", "READONLY"),
        (Variable("a", "x", True, VarKind.STRING, 3), "abcd", "TOO-LONG"),
        (Variable("a", "x", True, VarKind.STRING, 3), "äb", None),
        (Variable("a", "x", True, VarKind.STRING, 3), "ääb", "TOO-LONG"),
        (Variable("a", "x", True, enum=("x", "y")), "z", "INVALID-VALUE"),
        (Variable("a", "x", True, enum=("x", "y")), "y", None),
        (Variable("a", "5", True, ranges=(("1", "3"), ("7", "9"))), "8", None),
        (Variable("a", "5", True, ranges=(("1", "3"), ("7", "9"))), "5", "INVALID-VALUE"),
        (Variable("a", "5", True, ranges=(("1", "3"),)), "two", "INVALID-VALUE"),
        (Variable("a", "5", True), "anything", None),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_the_err_word(
    variable: Variable, value: str, refusal: str | None
) -> None:
    """SET answers what upsd answers."""
    assert variable.refusal(value) == refusal


def test_outcomes_and_their_codes() -> None:
    """The numbers of the driver socket; an unknown one is a failure, never a success."""
    assert [Outcome.of_code(outcome.code) for outcome in CODES] == list(Outcome)
    assert Outcome.of_code(-1) is Outcome.FAILED
    assert Outcome.of_code(99) is Outcome.FAILED


names = st.sampled_from(["a", "b", "c", "ups.status"])


@given(st.lists(st.tuples(names, st.sampled_from(["", "1", "OL", "OB LB"]))), st.lists(names))
def test_base_and_change_give_the_new_snapshot(values: list[tuple[str, str]], gone: list[str]) -> None:
    """An observer that applies each change holds what the driver holds."""
    base, _ = commit(a="1", ups_status="OL")
    draft = Draft(base)
    for name, value in values:
        draft.set(name, value)
    for name in gone:
        draft.delete(name)
    new, change = draft.commit()
    applied = {**base.variables, **{variable.name: variable for variable in change.set}}
    assert {name: v for name, v in applied.items() if name not in change.deleted} == new.variables
