# SPDX-License-Identifier: GPL-2.0-or-later
"""The life of one `serve`: open the house, say that it is ready, wait, close it.

Signals: SIGTERM and SIGINT stop; SIGUSR1 orders a forced shutdown (as `upsmon -c fsd` sends it);
SIGHUP reads the configuration again.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from ridethrough.app import report
from ridethrough.app.arming import Arms, clear_stale_flag
from ridethrough.app.blueprint import Blueprint
from ridethrough.app.bus import Bus, Event
from ridethrough.app.house import House
from ridethrough.app.places import PlaceError
from ridethrough.app.requests import handlers
from ridethrough.app.service import Notifier
from ridethrough.app.stamp import FILE_NAME, Stamp, clear_unless_stopping
from ridethrough.app.supervise import ChildSpec, Supervisor
from ridethrough.monitor.suspend import SleepWatch, bus_path

PID_FILES: Final = ("ridethrough.pid", "upsd.pid", "upsmon.pid")
"""The NUT names keep a C daemon from starting beside us, and let `upsmon -c fsd` find us."""

Companion = Callable[[House, asyncio.Event], Awaitable[int]]
"""What a simulation plays beside the house; gives the exit status. The event means: told to stop."""


async def run(
    blueprint: Blueprint,
    bus: Bus,
    arms: Arms,
    *,
    observers: Sequence[ChildSpec] = (),
    companion: Companion | None = None,
    notifier: Notifier | None = None,
) -> int:
    """Run until told to stop, or until the companion has played its part; gives the exit status."""
    notifier = notifier or Notifier()
    stop = asyncio.Event()
    asyncio.get_running_loop().set_exception_handler(partial(_unhandled, bus))
    async with contextlib.AsyncExitStack() as undo:
        house: House | None = None

        def gone(why: str) -> None:
            bus.log("critical", why)
            if house is not None:  # It may end while we start.
                _without_helper(house, arms, notifier, why)

        actions = await arms.take_up(bus, blueprint.host, gone)
        undo.push_async_callback(actions.close)
        stamp = Stamp(blueprint.state_dir / FILE_NAME, bus.log) if arms.armed else None
        if not blueprint.simulated:
            clearing = clear_unless_stopping(
                stamp, bus.log, partial(clear_stale_flag, arms, actions, bus), lambda: _goes_down(house)
            )
            if (later := await clearing) is not None:
                undo.callback(later.cancel)
        house = House(blueprint, bus, actions, handlers, stamp)
        undo.push_async_callback(house.close)
        alive, why = actions.alive
        if arms.armed and not alive:
            _without_helper(house, arms, notifier, why)
        _listen(stop, house)  # before a pid file invites signals
        await house.open()
        undo.enter_context(_pid_files(blueprint.state_dir))
        if observers:
            supervisor = Supervisor(observers, bus.log)
            undo.push_async_callback(supervisor.close)
            supervisor.start()
        notifier.ready(summary(house))
        bus.listen(partial(_tell_manager, notifier))
        undo.callback(notifier.stopping)
        if not blueprint.simulated:
            sleep = SleepWatch(
                bus_path(os.environ), partial(house.sleeps, True), partial(house.sleeps, False), bus.log
            )
            undo.callback(asyncio.get_running_loop().create_task(sleep.run(), name="sleep").cancel)
        watchdog = asyncio.get_running_loop().create_task(_watchdog(notifier), name="watchdog")
        undo.callback(watchdog.cancel)
        if companion is not None:
            return await companion(house, stop)
        return await _wait(house, stop)


def _without_helper(house: House, arms: Arms, notifier: Notifier, why: str) -> None:
    """Root was dropped, so no new helper can be started from here: a service manager starts us both anew.

    Without one we go on: a server that tells the others of the outage is better than none.
    A shutdown that has begun ends by itself, with SHUTDOWNCMD started or with a failure.
    """
    house.helper_is_gone(why)
    if arms.armed and notifier.managed and not _goes_down(house):
        house.bus.log(
            "critical", "serve ends with a failure, so that the service manager starts it with a new helper"
        )
        house.failed.set()


def _goes_down(house: House | None) -> bool:
    return house is not None and house.monitor is not None and house.monitor.shutting_down


async def _wait(house: House, stop: asyncio.Event) -> int:
    """Until we are told to stop (0), or a stage has failed that nothing is protected without (1)."""
    loop = asyncio.get_running_loop()
    waits = [loop.create_task(event.wait()) for event in (stop, house.failed)]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
    if house.failed.is_set():
        return 1
    house.bus.log("info", "told to stop")
    return 0


def _unhandled(bus: Bus, loop: asyncio.AbstractEventLoop, context: Mapping[str, Any]) -> None:
    """A fault that nobody caught costs its own task only, and one line; the stages go on."""
    bus.log("error", f"a fault in the program: {context.get('message')}: {context.get('exception')!r}")


def summary(house: House) -> str:
    """One line of what runs here."""
    status = report.status(house)
    where = ", ".join(f"{host}:{port}" for host, port in status["ports"]) or "no port"
    kind = "simulated" if status["simulated"] else "armed" if status["armed"] else "dry-run"
    return f"{kind}: {len(status['devices'])} UPS, {len(status['monitors'])} monitored, serving on {where}"


def _tell_manager(notifier: Notifier, event: Event) -> None:
    """What `systemctl status` shows: the last thing of weight."""
    if event["event"] == "device" and (event["added"] or event["removed"] or event["fresh_changed"]):
        notifier.status(f"{event['ups']}: {event['status']} ({event['freshness']})")
    elif event["event"] == "decision":
        notifier.status(f"{event['host']}: {event['text']}")


def _listen(stop: asyncio.Event, house: House) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGUSR1, _fsd, house)
    loop.add_signal_handler(signal.SIGHUP, _reload, house)


def _fsd(house: House) -> None:
    house.bus.log("warning", "a forced shutdown was ordered by SIGUSR1")
    why_not = house.order_shutdown()
    if why_not:
        house.bus.log("critical", f"the forced shutdown is not carried out: {why_not}")


def _reload(house: House) -> None:
    task = asyncio.get_running_loop().create_task(house.reload())
    # The reference is kept until it is done: the loop itself holds only a weak one.
    _RELOADS.add(task)
    task.add_done_callback(_RELOADS.discard)


_RELOADS: set[asyncio.Task[None]] = set()


async def _watchdog(notifier: Notifier) -> None:
    """Pat the service manager's watchdog from the very loop that the monitor runs in."""
    while notifier.watchdog_s > 0:
        notifier.alive()
        await asyncio.sleep(notifier.watchdog_s / 3)


@contextlib.contextmanager
def _pid_files(directory: Path) -> Iterator[None]:
    """Raises PlaceError for one that can't be written."""
    paths = [directory / name for name in PID_FILES]
    try:
        for path in paths:
            _write_pid(path)
        yield
    finally:
        for path in paths:
            with contextlib.suppress(OSError):
                if path.read_text("ascii", "replace").strip() == str(os.getpid()):
                    path.unlink()


def _write_pid(path: Path) -> None:
    """In one step, and over a file that another user has left, as C's root `upsmon` does."""
    draft = path.with_name(f".{path.name}.new")
    try:
        draft.unlink(missing_ok=True)
        draft.write_text(f"{os.getpid()}\n", "ascii")
        draft.replace(path)
    except OSError as error:
        raise PlaceError(f"can't write the pid file {path}: {error.strerror}; remove it as root") from None
