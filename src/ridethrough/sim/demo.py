# SPDX-License-Identifier: GPL-2.0-or-later
"""What `serve` runs without `--config`: a simulated UPS, a primary and a secondary, in NUT's own words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

from ridethrough.app.blueprint import LOOPBACK
from ridethrough.config.load import Configuration
from ridethrough.config.models import Listen, UpsmonConf, UpsSection
from ridethrough.config.ups import parse_ups
from ridethrough.config.upsd import parse_upsd
from ridethrough.config.upsmon import parse_upsmon
from ridethrough.config.users import parse_users

UPS: Final = "sim"

UPS_CONF: Final = b"""
[sim]
    driver = simulated-ups
    port = auto
    desc = "Simulated UPS"
    capacity_wh = 75
    load_w = 300
    nominal_w = 900
    pollinterval = 1
"""
UPSD_USERS: Final = """
[primary]
    password = {password}
    upsmon primary
[secondary]
    password = {password}
    upsmon secondary
"""
UPSMON_CONF: Final = """
MONITOR sim@localhost 1 {role} {password} {role}
SHUTDOWNCMD "systemctl poweroff"
POWERDOWNFLAG /etc/killpower
"""


def configuration(directory: Path, port: int, password: str) -> Configuration:
    """The built-in configuration; `directory` is only named, never read."""
    upsd = parse_upsd(f"LISTEN {LOOPBACK} {port}\n".encode())[0]
    return Configuration(
        directory,
        ups=parse_ups(UPS_CONF)[0],
        upsd=replace(upsd, listen=(Listen(LOOPBACK, port),)),
        users=parse_users(UPSD_USERS.format(password=password).encode())[0],
        upsmon=upsmon("primary", password, port),
    )


def upsmon(role: str, password: str, port: int) -> UpsmonConf:
    """The upsmon.conf of the primary, or of a secondary that comes over TCP."""
    conf = parse_upsmon(UPSMON_CONF.format(role=role, password=password).encode())[0]
    lines = tuple(replace(line, port=port) for line in conf.monitors)
    return replace(conf, monitors=lines)


def simulated(config: Configuration) -> Configuration:
    """A user's own configuration with the simulated UPS in place of every driver."""
    if config.ups is None:
        return config

    def replaced(section: UpsSection) -> UpsSection:
        keep = {key: value for key, value in section.options.items() if key in SIMULATED_OPTIONS}
        return replace(section, driver="simulated-ups", port="auto", options=keep)

    return replace(config, ups=replace(config.ups, sections=tuple(map(replaced, config.ups.sections))))


SIMULATED_OPTIONS: Final = frozenset(
    {"capacity_wh", "load_w", "nominal_w", "charge", "lowbatt", "pollinterval"}
)
