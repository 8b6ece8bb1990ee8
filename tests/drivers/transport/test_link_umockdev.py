# SPDX-License-Identifier: GPL-2.0-or-later
"""The link to a device as a real program sees it: Linux's interfaces, faked by umockdev."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest

from tests.support.usb_bench import SOURCE, UsbBench, usb_bench

PROBE = Path(__file__).parents[2] / "support" / "link_probe.py"
LIMIT_S = 25.0
CHARGE = ("6", "6", "0.2")


class Probe:
    """A running link_probe."""

    def __init__(self, to: IO[bytes], out: IO[bytes]) -> None:
        self._to, self._out = to, out
        self._held = b""
        self.lines: list[dict[str, Any]] = []

    def until(self, what: str, text: str = "", *, after: float = 0.0) -> dict[str, Any]:
        """The next line of that kind, told after that time."""
        deadline = time.monotonic() + LIMIT_S
        while (left := deadline - time.monotonic()) > 0:
            line, found, rest = self._held.partition(b"\n")
            if not found:
                if select.select([self._out], [], [], left)[0]:
                    data = os.read(self._out.fileno(), 65536)
                    assert data, "the program has ended"
                    self._held += data
                continue
            self._held = rest
            told = dict(json.loads(line))
            self.lines.append(told)
            if told["what"] == what and text in told["text"] and told["at"] > after:
                return told
        raise AssertionError(f"waited in vain for {what} {text}; there was: {self.lines[-20:]}")

    def tell(self, line: str) -> None:
        self._to.write(f"{line}\n".encode())


@contextlib.contextmanager
def probe(bench: UsbBench, *arguments: str) -> Iterator[Probe]:
    popen = subprocess.Popen(
        [sys.executable, PROBE, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
        env={**os.environ, **bench.environment, "PYTHONPATH": str(SOURCE)},
    )
    assert popen.stdin is not None
    assert popen.stdout is not None
    with popen.stdin, popen.stdout:
        try:
            yield Probe(popen.stdin, popen.stdout)
            popen.stdin.close()
            assert popen.wait(10) == 0
        finally:
            popen.kill()
            popen.wait(10)


@pytest.mark.slow
@pytest.mark.umockdev
def test_a_whole_life_on_the_fake_bus() -> None:
    """Found, read, written, mains lost heard at once, unplugged, back, stalls, silence and a reset."""
    with usb_bench("eaton-ellipse") as bench, probe(bench, *CHARGE) as seen:
        seen.until("opened", "port 1-2")
        assert seen.until("report")["text"].startswith("0664")
        seen.tell("string 4")
        assert seen.until("string")["text"] == "PbAc"

        lost = bench.tell("ob")["at"]
        assert seen.until("input", "01")["at"] - lost < 0.5
        bench.tell("ol")

        gone = bench.tell("unplug")["at"]
        assert seen.until("stale")["at"] - gone < 0.5
        back = bench.tell("replug")["at"]
        assert seen.until("fresh")["at"] - back < 3
        assert any("vanished from port 1-2 and came back" in line["text"] for line in seen.lines)

        healed = bench.tell("stall 4")["at"] + 4
        assert seen.until("report", after=healed)["at"] - healed < 1.5
        assert not any(line["what"] == "stale" and line["at"] > back for line in seen.lines)


@pytest.mark.slow
@pytest.mark.umockdev
def test_a_silent_device_is_reset_and_answers_again() -> None:
    """Its requests hang for five seconds each; after three it is reset, which is what it needed."""
    with usb_bench("eaton-ellipse") as bench, probe(bench, *CHARGE) as seen:
        seen.until("report")
        silent = bench.tell("silence")["at"]
        stale = seen.until("stale")
        assert stale["at"] - silent < 18
        assert "has given no answer for" in stale["text"]
        seen.until("warning", "is reset through USB")
        fresh = seen.until("fresh")
        assert fresh["at"] - stale["at"] < 4
        assert "after 1 reset through USB" in seen.lines[-2]["text"]
        orders = [line for line in seen.lines if line["what"] == "opened"]
        assert len(orders) == 2
