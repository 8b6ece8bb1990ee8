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

INVALID = b"ERR INVALID-ARGUMENT\n"
UNKNOWN_UPS = b"ERR UNKNOWN-UPS\n"
NO_VAR = b"ERR VAR-NOT-SUPPORTED\n"
NEEDS_USER = b"ERR USERNAME-REQUIRED\n"

# Every request with 0, 1, 2 ... n+1 words, from a session that has given no user name.
PLAIN: dict[str, bytes] = {
    "NOSUCH": b"ERR UNKNOWN-COMMAND\n",
    "VER": b"Network UPS Tools upsd 2.8.0 - Ridethrough\n",
    "VER x": INVALID,
    "NETVER": b"1.3\n",
    "NETVER x": INVALID,
    "PROTVER": b"1.3\n",
    "PROTVER x": INVALID,
    "HELP": b"Commands: HELP VER PROTVER GET LIST SET INSTCMD LOGIN LOGOUT USERNAME PASSWORD STARTTLS\n",
    "HELP x": INVALID,
    "STARTTLS": b"ERR FEATURE-NOT-CONFIGURED\n",
    "USERNAME": INVALID,
    "USERNAME a b": INVALID,
    "PASSWORD": INVALID,
    "PASSWORD a b": INVALID,
    "LOGOUT x": INVALID,
    "GET": INVALID,
    "GET NOSUCH": INVALID,
    "GET NOSUCH su700 x": INVALID,
    "GET TRACKING": b"OFF\n",
    "GET TRACKING id-1": b"ERR FEATURE-NOT-CONFIGURED\n",
    "GET NUMLOGINS": INVALID,
    "GET NUMLOGINS su700": b"NUMLOGINS su700 0\n",
    "GET NUMLOGINS su700 more": b"NUMLOGINS su700 0\n",
    "GET NUMLOGINS none": UNKNOWN_UPS,
    "GET UPSDESC": INVALID,
    "GET UPSDESC su700": b'UPSDESC su700 "Development box"\n',
    "GET UPSDESC bare": b'UPSDESC bare "Unavailable"\n',
    "GET UPSDESC none": UNKNOWN_UPS,
    "GET VAR": INVALID,
    "GET VAR su700": INVALID,
    "GET VAR su700 ups.status": b'VAR su700 ups.status "OL"\n',
    "get var SU700 UPS.Status": b'VAR SU700 UPS.Status "OL"\n',
    "GET VAR su700 ups.status more": b'VAR su700 ups.status "OL"\n',
    "GET VAR su700 ups.id": b'VAR su700 ups.id "the \\"big\\" one"\n',
    "GET VAR su700 none": NO_VAR,
    "GET VAR none ups.status": UNKNOWN_UPS,
    "GET VAR none server.version": b'VAR none server.version "2.8.0"\n',
    "GET VAR su700 SERVER.INFO": b'VAR su700 server.info "Network UPS Tools upsd 2.8.0 - Ridethrough"\n',
    "GET VAR su700 server.none": NO_VAR,
    "GET TYPE su700": INVALID,
    "GET TYPE su700 ups.status": b"TYPE su700 ups.status NUMBER\n",
    "GET TYPE su700 ups.id": b"TYPE su700 ups.id RW STRING:16\n",
    "GET TYPE su700 none": NO_VAR,
    "GET TYPE none ups.id": UNKNOWN_UPS,
    "GET DESC su700": INVALID,
    "GET DESC su700 none": b'DESC su700 none "Description unavailable"\n',
    "GET DESC none ups.status": UNKNOWN_UPS,
    "GET CMDDESC su700": INVALID,
    "GET CMDDESC su700 none": b'CMDDESC su700 none "Description unavailable"\n',
    "GET CMDDESC none load.off": UNKNOWN_UPS,
    "LIST": INVALID,
    "LIST NOSUCH": INVALID,
    "LIST NOSUCH a b": INVALID,
    "LIST UPS": (
        b'BEGIN LIST UPS\nUPS su700 "Development box"\nUPS bare "Description unavailable"\nEND LIST UPS\n'
    ),
    "LIST UPS more": (
        b'BEGIN LIST UPS\nUPS su700 "Development box"\nUPS bare "Description unavailable"\nEND LIST UPS\n'
    ),
    "LIST VAR": INVALID,
    "LIST VAR su700": (
        b"BEGIN LIST VAR su700\n"
        b'VAR su700 battery.charge "100"\n'
        b'VAR su700 input.sensitivity "low"\n'
        b'VAR su700 input.transfer.low "95"\n'
        b'VAR su700 ups.contacts "x"\n'
        b'VAR su700 ups.delay.start "30"\n'
        b'VAR su700 ups.id "the \\"big\\" one"\n'
        b'VAR su700 ups.status "OL"\n'
        b"END LIST VAR su700\n"
    ),
    "LIST VAR none": UNKNOWN_UPS,
    "LIST RW su700": (
        b"BEGIN LIST RW su700\n"
        b'RW su700 input.sensitivity "low"\n'
        b'RW su700 input.transfer.low "95"\n'
        b'RW su700 ups.contacts "x"\n'
        b'RW su700 ups.delay.start "30"\n'
        b'RW su700 ups.id "the \\"big\\" one"\n'
        b"END LIST RW su700\n"
    ),
    "LIST RW none": UNKNOWN_UPS,
    "LIST CMD su700": (
        b"BEGIN LIST CMD su700\nCMD su700 beeper.mute\nCMD su700 load.off\n"
        b"CMD su700 test.battery.start.quick\nEND LIST CMD su700\n"
    ),
    "LIST CMD none": UNKNOWN_UPS,
    "LIST CLIENT": INVALID,
    "LIST CLIENT su700": b"BEGIN LIST CLIENT su700\nEND LIST CLIENT su700\n",
    "LIST CLIENT none": UNKNOWN_UPS,
    "LIST ENUM su700": INVALID,
    "LIST ENUM su700 input.sensitivity": (
        b"BEGIN LIST ENUM su700 input.sensitivity\n"
        b'ENUM su700 input.sensitivity "low"\n'
        b'ENUM su700 input.sensitivity "medium"\n'
        b'ENUM su700 input.sensitivity "high"\n'
        b"END LIST ENUM su700 input.sensitivity\n"
    ),
    "LIST ENUM su700 ups.id": b"BEGIN LIST ENUM su700 ups.id\nEND LIST ENUM su700 ups.id\n",
    "LIST ENUM su700 none": NO_VAR,
    "LIST ENUM none x": UNKNOWN_UPS,
    "LIST RANGE su700": INVALID,
    "LIST RANGE su700 input.transfer.low": (
        b"BEGIN LIST RANGE su700 input.transfer.low\n"
        b'RANGE su700 input.transfer.low "90" "100"\n'
        b'RANGE su700 input.transfer.low "102" "105"\n'
        b"END LIST RANGE su700 input.transfer.low\n"
    ),
    "LIST RANGE su700 none": NO_VAR,
    "LIST RANGE none x": UNKNOWN_UPS,
    # The check for user and password comes before everything else.
    "LOGIN": NEEDS_USER,
    "LOGIN su700": NEEDS_USER,
    "PRIMARY none": NEEDS_USER,
    "MASTER": NEEDS_USER,
    "FSD": NEEDS_USER,
    "SET": NEEDS_USER,
    "SET TRACKING ON": NEEDS_USER,
    "INSTCMD none none": NEEDS_USER,
}

