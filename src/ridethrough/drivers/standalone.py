# SPDX-License-Identifier: GPL-2.0-or-later
"""A driver as a process of its own: a runner behind its socket, or a dump of what it reads (nutupsdrv(8))."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ridethrough.config.models import UpsConf, UpsSection
from ridethrough.drivers import order_plan
from ridethrough.drivers.adjust import STATE
from ridethrough.drivers.base import Context, DriverError
from ridethrough.drivers.orders import EXIT_OK, Master, Orders, Reread, SetDebug, kill_power
from ridethrough.drivers.registry import make_runner, obeying
from ridethrough.drivers.runner import Runner
from ridethrough.drivers.socketserver import DriverSocket
from ridethrough.drivers.unixpath import SocketPathError, socket_path
from ridethrough.ups.commands import Outcome
from ridethrough.ups.state import Change, DeviceView, Snapshot
from ridethrough.wire.words import quote

START_LIMIT_S: Final = 75.0
"""NUT's maxstartdelay."""


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


@dataclass(frozen=True, slots=True)
class Hooks:
    """What the process does for its driver.

    `ready` is called once clients may connect, `attach` before that, with what signals may order.
    """

    reread: Reread
    set_debug: SetDebug = order_plan.debug_level
    attach: Callable[[Orders], None] = lambda orders: None
    ready: Callable[[], None] = lambda: None


async def serve(job: Job, stop: asyncio.Event, hooks: Hooks) -> int:
    """Open the device, then its socket, and serve until `stop` is set, or an order ends it.

    Gives the exit status.

    Raises StartError if the first poll fails, as C drivers end then.
    """
    log, status, made = job.context.log, EXIT_OK, _made(job)

    def end(exit_status: int) -> None:
        nonlocal status
        status = exit_status
        stop.set()

    orders = obeying(made, job.section, job.conf, job.context, Master(hooks.reread, end, hooks.set_debug))
    runner = await _started(made, job)
    server = DriverSocket(job.path, runner, group=job.group, log=log)
    try:
        await server.start()
        if "NUT_QUIET_INIT_LISTENER" not in job.context.env:
            log("info", f"[{job.section.name}] listening on {job.path}")
        hooks.attach(orders)
        hooks.ready()
        await stop.wait()
        return status
    except SocketPathError as error:
        raise StartError(str(error)) from None
    finally:
        await server.close()
        await runner.stop()


async def dump(job: Job, polls: int) -> list[str]:
    """What `upsc` would show after so many polls: `name: value`, sorted.  Raises StartError."""
    made = _made(job)
    obeying(made, job.section, job.conf, job.context, Master(lambda: (job.conf, job.section)))
    runner = await _started(made, job)
    try:
        async with asyncio.timeout(START_LIMIT_S + polls * job.conf.pollinterval_s):
            while runner.polls < polls:
                await asyncio.sleep(job.conf.pollinterval_s)
                await runner.poll_now()
        runner.show(STATE, "dumping")
        return listing(runner.view.snapshot)
    except TimeoutError:
        raise StartError(f"[{job.section.name}] polls do not work any more") from None
    finally:
        await runner.stop()


def listing(snapshot: Snapshot) -> list[str]:
    """Every variable as `name: value`, sorted; a value is escaped as in NUT's files, as C drivers do it."""
    variables = snapshot.variables
    return [f"{name}: {quote(variables[name].value)[1:-1]}" for name in sorted(variables, key=str.lower)]


async def power_off(job: Job) -> Outcome:
    """Open the device, switch its UPS off, and let go of it.  Raises StartError.

    A simulated UPS lives in the process that simulates it: one that does not run can't be switched off.
    """
    runner = _made(job)
    if runner.movable:
        raise StartError(
            f"[{job.section.name}] this UPS exists only in the driver that simulates it; is it running?"
        )
    await _started(runner, job)
    try:
        return await kill_power(runner, job.section, job.context.log)
    finally:
        await runner.stop()


def _made(job: Job) -> Runner:
    """A runner for the job, not started.  Raises StartError."""

    def unheard(view: DeviceView, change: Change) -> None:
        return None

    try:
        return make_runner(job.section, job.conf, job.context, unheard)
    except DriverError as error:
        raise StartError(str(error)) from None


async def _started(runner: Runner, job: Job) -> Runner:
    """The runner, once its first poll has worked, or if it may go on trying (repeater_disable_strict...)."""
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
