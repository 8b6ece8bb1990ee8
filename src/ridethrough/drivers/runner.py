# SPDX-License-Identifier: GPL-2.0-or-later
"""A driver in this process: the asyncio shell around `ridethrough.drivers.lifecycle`.

Polls, commands and SETs go to the driver one at a time, each within a time limit, so that a device that
hangs costs its own UPS and nothing else.  Every poll that works is committed once.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

from ridethrough.config.models import UpsSection
from ridethrough.drivers import adjust, lifecycle
from ridethrough.drivers.adjust import Adjustments
from ridethrough.drivers.base import Controllable, Driver, DriverError, Log, Wakeful, no_log
from ridethrough.drivers.bounded import Hung, bounded
from ridethrough.drivers.source import OnView
from ridethrough.ups.commands import Outcome
from ridethrough.ups.state import EMPTY, Change, DeviceView, Draft, Freshness, Snapshot
from ridethrough.ups.units import Monotonic

# Below upsd's MAXAGE of 15 s: who serves us behind a socket still hears from us in time.
CALL_LIMIT_S: Final = 10.0
MAXAGE_S: Final = 15.0
NO_CHANGE: Final = Change()
_NO_LB = (
    "'ignorelb' is set, but neither battery.charge with battery.charge.low nor battery.runtime with"
    " battery.runtime.low is known: set override.battery.charge.low, or take ignorelb away"
)


class Runner:
    """A `Source` (see `ridethrough.drivers.source`) that polls one driver."""

    def __init__(
        self,
        section: UpsSection,
        driver: Driver,
        adjustments: Adjustments,
        on_view: OnView,
        *,
        pollinterval_s: float = 2.0,
        call_limit_s: float = CALL_LIMIT_S,
        maxage_s: float = MAXAGE_S,
        log: Log = no_log,
    ) -> None:
        self.name = section.name
        self._driver = driver
        self._adjust = adjustments
        self._interval_s = max(0.05, pollinterval_s)
        self._limit_s = call_limit_s
        # Who polls less often than MAXAGE means it so: a poll that is due is not one that failed.
        self._maxage_s = max(maxage_s, 2 * self._interval_s)
        self._expiry: asyncio.TimerHandle | None = None
        self._log = log
        self._listeners: list[OnView] = [on_view]
        self._raw = EMPTY
        self._first = True
        self._lock = asyncio.Lock()
        self._look = asyncio.Event()
        self._decided = asyncio.Event()
        self.polls = 0
        self._poke = False
        self._polled_at = -1.0
        self._state = lifecycle.begin(self._interval_s, 0.0)
        self._task: asyncio.Task[None] | None = None
        self._view = DeviceView(section.name, section.desc, EMPTY, Freshness.WAITING, Monotonic(0.0))

    @property
    def view(self) -> DeviceView:
        """What is known now."""
        return self._view

    @property
    def driver(self) -> Driver:
        """The driver itself, for those who know its kind."""
        return self._driver

    @property
    def movable(self) -> bool:
        """Whether `control` can move it: a simulated UPS."""
        return isinstance(self._driver, Controllable)

    async def first(self) -> str | None:
        """Wait until the first poll has worked (None), or opening or polling has failed (the reason)."""
        await self._decided.wait()
        return None if not self._first else self._state.reported

    @property
    def failure(self) -> str:
        """Why it does not work now, as the log was told; empty while it works."""
        return self._state.reported

    def listen(self, on_view: OnView) -> Callable[[], None]:
        """Tell one more of every view; returns what takes it off again."""
        self._listeners.append(on_view)
        return lambda: self._listeners.remove(on_view)

    def start(self) -> None:
        """Begin to open and poll."""
        assert self._task is None, "a runner is started once"
        now = asyncio.get_running_loop().time()
        self._state = lifecycle.begin(self._interval_s, now)
        self._task = asyncio.get_running_loop().create_task(self._run(), name=f"driver {self.name}")

    async def stop(self) -> None:
        """End polling and close the driver, within the time limit of one call."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=self._limit_s)
        if self._expiry is not None:
            self._expiry.cancel()
        await self._call(self._driver.close())
        self._tell(self._view.snapshot, NO_CHANGE, Freshness.DISCONNECTED)

    def poke(self) -> None:
        """Poll as soon as possible, unless the device is closed for a pause."""
        self._poke = True
        self._look.set()

    def set_interval(self, interval_s: float) -> None:
        """Poll so often from the next poll on."""
        self._interval_s = max(0.05, interval_s)
        self._state = replace(self._state, interval_s=self._interval_s)
        shown = MappingProxyType({**self._adjust.driver, "driver.parameter.pollinterval": f"{interval_s:g}"})
        self._adjust = replace(self._adjust, driver=shown)
        self._maxage_s = max(self._maxage_s, 2 * self._interval_s)
        self.poke()

    async def poll_now(self) -> None:
        """Poll once, and wait for it."""
        async with self._lock:
            await self._feed(lifecycle.Due(poke=True), asyncio.get_running_loop().time())

    async def instcmd(self, name: str, param: str | None = None) -> Outcome:
        """Run an instant command; FAILED while the device is not open, or when it does not answer in time."""
        return await self._ask(lambda: self._driver.instcmd(name, param), f"command {name}")

    async def setvar(self, name: str, value: str) -> Outcome:
        """Set a variable; INVALID for one that ups.conf overrides, as it would change nothing."""
        if name in self._adjust.overrides:
            return Outcome.INVALID
        return await self._ask(lambda: self._driver.setvar(name, value), f"setting {name}")

    def control(self, verb: str, args: Sequence[str]) -> str:
        """Move a driver that can be moved, and poll it at once.  Raises ValueError in words."""
        if not isinstance(self._driver, Controllable):
            raise ValueError(f"[{self.name}] is no simulated UPS: it can't be moved")
        said = self._driver.control(verb, args)
        self.poke()
        return said

    # -- the loop ------------------------------------------------------------------------------

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                poke = await self._wait()
                async with self._lock:
                    await self._feed(lifecycle.Due(poke), loop.time())
            except Exception as error:
                await self._recover(error)

    async def _recover(self, error: Exception) -> None:
        """A defect of this program is taken for a poll that failed: it must not end the polling."""
        reason = f"fault in the program: {type(error).__name__}: {error}"
        opening = self._state.phase is lifecycle.Phase.OPENING
        event = lifecycle.OpenFailed(reason) if opening else lifecycle.PollFailed(reason, hung=True)
        async with self._lock:
            with contextlib.suppress(Exception):
                await self._feed(event, asyncio.get_running_loop().time())
        await asyncio.sleep(lifecycle.RETRY_POLL_S)

    async def _wait(self) -> bool:
        """Wait until something is due.  True if it is the driver that wakes, or somebody who pokes."""
        while not self._poke:
            due_at, driver_wakes = self._deadline()
            self._look.clear()
            try:
                async with asyncio.timeout_at(due_at):
                    await self._look.wait()
            except TimeoutError:
                return driver_wakes
        self._poke = False
        return True

    def _deadline(self) -> tuple[float, bool]:
        """When the next thing is due, and whether it is the driver's own."""
        due_at = self._state.due_at
        if isinstance(self._driver, Wakeful) and self._state.phase is lifecycle.Phase.RUNNING:
            wake_at = self._driver.wake_at()
            # A time that the last poll has seen is over, whatever the driver says.
            if wake_at is not None and self._polled_at < wake_at < due_at:
                return wake_at, True
        return due_at, False

    async def _feed(self, event: lifecycle.Event, now: float) -> None:
        """One event through the life, and what follows: each effect leads to one further event at most."""
        loop = asyncio.get_running_loop()
        self._state, effects = lifecycle.step(self._state, event, now)
        for effect in effects:
            match effect:
                case lifecycle.Open():
                    await self._feed(await self._open(), loop.time())
                case lifecycle.Poll():
                    await self._poll(now)
                case lifecycle.MarkStale():
                    self._tell(self._view.snapshot, NO_CHANGE, Freshness.STALE)
                case lifecycle.Close():
                    await self._call(self._driver.close())
                case lifecycle.Report(level, text):
                    self._decided.set()
                    self._log(level, text if text.startswith("[") else f"[{self.name}] {text}")
                case lifecycle.CommitFresh():
                    pass  # `_poll` has the draft, and commits it

    async def _open(self) -> lifecycle.Event:
        failed = await self._call(self._driver.open())
        return lifecycle.Opened() if failed is None else lifecycle.OpenFailed(failed[0])

    async def _poll(self, now: float) -> None:
        self._polled_at = now
        draft = Draft(self._raw)
        if self._first:
            adjust.begin(draft)
        failed = await self._call(self._driver.poll(draft, now))
        now = asyncio.get_running_loop().time()
        if failed is not None:
            await self._feed(lifecycle.PollFailed(*failed), now)
            return
        if self._first:
            adjust.started(draft, self._adjust)
        raw, _ = draft.commit()
        snapshot, change = adjust.publish(self._view.snapshot, raw, self._adjust)
        if self._first and self._adjust.ignorelb and not adjust.can_tell_low(snapshot):
            await self._feed(lifecycle.PollFailed(_NO_LB, hung=True), now)
            return
        self._first, self._raw = False, raw
        await self._feed(lifecycle.PollOk(), now)
        self.polls += 1
        self._tell(snapshot, change, Freshness.FRESH)
        self._decided.set()
        if self._expiry is not None:
            self._expiry.cancel()
        self._expiry = asyncio.get_running_loop().call_at(now + self._maxage_s, self._expire)

    def _expire(self) -> None:
        """Nothing good was read for MAXAGE: slow failures, or a machine that slept."""
        if self._view.freshness is Freshness.FRESH:
            self._log("warning", f"[{self.name}] nothing was read for {self._maxage_s:g} s: stale")
            self._tell(self._view.snapshot, NO_CHANGE, Freshness.STALE)

    # -- calls into the driver -----------------------------------------------------------------

    async def _call(self, call: Coroutine[Any, Any, None]) -> tuple[str, bool] | None:
        """Let the driver do something.  None if it did, else why it did not and whether it hung."""
        try:
            await bounded(call, self._limit_s)
        except DriverError as error:
            return str(error), False
        except Hung:
            return f"[{self.name}] the driver has not answered for {self._limit_s:g} s", True
        except Exception as error:
            return f"[{self.name}] fault in the driver: {type(error).__name__}: {error}", False
        return None

    async def _ask(self, make: Callable[[], Coroutine[Any, Any, Outcome]], what: str) -> Outcome:
        try:
            async with asyncio.timeout(2 * self._limit_s):
                await self._lock.acquire()
        except TimeoutError:
            return Outcome.FAILED
        try:
            if self._state.phase is not lifecycle.Phase.RUNNING:
                return Outcome.FAILED
            outcome = await bounded(make(), self._limit_s)
            if outcome is Outcome.HANDLED:
                await self._feed(lifecycle.Due(poke=True), asyncio.get_running_loop().time())
            return outcome
        except Hung:
            self._log("error", f"[{self.name}] {what}: no answer for {self._limit_s:g} s")
        except DriverError as error:
            self._log("error", str(error))
        except Exception as error:
            self._log("error", f"[{self.name}] {what}: fault in the driver: {type(error).__name__}: {error}")
        finally:
            self._lock.release()
            self._look.set()  # the deadline may have moved
        return Outcome.FAILED

    def _tell(self, snapshot: Snapshot, change: Change, freshness: Freshness) -> None:
        """The new view; those who listen are told if it differs."""
        if not change and freshness is self._view.freshness:
            return
        now = Monotonic(asyncio.get_running_loop().time())
        self._view = DeviceView(self._view.name, self._view.desc, snapshot, freshness, now)
        for listener in tuple(self._listeners):
            try:
                listener(self._view, change)
            except Exception as error:
                # Whoever listens may not hurt the polling.
                self._log("error", f"[{self.name}] a listener failed: {type(error).__name__}: {error}")
