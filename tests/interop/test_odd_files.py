# SPDX-License-Identifier: GPL-2.0-or-later
"""Odd configuration files mean the same to C's programs and ours, or something else for a listed reason.

Each text stands in an ups.conf (seen by LIST UPS), an upsd.users (by logins) and an upsmon.conf (by `-K`).
"""

from __future__ import annotations

import re
import socket
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from ridethrough.config.load import load
from tests.support import odd_files
from tests.support.odd_files import House, house
from tests.support.oddtexts import BY_HAND, ODD_TEXTS
from tests.support.our_upsd import OurUpsd
from tests.support.ports import LOOPBACK, free_port

pytestmark = pytest.mark.cnut

AT_ONCE = 4
# One more section's head, between sound ones: where a section begins and what it is called.
HEADS = (
    b"[plain]",
    b"[ inner ]",
    b"  [before]",
    b"[after]  ",
    b"[comment] # here",
    b"[glued]# here",
    b'"[quoted]"',
    b'["inner"]',
    b"[esc\\aped]",
    b"[UPPER]",
    b"[a.b-c_d]",
    b"[a@b]",
    b"[]",
    b"[open",
    b"closed]",
    b"plain",
    b"[[twice]]",
    b"#[none]",
    b"[joi\\\nned]",
    b"[crlf]\r",
)


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OurUpsd]:
    """Our upsd, which is given one file after another."""
    with odd_files.our_server(tmp_path_factory.mktemp("ours")) as running:
        yield running


def compared(
    root: Path, ours: OurUpsd, houses: Sequence[House]
) -> Iterator[tuple[House, dict[str, tuple[list[bytes], list[bytes]]]]]:
    """For each house what C's programs and ours have read in each file."""

    def of_c(number: int) -> tuple[list[str], list[bytes], bytes, bytes]:
        conf, port, one = root / f"c{number}", free_port(), houses[number]
        one.write(conf, port)
        tried = odd_files.passwords(one, conf)
        flags = odd_files.flag_of_c(conf), odd_files.flag_of_ours(conf)
        return tried, odd_files.of_c(conf, port, one.logins, tried), *flags

    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(of_c, range(len(houses))))
    for one, (tried, theirs, their_flag, our_flag) in zip(houses, found, strict=True):
        odd_files.reread(ours, one)
        mine = odd_files.asked(ours.port, one.logins, tried)
        yield (
            one,
            {
                "ups.conf": (theirs[:1], mine[:1]),
                "upsd.users": (theirs[1:], mine[1:]),
                "upsmon.conf": ([their_flag], [our_flag]),
            },
        )


def differences(
    root: Path, ours: OurUpsd, houses: Sequence[House]
) -> tuple[Counter[str], Counter[str], list[tuple[str, bytes, list[bytes], list[bytes]]]]:
    """How many files of each kind are read alike, how often each reason stands, and what has no reason."""
    alike, whys, unexplained = Counter[str](), Counter[str](), []
    for one, files in compared(root, ours, houses):
        texts = {"ups.conf": one.ups, "upsd.users": one.users, "upsmon.conf": one.upsmon}
        for name, (theirs, mine) in files.items():
            if theirs == mine:
                alike[name] += 1
            elif why := odd_files.reasons(texts[name]):
                whys.update(why)
            else:
                unexplained.append((name, texts[name], theirs, mine))
    return alike, whys, unexplained


def test_files_by_hand_are_read_alike(tmp_path: Path, ours: OurUpsd) -> None:
    """About a hundred odd texts in three files each; at least 85 of each kind are read alike, to the byte."""
    alike, whys, unexplained = differences(tmp_path, ours, [house(text) for text in BY_HAND])
    assert unexplained == []
    assert min(alike[name] for name in ("ups.conf", "upsd.users", "upsmon.conf")) >= 85, alike
    assert set(whys) <= set(odd_files.REASONS)


@pytest.mark.slow
def test_generated_files_are_read_alike(tmp_path: Path, ours: OurUpsd) -> None:
    """150 more, of pieces that mean something to the lexer: three in four are read alike."""
    houses = [house(text) for text in ODD_TEXTS[len(BY_HAND) :]]
    alike, _, unexplained = differences(tmp_path, ours, houses)
    assert unexplained == []
    assert min(alike.values()) > len(houses) * 3 // 4, alike


def with_head(head: bytes) -> House:
    """A section and a user below this head."""
    one = house(b"")
    name = re.sub(rb"[^\w.@-]", b"", head.split(b"#")[0].replace(b"\\\n", b"")).decode()
    return replace(
        one,
        ups=one.ups + b"\n" + head + b"\ndriver = dummy-ups\nport = none\ndesc = below\n",
        users=one.users + b"\n" + head + b"\npassword = below\nactions = FSD\n",
        logins=(*one.logins, name or "nobody"),
    )


# A head that can't be read ends the section before it, and what is below it belongs to nobody: C gives it to
# the section before.  A name that no client can ask for is no name: C lists it.
UNREADABLE = (b"[ inner ]", b"[open")
NO_NAMES = (b"[]", b"[a@b]", b'["inner"]')
BEFORE = b'UPS last "after"\nEND LIST UPS\n'


def test_heads_of_sections(tmp_path: Path, ours: OurUpsd) -> None:
    """Sections and users begin at the same heads; below one that can't be read nothing is given."""
    houses = [with_head(head) for head in HEADS]
    for head, (_, files) in zip(HEADS, compared(tmp_path, ours, houses), strict=True):
        for name in ("ups.conf", "upsd.users"):
            theirs, mine = files[name]
            if name == "ups.conf" and head in UNREADABLE + NO_NAMES:
                assert mine[0].endswith(BEFORE)
                assert not theirs[0].endswith(BEFORE)
            else:
                assert mine == theirs, (name, head)


LISTENS = (
    b"LISTEN %s %d\n",
    b"listen %s %d\n",
    b'LISTEN "%s" "%d"\n',
    b"  LISTEN\t%s\t%d  # comment\n",
    b"LISTEN %s \\\n%d\n",
    b'"LISTEN" %s %d\n',
    b"LIS\\TEN %s %d\n",
    b"LISTEN %s %d extra\n",
    b"LISTEN %s %d",
    b"LISTEN %s %d\r\n",
    b"#LISTEN %s %d\n",
    b"LISTEN # %s %d\n",
    b"LISTEN %s#%d\n",
)


def test_addresses_of_upsd_conf(tmp_path: Path) -> None:
    """A LISTEN line, oddly written, opens the same address."""
    for number, form in enumerate(LISTENS):
        conf, base, port = tmp_path / str(number), free_port(), free_port()
        house(b"").write(conf, base)
        with (conf / "upsd.conf").open("ab") as file:
            file.write(form % (LOOPBACK.encode(), port))
        with odd_files.running_c(conf, base), socket.socket() as probe:
            theirs = probe.connect_ex((LOOPBACK, port)) == 0
        upsd = load(conf, ("upsd.conf",)).upsd
        assert upsd is not None
        assert ((LOOPBACK, port) in [(one.host, one.port) for one in upsd.listen]) is theirs, form
