# SPDX-License-Identifier: GPL-2.0-or-later
"""Our upsd against C's, reply by reply: the same bytes, but for the listed differences."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import pytest

from tests.support import protocol_lines
from tests.support.cnut import CUpsd
from tests.support.our_upsd import OurUpsd, converse, converse_apart
from tests.support.upsd_pair import upsd_pair

pytestmark = pytest.mark.cnut

READS = """
VER x
NETVER
NETVER x
PROTVER
PROTVER x
HELP x
STARTTLS
NOSUCH
nosuch words here
GET
GET NOSUCH
GET NOSUCH su700
GET NOSUCH su700 x
GET VAR
GET VAR su700
GET VAR su700 ups.status
get var su700 ups.status
GET VAR SU700 UPS.STATUS
GET VAR su700 ups.status more words
GET VAR su700 ups.contacts
GET VAR su700 "outlet.desc"
GET VAR "su700" "ups.load"
GET VAR su700 device.mfr
GET VAR su700 driver.name
GET VAR su700 driver.version
GET VAR su700 no.such
GET VAR nosuch ups.status
GET VAR nosuch server.version
GET VAR su700 server.version
GET VAR su700 SERVER.VERSION
GET VAR su700 server.nosuch
GET VAR "" ups.status
GET VAR su700 ""
GET VAR = su700
GET TYPE
GET TYPE su700
GET TYPE su700 ups.status
GET TYPE su700 ups.load
GET TYPE su700 battery.charge
GET TYPE su700 driver.name
GET TYPE su700 device.mfr
GET TYPE su700 no.such
GET TYPE nosuch ups.status
GET DESC
GET DESC su700
GET DESC su700 no.such
GET DESC nosuch ups.status
GET CMDDESC
GET CMDDESC su700
GET CMDDESC su700 no.such
GET CMDDESC nosuch load.off
GET UPSDESC
GET UPSDESC su700
GET UPSDESC SU700
GET UPSDESC nosuch
GET NUMLOGINS
GET NUMLOGINS su700
GET NUMLOGINS su700 more
GET NUMLOGINS nosuch
GET TRACKING
GET TRACKING 1bd31808-cb49-4aec-9d75-d056e6f018d2
LIST
LIST NOSUCH
LIST NOSUCH su700
LIST NOSUCH su700 x
LIST UPS
LIST UPS more
list ups
LIST VAR
LIST VAR su700
LIST VAR SU700
LIST VAR su700 more
LIST VAR nosuch
LIST RW
LIST RW su700
LIST RW nosuch
LIST CMD
LIST CMD su700
LIST CMD nosuch
LIST ENUM
LIST ENUM su700
LIST ENUM su700 ups.status
LIST ENUM su700 no.such
LIST ENUM nosuch ups.status
LIST RANGE
LIST RANGE su700
LIST RANGE su700 ups.status
LIST RANGE su700 no.such
LIST RANGE nosuch ups.status
LIST CLIENT
LIST CLIENT su700
LIST CLIENT SU700
LIST CLIENT nosuch
USERNAME
USERNAME a b
PASSWORD
PASSWORD a b
LOGOUT x
LOGIN
LOGIN su700
LOGIN nosuch
PRIMARY
PRIMARY su700
MASTER
MASTER nosuch
FSD
FSD nosuch
SET
SET VAR
SET VAR su700 ups.load 5
SET TRACKING ON
INSTCMD
INSTCMD su700
INSTCMD su700 load.off
GET VAR su700 ups.status # a comment
GET\tVAR\tsu700\tups.status
   GET   VAR   su700   ups.status
