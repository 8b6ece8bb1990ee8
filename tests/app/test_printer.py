# SPDX-License-Identifier: GPL-2.0-or-later
"""Lines for people: written in order, never waited for."""

from __future__ import annotations

import os
import threading

import pytest

from ridethrough.app.printer import MAX_LINES, Printer


def written(fd: int) -> bytes:
    found = b""
    while data := os.read(fd, 65536):
        found += data
    return found


def test_lines_come_out_in_order_and_bytes_survive() -> None:
    """What is no UTF-8 comes out as it came in; a lone surrogate is a question mark, and ends nothing."""
    reader, writer = os.pipe()
    printer = Printer(writer)
    for line in ("one", "Batterie schwäche \udce4", "odd \ud800", "last"):
        printer.say(line)
    printer.close()
    os.close(writer)
    assert written(reader) == "one\nBatterie schwäche ".encode() + b"\xe4\nodd ?\nlast\n"
    os.close(reader)


def test_a_reader_that_does_not_read_stops_nobody() -> None:
    """`say` comes back at once though the pipe is full; what was lost is counted where it was lost."""
    reader, writer = os.pipe()
    printer = Printer(writer)
    for number in range(3 * MAX_LINES):
        printer.say(f"{number} {'x' * 100}")
    printer.close(limit_s=0.05)
    found = b""
    while f"\n{3 * MAX_LINES - 1} ".encode() not in found:
        found += os.read(reader, 1 << 20)
    printer.close()
    os.close(writer)
    os.close(reader)
    assert b"lines were lost here" in found


def test_a_reader_that_went_away_is_nobodys_fault() -> None:
    """EPIPE ends neither the thread nor the program."""
    reader, writer = os.pipe()
    os.close(reader)
    printer, later = Printer(writer), threading.Event()
    printer.say("to nobody")
    printer.do(later.set)
    assert printer.close()
    assert later.is_set()
    os.close(writer)


def test_what_is_said_before_the_thread_runs_is_written_once_it_does() -> None:
    """`begin` may come late, as a process drops root before it has threads; `flush` waits for the lines."""
    reader, writer = os.pipe()
    printer = Printer(writer, begin=False)
    printer.say("early")
    os.set_blocking(reader, False)
    with pytest.raises(BlockingIOError):
        os.read(reader, 100)
    printer.begin()
    assert printer.flush()
    assert os.read(reader, 100) == b"early\n"
    printer.say("late")
    assert printer.close()
    assert os.read(reader, 100) == b"late\n"
    os.close(writer)
    os.close(reader)


def test_a_full_pipe_is_told_from_a_written_one() -> None:
    """`flush` and `close` come back in time, and say that lines still wait."""
    reader, writer = os.pipe()
    printer = Printer(writer)
    printer.say("x" * (1 << 20))
    assert not printer.flush(limit_s=0.05)
    assert not printer.close(limit_s=0.05)
    left = 1 << 20
    while left > 0:
        left -= len(os.read(reader, 1 << 20))
    assert printer.close()
    os.close(writer)
    os.close(reader)
