# SPDX-License-Identifier: GPL-2.0-or-later
"""What nut.conf and ups.conf say. Defaults are NUT's (nut.conf(5), ups.conf(5))."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType


class Mode(StrEnum):
    """Which of NUT's services this host runs."""

    NONE = "none"
    STANDALONE = "standalone"
    NETSERVER = "netserver"
    NETCLIENT = "netclient"
    CONTROLLED = "controlled"
    MANUAL = "manual"

    @property
    def serves(self) -> bool:
        """Whether drivers and upsd run here."""
        return self in (Mode.STANDALONE, Mode.NETSERVER, Mode.CONTROLLED, Mode.MANUAL)


@dataclass(frozen=True, slots=True)
class NutConf:
    """nut.conf. `variables` holds every assignment as written, known or not."""

    mode: Mode = Mode.NONE
    upsd_options: str = ""
    upsmon_options: str = ""
    poweroff_wait: str = ""
    poweroff_quiet: bool = False
    allow_no_device: bool = False
    allow_not_all_listeners: bool = False
    debug_level: int = 0
    variables: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


class Synchronous(StrEnum):
    """How a driver writes to upsd: waiting, not waiting, or waiting once a write did not fit."""

    AUTO = "auto"
    YES = "yes"
    NO = "no"


@dataclass(frozen=True, slots=True)
class UpsSection:
    """One `[name]` of ups.conf. `options` holds every key but driver, port and desc; a flag's value is None.

    The values are not printed: some drivers take passwords and SNMP communities here.
    """

    name: str
    driver: str
    port: str
    desc: str = ""
    options: Mapping[str, str | None] = field(default_factory=lambda: MappingProxyType({}))
    line: int = 0

    def option(self, name: str) -> str | None:
        """The value of a key, whatever its letter case; None if it is absent or a flag."""
        own = {"driver": self.driver, "port": self.port, "desc": self.desc}
        key = self._key(name)
        return own.get(name.casefold()) if key is None else self.options[key]

    def flag(self, name: str) -> bool:
        """Whether a key is there at all. NUT reads a flag with any value as set."""
        return self._key(name) is not None

    def number(self, name: str, default: float) -> float:
        """The value of a key as a number, or `default` if it is absent or no number."""
        try:
            return float(self.option(name) or "")
        except ValueError:
            return default

    def _key(self, name: str) -> str | None:
        if name in self.options:
            return name
        return next((key for key in self.options if key.casefold() == name.casefold()), None)

    def __repr__(self) -> str:
        keys = ", ".join(self.options)
        return (
            f"UpsSection(name={self.name!r}, driver={self.driver!r}, port={self.port!r}, "
            f"desc={self.desc!r}, options=<{keys}>, line={self.line})"
        )


@dataclass(frozen=True, slots=True)
class UpsConf:
    """ups.conf. Empty strings mean that the file does not say."""

    pollinterval_s: float = 2
    maxretry: int = 1
    retrydelay_s: float = 5
    maxstartdelay_s: float = 75
    nowait: bool = False
    driverpath: str = ""
    chroot: str = ""
    user: str = ""
    group: str = ""
    synchronous: Synchronous = Synchronous.AUTO
    statepath: str = ""
    reconnect_max_tries: int = -1
    reconnect_report_freq: int = 0
    debug_min: int = 0
    libusb_debug: int = 0
    sections: tuple[UpsSection, ...] = ()

    def section(self, name: str) -> UpsSection | None:
        """The section of that name, as a client asks for it: as upsd, without regard to case."""
        wanted = name.lower()
        return next((section for section in self.sections if section.name.lower() == wanted), None)
