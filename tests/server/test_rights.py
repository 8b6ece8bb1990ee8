# SPDX-License-Identifier: GPL-2.0-or-later
"""Who may do what, and what is logged of refusals."""

from __future__ import annotations

import pytest

from ridethrough.config.models import Role, UpsdUsers, User
from ridethrough.config.secret import Secret
from ridethrough.server.effects import Ask, AskKind, FsdSet, Log, LoginsChanged
from tests.support.server_core import Talk, make_core, settings, users

DENIED = b"ERR ACCESS-DENIED\n"
REQUESTS = {
    "LOGIN su700": b"OK\n",
    "PRIMARY su700": b"OK PRIMARY-GRANTED\n",
    "MASTER su700": b"OK MASTER-GRANTED\n",
    "FSD su700": b"OK FSD-SET\n",
    "SET VAR su700 ups.id x": b"OK\n",
    "INSTCMD su700 beeper.mute": b"OK\n",
    "INSTCMD su700 load.off": b"OK\n",
}
# user -> what it may do of REQUESTS, by the first letters
MATRIX = {
    "admin": {"FSD", "SET", "INSTCMD su700 beeper", "INSTCMD su700 load"},
    "op": {"INSTCMD su700 beeper"},
    "setter": {"SET"},
    "prim": {"LOGIN", "PRIMARY", "MASTER", "FSD"},
    "sec": {"LOGIN"},
    "plain": set[str](),
}


@pytest.mark.parametrize("user", MATRIX)
def test_each_user_may_do_just_what_is_written(user: str) -> None:
    """Every cell of the matrix user x request: granted where upsd.users says so, denied everywhere else."""
    for request, granted in REQUESTS.items():
        expected = granted if any(request.startswith(start) for start in MATRIX[user]) else DENIED
        assert Talk(make_core()).be(user).ask(request) == expected, request


@pytest.mark.parametrize("request_line", REQUESTS)
@pytest.mark.parametrize(
    ("user", "password", "reason"),
    [
        ("admin", "A", "wrong password for user admin"),
        ("admin", "", "wrong password for user admin"),
        ("nobody", "x", "upsd.users has no user nobody"),
        ("Admin", "a", "upsd.users has no user Admin"),
        ("", "", "upsd.users has no user "),
        ("empty", "", "user empty has no password in upsd.users"),
    ],
)
def test_nobody_else_may_do_anything(user: str, password: str, reason: str, request_line: str) -> None:
    """A wrong name or password gets nothing; the log names peer, user and reason, and never a password."""
    core = make_core()
    table = {
        **users().users,
        "empty": User("empty", Secret(""), frozenset({"SET", "FSD"}), role=Role.PRIMARY),
    }
    core.reconfigure(UpsdUsers(table), settings(), [("su700", "")])
    talk = Talk(core, peer="198.51.100.7")
    assert talk.ask(f'USERNAME "{user}"') == b"OK\n"
    assert talk.ask(f'PASSWORD "{password}"') == b"OK\n"
    assert talk.ask(request_line) == DENIED
    assert talk.core.logins("su700") == ()
    logs = [effect for effect in talk.effects if isinstance(effect, Log)]
    assert len(logs) == 1
    assert not [effect for effect in talk.effects if isinstance(effect, Ask | FsdSet | LoginsChanged)]
    assert f"{user or '(nobody)'}@198.51.100.7" in logs[0].text
    assert reason in logs[0].text
    if len(password) > 1:
        assert password not in logs[0].text


def test_a_password_never_shows() -> None:
    """Neither log lines nor the session's own repr hold the password."""
    talk = Talk(make_core()).be("sec", "hunter2-wrong")
    for request in REQUESTS:
        talk.ask(request)
    shown = repr(talk.session) + "".join(repr(effect) for effect in talk.effects)
    assert "hunter2" not in shown


def test_old_words_still_grant() -> None:
    """`actions = MASTER` of old files grants PRIMARY; commands are compared without case."""
    core = make_core()
    old = User("old", Secret("o"), frozenset({"MASTER", "LOGIN"}), frozenset({"load.off"}))
    core.reconfigure(UpsdUsers({"old": old}), settings(), [("su700", "")])
    talk = Talk(core).be("old", "o")
    assert talk.ask("PRIMARY su700") == b"OK PRIMARY-GRANTED\n"
    assert talk.ask("LOGIN su700") == b"OK\n"
    assert talk.ask("INSTCMD su700 LOAD.OFF") == b"OK\n"
    assert talk.ask("INSTCMD su700 beeper.mute") == DENIED


def test_a_reload_takes_rights_away_from_open_sessions() -> None:
    """Who lost a right in upsd.users can't use it, though the session was open before."""
    core = make_core()
    talk = Talk(core).be("admin")
    assert talk.ask("INSTCMD su700 load.off") == b"OK\n"
    core.reconfigure(UpsdUsers({}), settings(), [("su700", "")])
    assert talk.ask("INSTCMD su700 load.off") == DENIED


def test_what_a_driver_is_asked() -> None:
    """The driver gets names in its own spelling, the value as it was sent, and no id without tracking."""
    talk = Talk(make_core()).be("admin")
    talk.ask('SET VAR SU700 UPS.ID "a \\"b\\""')
    talk.ask("INSTCMD su700 LOAD.OFF 30")
    talk.ask("INSTCMD su700 load.off")
    assert [effect for effect in talk.effects if isinstance(effect, Ask)] == [
        Ask("su700", AskKind.SET, "ups.id", 'a "b"', ""),
        Ask("su700", AskKind.INSTCMD, "load.off", "30", ""),
        Ask("su700", AskKind.INSTCMD, "load.off", None, ""),
    ]


def test_a_guesser_can_not_fill_the_log() -> None:
    """At most 60 refusals a minute are logged; the rest is counted and said afterwards."""
    core = make_core()
    talk = Talk(core).be("sec", "wrong")
    for _ in range(500):
        assert talk.ask("LOGIN su700") == DENIED
    assert len(talk.effects) == 60
    talk.effects.clear()
    talk.now = 61.0
    talk.ask("LOGIN su700")
    texts = [effect.text for effect in talk.effects if isinstance(effect, Log)]
    assert texts[0] == "440 more refusals in the minute before were not logged"
    assert len(texts) == 2


def test_a_log_line_stays_one_line() -> None:
    """Names with control characters or of great length are made harmless before they are logged."""
    talk = Talk(make_core())
    talk.react(b'USERNAME "\x1b[31m\xff\xe2\x80\xa8' + b"x" * 300 + b'"\nPASSWORD p\nLOGIN su700\n')
    (log,) = (effect for effect in talk.effects if isinstance(effect, Log))
    assert log.text.isprintable()
    assert len(log.text) < 400
