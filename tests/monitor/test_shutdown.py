# SPDX-License-Identifier: GPL-2.0-or-later
"""The way down: its phases, their order, and what each asks for."""

from __future__ import annotations

import pytest

from ridethrough.monitor.diagram import life_table, shutdown_diagram
from ridethrough.monitor.life import EDGES
from ridethrough.monitor.messages import (
    AskLogins,
    Effect,
    Emit,
    LogDecision,
    RunShutdown,
    SetFsd,
    Stop,
    WritePowerdownFlag,
)
from ridethrough.monitor.settings import Settings, Supply
from ridethrough.monitor.shutdown import (
    ASK_AGAIN_S,
    COUNT_EVERY_S,
    FSD_LIMIT_S,
    MOVES,
    Fsd,
    Phase,
    Sequence,
    begin,
    counted,
    deadline,
    fsd_answer,
    heard,
    is_held,
    tick,
)

PRIMARY = Settings(supplies=(Supply("a@host"), Supply("b@host")))
SECONDARY = Settings(supplies=(Supply("a@host", primary=False),))


def kinds(effects: list[Effect]) -> list[str]:
    return [
        f"notice {effect.notice.type}" if isinstance(effect, Emit) else type(effect).__name__
        for effect in effects
        if not isinstance(effect, LogDecision)
    ]


def in_hostsync(settings: Settings = PRIMARY) -> Sequence:
    sequence, effects = begin(Sequence(), settings, 0.0)
    assert effects == [SetFsd("a@host"), SetFsd("b@host")]
    sequence, none = fsd_answer(sequence, "a@host", Fsd.SET, settings, 0.2)
    assert none == []
    sequence, effects = fsd_answer(sequence, "b@host", Fsd.FAILED, settings, 0.4)
    assert effects == [AskLogins("a@host"), AskLogins("b@host")]
    assert sequence.phase is Phase.HOSTSYNC
    return sequence


def test_a_secondary_goes_at_once() -> None:
    """SHUTDOWN is told, FINALDELAY passes, SHUTDOWNCMD is run; no flag, no FSD, no waiting for others."""
    sequence, effects = begin(Sequence(), SECONDARY, 0.0)
    assert kinds(effects) == ["notice SHUTDOWN"]
    assert deadline(sequence) == 5.0
    assert tick(sequence, SECONDARY, 4.9)[1] == []
    sequence, effects = tick(sequence, SECONDARY, 5.0)
    assert kinds(effects) == ["RunShutdown", "Logout", "Stop"]
    assert effects[-1] == Stop(0)
    assert sequence.phase is Phase.DONE
    assert deadline(sequence) is None


def test_a_primary_waits_until_the_others_have_left() -> None:
    """Logins are counted until nobody else is there on any UPS; then the flag comes before SHUTDOWNCMD."""
    sequence = in_hostsync()
    sequence, effects = counted(sequence, "a@host", 2, PRIMARY, 0.5)
    assert kinds(effects) == ["notice SHUTDOWN_HOSTSYNC"]
    sequence, effects = counted(sequence, "b@host", 0, PRIMARY, 0.5)
    assert effects == []
    sequence, effects = tick(sequence, PRIMARY, 0.4 + COUNT_EVERY_S)
    assert effects == [AskLogins("a@host"), AskLogins("b@host")]
    sequence, effects = counted(sequence, "a@host", 1, PRIMARY, 1.0)
    assert effects == []
    sequence, effects = counted(sequence, "a@host", 0, PRIMARY, 2.0)
    assert kinds(effects) == ["notice SHUTDOWN"]
    sequence, effects = tick(sequence, PRIMARY, 7.0)
    assert effects[:2] == [WritePowerdownFlag(), RunShutdown()]


def test_hostsync_ends_the_waiting() -> None:
    """A secondary that never leaves, or a count that never comes, costs HOSTSYNC and no more."""
    sequence, _ = counted(in_hostsync(), "a@host", 1, PRIMARY, 0.5)
    assert tick(sequence, PRIMARY, 15.3)[0].phase is Phase.HOSTSYNC
    sequence, effects = tick(sequence, PRIMARY, 15.4)
    assert sequence.phase is Phase.FINALDELAY
    assert "1 on a@host; logins unknown: b@host" in str(effects[0])


def test_an_unknown_count_is_not_taken_for_an_empty_one() -> None:
    """One UPS counted and one not: the primary waits."""
    assert counted(in_hostsync(), "a@host", 0, PRIMARY, 1.0)[0].phase is Phase.HOSTSYNC


