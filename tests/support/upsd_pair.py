# SPDX-License-Identifier: GPL-2.0-or-later
"""A C upsd and ours over the same C drivers, to be asked the same things."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from tests.support.cnut import CUpsd, c_upsd
from tests.support.our_upsd import OurUpsd, converse, our_upsd
from tests.support.wait import wait_until

DEV = """\
device.mfr: Dummy
ups.status: OL
ups.load: 12
ups.delay.start: 30
battery.charge: 100
battery.runtime: 600
input.voltage: 230.1
ups.mfr.date: 2024/01/01
ups.contacts: "a \\"quoted\\" \\\\ word"
outlet.desc: Main Outlet
"""
WAIT_S = 15.0


@contextlib.contextmanager
def upsd_pair(tmp_path: Path) -> Iterator[tuple[CUpsd, OurUpsd]]:
    """A C upsd and ours over the same three C dummy-ups drivers, with data at both."""
    devices = {"su700": DEV, "other": DEV, "latched": DEV}
    with (
        c_upsd(tmp_path, devices) as c,
        our_upsd(tmp_path, dict.fromkeys(devices, "dummy-ups"), c.statepath) as ours,
    ):
        for name in devices:
            wait_until(lambda name=name: fresh(ours, name), WAIT_S, f"{name} at our upsd")
        yield c, ours


def fresh(ours: OurUpsd, name: str) -> bool:
    """Whether our upsd serves the status that the driver of a UPS has told."""
    reply = converse(ours.port, [f"GET VAR {name} ups.status\n".encode()])[0]
    return reply.startswith(b"VAR ") and b"WAIT" not in reply
