# SPDX-License-Identifier: GPL-2.0-or-later
"""A driver that comes, goes and tells its state late: what our upsd serves meanwhile, beside C's."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.cnut import CUpsd, c_upsd, state_directory
from tests.support.held_driver import HeldDriver, held_driver
from tests.support.our_upsd import OurUpsd, converse, our_upsd
from tests.support.wait import wait_until

pytestmark = pytest.mark.cnut

WAIT_S = 15.0
VALUES = b"""\
SETINFO battery.charge "80"
SETINFO ups.id "old"
SETFLAGS ups.id RW STRING
SETAUX ups.id 16
SETINFO ups.status "OB"
ADDCMD load.off
"""
DUMP = VALUES + b"DATAOK\nDUMPDONE\n"
ASKED = """
GET VAR held ups.status
GET VAR HELD UPS.STATUS
GET VAR held battery.charge
GET VAR held ups.id
GET VAR held no.such
GET TYPE held ups.status
GET TYPE held ups.id
GET NUMLOGINS held
GET UPSDESC held
LIST UPS
LIST VAR held
LIST RW held
LIST CMD held
LIST ENUM held ups.status
LIST RANGE held ups.status
LIST CLIENT held
USERNAME admin
PASSWORD secret
SET VAR held ups.id x
SET VAR held ups.status OL
INSTCMD held load.off
""".strip().splitlines()


@dataclass(frozen=True, slots=True)
class Pair:
    """Both servers over one driver."""

    driver: HeldDriver
    c: CUpsd
    ours: OurUpsd

    def answers(self, lines: list[str] = ASKED) -> tuple[dict[str, bytes], dict[str, bytes]]:
        """What C's server answers, and what ours does."""
        requests = [f"{line}\n".encode() for line in lines]
        theirs, own = converse(self.c.port, requests), converse(self.ours.port, requests)
        return dict(zip(lines, theirs, strict=True)), dict(zip(lines, own, strict=True))

    def until(self, request: str, expected: bytes, *, both: bool = True) -> None:
        """Wait until both servers (or ours alone) answer so."""

        def seen() -> bool:
            theirs, own = self.answers([request])
            return expected in own[request] and (not both or expected in theirs[request])

        wait_until(seen, WAIT_S, f"{expected!r} for {request}")

    def reconnected(self) -> None:
        """The driver begins anew, and both servers have asked it for a dump."""
        before = self.driver.asked
        self.driver.drop()
        wait_until(lambda: self.driver.asked >= before + 2, WAIT_S, "both servers at the driver again")


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Both over a driver whose dump was complete."""
    directory: Path = tmp_path_factory.mktemp("wait")
    with contextlib.ExitStack() as parts:
        state = parts.enter_context(state_directory())
        driver = parts.enter_context(held_driver(state / "fake-held", DUMP))
        c = parts.enter_context(c_upsd(directory, {}, others={"held": "fake"}, statepath=state))
        ours = parts.enter_context(our_upsd(directory, {"held": "fake"}, state))
        made = Pair(driver, c, ours)
        made.until("GET VAR held ups.status", b'"OB"')
        yield made


def test_wait_is_served_until_the_dump_begins(pair: Pair) -> None:
    """After a driver has begun anew nothing old is served: WAIT, the same bytes for every request as by C."""
    pair.driver.greeting = b""
    pair.reconnected()
    pair.until("GET VAR held ups.status", b'"WAIT"')
    theirs, own = pair.answers()
    assert own == theirs
    assert own["LIST VAR held"] == b'BEGIN LIST VAR held\nVAR held ups.status "WAIT"\nEND LIST VAR held\n'


def test_half_a_dump_is_not_served(pair: Pair) -> None:
    """Listed difference: C serves the part of a dump that has come, we WAIT for all of it."""
    pair.driver.greeting = VALUES
    pair.reconnected()
    pair.until("GET VAR held ups.status", b"VAR ")
    wait_until(lambda: b'"OB"' in pair.answers()[0]["GET VAR held ups.status"], WAIT_S, "half a dump at C's")
    theirs, own = pair.answers()
    assert own["GET VAR held ups.status"] == b'VAR held ups.status "WAIT"\n'
    assert own["GET VAR held battery.charge"] == b"ERR VAR-NOT-SUPPORTED\n"
    assert theirs["GET VAR held battery.charge"] == b'VAR held battery.charge "80"\n'
    pair.driver.say(b"DATAOK\nDUMPDONE\n")
    pair.until("GET VAR held battery.charge", b'"80"')
    theirs, own = pair.answers()
    assert own == theirs
    assert own["GET VAR held ups.status"] == b'VAR held ups.status "OB"\n'


def test_a_dump_of_stale_data_is_stale_once_it_is_complete(pair: Pair) -> None:
    """DATASTALE counts from DUMPDONE on; then everything is refused, as by C."""
    pair.driver.greeting = b"DATASTALE\n"
    pair.reconnected()
    pair.until("GET VAR held ups.status", b'"WAIT"')
    theirs, own = pair.answers()
    assert own == theirs
    pair.driver.say(VALUES + b"DUMPDONE\n")
    pair.until("GET VAR held ups.status", b"DATA-STALE")
    theirs, own = pair.answers()
    assert own == theirs


def test_fsd_stands_before_wait(pair: Pair) -> None:
    """The latch is the server's own, and is shown while the driver has told nothing yet."""
    pair.driver.greeting = b""
    pair.reconnected()
    pair.until("GET VAR held ups.status", b'"WAIT"')
    theirs, own = pair.answers(["USERNAME admin", "PASSWORD secret", "FSD held", *ASKED[:16]])
    assert own == theirs
    assert own["GET VAR held ups.status"] == b'VAR held ups.status "FSD WAIT"\n'
    pair.driver.say(DUMP)
    pair.until("GET VAR held ups.status", b'"FSD OB"')
