# SPDX-License-Identifier: GPL-2.0-or-later
"""Which driver serves a section of ups.conf: one of ours in this process, or any other behind its socket."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from functools import partial

from ridethrough.app.blueprint import Blueprint
from ridethrough.config.load import load
from ridethrough.config.models import UpsConf, UpsdConf, UpsSection
from ridethrough.drivers.base import Context, DriverError
from ridethrough.drivers.orders import Master, OrderError
from ridethrough.drivers.registry import make_source
from ridethrough.drivers.source import OnView, Source
from ridethrough.ups.commands import Outcome
from ridethrough.ups.state import EMPTY, Change, DeviceView, Freshness
from ridethrough.ups.units import Monotonic

DriverLog = Callable[[str, str, str], None]
"""(ups, level, text)"""


class SourceMaker:
    """Makes the source of each section of the blueprint's ups.conf."""

    def __init__(self, blueprint: Callable[[], Blueprint], log: DriverLog) -> None:
        self._blueprint = blueprint
        self._log = log

    def make(self, section: UpsSection, on_view: OnView) -> Source:
        """The source of one section, not started yet. A section that makes no sense costs only itself."""
        blueprint = self._blueprint()
        config = blueprint.config
        log = partial(self._log, section.name)
        context = Context(
            confpath=config.directory,
            statepath=blueprint.state_dir,
            log=log,
            on_output=partial(_output, blueprint.on_output, section.name),
            env=dict(os.environ),
        )
        ups, upsd = config.ups or UpsConf(), config.upsd or UpsdConf()
        try:
            return make_source(
                section,
                ups,
                context,
                on_view,
                maxage_s=upsd.maxage_s,
                master=Master(partial(self._reread, section.name)),
            )
        except DriverError as error:
            log("error", f"ups.conf:{section.line}: {error}")
            return Broken(section, on_view)

    def _reread(self, ups: str) -> tuple[UpsConf, UpsSection]:
        """What ups.conf says of a UPS now (`driver.reload`).  A simulation has no file: nothing changes."""
        blueprint = self._blueprint()
        found = blueprint.config.ups
        if not blueprint.simulated:
            config = load(blueprint.config.directory, ("ups.conf",))
            found = None if config.errors else config.ups
        section = found.section(ups) if found is not None else None
        if found is None or section is None:
            raise OrderError(f"ups.conf has errors, or no section [{ups}] any more; see: ridethrough check")
        return found, section


class Broken:
    """The source of a section whose driver can't be made: DISCONNECTED, and nothing else."""

    def __init__(self, section: UpsSection, on_view: OnView) -> None:
        self._view = DeviceView(section.name, section.desc, EMPTY, Freshness.DISCONNECTED, Monotonic(0.0))
        self._on_view = on_view

    @property
    def view(self) -> DeviceView:
        """Nothing is known."""
        return self._view

    def start(self) -> None:
        """Say so."""
        self._on_view(self._view, Change())

    async def stop(self) -> None:
        """There is nothing to stop."""

    async def instcmd(self, name: str, param: str | None = None) -> Outcome:
        """There is nobody to ask."""
        return Outcome.FAILED

    async def setvar(self, name: str, value: str) -> Outcome:
        """There is nobody to ask."""
        return Outcome.FAILED


def _output(told: Callable[[str, bool], None] | None, ups: str, on: bool, at: float) -> None:
    if told is not None:
        # The driver is in the middle of its work: the news wait until it is done.
        asyncio.get_running_loop().call_soon(told, ups, on)
