# SPDX-License-Identifier: GPL-2.0-or-later
"""Everything that `ridethrough serve` runs in its core process, put together.

`open()` reads top to bottom; `close()` undoes it in reverse.
Stages don't know each other: what one tells, this file routes to the next.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from ridethrough.app.blueprint import Blueprint
from ridethrough.app.bus import Bus
from ridethrough.app.output import Output
from ridethrough.app.places import SOCKET_NAME
from ridethrough.app.serving import ServerConfig, Serving
from ridethrough.app.sources import SourceMaker
from ridethrough.app.stamp import Stamp
from ridethrough.app.supervise import lasting
from ridethrough.app.upkeep import FILE_NAME, Upkeep
from ridethrough.client.aio import AsyncClient
from ridethrough.config.load import load
from ridethrough.config.models import MonitorLine, UpsConf, UpsdConf, UpsdUsers, UpsmonConf, UpsschedConf
from ridethrough.control.server import ControlServer, Verbs
from ridethrough.monitor.shell import LinkFactory, Monitor, tcp_links
from ridethrough.privsep.actions import Actions
from ridethrough.privsep.dry import DryHelper
from ridethrough.schedule.rules import Cause
from ridethrough.schedule.shell import Scheduler
from ridethrough.server.effects import FsdSet, LoginsChanged
from ridethrough.ups.notices import NotifyType
from ridethrough.ups.state import Change, DeviceView, Freshness

IDLE_TIMEOUT_S: Final = 60.0
FIRST_READINGS_S: Final = 3.0
"""A driver in working order has something to say by then; the others are not waited for."""
LOOK_S: Final = 1.0
STILL_UP_S: Final = 900.0
"""How long the line must hold before a host that survived its SHUTDOWNCMD is protected again."""
CALM_S: Final = 60.0
"""How long the line must hold before a dry run begins anew."""
ANEW_S: Final = 300.0
"""The same for a host that only watches other servers, whose FSD it can't take back."""
DEEDS_LIMIT_S: Final = 40.0
"""What a shutdown may take besides HOSTSYNC and FINALDELAY when serve is told to stop: FSD, the flag."""


