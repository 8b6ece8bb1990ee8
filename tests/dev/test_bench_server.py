# SPDX-License-Identifier: GPL-2.0-or-later
"""`./dev bench server`: the load generator counts what was answered, the verdict follows the figures."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import threading

import pytest

from bench._load import LoadError, Pool, Sample, set_up
from bench.server import Case, Result, verdict
from tests.support.ports import LOOPBACK
from tools.imports import ROOT


def result(ours: Sample, theirs: Sample) -> Result:
    """Of a single turn, with a promise of 1 and an aim of 2."""
    return Result(Case("x", 1, 2), [ours], [theirs])


def test_a_sample_tells_rate_and_processor_time() -> None:
    """The figures are those of the table: a second, for 100 000 requests, the generator's share and limit."""
    sample = Sample(requests=5000, wall_s=0.5, server_cpu_s=0.1, own_cpu_s=0.25)
    assert (sample.rate, sample.cpu_per_100k) == (10_000, 2.0)
    assert (sample.busy, sample.ceiling) == (0.5, 20_000)


@pytest.mark.parametrize(
    ("rate", "kept"), [(90, "MISSED"), (100, "least"), (199, "least"), (200, "aim"), (900, "aim")]
)
def test_a_promise_is_judged_by_the_rates(rate: int, kept: str) -> None:
    """The ratio to C counts as long as the generator had time left."""
    assert verdict(result(Sample(rate, 1, 1, 0.5), Sample(100, 1, 1, 0.5))) == kept


def test_where_the_generator_was_the_bottleneck_processor_time_is_judged() -> None:
    """Equal rates mean nothing then: ours, which needed twice the time, has missed its promise."""
    assert verdict(result(Sample(100, 1, 0.8, 0.95), Sample(100, 1, 0.4, 0.95))) == "MISSED"
    assert verdict(result(Sample(100, 1, 0.4, 0.95), Sample(100, 1, 0.8, 0.2))) == "aim"


def test_nothing_promised_is_not_judged() -> None:
    """Loads that are only shown have no verdict."""
    sample = Sample(100, 1, 1, 0.5)
    assert not verdict(Result(Case("x", 0, 0), [sample], [sample]))


class Answerer:
    """A server of one thread for each client: `reply` for every line, in two parts."""

    def __init__(self, reply: bytes) -> None:
        self.reply = reply
        self.listening = socket.create_server((LOOPBACK, 0))
        self.port: int = self.listening.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        """Until the socket is closed."""
        while True:
            try:
                client, _ = self.listening.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client: socket.socket) -> None:
        """One client."""
        with contextlib.suppress(OSError), client, client.makefile("rb") as lines:
            for _ in lines:
                for part in (self.reply[:3], self.reply[3:]):
                    client.sendall(part)


@pytest.mark.parametrize("quick_ack", [False, True])
def test_the_generator_counts_whole_replies(quick_ack: bool) -> None:
    """Replies that come in pieces, on several connections and in batches, are each counted once."""
    server = Answerer(b"ROW a\nEND\n")
    pool = Pool(server.port, os.getpid(), 3, b"LIST\n", b"END\n", batch=4, active=2)
    try:
        sample = pool.run(0.0, quick_ack=quick_ack)
        # No time is given: what was asked for at the beginning is answered, and perhaps once more.
        assert sample.requests % 8 == 0
        assert 8 <= sample.requests <= 16
        server.reply += b"more"
        with pytest.raises(LoadError, match="longer than before"):
            pool.run(0.0)
    finally:
        pool.close()
        server.listening.close()


def test_the_generator_takes_a_refusal_for_no_answer() -> None:
    """A server that answers with errors would look fast."""
    server = Answerer(b"ERR UNKNOWN-UPS\n")
    with pytest.raises(LoadError, match="UNKNOWN-UPS"):
        Pool(server.port, os.getpid(), 1, b"GET\n", b"\n")
    server.listening.close()


def test_connections_are_set_up_and_counted() -> None:
    """Each is asked once."""
    server = Answerer(b"1.3\n")
    assert set_up(server.port, os.getpid(), 5, b"NETVER\n").requests == 5
    server.listening.close()


@pytest.mark.slow
@pytest.mark.cnut
def test_it_measures_both_servers() -> None:
    """`./dev bench server --quick` prints a line for each load that was asked for, on whatever machine."""
    done = subprocess.run(
        [ROOT / "dev", "bench", "server", "--quick", "--only", "quick ACK"],
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert done.returncode in (0, 1), done.stderr
    assert len(re.findall(r"^\| \w+ VAR, .* \| [\d,]+ +\| [\d,]+ +\| ", done.stdout, re.MULTILINE)) == 3
    assert re.search(r"^\| for each of 1000 clients \| [\d.]+ kB", done.stdout, re.MULTILINE)
