# SPDX-License-Identifier: GPL-2.0-or-later
"""The server's core: the exact bytes of every verb, and when they may be repeated."""

from __future__ import annotations

import pytest

from ridethrough.server.answers import Answers
from ridethrough.server.core import VERBS
from ridethrough.server.effects import Drop, Level, Log, LoginsChanged
from ridethrough.ups.state import Freshness
from ridethrough.wire.words import Line
from tests.support.server_core import Talk, make_core, settings, users, view
from tests.support.server_replies import ADMIN, PLAIN, UNKNOWN_UPS


@pytest.mark.parametrize("line", PLAIN)
def test_replies_without_a_user(line: str) -> None:
    """Each request of a nameless session is answered with exactly these bytes, also the second time."""
    talk = Talk(make_core())
    assert talk.ask(line) == PLAIN[line]
    assert talk.ask(line) == PLAIN[line]


@pytest.mark.parametrize("line", ADMIN)
def test_replies_to_an_administrator(line: str) -> None:
    """Each request of a session with rights is answered with exactly these bytes."""
    assert Talk(make_core()).be("admin").ask(line) == ADMIN[line]


def test_every_verb_is_in_the_tables() -> None:
    """No verb is without an exact test of its bytes."""
    assert {line.split()[0].upper() for line in (*PLAIN, *ADMIN)} >= set(VERBS)


def test_password_is_asked_for_after_the_name() -> None:
    """A session with a name but no password is told which of the two is missing."""
    talk = Talk(make_core())
    assert talk.ask("USERNAME prim") == b"OK\n"
    assert talk.ask("LOGIN su700") == b"ERR PASSWORD-REQUIRED\n"


def test_name_and_password_only_once() -> None:
    """A second USERNAME or PASSWORD is refused and changes nothing."""
    talk = Talk(make_core()).be("prim")
    assert talk.ask("USERNAME admin") == b"ERR ALREADY-SET-USERNAME\n"
    assert talk.ask("PASSWORD a") == b"ERR ALREADY-SET-PASSWORD\n"
    assert talk.ask("LOGIN su700") == b"OK\n"


def test_several_requests_in_one_batch_are_one_reply() -> None:
    """Pipelined requests are answered in order in one piece."""
    reply = Talk(make_core()).react(b"NETVER\nGET VAR su700 ups.status\nNOSUCH\nNETVER\n").reply
    assert reply == b'1.3\nVAR su700 ups.status "OL"\nERR UNKNOWN-COMMAND\n1.3\n'


def test_a_request_in_pieces() -> None:
    """Where the bytes are cut does not matter, also after the request is known by heart."""
    talk = Talk(make_core())
    line = b"GET VAR su700 ups.status\n"
    assert talk.react(line).reply == b'VAR su700 ups.status "OL"\n'
    for cut in range(1, len(line)):
        assert talk.react(line[:cut]).reply == b""
        assert talk.react(line[cut:]).reply == b'VAR su700 ups.status "OL"\n'


def test_a_known_line_inside_an_open_quote_is_not_answered() -> None:
    """A line that is known by heart means something else inside quotes, and is read so."""
    talk = Talk(make_core())
    talk.ask("NETVER")
    talk.ask("GET VAR su700 ups.status")
    assert talk.react(b'USERNAME "a\nGET VAR su700 ups.status\nb"\n').reply == b"OK\n"
    assert talk.session.username == "aGET VAR su700 ups.statusb"
    for piece in (b'PASSWORD "a\n', b"GET VAR su700 ups.status\n"):
        assert talk.react(piece).reply == b""
    assert talk.react(b'"\n').reply == b"OK\n"


def test_logout_says_goodbye_and_ends() -> None:
    """LOGOUT is the last request that a session gets answered."""
    talk = Talk(make_core()).be("sec")
    talk.ask("LOGIN su700")
    reaction = talk.react(b"LOGOUT\nNETVER\n")
    assert (reaction.reply, reaction.close) == (b"OK Goodbye\n", True)
    assert talk.core.logins("su700") == ()
    assert talk.react(b"NETVER\n").reply == b""


@pytest.mark.parametrize(
    ("freshness", "reply"),
    [
        (Freshness.STALE, b"ERR DATA-STALE\n"),
        (Freshness.DISCONNECTED, b"ERR DRIVER-NOT-CONNECTED\n"),
    ],
)
def test_nothing_is_served_that_is_not_fresh(freshness: Freshness, reply: bytes) -> None:
    """From the moment a view is not fresh, no reading of it is served; after it is fresh again, all are."""
    talk = Talk(make_core()).be("admin")
    readings = [
        line for line in PLAIN if PLAIN[line].startswith((b"VAR su", b"TYPE", b"DESC", b"CMDD", b"NUML"))
    ]
    readings = [line for line in readings if "server." not in line.lower()]
    readings += ["LIST VAR su700", "LIST RW su700", "LIST CMD su700", "LIST ENUM su700 input.sensitivity"]
    readings += ["LIST RANGE su700 input.transfer.low"]
    assert len(readings) > 12
    before = {line: talk.ask(line) for line in readings}
    talk.core.update(view(freshness=freshness))
    for line in (*readings, "SET VAR su700 ups.id x", "INSTCMD su700 load.off"):
        assert talk.ask(line) == reply, line
    # What is no reading is served all the same.
    assert talk.ask("GET UPSDESC su700").startswith(b"UPSDESC")
    assert talk.ask("LIST CLIENT su700").startswith(b"BEGIN")
    assert talk.ask("FSD su700") == b"OK FSD-SET\n"
    talk.core.set_fsd("su700", False)
    talk.core.update(view())
    assert {line: talk.ask(line) for line in readings} == before


