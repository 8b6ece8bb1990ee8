# SPDX-License-Identifier: GPL-2.0-or-later
"""The monitor's I/O: links in, the pure core in the middle, effects out.  It decides nothing."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final, Protocol

from ridethrough.client.aio import AsyncClient, TcpChannel
from ridethrough.config.model_upsmon import MonitorLine, UpsmonConf
from ridethrough.monitor import core
from ridethrough.monitor.life import Comm
from ridethrough.monitor.links import Link
from ridethrough.monitor.messages import (
    AskLogins,
    Effect,
    Emit,
    Event,
    FsdAcknowledged,
    Level,
    LogDecision,
    LoggedOut,
    Logout,
    Reloaded,
    RunShutdown,
    SetFsd,
    Stop,
    Tick,
    UserFsd,
    WritePowerdownFlag,
)
from ridethrough.monitor.settings import Settings, Supply, from_conf
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


class MonitorOutput(Protocol):
    """What the monitor needs done.  Nothing here may block; the coroutines are waited for a bounded time."""

    def notice(self, notice: Notice, flags: NotifyFlag) -> None:
        """Every notice; run NOTIFYCMD if `flags` has EXEC.  SYSLOG and WALL are seen to already."""
        ...

    def wall(self, text: str) -> None:
        """Show a text to everybody who is logged in to this host."""
        ...

    def log(self, level: Level, text: str) -> None:
        """Write a line to the log."""
        ...

    def decision(self, decision: LogDecision) -> None:
        """A decision and the readings behind it; it belongs into the log."""
        ...

    async def powerdownflag(self) -> None:
        """Write POWERDOWNFLAG; return when it is on the disk."""
        ...

    async def shutdown(self) -> None:
        """Run SHUTDOWNCMD; return when it was started."""
        ...


@dataclass(frozen=True, slots=True)
class UpsSummary:
    """What `status` shows of one MONITOR line.  `refused` is why the login was not accepted, or empty."""

    ups: str
    primary: bool
    power_value: int
    fresh: bool
    status: str
    wants_login: bool
    logged_in: bool
    refused: str
    failure: str
    critical: bool
    reason: str


def tcp_link(line: MonitorLine) -> AsyncClient:
    """The usual link: TCP to the host of the MONITOR line."""
    return AsyncClient(TcpChannel(line.host, line.port))


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
    ) -> None:
        """`would_set_fsd` makes it a dry run: it is told the UPS, and no server is."""
        self._conf = conf
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
        self._state = core.initial(self._state.settings, now)
        self._running = True
        for supply in self._state.settings.supplies:
            self._start_link(supply, self._state.settings)
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

    def poke(self, ups: str) -> None:
        """There is news of a UPS (`name@host` as in MONITOR, or its bare name): poll it at once."""
        for system, link in self._links.items():
            if ups in (system, system.partition("@")[0]):
                link.poke()

    def user_fsd(self) -> bool:
        """A person orders the shutdown.  False if nobody is left to obey: the monitor has ended."""
        self._post(UserFsd())
        return self._running

    def announce(self, kind: NotifyType) -> None:
        """Publish a notice of the host that the core can't know of, such as NOPARENT."""
        self._emit(self._state.settings.notice(kind))

    def reload(self, conf: UpsmonConf) -> None:
        """Take a new configuration; links whose MONITOR line is the same stay up."""
        settings = from_conf(conf, strict_c=self._strict_c)
        if not self._state.sequence.begun:
            old, new = _lines(self._conf), _lines(conf)
            self._conf = conf
            for ups in [ups for ups in self._links if new.get(ups) != old[ups]]:
                self._end_link(ups)
            for supply in settings.supplies:
                if supply.ups not in self._links:
                    self._start_link(supply, settings)
        self._post(Reloaded(settings))

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
        return tuple(
            UpsSummary(
                ups=supply.ups,
                primary=supply.primary,
                power_value=supply.power_value,
                fresh=seen.life.comm is Comm.OK,
                status=str(seen.life.status),
                wants_login=supply.login,
                logged_in=seen.logged_in,
                refused=seen.refused,
                failure=seen.failure.value if seen.failure is not None else "",
                critical=seen.verdict.critical,
                reason=seen.verdict.reason,
            )
            for supply in self._state.settings.supplies
            for seen in (self._state.watched[supply.ups],)
        )

    # -- events in -----------------------------------------------------------------------------

    def _post(self, event: Event) -> None:
        """Step the core, route its effects, and set the timer for its next deadline."""
        if not self._running:
            return
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
            case Emit(notice):
                self._emit(notice)
            case LogDecision():
                self._output.decision(effect)
            case SetFsd(ups) if self._would_set_fsd is not None:
                self._would_set_fsd(ups)
                asyncio.get_running_loop().call_soon(self._post, FsdAcknowledged(ups, dry=True))
            case SetFsd(ups):
                self._links[ups].set_fsd()
            case AskLogins(ups):
                self._links[ups].count_logins()
            case WritePowerdownFlag() | RunShutdown() | Logout() | Stop():
                self._deeds.put_nowait(effect)

    def _guarded(self, effect: Effect) -> None:
        """Route one effect.  A log that is full must not cost the effects after it: one is the shutdown."""
        try:
            self._route(effect)
        except Exception as error:
            with contextlib.suppress(Exception):
                self._output.log(Level.ERROR, f"{type(effect).__name__} failed: {error!r}")

    def _emit(self, notice: Notice) -> None:
        flags = self._conf.notifyflag.get(notice.type, DEFAULT_FLAGS)
        if NotifyFlag.SYSLOG in flags:
            self._output.log(Level.NOTICE, notice.text)
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
                case Logout(ups):
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

    def _start_link(self, supply: Supply, settings: Settings) -> None:
        ups = supply.ups
        line, limit_s = _lines(self._conf)[ups], reply_limit_s(settings.deadtime_s)

        def interval_s() -> float:
            return core.poll_interval_s(self._state, ups)

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
    """The MONITOR lines by the UPS; of two for the same the first stands, as in C."""
    found: dict[str, MonitorLine] = {}
    for line in conf.monitors:
        found.setdefault(line.system, line)
    return found
