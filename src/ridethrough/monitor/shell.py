# SPDX-License-Identifier: GPL-2.0-or-later
"""The monitor's I/O: links in, the pure core in the middle, effects out.  It decides nothing."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, Final

from ridethrough.client.addresses import AddressBook
from ridethrough.client.aio import AsyncClient, TcpChannel
from ridethrough.client.channel import CONNECT_TIMEOUT_S
from ridethrough.config.model_upsmon import MonitorLine, UpsmonConf
from ridethrough.monitor import core
from ridethrough.monitor.links import Link, is_of
from ridethrough.monitor.maintenance import Hold
from ridethrough.monitor.messages import (
    AskLogins,
    Effect,
    Emit,
    Event,
    FailKind,
    FsdAcknowledged,
    KeepMaintenance,
    Level,
    LogDecision,
    LoggedOut,
    Logout,
    Maintenance,
    MaintenanceOff,
    MaintenanceOn,
    Polled,
    PollFailed,
    PollNow,
    Reloaded,
    RunShutdown,
    SetFsd,
    SleepFinished,
    SleepStarting,
    Stop,
    Tick,
    UserFsd,
    WritePowerdownFlag,
)
from ridethrough.monitor.output import MonitorOutput, UpsSummary, summarise
from ridethrough.monitor.settings import Supply, from_conf
from ridethrough.monitor.shutdown import Phase
from ridethrough.ups.notices import DEFAULT_FLAGS, Notice, NotifyFlag, NotifyType

FLAG_LIMIT_S: Final = 15.0
"""How long SHUTDOWNCMD waits for the POWERDOWNFLAG; a dead disk must not keep the host up."""
SHUTDOWN_LIMIT_S: Final = 60.0
"""How long the end of the monitor waits for SHUTDOWNCMD to have been started."""
LEAVE_LIMIT_S: Final = 5.0
MAX_DEFECTS: Final = 10
"""So many steps in a row that a defect ended, and the monitor ends too."""
DEFECT_PAUSE_S: Final = 1.0

LinkFactory = Callable[[MonitorLine], AsyncClient]


def tcp_link(line: MonitorLine) -> AsyncClient:
    """The usual link: TCP to the host of the MONITOR line."""
    return AsyncClient(TcpChannel(line.host, line.port))


def tcp_links(connect_limit_s: float = CONNECT_TIMEOUT_S, family: int = 0) -> LinkFactory:
    """The usual links of a monitor.  They share what names resolved to: a dead name server is no lost UPS."""
    book = AddressBook()

    def link(line: MonitorLine) -> AsyncClient:
        return AsyncClient(TcpChannel(line.host, line.port, connect_limit_s, family, book))

    return link


def reply_limit_s(deadtime_s: float) -> float:
    """How long a server may take: short enough for a second try before DEADTIME."""
    return min(10.0, max(2.0, deadtime_s / 3))


class Monitor:
    """`await run()` returns the exit status after a shutdown, or after `stop`."""

    def __init__(
        self,
        conf: UpsmonConf,
        link_factory: LinkFactory,
        output: MonitorOutput,
        *,
        strict_c: bool = False,
        would_set_fsd: Callable[[str], None] | None = None,
        maintenance: Maintenance | None = None,
        keep: Callable[[Maintenance | None], None] = lambda _: None,
        trace: Callable[[str], None] | None = None,
        commanded_at: float | None = None,
    ) -> None:
        """`would_set_fsd` makes it a dry run: it is told the UPS, and no server is.

        `maintenance` goes on from before; `keep` is told of one that is to be remembered, or forgotten.
        `commanded_at`: when a monitor of this boot before this one has run SHUTDOWNCMD.
        `trace` is told every event but the passing of time, for who looks for a fault.
        """
        self._conf = conf
        self._resumed, self._keep_maintenance = maintenance, keep
        self._trace, self._commanded_at = trace, commanded_at
        self._would_set_fsd = would_set_fsd
        self._connect = link_factory
        self._output = output
        self._strict_c = strict_c
        self._links: dict[str, Link] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._deeds: asyncio.Queue[Effect] = asyncio.Queue()
        self._state = core.initial(from_conf(conf, strict_c=strict_c), 0.0)
        self._running = False
        self._defects = 0
        self._broken: Exception | None = None
        self._stop_wanted = False

    async def run(self) -> int:
        """Monitor until told to stop, or until the host goes down."""
        now = asyncio.get_running_loop().time()
        self._state = core.initial(self._state.settings, now, self._commanded_at)
        self._running = True
        if self._resumed is not None:
            self._post(MaintenanceOn(self._resumed, resumed=True))  # before anything is heard of a UPS
        for supply in self._state.settings.supplies:
            self._start_link(supply)
        self._post(Tick())
        try:
            status = await self._carry_out()
            if self._broken is not None:
                raise self._broken
            return status
        finally:
            self._running = False
            if self._timer is not None:
                self._timer.cancel()
            for ups in list(self._links):
                self._end_link(ups)
            await self._links_gone()

    def stop(self) -> None:
        """End `run`.  A shutdown that has begun is carried on up to SHUTDOWNCMD first, as C does it."""
        if self._state.sequence.phase in (Phase.RUNNING, Phase.COMMANDED, Phase.DONE):
            self._deeds.put_nowait(Stop())
            return
        self._stop_wanted = True
        text = "told to stop, but the shutdown has begun: SHUTDOWNCMD is run first"
        with contextlib.suppress(Exception):
            self._output.log(Level.WARNING, text)

    def poke(self, ups: str, urgent: bool = False) -> None:
        """There is news of a UPS (`name@host` as in MONITOR, or its bare name): poll it at once.

        `urgent` says that its status has changed, or whether it may be trusted.
        """
        for system, link in self._links.items():
            if is_of(ups, system):
                link.poke(urgent)

    def logins_changed(self, ups: str) -> None:
        """The server of this process says who is logged in now: count at once if that is waited for."""
        if self._state.sequence.phase is Phase.HOSTSYNC:
            for system, link in self._links.items():
                if system in self._state.sequence.fsd and is_of(ups, system):
                    link.count_logins()

    def sleep_starting(self) -> None:
        """The machine is about to suspend."""
        self._post(SleepStarting())

    def sleep_finished(self) -> None:
        """The machine runs again: all UPSes are asked at once, and what was known of them is old."""
        self._post(SleepFinished())

    def user_fsd(self, script: str = "") -> bool:
        """A person (or the `script` of a notice) orders the shutdown.  False if nobody is left to obey."""
        self._post(UserFsd(script))
        return self._running

    def maintain(self, order: MaintenanceOn | MaintenanceOff) -> bool:
        """A person begins, changes or ends a maintenance.  False if nobody is left to obey."""
        obeyed = self._running and not self.shutting_down
        if obeyed:
            self._post(order)
        return obeyed

    @property
    def hold(self) -> Hold:
        """The maintenance that is on, if one is, and what it holds back."""
        return self._state.hold

    def announce(self, kind: NotifyType) -> None:
        """Publish a notice of the host that the core can't know of, such as NOPARENT."""
        self._emit(self._state.settings.notice(kind))

    def reload(self, conf: UpsmonConf, *, strict_c: bool | None = None) -> None:
        """Take a new configuration; links whose MONITOR line says the same stay up."""
        self._strict_c = self._strict_c if strict_c is None else strict_c
        settings = from_conf(conf, strict_c=self._strict_c)
        if not self._state.sequence.begun:
            old, new = _lines(self._conf), _lines(conf)
            self._conf = conf
            anew = settings.strict_c != self._state.settings.strict_c  # Whether power value 0 logs in.
            for ups, line in [(ups, old[ups]) for ups in self._links]:
                if new.get(ups) != line or (anew and not line.power_value):
                    self._end_link(ups)
            for supply in settings.supplies:
                if supply.ups not in self._links:
                    self._start_link(supply)
        self._post(Reloaded(settings))

    @property
    def strict_c(self) -> bool:
        """Whether the critical decision is C upsmon's."""
        return self._state.settings.strict_c

    @property
    def shutting_down(self) -> bool:
        """Whether the shutdown has begun."""
        return self._state.sequence.begun

    @property
    def waits_s(self) -> float:
        """HOSTSYNC and FINALDELAY together, of the configuration in force."""
        return self._state.settings.hostsync_s + self._state.settings.finaldelay_s

    def summary(self) -> tuple[UpsSummary, ...]:
        """What is known of every MONITOR line."""
        return summarise(self._state)

    # -- events in -----------------------------------------------------------------------------

    def _post(self, event: Event) -> None:
        """Step the core, route its effects, and set the timer for its next deadline."""
        if not self._running:
            return
        if self._trace is not None and not isinstance(event, Tick):
            self._trace(str(event))
        loop = asyncio.get_running_loop()
        not_before = loop.time() + DEFECT_PAUSE_S
        try:
            self._state, effects = core.step(self._state, event, loop.time())
            for effect in effects:
                self._guarded(effect)
            not_before = 0.0
            self._defects = 0
        except Exception as error:
            self._defects += 1
            if self._defects >= MAX_DEFECTS:
                # It lives and decides nothing: whoever runs it has to start it again.
                self._broken = error
                self._deeds.put_nowait(Stop(1))
            if isinstance(event, Polled):
                # A UPS that can't be judged any more must not pass for one that is heard.
                why = f"what it says can't be judged: {error!r}"
                loop.call_soon(self._post, PollFailed(event.ups, FailKind.REFUSED, why))
            raise
        finally:
            if self._timer is not None:
                self._timer.cancel()
            # A step that a defect ended has not moved its deadline: it must not be tried without a pause.
            at = max(core.next_deadline(self._state), not_before)
            self._timer = loop.call_at(at, self._post, Tick())

    # -- effects out ---------------------------------------------------------------------------

    def _route(self, effect: Effect) -> None:
        match effect:
            case Emit(notice, loud):
                self._emit(notice, loud=loud)
            case LogDecision():
                self._output.decision(effect)
            case SetFsd(ups) if self._would_set_fsd is not None:
                self._would_set_fsd(ups)
                asyncio.get_running_loop().call_soon(self._post, FsdAcknowledged(ups, dry=True))
            case SetFsd(ups):
                self._links[ups].set_fsd()
            case AskLogins(ups):
                self._links[ups].count_logins()
            case PollNow():
                for link in self._links.values():
                    link.poke()
            case KeepMaintenance(maintenance):
                self._keep_maintenance(maintenance)
            case WritePowerdownFlag() | RunShutdown() | Logout() | Stop():
                self._deeds.put_nowait(effect)

    def _guarded(self, effect: Effect) -> None:
        """Route one effect.  A log that is full must not cost the effects after it: one is the shutdown."""
        try:
            self._route(effect)
        except Exception as error:
            with contextlib.suppress(Exception):
                self._output.log(Level.ERROR, f"{type(effect).__name__} failed: {error!r}")

    def _emit(self, notice: Notice, *, loud: bool = False) -> None:
        flags = self._conf.notifyflag.get(notice.type, DEFAULT_FLAGS)
        if loud or NotifyFlag.SYSLOG in flags:
            self._output.log(Level.ERROR if loud else Level.NOTICE, notice.text)
        if NotifyFlag.WALL in flags:
            self._output.wall(notice.text)
        self._output.notice(notice, flags)

    async def _carry_out(self) -> int:
        """The deeds that must happen in order, each in bounded time; returns the exit status.

        Without a SHUTDOWNCMD that was started it is 1: a service manager starts the monitor again then,
        which finds FSD set and tries once more.
        """
        started = True
        while True:
            effect = await self._deeds.get()
            match effect:
                case WritePowerdownFlag():
                    await self._deed("POWERDOWNFLAG", self._output.powerdownflag(), FLAG_LIMIT_S)
                case RunShutdown():
                    started = await self._deed("SHUTDOWNCMD", self._output.shutdown(), SHUTDOWN_LIMIT_S)
                    if self._stop_wanted:
                        return 0 if started else 1
                case Logout(ups) if ups in self._links:
                    self._links[ups].leave()
                case Stop(status):
                    return status if started else 1

    async def _deed(self, what: str, deed: Coroutine[Any, Any, None], limit_s: float) -> bool:
        """Do it, and return whether it was done; what goes wrong here may not keep the host up."""
        try:
            async with asyncio.timeout(limit_s):
                await deed
        except TimeoutError:
            why = f"was not done within {limit_s:g} s; going on"
        except Exception as error:
            why = f"failed: {error}"
        else:
            return True
        with contextlib.suppress(Exception):
            self._output.log(Level.ERROR, f"{what} {why}")
        return False

    # -- links ---------------------------------------------------------------------------------

    def _start_link(self, supply: Supply) -> None:
        ups = supply.ups
        line = _lines(self._conf)[ups]

        def interval_s() -> float:
            return core.poll_interval_s(self._state, ups)

        def limit_s() -> float:
            return reply_limit_s(self._state.settings.deadtime_s)

        def post(event: Event) -> None:
            if self._links.get(ups) is link:  # After a reload another link may speak for this UPS.
                self._post(event)

        link = Link(line, supply, self._connect, post, interval_s, limit_s)
        self._links[ups] = link
        task = asyncio.create_task(self._keep(ups, link), name=f"link {ups}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _keep(self, ups: str, link: Link) -> None:
        """A defect of a link must not end the watching of its UPS."""
        while True:
            try:
                return await link.run()
            except Exception as error:
                with contextlib.suppress(Exception):
                    self._output.log(Level.ERROR, f"the link to UPS {ups} failed and begins anew: {error!r}")
                await asyncio.sleep(self._state.settings.pollfreq_s)

    def _end_link(self, ups: str) -> None:
        self._post(LoggedOut(ups))
        self._links.pop(ups).leave()

    async def _links_gone(self) -> None:
        """Wait a bounded time until all links have said good-bye."""
        tasks = set(self._tasks)
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=LEAVE_LIMIT_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)


def _lines(conf: UpsmonConf) -> dict[str, MonitorLine]:
    """The MONITOR lines by the UPS; of two for the same the first stands, as in C.

    Where a line stands in the file does not make it another one.
    """
    found: dict[str, MonitorLine] = {}
    for line in conf.monitors:
        found.setdefault(line.system, replace(line, line=0))
    return found