@dataclass(slots=True)
class House:
    """One running `serve`. The caller owes `close()` once `open()` was called, even if it failed."""

    blueprint: Blueprint
    bus: Bus
    actions: Actions
    verbs: Callable[[House], Verbs]
    """What may be asked of it over the control socket: `app.requests.handlers`."""
    stamp: Stamp | None = None
    """What remembers SHUTDOWNCMD over a restart of `serve`; None where nothing is shut down."""
    serving: Serving | None = None
    monitor: Monitor | None = None
    scheduler: Scheduler | None = None
    started: float = 0.0
    helper_gone: str = ""
    """Why the helper has ended, or empty while it is there."""
    failed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a stage without which nothing is protected has failed: `serve` must end."""
    monitor_ended: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the monitor has brought this host down (or would have)."""
    _output: Output | None = None
    _tcp: LinkFactory = field(default_factory=tcp_links)
    _closing: bool = False
    _undo: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)
    _freshness: dict[str, Freshness] = field(default_factory=dict)
    _why: dict[str, str] = field(default_factory=dict)

    async def open(self) -> None:
        """Start the stages in the order of the data's way. Raises ListenError, ControlError in words."""
        self.started = asyncio.get_running_loop().time()
        await self._open_control()
        if self.blueprint.serves:
            await self._open_server()
        self._open_schedule()
        self._open_monitor()

    async def close(self) -> None:
        """Stop the stages in reverse."""
        self._closing = True
        await self._undo.aclose()

    def helper_is_gone(self, why: str) -> None:
        """Nobody is left who may shut this host down: NUT's notice for it is NOPARENT."""
        self.helper_gone = why
        if self.monitor is not None:
            self.monitor.announce(NotifyType.NOPARENT)

    def sleeps(self, starting: bool) -> None:
        """The machine is about to sleep, or has woken."""
        if self.monitor is not None:
            (self.monitor.sleep_starting if starting else self.monitor.sleep_finished)()

    def order_shutdown(self, script: str = "") -> str:
        """A person orders the shutdown, or the `script` of a notice; gives why nobody obeys, or nothing."""
        if self.monitor is None:
            return "no MONITOR line, or serve is still starting: nothing here can be shut down"
        if script and self.monitor.hold.maintenance is not None:
            self.monitor.user_fsd(script)
            return "a maintenance holds back what scripts order; to end it: ridethrough maintenance off"
        if self.monitor.user_fsd():
            return ""
        if self.blueprint.armed:
            return "the monitor has ended: it has brought this host down already, or could not; restart serve"
        return "the monitor has ended its dry shutdown, and begins anew when the line has held"

    async def reload(self) -> None:
        """Read the configuration again; one with errors is said and not used.

        LISTEN, and what the root helper was given (SHUTDOWNCMD, NOTIFYCMD, CMDSCRIPT), need a restart.
        """
        directory = self.blueprint.config.directory
        if self.blueprint.simulated:
            self.bus.log("warning", "a simulation reads its configuration at the start only")
            return
        config = load(directory)
        for problem in config.errors:
            self.bus.log("error", str(problem))
        if config.errors:
            self.bus.log("error", f"{directory} has errors: the configuration in force stays")
            return
        self.blueprint = replace(self.blueprint, config=config)
        if self.serving is not None:
            await self.serving.reload(self._server_config())
        if self.monitor is not None and config.upsmon is not None:
            self.monitor.reload(config.upsmon, strict_c=config.own.strict_c)
        elif config.upsmon is not None and config.upsmon.monitors:
            self.bus.log(
                "error", "upsmon.conf has MONITOR lines now: restart serve, nothing is monitored yet"
            )
        self._reload_schedule(config.upssched)
        self.bus.log("info", f"{directory} was read again; LISTEN and commands are those of the start")

    def _reload_schedule(self, conf: UpsschedConf | None) -> None:
        if self.scheduler is None:
            if conf is not None and conf.rules:
                self.bus.log("warning", "upssched.conf is new: restart serve, its AT lines do nothing yet")
        elif conf is None:
            self.bus.log(
                "warning", "upssched.conf is gone: its AT lines stay in force until serve is restarted"
            )
        else:
            self.scheduler.reload(conf)

    # -- the stages, in the order in which they are opened ------------------------------------------

    async def _open_control(self) -> None:
        path = self.blueprint.state_dir / SOCKET_NAME
        control = ControlServer(path, self.verbs(self), log=self.bus.log)
        await control.start()
        self._undo.push_async_callback(control.close)
        self.bus.listen(control.publish)
        self.bus.tell("stage", name="control", state="listening")

    async def _open_server(self) -> None:
        maker = SourceMaker(lambda: self.blueprint, self._driver_log)
        self.serving = Serving(
            self._server_config(),
            maker.make,
            self.bus.log,
            on_commit=self._committed,
            on_event=self._server_event,
        )
        self._undo.push_async_callback(self.serving.close)
        await self.serving.open()
        await self.serving.start()
        for host, port in self.serving.listener.bound:
            self.bus.tell("stage", name="server", state=f"listening on {host}:{port}")
        await self._first_readings(self.serving)

    async def _first_readings(self, serving: Serving) -> None:
        """Give the drivers a moment before the monitor asks: a start is no lost communication (COMMBAD)."""
        loop = asyncio.get_running_loop()
        until = loop.time() + FIRST_READINGS_S
        while loop.time() < until:
            if all(source.view.freshness is Freshness.FRESH for source in serving.sources.values()):
                break
            await asyncio.sleep(0.05)

    def _server_config(self) -> ServerConfig:
        config = self.blueprint.config
        return ServerConfig(
            config.ups or UpsConf(),
            config.upsd or UpsdConf(),
            config.users or UpsdUsers(),
            idle_timeout_s=IDLE_TIMEOUT_S * max(1.0, self.blueprint.speed),
        )

    def _open_schedule(self) -> None:
        conf = self.blueprint.config.upssched
        if conf is None:
            return
        self.scheduler = Scheduler(conf, self._run_script, self._schedule_log)
        keep = lasting("the schedule (upssched)", self.scheduler.run, self.bus.log)
        task = asyncio.get_running_loop().create_task(keep, name="schedule")
        self._undo.push_async_callback(_end, task)
        self.bus.tell("stage", name="schedule", state=f"{len(conf.rules)} AT lines")

    def _open_monitor(self) -> None:
        conf = self.blueprint.config.upsmon
        if conf is None or not conf.monitors:
            self.bus.log("warning", "no UPS is monitored (MONITOR): nothing will shut this host down")
            return
        output = Output(
            self.blueprint.host,
            conf,
            self.bus,
            self.actions,
            self.scheduler,
            dry=not self.blueprint.armed,
            stamp=self.stamp,
        )
        self._output = output
        self._undo.push_async_callback(output.close)
        # A simulation has a clock of its own: a file would mean nothing to the next one.
        path = None if self.blueprint.simulated else self.blueprint.state_dir / FILE_NAME
        upkeep = Upkeep(path, self.bus.log)
        upkeep.resume(asyncio.get_running_loop().time())
        self._undo.callback(upkeep.close)
        task = asyncio.get_running_loop().create_task(self._watch(conf, output, upkeep), name="monitor")
        self._undo.push_async_callback(self._end_monitor, task)
        self.bus.tell("stage", name="monitor", state=f"{len(conf.monitors)} MONITOR lines")

    async def _watch(self, conf: UpsmonConf, output: Output, upkeep: Upkeep) -> None:
        """Run the monitor. Armed it ends with the host; a dry run begins anew once the line is back."""
        while True:
            # Of a simulation all hosts are ours; the hosts that a dry run serves are real and would obey.
            dry = not (self.blueprint.armed or self.blueprint.simulated)
            self.monitor = Monitor(
                conf,
                self._link,
                output,
                strict_c=self.blueprint.config.own.strict_c,
                would_set_fsd=self._would_set_fsd if dry else None,
                maintenance=upkeep.current,
                keep=upkeep.keep,
                commanded_at=None if self.stamp is None else self.stamp.read(self._now()),
            )
            try:
                status = await self.monitor.run()
            except Exception as error:
                # The one end that must never be silent: whoever runs us has to start us again.
                self.bus.log("critical", f"the monitor failed, this host is NOT protected: {error!r}")
                self.failed.set()
                return
            self.monitor_ended.set()
            if self.blueprint.armed:
                if status != 0:
                    self.bus.log("critical", "SHUTDOWNCMD was not started, this host is NOT being shut down")
                else:
                    await self._line_back(STILL_UP_S, STILL_UP_S)
                    self.bus.log(
                        "critical",
                        "SHUTDOWNCMD was run, the line is back and this host is still up: serve ends to begin"
                        " anew; only that clears FSD and POWERDOWNFLAG",
                    )
                self.failed.set()
                return
            await self._line_back(CALM_S, ANEW_S)
            conf = self.blueprint.config.upsmon or conf
            self._begin_anew()

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()

    async def _end_monitor(self, task: asyncio.Task[None]) -> None:
        """Stop the monitor; an armed shutdown that has begun is carried on to SHUTDOWNCMD, as in C.

        The host would stay up on a battery that runs empty, with its secondaries gone, if a SIGTERM ended it.
        """
        monitor = self.monitor
        if self.blueprint.armed and monitor is not None and monitor.shutting_down:
            monitor.stop()
            ended = asyncio.get_running_loop().create_task(self.monitor_ended.wait())
            limit_s = monitor.waits_s + DEEDS_LIMIT_S
            await asyncio.wait([task, ended], timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
            await _end(ended)
        await _end(task)

    async def _line_back(self, calm_s: float, others_s: float) -> None:
        """Wait until every UPS served here has been on line for `calm_s`; without any, wait `others_s`.

        One that was never read is not waited for: it may never be, and nobody would be protected.
        """
        held_s = 0.0
        own = self.serving.sources if self.serving is not None else {}
        while held_s < (calm_s if own else others_s):
            await asyncio.sleep(LOOK_S)
            said = [source.view.snapshot.status for source in own.values()]
            on_line = all("OL" in status for status in said if status)
            held_s = held_s + LOOK_S if on_line else 0.0

    def _begin_anew(self) -> None:
        """Forget the dry shutdown: the flag FSD, and that SHUTDOWNCMD was told."""
        if self.serving is not None:
            for name in self.serving.core.device_names:
                self.serving.core.set_fsd(name, False)
        if isinstance(self.actions, DryHelper):
            self.actions.rearm()
        self.monitor_ended.clear()
        self.bus.log("info", "dry-run: FSD is taken back, the monitor begins anew")

    def _would_set_fsd(self, ups: str) -> None:
        text = f"would set FSD on UPS {ups}: its secondaries would shut down"
        self.bus.tell("would", host=self.blueprint.host, text=text)

    # -- what one stage tells another ------------------------------------------------------------

    def _link(self, line: MonitorLine) -> AsyncClient:
        """A UPS of our own server is read in memory, through the same login; others over TCP."""
        if self.serving is not None and self._is_own(line):
            return AsyncClient(self.serving.memory_channel(self.blueprint.host))
        return self._tcp(line)

    def tcp_link(self, line: MonitorLine) -> AsyncClient:
        """A link to our own server over TCP, wherever it listens: for a simulated second host."""
        assert self.serving is not None
        return self._tcp(replace(line, port=self.serving.listener.bound[0][1]))

    def _is_own(self, line: MonitorLine) -> bool:
        config = self.blueprint.config
        ports = {listen.port for listen in (config.upsd or UpsdConf()).listen}
        known = config.ups is not None and config.ups.section(line.ups) is not None
        return line.is_local and line.port in ports and known

    def _committed(self, view: DeviceView, change: Change) -> None:
        """A driver has committed: the monitor polls at once, and everybody may read what changed."""
        if self._closing:
            return
        before = self._freshness.get(view.name)
        self._freshness[view.name] = view.freshness
        if view.freshness is Freshness.FRESH:
            self._why.pop(view.name, None)
        snapshot = view.snapshot
        self.bus.tell(
            "device",
            ups=view.name,
            status=str(snapshot.status),
            freshness=view.freshness.value,
            fresh_changed=before is not view.freshness and not (before is None and not change),
            added=list(change.status_added),
            removed=list(change.status_removed),
            charge=snapshot.number("battery.charge"),
            runtime=snapshot.number("battery.runtime"),
            load=snapshot.number("ups.load"),
            why=self._why.get(view.name, ""),
        )
        if self.monitor is not None:
            news = change.status_added or change.status_removed or before is not view.freshness
            self.monitor.poke(view.name, urgent=bool(news))

    def _server_event(self, event: FsdSet | LoginsChanged) -> None:
        if isinstance(event, FsdSet):
            self.bus.tell("fsd", ups=event.ups)
            if self.monitor is not None:
                self.monitor.poke(event.ups, urgent=True)
        else:
            self.bus.tell("login", ups=event.ups, hosts=list(event.hosts), count=len(event.hosts))
            if self.monitor is not None:
                self.monitor.logins_changed(event.ups)

    async def _run_script(self, name: str, cause: Cause) -> None:
        status = await self.actions.cmdscript(name, cause)
        if self.blueprint.armed:
            self.bus.tell("ran", host=self.blueprint.host, what="CMDSCRIPT", command=name, status=status)

    def _schedule_log(self, text: str, warning: bool) -> None:
        self.bus.log("warning" if warning else "info", f"upssched: {text}")

    def _driver_log(self, ups: str, level: str, text: str) -> None:
        if level in ("warning", "error"):
            self._why[ups] = text
        self.bus.log(level, text)

    def why(self, ups: str) -> str:
        """The last fault of a UPS's driver, or empty while it is read."""
        return self._why.get(ups, "")


async def _end(task: asyncio.Task[Any]) -> None:
    """Cancel a task and wait for its end."""
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError, Exception):
        await task
