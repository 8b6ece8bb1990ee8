# SPDX-License-Identifier: GPL-2.0-or-later
"""Any bytes are read without an exception, with a bounded list, and no password comes out."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ridethrough.config.cross import cross_check
from ridethrough.config.nut import TABLE as NUT
from ridethrough.config.nut import parse_nut
from ridethrough.config.problems import MAX_PER_FILE, Problem
from ridethrough.config.ups import FIELDS, GLOBALS, parse_ups
from ridethrough.config.upsd import TABLE as UPSD
from ridethrough.config.upsd import parse_upsd
from ridethrough.config.upsmon import TABLE as UPSMON
from ridethrough.config.upsmon import parse_upsmon
from ridethrough.config.upssched import TABLE as UPSSCHED
from ridethrough.config.upssched import VERBS, parse_upssched
from ridethrough.config.users import FIELDS as USER_FIELDS
from ridethrough.config.users import parse_users

Parser = Callable[[bytes], tuple[Any, list[Problem]]]
PARSERS: tuple[Parser, ...] = (parse_nut, parse_ups, parse_upsd, parse_users, parse_upsmon, parse_upssched)
SECRET = "zq7Xw9Kv"

WORDS = [
    *(
        word.encode()
        for table in (NUT, UPSD, UPSMON, UPSSCHED, FIELDS, GLOBALS, USER_FIELDS, VERBS)
        for word in table
    ),
    *(
        b"[a] [b] [ ] = == + @ : u@h u@[::1]:1 1 0 -1 15 yes no primary master ONBATT EXEC * # \\ \xff \x00"
    ).split(),
    b'"',
    b"\\\n",
]
nutty = st.lists(st.sampled_from([*WORDS, b" ", b" ", b"\n", b"\n", b"=", b'"']), max_size=60).map(b" ".join)


@pytest.mark.parametrize("parse", PARSERS)
@settings(max_examples=100)
@given(data=st.one_of(nutty, st.binary(max_size=300)))
def test_any_bytes_are_read(parse: Parser, data: bytes) -> None:
    """No input is a traceback; each problem stands on a line of the file or on none."""
    _, problems = parse(data)
    assert len(problems) <= MAX_PER_FILE + 1
    for problem in problems:
        assert 0 <= problem.line <= data.count(b"\n") + 2
        assert problem.message
        str(problem).encode("utf-8")


@settings(max_examples=60)
@given(st.tuples(nutty, nutty, nutty, nutty, nutty, nutty))
def test_any_files_are_held_against_each_other(files: tuple[bytes, ...]) -> None:
    """Whatever was read, comparing it raises nothing."""
    names = ("nut", "ups", "upsd", "users", "upsmon", "upssched")
    models = {name: parse(data)[0] for name, parse, data in zip(names, PARSERS, files, strict=True)}
    assert all(str(problem) for problem in cross_check(**models))


@pytest.mark.parametrize("parse", PARSERS)
def test_a_file_of_faults_gives_a_bounded_list(parse: Parser) -> None:
    """Thousands of bad lines are two hundred messages and a count."""
    _, problems = parse(b"NOSUCH = 1\n[\n" * 1000)
    assert len(problems) == MAX_PER_FILE + 1
    assert "more problems" in str(problems[-1])


USERS = f"[mon]\npassword = {SECRET}\nupsmon primary\nactions = SET\ninstcmds = ALL\n"
UPSMON_CONF = (
    f'MONITOR ups@localhost 1 mon {SECRET} primary\nNOTIFYMSG ONBATT "UPS %s"\nDEADTIME 15\nFINALDELAY 5\n'
)
UPSD_CONF = f'LISTEN 127.0.0.1 3493\nCERTPATH /c\nCERTIDENT "name" "{SECRET}"\nMAXAGE 15\n'
# What a hand does to a line: an open or a stray quote, a blank too many, an =, a newline, a bracket ...
SLIPS = ['"', " ", "\n", "=", " = ", "#", "\\", "[", "]", ":", "@", "+", "x", "1", "\\\n", "'", ""]


@st.composite
def slipped(draw: st.DrawFn, text: str) -> str:
    """The text after up to four slips around the password, or with the words of a line in other order."""
    lines = text.splitlines()
    if draw(st.booleans()):
        at = draw(st.integers(0, len(lines) - 1))
        lines[at] = " ".join(draw(st.permutations(lines[at].split())))
    parts: list[str] = []
    for part in ("\n".join(lines) + "\n").split(SECRET):
        parts += [part, SECRET]
    parts.pop()
    for _ in range(draw(st.integers(0, 4))):
        which = draw(st.integers(0, (len(parts) - 1) // 2)) * 2
        place = draw(st.integers(0, len(parts[which])))
        cut = draw(st.integers(0, 3))
        parts[which] = parts[which][:place] + draw(st.sampled_from(SLIPS)) + parts[which][place + cut :]
    return "".join(parts)


def no_leak(*things: object) -> None:
    for thing in things:
        assert SECRET not in f"{thing!r} {thing!s}"


@settings(max_examples=400)
@given(slipped(USERS), slipped(UPSMON_CONF), slipped(UPSD_CONF))
def test_no_password_comes_out_whatever_slipped(users: str, upsmon: str, upsd: str) -> None:
    """Not in a message and not in a hint, of one file or between files."""
    of_users, first = parse_users(users.encode())
    of_upsmon, second = parse_upsmon(upsmon.encode())
    of_upsd, third = parse_upsd(upsd.encode())
    between = cross_check(users=of_users, upsmon=of_upsmon, upsd=of_upsd, ups=parse_ups(b"")[0])
    no_leak(*first, *second, *third, *between)


def test_a_jumbled_monitor_line_shows_no_password() -> None:
    """Whichever place the password has got into, no message repeats it."""
    users, _ = parse_users(USERS.encode())
    ups, _ = parse_ups(b"")
    for words in permutations(["ups@localhost", "1", "mon", SECRET, "primary"]):
        conf, found = parse_upsmon(f"MONITOR {' '.join(words)}\n".encode() * 2)
        no_leak(*found, *cross_check(users=users, upsmon=conf, ups=ups))


def test_a_traceback_shows_no_password() -> None:
    """Even a fault of the program itself, with the models at hand, prints stars."""
    model, _ = parse_upsmon(UPSMON_CONF.encode())
    try:
        raise RuntimeError(f"broken with {model}")
    except RuntimeError as error:
        text = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert "***" in text
    assert f"pw={SECRET}" not in text
    assert SECRET not in text.replace(UPSMON_CONF, "")
