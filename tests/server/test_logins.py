# SPDX-License-Identifier: GPL-2.0-or-later
"""Logins: counted, listed, told, and forgotten with their connection."""

from __future__ import annotations

from ridethrough.server.effects import LoginsChanged
from tests.support.server_core import Talk, make_core


def test_a_login_is_counted_and_listed() -> None:
    """NUMLOGINS and LIST CLIENT show the sessions, the newest connection first, for any spelling."""
    core = make_core()
    first, second = Talk(core, "192.0.2.1").be("sec"), Talk(core, "2001:db8::2").be("prim")
    assert second.ask("LOGIN SU700") == b"OK\n"
    assert first.ask("LOGIN su700") == b"OK\n"
    assert first.ask("GET NUMLOGINS su700") == b"NUMLOGINS su700 2\n"
    assert first.ask("LIST CLIENT SU700") == (
        b"BEGIN LIST CLIENT SU700\nCLIENT su700 2001:db8::2\nCLIENT su700 192.0.2.1\nEND LIST CLIENT SU700\n"
    )
    assert core.logins("su700") == ("192.0.2.1", "2001:db8::2")
    assert core.logins("none") == ()


def test_only_one_login_a_session() -> None:
    """A second LOGIN, to whichever UPS, is refused and the first one stands."""
    talk = Talk(make_core()).be("sec")
    assert talk.ask("LOGIN su700") == b"OK\n"
    for ups in ("su700", "bare", "none"):
        assert talk.ask(f"LOGIN {ups}") == b"ERR ALREADY-LOGGED-IN\n"
    assert talk.core.logins("bare") == ()


def test_a_login_works_while_the_driver_is_away() -> None:
    """A host can say that it draws power from a UPS whose driver does not run yet."""
    talk = Talk(make_core()).be("sec")
    assert talk.ask("LOGIN bare") == b"OK\n"
    assert talk.core.logins("bare") == ("192.0.2.1",)


def test_logins_are_told() -> None:
    """Each change of the logins is an effect that names those who are left."""
    core = make_core()
    first, second = Talk(core, "192.0.2.1").be("sec"), Talk(core, "192.0.2.2").be("sec")
    first.ask("LOGIN su700")
    second.ask("LOGIN su700")
    first.close()
    first.close()
    second.ask("LOGOUT")
    told = [e for e in (*first.effects, *second.effects) if isinstance(e, LoginsChanged)]
    assert told == [
        LoginsChanged("su700", ("192.0.2.1",)),  # the first one came,
        LoginsChanged("su700", ("192.0.2.2",)),  # and left
        LoginsChanged("su700", ("192.0.2.1", "192.0.2.2")),  # the second one came,
        LoginsChanged("su700", ()),  # and left
    ]
    assert core.session_count == 0