def test_until_the_first_dump_is_complete_the_status_is_wait() -> None:
    """Whatever a view of that time holds, WAIT is all that is served, as C does before the dump; FSD stands
    before it, and neither a value nor a command can be set."""
    talk = Talk(make_core()).be("admin")
    stale = (talk.ask("LIST VAR su700"), talk.ask("GET VAR su700 ups.id"))
    talk.core.update(view(freshness=Freshness.WAITING))
    expected = {
        "GET VAR su700 ups.status": b'VAR su700 ups.status "WAIT"\n',
        "GET VAR su700 battery.charge": b"ERR VAR-NOT-SUPPORTED\n",
        "GET TYPE su700 ups.status": b"TYPE su700 ups.status NUMBER\n",
        "GET NUMLOGINS su700": b"NUMLOGINS su700 0\n",
        "LIST VAR su700": b'BEGIN LIST VAR su700\nVAR su700 ups.status "WAIT"\nEND LIST VAR su700\n',
        "LIST RW su700": b"BEGIN LIST RW su700\nEND LIST RW su700\n",
        "LIST CMD su700": b"BEGIN LIST CMD su700\nEND LIST CMD su700\n",
        "SET VAR su700 ups.id x": b"ERR VAR-NOT-SUPPORTED\n",
        "INSTCMD su700 load.off": b"ERR CMD-NOT-SUPPORTED\n",
    }
    assert {line: talk.ask(line) for line in expected} == expected
    talk.core.set_fsd("su700")
    assert talk.ask("GET VAR su700 ups.status") == b'VAR su700 ups.status "FSD WAIT"\n'
    talk.core.set_fsd("su700", False)
    talk.core.update(view())
    assert (talk.ask("LIST VAR su700"), talk.ask("GET VAR su700 ups.id")) == stale


def test_a_new_view_is_served_at_once() -> None:
    """The next request after a commit reads the new value, in GET and in LIST."""
    talk = Talk(make_core())
    for _ in range(2):
        assert b'ups.status "OL"' in talk.ask("LIST VAR su700")
        assert talk.ask("GET VAR su700 ups.status") == b'VAR su700 ups.status "OL"\n'
    talk.core.update(view(ups__status="OB DISCHRG"))
    assert b'ups.status "OB DISCHRG"' in talk.ask("LIST VAR su700")
    assert talk.ask("GET VAR su700 ups.status") == b'VAR su700 ups.status "OB DISCHRG"\n'


def test_a_new_view_of_one_ups_leaves_the_other() -> None:
    """Views are kept apart."""
    talk = Talk(make_core())
    talk.core.update(view("bare", ups__status="OL CHRG"))
    assert talk.ask("GET VAR bare ups.status") == b'VAR bare ups.status "OL CHRG"\n'
    assert talk.ask("GET VAR su700 ups.status") == b'VAR su700 ups.status "OL"\n'


def test_values_are_quoted_as_c_does() -> None:
    """Quotes, backslashes and # are escaped, and bytes that are not UTF-8 go out as they came in."""
    talk = Talk(make_core())
    value = b'a"b\\c#d\xff\xc3\xa9'.decode("utf-8", "surrogateescape")
    talk.core.update(view(ups__model=value))
    assert talk.ask("GET VAR su700 ups.model") == b'VAR su700 ups.model "a\\"b\\\\c\\#d\xff\xc3\xa9"\n'


def test_the_latch_stands_first_in_the_status() -> None:
    """FSD comes before what the driver says, in GET and LIST, once, and survives new views."""
    talk = Talk(make_core()).be("prim")
    talk.ask("GET VAR su700 ups.status")
    assert talk.ask("FSD SU700") == b"OK FSD-SET\n"
    assert talk.ask("GET VAR su700 ups.status") == b'VAR su700 ups.status "FSD OL"\n'
    talk.core.update(view(ups__status="OB LB"))
    assert b'VAR su700 ups.status "FSD OB LB"\n' in talk.ask("LIST VAR su700")
    talk.core.update(view(ups__status="FSD OB LB"))
    assert talk.ask("GET VAR su700 ups.status") == b'VAR su700 ups.status "FSD OB LB"\n'
    assert talk.core.set_fsd("su700", False)
    talk.core.update(view())
    assert talk.ask("GET VAR su700 ups.status") == b'VAR su700 ups.status "OL"\n'
    assert not talk.core.set_fsd("none")


