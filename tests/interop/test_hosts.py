# SPDX-License-Identifier: GPL-2.0-or-later
"""A primary and its secondaries as processes: who goes down when, and who is waited for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import hosts
from tests.support.hosts import LIMIT_S
from tests.support.wait import wait_until


def test_the_secondaries_go_first(tmp_path: Path) -> None:
    """Mains lost, low battery, FSD: both secondaries, then the primary with the flag; each exactly once."""
    with (
        hosts.place() as place,
        hosts.primary(place, extra=["FINALDELAY 1"]) as primary,
        hosts.secondary(place, "one", primary.target()) as one,
        hosts.secondary(place, "two", primary.target()) as two,
    ):
        primary.wait_logins(3)
        lost = primary.mains(False)
        seen = [3]

        def all_down() -> bool:
            count = primary.logins()
            if count != seen[-1]:
                seen.append(count)
            return bool(primary.downs())

        wait_until(all_down, LIMIT_S, "SHUTDOWNCMD of the primary")
        first, second, last = hosts.downs(place)
        for h in (primary, one, two):
            for t in h.told():
                print(f"{t.at - lost:7.3f}", h.name, t.type)
            for d in h.downs():
                print(f"{d.at - lost:7.3f}", h.name, d)
        print(primary.process.output())
        print(one.process.output())
        print(seen)
        raise AssertionError