"GET" "VAR" "su700" "ups.status"
GET V\\AR su700 ups.status
""".strip().splitlines()

WRITES = """
LOGIN
LOGIN a b
LOGIN nosuch
LOGIN su700
LOGIN su700
LOGIN other
GET NUMLOGINS su700
LIST CLIENT su700
LIST CLIENT other
PRIMARY
PRIMARY a b
PRIMARY nosuch
PRIMARY su700
MASTER
MASTER nosuch
MASTER su700
FSD
FSD a b
FSD nosuch
FSD latched
GET VAR latched ups.status
USERNAME other
PASSWORD other
SET
SET VAR
SET VAR su700
SET VAR su700 ups.load
SET VAR nosuch ups.load 5
SET VAR su700 no.such 5
SET VAR su700 driver.name x
SET VAR su700 ups.status "123456789012345678901234567890123"
SET VAR su700 ups.delay.start 31
SET NOSUCH
SET NOSUCH x
SET TRACKING
SET TRACKING MAYBE
SET TRACKING ON
GET TRACKING
GET TRACKING nosuch
SET TRACKING OFF
GET TRACKING
INSTCMD
INSTCMD su700
INSTCMD nosuch load.off
INSTCMD su700 no.such
INSTCMD su700 load.off
""".strip().splitlines()

# Where we answer otherwise on purpose: request -> (our reply as a pattern, why).
ALLOWED: dict[str, tuple[bytes, str]] = {
    "HELP": (b"Commands: HELP VER PROTVER GET .*\n", "C names PROTVER only since 2.8.1"),
    "GET VAR su700 server.info": (b"VAR .*Ridethrough.*\n", "the program says who it is"),
    "VER": (b"Network UPS Tools upsd 2.8.0 - Ridethrough .*\n", "the program says who it is"),
    "GET DESC su700 ups.status": (b'DESC su700 ups.status ".+"\n', "our descriptions are our own words"),
    "GET CMDDESC su700 load.off": (b'CMDDESC su700 load.off ".+"\n', "our descriptions are our own words"),
    'GET DESC su700 "a b"': (
        b'DESC su700 "a b" "Description unavailable"\n',
        "an echoed name is quoted where the reader would take it apart; C writes it bare",
    ),
}
# The same for requests made by rule: (which, our reply, what C does instead).
BY_RULE: tuple[tuple[re.Pattern[bytes], re.Pattern[bytes], str], ...] = (
    (
        re.compile(rb'.*"[^"\\]*#.*\n', re.DOTALL),
        re.compile(rb"ERR INVALID-ARGUMENT\n"),
        "a bare # in quotes: C says nothing, and forgets what it had read with it; the client waits",
    ),
    (
        re.compile(rb".*[\x80-\xff].*\n", re.DOTALL),
        re.compile(rb"ERR [A-Z-]+\n"),
        "a byte that is not ASCII: C leaves it out and answers the rest; we keep it, so that texts survive",
    ),
    (
        re.compile(rb'.*[^ "\n]{513,}.*\n', re.DOTALL),
        re.compile(rb"ERR INVALID-ARGUMENT\n"),
        "a word over 512 bytes: C cuts it and goes on with the rest; we refuse to act on half a word",
    ),
    (
        re.compile(rb'GET (CMD)?DESC \S+ ""\n'),
        re.compile(rb'(CMD)?DESC \S+ "" "Description unavailable"\n'),
        "an echoed name is quoted where the reader would take it apart; C writes it bare",
    ),
    (
        re.compile(rb"(INSTCMD( \S+){4}|SET VAR( \S+){4,})\n", re.IGNORECASE),
        re.compile(rb"ERR INVALID-ARGUMENT\n"),
        "words beyond the last one: C drops them, and sets half of a value or runs a command without its own",
    ),
    (
        re.compile(rb"LOGOUT\n.+\n", re.DOTALL),
        re.compile(rb"OK Goodbye\n"),
        "requests behind LOGOUT: C still answers what it has read together with it",
    ),
)
# Requests that C takes while it drops words in silence; we refuse them (for a user who may do them).
STRICTER = ("SET VAR su700 ups.delay.start 3 2", "INSTCMD su700 load.off 1 2", "SET TRACKING OFF now")


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[CUpsd, OurUpsd]]:
    """A C upsd and ours over the same three C dummy-ups drivers."""
    with upsd_pair(tmp_path_factory.mktemp("pair")) as both:
        yield both


def test_reads_are_answered_as_by_c(pair: tuple[CUpsd, OurUpsd]) -> None:
    """Each request of a nameless session gets the same bytes from both servers."""
    c, ours = pair
    requests = [f"{line}\n".encode() for line in READS]
    theirs, own = converse(c.port, requests), converse(ours.port, requests)
    assert len(theirs) == len(READS)
    assert dict(zip(READS, own, strict=True)) == dict(zip(READS, theirs, strict=True))


@pytest.mark.parametrize(
    "login",
    ["admin secret", "monuser pass", "watcher pass", "admin wrong", "nobody x", 'admin ""', "Admin secret"],
)
def test_writes_are_answered_as_by_c(pair: tuple[CUpsd, OurUpsd], login: str) -> None:
    """What each kind of user is granted and refused, and with which word, is the same with both servers."""
    c, ours = pair
    user, password = login.split()
    lines = [f"USERNAME {user}", f"PASSWORD {password}", *WRITES]
    requests = [f"{line}\n".encode() for line in lines]
    theirs, own = converse(c.port, requests), converse(ours.port, requests)
    assert len(theirs) == len(lines)
    assert list(zip(lines, own, strict=True)) == list(zip(lines, theirs, strict=True))


def test_differences_are_those_that_are_listed(pair: tuple[CUpsd, OurUpsd]) -> None:
    """Where we differ, it is on purpose, in the listed way; and C still does otherwise."""
    c, ours = pair
    for line, (pattern, why) in ALLOWED.items():
        request = [f"{line}\n".encode()]
        own, theirs = converse(ours.port, request)[0], converse(c.port, request)[0]
        assert re.fullmatch(pattern, own), (line, own, why)
        assert own != theirs, f"C answers the same to {line!r}: take it off the list"
    admin = [b"USERNAME admin\n", b"PASSWORD secret\n"]
    for line in STRICTER:
        request = [*admin, f"{line}\n".encode()]
        assert converse(ours.port, request)[-1] == b"ERR INVALID-ARGUMENT\n", line
        assert converse(c.port, request)[-1] == b"OK\n", line


def test_every_verb_with_every_number_of_words(pair: tuple[CUpsd, OurUpsd]) -> None:
    """Hundreds of requests made by rule, right and wrong, are answered with the same bytes."""
    c, ours = pair
    requests = protocol_lines.counted()
    assert len(set(requests)) > 600
    theirs, own = converse(c.port, requests), converse(ours.port, requests)
    assert len(theirs) == len(own) == len(requests)
    _compare(requests, theirs, own)


def test_odd_quoting_and_hostile_bytes(pair: tuple[CUpsd, OurUpsd]) -> None:
    """Quotes, escapes, control and high bytes, floods and CRLF: the same bytes, or a listed difference.

    The session answers on, whatever it was told: `converse_apart` asks it something afterwards.
    """
    c, ours = pair
    requests = protocol_lines.quoted() + protocol_lines.hostile()
    assert len(set(requests)) > 450
    theirs, own = converse_apart((c.port, ours.port), requests)
    used = _compare(requests, theirs, own)
    assert used >= {rule[2] for rule in BY_RULE[:3]}, "C answers as we do now: take it off the list"


def test_what_an_administrator_asks_for(pair: tuple[CUpsd, OurUpsd]) -> None:
    """SET, INSTCMD, LOGIN, PRIMARY, MASTER and FSD with 0 to n+1 words, each in a session of its own."""
    c, ours = pair
    requests = protocol_lines.authorised()
    assert len(set(requests)) > 120
    _compare(requests, *converse_apart((c.port, ours.port), requests))


def _compare(requests: Sequence[bytes], theirs: Sequence[bytes], own: Sequence[bytes]) -> set[str]:
    """Fails for a difference that is not listed; gives the reasons of those that are."""
    used, wrong = set[str](), list[tuple[bytes, bytes, bytes]]()
    for request, their, our in zip(requests, theirs, own, strict=True):
        if their == our:
            continue
        why = [why for which, reply, why in BY_RULE if which.fullmatch(request) and reply.fullmatch(our)]
        used.update(why)
        if not why:
            wrong.append((request, their, our))
    assert not wrong, "\n".join(f"{request!r}: C {their!r}, we {our!r}" for request, their, our in wrong[:20])
    return used