def test_a_removed_ups_takes_its_logins_along() -> None:
    """Sessions logged in to a UPS that is gone are dropped, the others stay."""
    core = make_core()
    gone, stays = Talk(core).be("sec"), Talk(core).be("sec")
    gone.ask("LOGIN su700")
    stays.ask("LOGIN bare")
    effects = core.reconfigure(users(), settings(), [("bare", "now with a name"), ("new", "")])
    assert [e.session for e in effects if isinstance(e, Drop)] == [gone.session]
    assert LoginsChanged("su700", ()) in effects
    assert stays.ask("GET UPSDESC bare") == b'UPSDESC bare "now with a name"\n'
    assert stays.ask("GET VAR su700 ups.status") == UNKNOWN_UPS
    assert core.device_names == ("bare", "new")
    assert core.logins("bare") == ("192.0.2.1",)
    assert core.remove("BARE") != ()
    assert core.session_count == 0
    assert core.remove("bare") == ()


def test_a_reload_keeps_view_and_latch() -> None:
    """A UPS that is still configured goes on being served, FSD included."""
    talk = Talk(make_core())
    talk.core.set_fsd("su700")
    talk.core.reconfigure(users(), settings(), [("su700", "")])
    assert talk.ask("GET VAR su700 ups.status") == b'VAR su700 ups.status "FSD OL"\n'


def test_an_idle_session_is_dropped_and_its_login_forgotten() -> None:
    """After the idle time, and not before, a silent session is gone; one inside this process stays."""
    core = make_core(idle_timeout_s=60.0)
    talk = Talk(core).be("sec")
    talk.ask("LOGIN su700")
    local = core.open_session("local", 0.0, may_idle=True)
    talk.now = 50.0
    talk.ask("NETVER")
    assert core.tick(110.0) == ()
    effects = core.tick(110.5)
    assert [type(e) for e in effects] == [Log, Drop, LoginsChanged]
    assert isinstance(effects[0], Log)
    assert effects[0].level is Level.INFO
    assert "nothing was asked for 60 s" in effects[0].text
    assert core.logins("su700") == ()
    assert core.session_count == 1
    assert core.receive(local, b"NETVER\n", 111.0).reply == b"1.3\n"
    # The transport closes a little later, and reports it: nothing more happens.
    assert core.close_session(talk.session, 111.0) == ()


def test_bytes_without_an_end_do_not_keep_a_session_awake() -> None:
    """A client that only dribbles bytes counts as silent."""
    core = make_core(idle_timeout_s=60.0)
    talk = Talk(core)
    for second in range(0, 70, 5):
        talk.now = float(second)
        talk.react(b"x")
    assert any(isinstance(effect, Drop) for effect in core.tick(70.0))


def test_a_big_batch_is_answered_in_turns() -> None:
    """Answers wait until earlier ones are taken, and none is lost or out of order."""
    talk = Talk(make_core(max_batch_reply_bytes=1000))
    lines = [b"LIST VAR su700\n", b"NETVER\n", b"GET VAR su700 ups.status\n"] * 20
    reaction = talk.react(b"".join(lines))
    assert reaction.more
    replies = [reaction.reply]
    assert talk.react(b"NETVER\n").reply == b""
    while reaction.more:
        assert len(reaction.reply) < 2000
        reaction = talk.core.go_on(talk.session, 0.0)
        replies.append(reaction.reply)
    once = PLAIN["LIST VAR su700"] + b"1.3\n" + PLAIN["GET VAR su700 ups.status"]
    assert b"".join(replies) == once * 20 + b"1.3\n"


def test_the_store_of_answers_is_bounded() -> None:
    """Spelling the same request in ever new ways does not fill the memory, and is answered all the same."""
    talk = Talk(make_core())
    for number in range(5000):
        spelling = "".join(
            char.upper() if number >> at & 1 else char for at, char in enumerate("battery.charge")
        )
        assert talk.ask(f"GET VAR su700 {spelling}").endswith(b' "100"\n')
    store = Answers()
    for number in range(10000):
        store.keep("su700", b"%d" % number, b"x" * 1000)
    assert store.size <= 4 * 1024 * 1024
    assert len(store.ready) <= 4096
    store.keep("", b"y" * 300, b"too long a request")
    store.drop("su700")
    assert (store.size, store.ready) == (0, {})


def test_a_line_without_words_is_answered_as_by_c() -> None:
    """Blank lines and comments are unknown commands; a comment behind a request is nothing."""
    talk = Talk(make_core())
    unknown = b"ERR UNKNOWN-COMMAND\n"
    assert talk.react(b"\n  \n# a comment\nNETVER # too\n\r\n").reply == unknown * 3 + b"1.3\n" + unknown
    assert talk.core.handle(talk.session, Line((), None, 1), 0.0).reply == unknown