# The same from a user who may do everything an administrator can.
ADMIN: dict[str, bytes] = {
    "LOGIN": INVALID,
    "LOGIN a b": INVALID,
    "LOGIN none": UNKNOWN_UPS,
    "LOGIN su700": b"ERR ACCESS-DENIED\n",
    "PRIMARY": INVALID,
    "PRIMARY a b": INVALID,
    "PRIMARY none": UNKNOWN_UPS,
    "PRIMARY su700": b"ERR ACCESS-DENIED\n",
    "MASTER": INVALID,
    "MASTER su700": b"ERR ACCESS-DENIED\n",
    "FSD": INVALID,
    "FSD a b": INVALID,
    "FSD none": UNKNOWN_UPS,
    "FSD su700": b"OK FSD-SET\n",
    "SET": INVALID,
    "SET VAR": INVALID,
    "SET VAR su700": INVALID,
    "SET VAR su700 ups.id": INVALID,
    "SET VAR su700 ups.id two words": INVALID,
    "SET VAR none ups.id x": UNKNOWN_UPS,
    "SET VAR bare ups.id x": b"ERR DRIVER-NOT-CONNECTED\n",
    "SET VAR su700 none x": NO_VAR,
    "SET VAR su700 ups.status OB": b"ERR READONLY\n",
    "SET VAR su700 ups.id 12345678901234567": b"ERR TOO-LONG\n",
    "SET VAR su700 ups.id 1234567890123456": b"OK\n",
    "SET VAR su700 ups.contacts x": b"ERR SET-FAILED\n",
    "SET VAR su700 input.sensitivity none": b"ERR INVALID-VALUE\n",
    "SET VAR su700 input.sensitivity HIGH": b"ERR INVALID-VALUE\n",
    "SET VAR su700 input.sensitivity high": b"OK\n",
    "SET VAR su700 input.transfer.low 101": b"ERR INVALID-VALUE\n",
    "SET VAR su700 input.transfer.low 95x": b"ERR INVALID-VALUE\n",
    "SET VAR su700 input.transfer.low 105": b"OK\n",
    "SET VAR su700 UPS.DELAY.START 5": b"OK\n",
    "SET TRACKING": INVALID,
    "SET TRACKING MAYBE": INVALID,
    "SET TRACKING OFF": b"OK\n",
    "SET NOSUCH x": INVALID,
    "INSTCMD": INVALID,
    "INSTCMD su700": INVALID,
    "INSTCMD su700 load.off 1 2": INVALID,
    "INSTCMD none load.off": UNKNOWN_UPS,
    "INSTCMD bare load.off": b"ERR DRIVER-NOT-CONNECTED\n",
    "INSTCMD su700 none": b"ERR CMD-NOT-SUPPORTED\n",
    "INSTCMD su700 load.off": b"OK\n",
    "INSTCMD su700 LOAD.OFF 30": b"OK\n",
}


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
        (Freshness.WAITING, b"ERR DRIVER-NOT-CONNECTED\n"),
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


def test_a_line_without_words_is_no_request() -> None:
    """Blank lines and comments are passed over, as C does; a line object without words is UNKNOWN-COMMAND."""
    talk = Talk(make_core())
    assert talk.react(b"\n  \n# a comment\nNETVER # too\n\r\nNETVER\r\n").reply == b"1.3\n1.3\n"
    assert talk.core.handle(talk.session, Line((), None, 1), 0.0).reply == b"ERR UNKNOWN-COMMAND\n"
