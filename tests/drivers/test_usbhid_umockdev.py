# SPDX-License-Identifier: GPL-2.0-or-later
"""Our usbhid-ups as a program of its own on virtual UPSes, and beside C's."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ridethrough.drivers import ask
from ridethrough.protocol.driver import DriverClient
from ridethrough.ups.commands import Outcome
from ridethrough.ups.state import Freshness
from tests.support import cnut
from tests.support.our_driver import command, environment
from tests.support.procs import started
from tests.support.usb_bench import UsbBench, c_usbhid_ups, usb_bench

pytestmark = [pytest.mark.slow, pytest.mark.umockdev]

PROFILES = ("eaton-ellipse", "salicru-soho", "cyberpower")
LIMIT_S = 12.0
AT_ONCE_S = 0.5
BACK_S = 3.0
OURS = ("driver.", "device.type")
NEWER = {
    "salicru-soho": {"ups.status": "OL"},
    "cyberpower": {"ups.delay.shutdown": "60", "ups.delay.start": "120"},
}
"""What C NUT has changed since 2.8.0, which is what runs here: a battery at 100 % is not called charging, and
CyberPower's delays are the multiples of 60 s that the devices round them to."""


class Follower:
    """A client of a driver socket that is told all as it comes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._client = DriverClient(1000.0, time.monotonic())
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(path))

    def until(self, done: Callable[[], object], what: str) -> float:
        """Listen until it is so; the time when it was."""
        deadline = time.monotonic() + LIMIT_S
        while not done():
            self._socket.sendall(self._client.data_to_send())
            left = deadline - time.monotonic()
            assert left > 0, f"waited in vain for {what}; there is: {self.variables}"
            if select.select([self._socket], [], [], left)[0]:
                data = self._socket.recv(65536)
                assert data, "the driver has ended"
                self._client.receive(data, time.monotonic())
        return time.monotonic()

    @property
    def variables(self) -> dict[str, str]:
        return {name: one.value for name, one in self._client.snapshot.variables.items()}

    @property
    def _fresh(self) -> Freshness:
        return self._client.freshness(time.monotonic())

    def power(self, *wanted: str) -> float:
        """Wait until the status has just these of OL, OB and LB."""

        def now() -> bool:
            words = {"OL", "OB", "LB"} & {*self._client.snapshot.get("ups.status").split()}
            return words == {*wanted} and self._fresh is Freshness.FRESH

        return self.until(now, f"ups.status {wanted}")

    def stale(self) -> float:
        """Wait until the data is stale."""
        return self.until(lambda: self._fresh is Freshness.STALE, "stale data")

    def close(self) -> None:
        self._socket.close()


@contextlib.contextmanager
def our_usbhid_ups(bench: UsbBench, tmp_path: Path, state: Path) -> Iterator[Follower]:
    """Start our driver on the bench."""
    (tmp_path / "ups.conf").write_text("[ups]\ndriver = usbhid-ups\nport = auto\npollinterval = 1\n")
    argv = [*command("usbhid-ups"), "-a", "ups", "-u", "root", "-FF"]
    env = {**environment(tmp_path, state), **bench.environment}
    with started(argv, env={**os.environ, **env}, name="our usbhid-ups") as process:
        process.wait_output("listening on", LIMIT_S)
        with contextlib.closing(Follower(state / "usbhid-ups-ups")) as follower:
            yield follower


@contextlib.contextmanager
def driven(tmp_path: Path, profile: str) -> Iterator[tuple[UsbBench, Follower]]:
    """A virtual UPS and our driver on it."""
    with (
        cnut.state_directory() as state,
        usb_bench(profile) as bench,
        our_usbhid_ups(bench, tmp_path, state) as ups,
    ):
        yield bench, ups


@pytest.mark.parametrize("profile", PROFILES)
def test_a_whole_life(tmp_path: Path, profile: str) -> None:
    """Each power state arrives at once, a pulled plug is stale at once, and fresh data is back in 3 s."""
    with driven(tmp_path, profile) as (bench, ups):
        ups.power("OL")
        for state, words in (("ob", ("OB",)), ("lb", ("OB", "LB")), ("ol", ("OL",))):
            moved = bench.tell(state)["at"]
            # CyberPower's are polled only: what they tell by themselves is not to be believed.
            assert ups.power(*words) - moved < (3.0 if profile == "cyberpower" else AT_ONCE_S)
        gone = bench.tell("unplug")["at"]
        assert ups.stale() - gone < AT_ONCE_S
        bench.tell("ob")
        back = bench.tell("replug")["at"]
        assert ups.power("OB") - back < BACK_S


def test_orders_arrive_as_bytes(tmp_path: Path) -> None:
    """The bytes are those that C's driver sends for the same orders."""
    with driven(tmp_path, "eaton-ellipse") as (bench, ups):
        ups.power("OL")
        bench.tell("forget")
        assert ask.command(ups.path, "beeper.disable") is Outcome.HANDLED
        assert ask.setvar(ups.path, "battery.charge.low", "30") is Outcome.HANDLED
        assert {"set feature 1f 1f 01 -> ok", "set feature 08 08 1e -> ok"} <= set(bench.log())
        ups.until(lambda: ups.variables["battery.charge.low"] == "30", "the new threshold")


@pytest.mark.cnut
@pytest.mark.parametrize("profile", PROFILES)
def test_the_same_as_c(tmp_path: Path, profile: str) -> None:
    """Debian's C driver on the same UPS shows no variable that ours has not, and the same values.

    NEWER has the differences.
    """
    with usb_bench(profile) as bench, c_usbhid_ups(bench, tmp_path) as other:
        theirs = {name: value for name, value in other.everything().items() if not name.startswith(OURS)}
    with driven(tmp_path, profile) as (_, ups):
        ups.power("OL")
        ours = ups.variables
    assert {name: ours.get(name) for name in theirs} == {**theirs, **NEWER.get(profile, {})}
