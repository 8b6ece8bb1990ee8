# SPDX-License-Identifier: GPL-2.0-or-later
"""C's lexer (parseconf) and ours read the same words out of odd texts.

A C driver writes every word of a line that it does not know into its log: that shows where each word begins
and ends.  And `dummy-ups -d 1` shows what became of a definition file, up to its last line without a newline.
"""

from __future__ import annotations

import fcntl
import re
import socket
import struct
import termios
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ridethrough.wire.words import SOCKET_LIMITS, Limits, WordStream
from tests.support import cnut
from tests.support.oddtexts import BY_HAND, GENERATED, ODD_TEXTS
from tests.support.wait import wait_until

pytestmark = pytest.mark.cnut

WAIT_S = 15.0
ARGUMENT = re.compile(r"arg (\d+): (.*)")
NO_ASCII = re.compile(r"[^\x00-\x7f]")


@dataclass
class Read:
    """The lines that came out of a text, up to the first faulty one."""

    lines: list[list[str]] = field(default_factory=list)
    faulty: bool = False


def by_ours(text: bytes, limits: Limits = SOCKET_LIMITS) -> Read:
    """What our lexer reads.  Only it keeps what is not ASCII; that is taken off here."""
    read = Read()
    for line in WordStream(limits).feed(text + b"\n"):
        if line.error is not None:
            read.faulty = True
            break
        read.lines.append([NO_ASCII.sub("", word) for word in line.words])
    return read


def by_c(driver: cnut.CDummyUps, texts: Sequence[bytes]) -> list[Read]:
    """What C's lexer reads, each text on a connection of its own."""
    for number, text in enumerate(texts):
        _send(driver.socket, b"rt-text %d\n" % number + text + b"\n")
    _send(driver.socket, b"rt-end\n")
    log = driver.process.wait_output("arg 0: rt-end", WAIT_S)
    return _parts(log, len(texts))


def _send(path: Path, data: bytes) -> None:
    """Send it, and wait until the driver has taken all of it: it serves its connections in any order."""
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(str(path))
        link.sendall(data)

        def unread() -> int:
            answer = fcntl.ioctl(link.fileno(), termios.TIOCOUTQ, b"\0" * 4)
            count: int = struct.unpack("i", answer)[0]
            return count

        wait_until(lambda: unread() == 0, WAIT_S, "the driver to read")


def _parts(log: str, count: int) -> list[Read]:
    reads = [Read() for _ in range(count)]
    read, line = Read(), list[str]()
    for row in log.split("\n"):
        if match := ARGUMENT.fullmatch(row):
            number, word = int(match[1]), match[2]
            if number == 0:
                line = []
                read.lines.append(line)
            line.append(word)
            if line[0] in ("rt-text", "rt-end"):
                # The words of the next text follow; behind the last one nothing does.
                read.lines = [one for one in read.lines if one is not line]
                read = reads[int(word)] if number else Read()
        elif row.startswith("Parse error on sock"):
            read.faulty = True
    return reads


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[cnut.CDummyUps]:
    """A C driver to be told odd things."""
    # It sleeps a second in every poll, and hears nobody meanwhile.
    directory = tmp_path_factory.mktemp("driver")
    with cnut.c_dummy_ups(directory, "odd", "ups.status: OL\n", pollinterval_s=600) as running:
        yield running


def test_odd_texts_are_read_alike(driver: cnut.CDummyUps) -> None:
    """Every text gives the same lines of the same words, and is faulty or not in the same place."""
    assert len(BY_HAND) >= 90
    assert len(ODD_TEXTS) == len(BY_HAND) + GENERATED
    theirs = by_c(driver, ODD_TEXTS)
    differ = [
        (text, ours, read)
        for text, read in zip(ODD_TEXTS, theirs, strict=True)
        if (ours := by_ours(text)) != read
    ]
    assert differ == []
    # The texts are odd enough, and the oracle speaks: both faulty and sound ones are among them.
    assert sum(read.faulty for read in theirs) > 10
    assert sum(len(read.lines) for read in theirs) > 300
