# SPDX-License-Identifier: GPL-2.0-or-later
"""C's lexer (parseconf) and ours read the same words out of odd texts.

A C driver writes every word of a line that it does not know into its log: that shows where each word begins
and ends.  And `dummy-ups -d 1` shows what became of a definition file, up to its last line without a newline.
"""

from __future__ import annotations

import contextlib
import fcntl
import re
import socket
import struct
import subprocess
import termios
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ridethrough.drivers.dummy.definition import valid_name
from ridethrough.wire.words import FILE_LIMITS, SOCKET_LIMITS, Limits, WordStream
from tests.support import cnut
from tests.support.inprocess import dummies_in_process
from tests.support.oddtexts import BY_HAND, GENERATED, ODD_TEXTS
from tests.support.wait import wait_until

pytestmark = pytest.mark.cnut

WAIT_S = 15.0
AT_ONCE = 8
ARGUMENT = re.compile(r"arg (\d+): (.*)")
ESCAPED = re.compile(r"\\(.)")
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
    before = len(driver.process.output())
    messages = [b"rt-text %d\n" % number + text + b"\n" for number, text in enumerate(texts)]
    for first in range(0, len(messages), AT_ONCE):
        _send(driver.socket, messages[first : first + AT_ONCE])
    _send(driver.socket, [b"rt-end\n"])

    def written() -> str:
        return driver.process.output()[before:]

    wait_until(lambda: "arg 0: rt-end\n" in written(), WAIT_S, "the end of the texts")
    return _parts(written(), len(texts))


def _send(path: Path, messages: Sequence[bytes]) -> None:
    """Send each on a connection of its own, and wait until the driver has taken them all.

    It serves its connections in any order, but takes what it finds in one piece.
    """
    with contextlib.ExitStack() as links:
        unread = []
        for message in messages:
            link = links.enter_context(socket.socket(socket.AF_UNIX))
            link.connect(str(path))
            link.sendall(message)
            unread.append(link.fileno())

        def all_read() -> bool:
            answers = (fcntl.ioctl(number, termios.TIOCOUTQ, b"\0" * 4) for number in unread)
            return all(struct.unpack("i", answer) == (0,) for answer in answers)

        wait_until(all_read, WAIT_S, "the driver to read")


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
    assert max(map(len, ODD_TEXTS)) < 500
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


def dumped_by_c(path: Path, state: Path) -> dict[str, str]:
    """The variables below `x.` that C's dummy-ups reads out of a file."""
    words = ["-s", path.stem, "-x", f"port={path}", "-u", "root", "-d", "1"]
    done = subprocess.run(
        [cnut.DRIVER_DIRECTORY / "dummy-ups", *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=WAIT_S * 2,
        check=True,
        env=cnut.c_environment(path.parent, state),
    )
    pairs = (line.split(": ", 1) for line in done.stdout.decode().split("\n") if line.startswith("x."))
    # What it writes is escaped.
    return {name: ESCAPED.sub(r"\1", value) for name, value in pairs if valid_name(name)}


# Where a definition file means something else to us on purpose, and why.
UNCLOSED = "a quote that is never closed is a fault with its line; C takes what stands there as a value"
HEAD = "'name:value', 'name=value' and 'name::' are faults with a remedy; C takes a value from elsewhere"
LONE = "the last line counts if it is one word without a newline; C drops it"
GLUED = re.compile(rb"^x\.([\w-]+\s*=|a::|a:b)", re.MULTILINE)


def reason(text: bytes) -> str | None:
    """Why a text may mean something else to us."""
    stream = WordStream(FILE_LIMITS)
    stream.feed(text)
    for line in stream.finish():
        if line.error is not None:
            return UNCLOSED
        if len(line.words) == 1:
            return LONE
    return HEAD if GLUED.search(text) else None


@pytest.mark.slow
def test_odd_files_mean_the_same(tmp_path: Path) -> None:
    """As definition files, ends of files included, the same texts give the same variables.

    What is not ASCII, which C drops, is left out here: a word of nothing else would differ by more than that.
    """
    texts = [bytes(byte for byte in text if byte < 0x80) for text in ODD_TEXTS]
    paths = {}
    for number, text in enumerate(texts):
        paths[f"t{number}"] = tmp_path / f"t{number}.dev"
        paths[f"t{number}"].write_bytes(b"x.first: 0\n" + text)
    with cnut.state_directory() as state, ThreadPoolExecutor(50) as pool:
        theirs = list(pool.map(lambda path: dumped_by_c(path, state), paths.values()))
    differ, reasons = [], Counter[str]()
    with dummies_in_process(paths) as running:
        for text, name, other in zip(texts, paths, theirs, strict=True):
            values = running.values(name).items()
            ours = {variable: value for variable, value in values if variable.startswith("x.")}
            if ours != other:
                why = reason(text)
                reasons[why or ""] += 1
                if why is None:
                    differ.append((text, ours, other))
    assert differ == []
    assert set(reasons) == {UNCLOSED, HEAD, LONE}
    assert reasons.total() < 25
    assert sum(len(other) for other in theirs) > 500


def test_limits_differ_as_listed(driver: cnut.CDummyUps) -> None:
    """On a socket the 33rd word and the 513th byte of a word are dropped by both.

    Only a whole line has a limit with us: C takes one of any length.  In files we take more and longer words.
    """
    many, long = b"x.m:" + b" w" * 40 + b"\n", b"x.l: " + b"w" * 600 + b"\n"
    for text, shape in ((many, [4, *[1] * 31]), (long, [4, 512])):
        (read,) = by_c(driver, [text])
        assert by_ours(text) == read
        assert [len(word) for word in read.lines[0]] == shape
        assert len(by_ours(text, FILE_LIMITS).lines[0]) == min(len(text.split()), 41)
    endless = b"x.e: " + b"w" * SOCKET_LIMITS.max_line_bytes + b"\n"
    (read,) = by_c(driver, [endless])
    assert not read.faulty
    assert by_ours(endless) == Read(faulty=True)
