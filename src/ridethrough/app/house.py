# SPDX-License-Identifier: GPL-2.0-or-later
"""Everything that `ridethrough serve` runs in its core process, put together.

`open()` reads top to bottom; `close()` undoes it in reverse.
Stages don't know each other: what one tells, this file routes to the next.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from ridethrough.app.blueprint import Blueprint
from ridethrough.app.bus import Bus
from ridethrough.app.output import Output
from ridethrough.app.places import SOCKET_NAME
from ridethrough.app.requests import handlers
from ridethrough.app.serving import ServerConfig, Serving
from ridethrough.app.sources import SourceMaker
from ridethrough.client.aio import AsyncClient
from ridethrough.config.load import load
from ridethrough.config.models import MonitorLine, UpsConf, UpsdConf, UpsdUsers
from ridethrough.control.server import ControlServer
from ridethrough.monitor.shell import Monitor, tcp_link
from ridethrough.privsep.actions import Actions
from ridethrough.schedule.rules import Cause
from ridethrough.schedule.shell import Scheduler
from ridethrough.server.effects import FsdSet, LoginsChanged
from ridethrough.ups.state import Change, DeviceView, Freshness

IDLE_TIMEOUT_S: Final = 60.0


@dataclass(slots=True)
class House:
    """One running `serve`. The caller owes `close()` once `open()` was called, even if it failed."""

    blueprint: Blueprint
    bus: Bus
    actions: Actions
    serving: Serving | None = None
    monitor: Monitor | None = None
    scheduler: Scheduler | None = None
    started: float = 0.0
    helper_gone: str = ""
    """Why the helper has ended, or empty while it is there."""
    monitor_ended: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the monitor has brought this host down (or would have)."""
    _output: Output | None = None
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
            self.monitor.reload(config.upsmon)
        self.bus.log("info", f"{directory} was read again; commands and LISTEN are those of the start")

    # -- the stages, in the order in which they are opened ------------------------------------------

    async def _open_control(self) -> None:
        control = ControlServer(self.blueprint.state_dir / SOCKET_NAME, handlers(self))
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
        task = asyncio.get_running_loop().create_task(self.scheduler.run(), name="schedule")
        self._undo.push_async_callback(_end, task)
        self.bus.tell("stage", name="schedule", state=f"{len(conf.rules)} AT lines")

    def _open_monitor(self) -> None:
        conf = self.blueprint.config.upsmon
        if conf is None or not conf.monitors:
            return
        output = Output(self.blueprint.host, conf, self.bus, self.actions, self.scheduler)
        self._output = output
        self._undo.push_async_callback(output.close)
        self.monitor = Monitor(conf, self._link, output)
        task = asyncio.get_running_loop().create_task(self._run_monitor(self.monitor), name="monitor")
        self._undo.push_async_callback(_end, task)
        self.bus.tell("stage", name="monitor", state=f"{len(conf.monitors)} MONITOR lines")

    async def _run_monitor(self, monitor: Monitor) -> None:
        try:
            await monitor.run()
        except Exception as error:
            # The one thing that must never end in silence.
            self.bus.log("critical", f"the monitor failed, this host is NOT protected: {error!r}")
            raise
        finally:
            self.monitor_ended.set()

    # -- what one stage tells another ------------------------------------------------------------

    def _link(self, line: MonitorLine) -> AsyncClient:
        """A UPS of our own server is read in memory, through the same login; others over TCP."""
        if self.serving is not None and self._is_own(line):
            return AsyncClient(self.serving.memory_channel(self.blueprint.host))
        return tcp_link(line)

    def tcp_link(self, line: MonitorLine) -> AsyncClient:
        """A link to our own server over TCP, wherever it listens: for a simulated second host."""
        assert self.serving is not None
        return tcp_link(replace(line, port=self.serving.listener.bound[0][1]))

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
            self.monitor.poke(view.name)

    def _server_event(self, event: FsdSet | LoginsChanged) -> None:
        if isinstance(event, FsdSet):
            self.bus.tell("fsd", ups=event.ups)
            if self.monitor is not None:
                self.monitor.poke(event.ups)
        else:
            self.bus.tell("login", ups=event.ups, hosts=list(event.hosts), count=len(event.hosts))

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

    # -- what is asked from outside ---------------------------------------------------------------

    def status(self) -> Mapping[str, Any]:
        """What `ridethrough status` asks for."""
        conf = self.blueprint.config.upsmon
        return {
            "pid": os.getpid(),
            "started": self.started,
            "now": asyncio.get_running_loop().time(),
            "config": str(self.blueprint.config.directory),
            "armed": self.blueprint.armed,
            "simulated": self.blueprint.simulated,
            "helper": not self.helper_gone,
            "helper_why": self.helper_gone,
            "shutdowncmd": conf.shutdowncmd if conf else "",
            "shutting_down": self.monitor is not None and self.monitor.shutting_down,
            "ports": [list(bound) for bound in self.serving.listener.bound] if self.serving else [],
            "devices": self._devices(),
            "monitors": self._monitors(),
        }

    def _devices(self) -> list[dict[str, Any]]:
        """The UPSes served here; for a host that only monitors, those it monitors."""
        if self.serving is not None and self.serving.sources:
            views = [source.view for source in self.serving.sources.values()]
            return [
                {
                    "ups": view.name,
                    "freshness": view.freshness.value,
                    "status": str(view.snapshot.status),
                    "why": self._why.get(view.name, ""),
                }
                for view in views
            ]
        monitors = self.monitor.summary() if self.monitor else ()
        return [
            {
                "ups": each.ups,
                "freshness": "fresh" if each.fresh else "not read",
                "status": each.status,
                "why": each.failure,
            }
            for each in monitors
        ]

    def _monitors(self) -> list[dict[str, Any]]:
        return [
            {
                "system": each.ups,
                "role": "primary" if each.primary else "secondary",
                "power_value": each.power_value,
                "logged_in": each.logged_in and not each.refused,
                "why": each.refused or each.failure,
                "critical": each.critical,
                "reason": each.reason,
            }
            for each in (self.monitor.summary() if self.monitor else ())
        ]


async def _end(task: asyncio.Task[Any]) -> None:
    """Cancel a task and wait for its end."""
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError, Exception):
        await task
