# SPDX-License-Identifier: GPL-2.0-or-later
"""A drill: one long outage through a user's own configuration, on a virtual clock, with nothing run.

It proves that the files lead from a lost mains to SHUTDOWNCMD: logins, notices, timers, FSD, the flag.
It does not know how long the real machine takes to halt, nor the real battery.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from ridethrough.app.bus import Bus, Event
from ridethrough.app.timeline import duration_text
from ridethrough.config.load import Configuration
from ridethrough.config.models import (
    Mode,
    MonitorLine,
    NutConf,
    UpsConf,
    UpsdUsers,
    UpsmonConf,
    UpsSection,
    User,
)
from ridethrough.sim.clock import ScaledLoop
from ridethrough.sim.game import Game

SPEED: Final = 2000.0
OUTAGE_S: Final = 4 * 3600.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a drill found. `faults` is empty if it passed."""

    ok: bool
    text: str
    faults: tuple[str, ...] = ()


@dataclass(slots=True)
class _Witness:
    """Listens to the bus and keeps what the verdict is made of."""

    low_at: float | None = None
    shutdown_at: float | None = None
    flag: bool = False
    cut: bool = False
    runtime_s: float | None = None
    refused: list[str] = field(default_factory=list)

    def hear(self, event: Event) -> None:
        """One event."""
        kind = event["event"]
        if kind == "device" and event.get("runtime") is not None and self.shutdown_at is None:
            self.runtime_s = event["runtime"]
        elif kind == "notice" and event["type"] == "LOWBATT" and self.low_at is None:
            self.low_at = event["t"]
        elif kind == "notice" and "login refused" in event["text"]:
            self.refused.append(event["text"])
        elif kind == "would" and event["text"].startswith("would run SHUTDOWNCMD"):
            self.shutdown_at = event["t"]
        elif kind == "would" and event["text"].startswith("would write POWERDOWNFLAG"):
            self.flag = True
        elif kind == "output" and not event["on"]:
            self.cut = True


def rehearse(config: Configuration, listener: Callable[[Event], None]) -> Verdict:
    """Play the drill; every event goes to `listener`. Blocks for seconds; needs no root and no device."""
    conf = config.upsmon
    if conf is None or not any(line.power_value for line in conf.monitors):
        return _failed("upsmon.conf has no MONITOR line that feeds this host")
    witness = _Witness()
    with tempfile.TemporaryDirectory(prefix="ridethrough-drill-") as place:
        game = Game(stage(config), Path(place), SPEED, OUTAGE_S / SPEED, 0)
        with asyncio.Runner(loop_factory=lambda: ScaledLoop(SPEED)) as runner:
            loop = runner.get_loop()
            bus = Bus(loop.time)
            bus.listen(witness.hear)
            bus.listen(listener)
            status = runner.run(game.run(bus))
    return _judge(conf, witness, status)


def stage(config: Configuration) -> Configuration:
    """The user's configuration with every monitored UPS simulated here, also those of other servers."""
    assert config.upsmon is not None
    sections = list(config.ups.sections) if config.ups else []
    users = dict(config.users.users) if config.users else {}
    lines: list[MonitorLine] = []
    serves = config.nut is None or config.nut.mode.serves
    for line in config.upsmon.monitors:
        if not serves or not line.is_local:
            # Another server's UPS and user: they are taken to be there, as nobody here can know better.
            users[line.username] = User(line.username, line.password, role=line.role)
            line = replace(line, host="localhost")
        if not any(section.name == line.ups for section in sections):
            if serves and line.is_local and config.ups is not None and line in config.upsmon.monitors:
                lines.append(line)
                continue  # A UPS that ups.conf does not have: the drill shall find it.
            sections.append(UpsSection(line.ups, "simulated-ups", "auto"))
        lines.append(line)
    return replace(
        config,
        nut=NutConf(mode=Mode.STANDALONE),
        ups=replace(config.ups or UpsConf(), sections=tuple(sections)),
        users=UpsdUsers(users),
        upsmon=replace(config.upsmon, monitors=tuple(lines)),
    )


def _judge(conf: UpsmonConf, witness: _Witness, status: int) -> Verdict:
    faults = list(dict.fromkeys(witness.refused))
    primary = any(line.role.value == "primary" and line.power_value for line in conf.monitors)
    if witness.shutdown_at is None:
        faults.append("SHUTDOWNCMD would not have been run")
    if primary and not witness.flag:
        faults.append("POWERDOWNFLAG would not have been written: the UPS would not be switched off")
    if status != 0 and not faults:
        faults.append("the outage did not come to its end; the lines above say why")
    if faults:
        return Verdict(False, faults[0], tuple(faults))
    assert witness.shutdown_at is not None
    after = witness.shutdown_at - (witness.low_at if witness.low_at is not None else witness.shutdown_at)
    left = f", with {duration_text(witness.runtime_s)} of battery left" if witness.runtime_s else ""
    return Verdict(True, f"SHUTDOWNCMD {duration_text(after)} after low battery{left}")


def _failed(fault: str) -> Verdict:
    return Verdict(False, fault, (fault,))