def test_servers_that_do_not_answer_delay_fsd_by_a_bounded_time() -> None:
    """After FSD_LIMIT_S the counting begins without an answer."""
    sequence, _ = begin(Sequence(), PRIMARY, 0.0)
    assert tick(sequence, PRIMARY, FSD_LIMIT_S - 0.1)[0].phase is Phase.FSD_SET
    sequence, effects = tick(sequence, PRIMARY, FSD_LIMIT_S)
    assert sequence.phase is Phase.HOSTSYNC
    assert kinds(effects) == ["AskLogins", "AskLogins"]


def test_fsd_is_asked_again_where_it_failed() -> None:
    """A server that speaks again during HOSTSYNC is told FSD once more, and not twice at a time."""
    sequence = in_hostsync()
    assert heard(sequence, "a@host", fsd=True)[1] == []
    sequence, effects = heard(sequence, "b@host", fsd=False)
    assert effects == [SetFsd("b@host")]
    assert heard(sequence, "b@host", fsd=False)[1] == []
    assert fsd_answer(sequence, "b@host", Fsd.SET, PRIMARY, 3.0)[0].phase is Phase.HOSTSYNC
    assert heard(Sequence(), "b@host", fsd=False)[1] == []


def test_fsd_is_set_again_on_a_server_that_has_forgotten_it() -> None:
    """A server that was started anew would never tell its secondaries; of a dry run nobody expects FSD."""
    sequence = in_hostsync()
    sequence, effects = heard(sequence, "a@host", fsd=False)
    assert effects == [SetFsd("a@host")]
    assert heard(sequence, "a@host", fsd=False)[1] == []
    sequence, _ = fsd_answer(sequence, "a@host", Fsd.SET, PRIMARY, 3.0)
    assert heard(sequence, "a@host", fsd=True)[1] == []
    sequence, _ = fsd_answer(sequence, "a@host", Fsd.ASSUMED, PRIMARY, 4.0)
    assert heard(sequence, "a@host", fsd=False)[1] == []


def test_an_order_of_a_life_before_holds_for_its_time() -> None:
    """A SHUTDOWNCMD of this boot is given its time; one of the future is of another clock."""
    assert is_held(100.0, 100.0)
    assert is_held(100.0, 99.9 + ASK_AGAIN_S)
    assert not is_held(100.0, 100.0 + ASK_AGAIN_S)
    assert not is_held(100.0, 99.0)
    assert not is_held(None, 100.0)


def test_shutdownexit() -> None:
    """SHUTDOWNEXIT keeps the monitor for its time, or until it is ended."""
    stay = Settings(supplies=SECONDARY.supplies, shutdownexit_s=30, finaldelay_s=0)
    sequence, effects = tick(begin(Sequence(), stay, 0.0)[0], stay, 0.0)
    assert kinds(effects) == ["RunShutdown"]
    assert kinds(tick(sequence, stay, 29.9)[1]) == []
    assert kinds(tick(sequence, stay, 30.0)[1]) == ["Logout", "Stop"]
    for_ever = Settings(supplies=SECONDARY.supplies, shutdownexit_s=None, finaldelay_s=0)
    sequence, _ = tick(begin(Sequence(), for_ever, 0.0)[0], for_ever, 0.0)
    assert deadline(sequence) is None
    assert tick(sequence, for_ever, 1e9)[1] == []


def test_what_is_begun_is_not_begun_again() -> None:
    """A second reason to go down changes nothing, in any phase."""
    for phase in Phase:
        if phase is not Phase.RUNNING:
            sequence = Sequence(phase=phase)
            assert begin(sequence, PRIMARY, 9.0) == (sequence, [])


def test_strangers_are_not_counted() -> None:
    """Answers about a UPS that this host is no primary of move nothing."""
    sequence = in_hostsync()
    assert counted(sequence, "x@host", 5, PRIMARY, 1.0) == (sequence, [])
    assert fsd_answer(sequence, "x@host", Fsd.SET, PRIMARY, 1.0) == (sequence, [])
    assert counted(Sequence(), "a@host", 5, PRIMARY, 1.0) == (Sequence(), [])


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase is not Phase.DONE])
def test_every_phase_has_a_way_on(phase: Phase) -> None:
    """No phase is a trap: each leads to DONE, and none leads back."""
    order = list(Phase)
    ways = [new for (old, _), new in MOVES.items() if old is phase]
    assert ways
    assert all(order.index(new) > order.index(phase) for new in ways)


def test_the_diagram_shows_the_whole_table() -> None:
    """Every move and every edge stands in the drawn tables."""
    drawn = shutdown_diagram()
    assert all(f"--> {new.name.lower()}: {move}" in drawn for (_, move), new in MOVES.items())
    assert all(f"| {token} | {edge.appears} |" in life_table() for token, edge in EDGES.items())
