# SPDX-License-Identifier: GPL-2.0-or-later
"""The server stage: sources of readings, the core that answers requests, the listening sockets.

`ridethrough upsd` runs one of it alone; `ridethrough serve` runs it beside the monitor.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from ridethrough import __version__
from ridethrough.config.models import UpsConf, UpsdConf, UpsdUsers, UpsSection
from ridethrough.drivers.source import OnView, Source
from ridethrough.server.core import ServerCore
from ridethrough.server.effects import (
    Ask,
    AskKind,
    Effect,
    FsdSet,
    Level,
    Log,
    LoginsChanged,
    Settings,
)
from ridethrough.server.listener import Listener
from ridethrough.server.memory import MemoryChannel
from ridethrough.server.sockets import Families, ListenError
from ridethrough.ups.commands import Outcome
from ridethrough.ups.state import Change, DeviceView, Freshness

ASK_LIMIT_S = 60.0
MAX_ASKS = 64

MakeSource = Callable[[UpsSection, OnView], Source]
Say = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """The three files of the server, and what the command line adds."""

    ups: UpsConf
    upsd: UpsdConf
    users: UpsdUsers
    families: Families = Families.BOTH
    idle_timeout_s: float = 60.0
    statepath: str = ""
    """Where the sockets of drivers in other processes lie; a source of another kind does not look at it."""

    def settings(self) -> Settings:
        """What the core is told."""
        return Settings(
            new_id=lambda: str(uuid.uuid4()),
            banner=f"Network UPS Tools upsd 2.8.0 - Ridethrough {__version__}",
            tracking_delay_s=self.upsd.trackingdelay_s,
            idle_timeout_s=self.idle_timeout_s,
        )

    def devices(self) -> list[tuple[str, str]]:
        """Name and description of every UPS, in the order of ups.conf."""
        return [(section.name, section.desc) for section in self.ups.sections]


def _nothing(*_: object) -> None:
    """A hook that nobody set."""


class Serving:
    """Owns core, listener and sources.  The caller owes `close` once `start` was called, even if it failed.

    Hooks, all called in the event loop, must return at once:
    `on_commit` for every view after the server has taken it, `on_event` for FSD and logins.
    """

    def __init__(
        self,
        config: ServerConfig,
        make_source: MakeSource,
        say: Say,
        *,
        on_commit: OnView = _nothing,
        on_event: Callable[[FsdSet | LoginsChanged], None] = _nothing,
    ) -> None:
        """Put the parts together; nothing runs before `start`."""
        self.config = config
        self._make_source = make_source
        self._say = say
        self.on_commit = on_commit
        self.on_event = on_event
        self._sections: dict[str, UpsSection] = {}
        self._sources: dict[str, Source] = {}
        self._asks: set[asyncio.Task[None]] = set()
        self._open = False
        self._reloading = asyncio.Lock()
        self.core = ServerCore(config.users, config.settings(), config.devices())
        upsd = config.upsd
        self.listener = Listener(
            self.core,
            upsd.listen,
            self.handle_effect,
            maxconn=upsd.maxconn,
            families=config.families,
            allow_some=upsd.allow_not_all_listeners,
        )

    @property
    def sources(self) -> Mapping[str, Source]:
        """The running sources by the name of their UPS."""
        return self._sources

    async def open(self) -> None:
        """Listen, so that a port in use is known before a driver is touched.  Raises ListenError."""
        await self.listener.start()
        self._open = True

    async def start(self) -> None:
        """Start the sources; listens first if `open` was not called.  Raises ListenError."""
        if not self._open:
            await self.open()
        for section in self.config.ups.sections:
            self._start_source(section)

    async def close(self) -> None:
        """Stop in reverse: no new requests, then the sources."""
        await self.listener.close()
        for task in tuple(self._asks):
            task.cancel()
        if self._asks:
            await asyncio.wait(tuple(self._asks), timeout=1.0)
        for name in reversed(tuple(self._sources)):
            await self._stop_source(name)

    async def reload(self, config: ServerConfig) -> None:
        """Take changed files: sessions stay, sources whose section changed begin anew.

        An address that can't be listened on is said, and then all LISTEN lines stay as they were.
        A second reload waits for the first: sources take their time to stop.
        """
        async with self._reloading:
            await self._reload(config)

    async def _reload(self, config: ServerConfig) -> None:
        before, self.config = self.config, config
        told = (before.upsd.maxage_s, before.statepath)
        all_anew = told != (config.upsd.maxage_s, config.statepath)
        wanted = {section.name.lower(): section for section in config.ups.sections}
        for key, section in tuple(self._sections.items()):
            if all_anew or key not in wanted or _differs(section, wanted[key]):
                await self._stop_source(key)
        self.listener.carry_out(self.core.reconfigure(config.users, config.settings(), config.devices()))
        for key, section in wanted.items():
            if key not in self._sources:
                self._start_source(section)
        upsd = config.upsd
        try:
            await self.listener.change(
                upsd.listen, maxconn=upsd.maxconn, allow_some=upsd.allow_not_all_listeners
            )
        except ListenError as error:
            self._say(Level.ERROR.value, f"LISTEN stays as it was: {error}")

    def memory_channel(self, peer: str = "local") -> MemoryChannel:
        """A client's channel in this process."""
        return self.listener.memory_channel(peer)

    def on_view(self, view: DeviceView, change: Change) -> None:
        """A source has committed: serve it, then tell the others.  A source that is gone is not heard."""
        if view.name.lower() in self._sources:
            self.core.update(view)
            self.on_commit(view, change)

    def handle_effect(self, effect: Effect) -> None:
        """Carry out what the core asked for."""
        if isinstance(effect, Log):
            self._say(effect.level.value, effect.text)
        elif isinstance(effect, Ask):
            self._ask(effect)
        elif isinstance(effect, FsdSet | LoginsChanged):
            self.on_event(effect)

    # -- drivers --------------------------------------------------------------------------------

    def _start_source(self, section: UpsSection) -> None:
        key = section.name.lower()
        source = self._make_source(section, self.on_view)
        self._sections[key] = section
        self._sources[key] = source
        source.start()

    async def _stop_source(self, key: str) -> None:
        source = self._sources.get(key)
        if source is None:
            return
        try:
            await source.stop()
        finally:
            # Whatever it said last is not fresh any more, also while a successor starts.
            self.on_view(replace(source.view, freshness=Freshness.DISCONNECTED), Change())
            del self._sources[key], self._sections[key]

    def _ask(self, ask: Ask) -> None:
        source = self._sources.get(ask.ups.lower())
        if source is None or len(self._asks) >= MAX_ASKS:
            why = "it has no driver" if source is None else f"{MAX_ASKS} requests wait for drivers already"
            self._say(
                Level.WARNING.value, f"UPS [{ask.ups}]: {ask.kind} {ask.name} was not carried out: {why}"
            )
            self.core.tracking_done(ask.tracking_id, Outcome.FAILED)
            return
        task = asyncio.get_running_loop().create_task(self._carry(source, ask))
        self._asks.add(task)
        task.add_done_callback(self._asks.discard)

    async def _carry(self, source: Source, ask: Ask) -> None:
        """One request to a driver; whatever happens, its tracking id gets an answer."""
        outcome = Outcome.FAILED
        try:
            async with asyncio.timeout(ASK_LIMIT_S):
                if ask.kind is AskKind.INSTCMD:
                    outcome = await source.instcmd(ask.name, ask.value)
                else:
                    outcome = await source.setvar(ask.name, ask.value or "")
        except TimeoutError:
            text = (
                f"UPS [{ask.ups}]: the driver did not answer {ask.kind} {ask.name} within {ASK_LIMIT_S:g} s"
            )
            self._say(Level.WARNING.value, text)
        except Exception as error:
            # A fault of one driver must not take the server along.
            self._say(Level.ERROR.value, f"UPS [{ask.ups}]: {ask.kind} {ask.name} failed: {error!r}")
        finally:
            self.core.tracking_done(ask.tracking_id, outcome)
        level = Level.INFO if outcome is Outcome.HANDLED else Level.WARNING
        self._say(level.value, f"UPS [{ask.ups}]: {ask.kind} {ask.name}: {outcome.value}")


def _differs(old: UpsSection, new: UpsSection) -> bool:
    """Whether the driver must begin anew; a changed description needs only a new LIST UPS."""
    return (old.driver, old.port, dict(old.options)) != (new.driver, new.port, dict(new.options))
