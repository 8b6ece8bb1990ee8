# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of both sides of the driver socket against each other."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from ridethrough.protocol import driver
from ridethrough.ups.state import Draft, Snapshot
from ridethrough.ups.variables import Variable, VarKind
from tests.support.driver_socket import connected

NAMES = st.from_regex(r"[a-z]{1,8}(\.[a-z0-9]{1,8}){1,3}", fullmatch=True)
VALUES = st.text(st.characters(min_codepoint=32, codec="utf-8"), max_size=20)
NUMBERS = st.integers(-999, 999).map(str)
SNAPSHOTS = st.builds(
    lambda variables, commands: Snapshot({v.name: v for v in variables}, frozenset(commands)),
    st.lists(
        st.builds(
            Variable,
            name=NAMES,
            value=VALUES,
            rw=st.booleans(),
            kind=st.sampled_from(VarKind),
            max_length=st.integers(0, 300),
            enum=st.lists(VALUES, max_size=3, unique=True).map(tuple),
            ranges=st.lists(st.tuples(NUMBERS, NUMBERS), max_size=3, unique=True).map(tuple),
        ),
        max_size=6,
    ),
    st.lists(NAMES, max_size=4),
)


@settings(max_examples=80)
@given(SNAPSHOTS)
def test_a_dump_arrives_whole(snapshot: Snapshot) -> None:
    """What a driver dumps is what the server holds."""
    client = connected()
    client.receive(driver.dump(snapshot, stale=False), 0.0)
    assert client.snapshot == snapshot
    assert client.ignored == 0


@settings(max_examples=80)
@given(SNAPSHOTS, SNAPSHOTS)
def test_a_diff_arrives_whole(before: Snapshot, after: Snapshot) -> None:
    """A dump and then a diff leave the server with the driver's new state."""
    draft = Draft(before)
    for name in before.variables.keys() - after.variables.keys():
        draft.delete(name)
    for variable in after.variables.values():
        draft.put(variable)
    for name in before.commands - after.commands:
        draft.delete_command(name)
    for name in after.commands:
        draft.add_command(name)
    wanted, change = draft.commit()
    client = connected()
    client.receive(driver.dump(before, stale=False), 0.0)
    client.receive(driver.diff(change, before), 0.0)
    assert client.snapshot == wanted
