# SPDX-License-Identifier: GPL-2.0-or-later
"""A driver as a process of its own: a runner behind its socket, or a dump of what it reads (nutupsdrv(8))."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ridethrough.config.models import UpsConf, UpsSection
from ridethrough.drivers.base import Context, DriverError
from ridethrough.drivers.registry import make_runner
from ridethrough.drivers.runner import Runner
from ridethrough.drivers.socketserver import DriverSocket
from ridethrough.drivers.unixpath import SocketPathError, socket_path
from ridethrough.protocol.driver import DriverClient, TrackingDone
from ridethrough.ups.commands import Outcome
from ridethrough.ups.state import Change, DeviceView

START_LIMIT_S: Final = 75.0
"""NUT's maxstartdelay."""
ASK_LIMIT_S: Final = 15.0


class StartError(Exception):
    """The driver can't start; the text is one line that says why and what to do."""

    said = False
    """Whether the log has had this line already."""


@dataclass(frozen=True, slots=True)
class Job:
    """What runs: a section, with the global part of ups.conf."""

    section: UpsSection
    conf: UpsConf
    context: Context
    group: int | None = None
    """The group of the socket."""

    @property
    def path(self) -> Path:
        """Where the socket lies."""
        return socket_path(self.context.statepath, self.section.driver, self.section.name)


async def serve(job: Job, stop: asyncio.Event, ready: Callable[[], None] = lambda: None) -> None:
    """Open the device, then its socket, and serve until `stop` is set.

    Raises StartError if the first poll fails, as C drivers end then.
    `ready` is called once clients may connect.
    """
    runner = await _started(job)
    server = DriverSocket(job.path, runner, group=job.group, log=job.context.log)
    try:
        await server.start()
        job.context.log("info", f"[{job.section.name}] listening on {job.path}")
        ready()
        await stop.wait()
    except SocketPathError as error:
        raise StartError(str(error)) from None
    finally:
        await server.close()
        await runner.stop()


async def dump(job: Job, polls: int) -> list[str]:
    """What `upsc` would show after so many polls: `name: value`, sorted.  Raises StartError."""
    runner = await _started(job)
    try:
        async with asyncio.timeout(START_LIMIT_S + polls * job.conf.pollinterval_s):
            while runner.polls < polls:
                await asyncio.sleep(job.conf.pollinterval_s)
                await runner.poll_now()
        variables = runner.view.snapshot.variables
        return [f"{name}: {variables[name].value}" for name in sorted(variables, key=str.lower)]
    except TimeoutError:
        raise StartError(f"[{job.section.name}] polls do not work any more") from None
    finally:
        await runner.stop()


async def ask(path: Path, command: str) -> Outcome:
    """Send one instant command to a driver that runs already.  Raises StartError if none does."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(ASK_LIMIT_S):
            reader, writer = await asyncio.open_unix_connection(str(path))
            try:
                client = DriverClient(ASK_LIMIT_S, loop.time())
                client.instcmd(command, tracking="1")
                writer.write(client.data_to_send())
                while data := await reader.read(65536):
                    for event in client.receive(data, loop.time()):
                        if isinstance(event, TrackingDone):
                            return event.outcome
            finally:
                writer.close()
    except (OSError, TimeoutError) as error:
        reason = getattr(error, "strerror", None) or "no answer"
        raise StartError(f"cannot ask the driver at {path}: {reason}; is it running?") from None
    raise StartError(f"the driver at {path} closed the connection without an answer")


async def _started(job: Job) -> Runner:
    """A runner whose first poll has worked, or that may go on trying (`repeater_disable_strict_start`)."""

    def unheard(view: DeviceView, change: Change) -> None:
        return None

    try:
        runner = make_runner(job.section, job.conf, job.context, unheard)
    except DriverError as error:
        raise StartError(str(error)) from None
    runner.start()
    try:
        async with asyncio.timeout(START_LIMIT_S):
            failed = await runner.first()
    except TimeoutError:
        failed = f"[{job.section.name}] the device has not answered for {START_LIMIT_S:g} s"
    if failed is not None and not job.section.flag("repeater_disable_strict_start"):
        await runner.stop()
        refusal = StartError(failed)
        refusal.said = bool(runner.failure)
        raise refusal
    return runner
