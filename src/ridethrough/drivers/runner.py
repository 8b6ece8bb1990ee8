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
from typing import Any, Final

from ridethrough.config.models import UpsSection
from ridethrough.drivers import adjust, lifecycle
from ridethrough.drivers.adjust import STATE, Adjustments
from ridethrough.drivers.base import Away, Controllable, Driver, DriverError, Log, Wakeful, begin, no_log
from ridethrough.drivers.bounded import Hung, bounded
from ridethrough.drivers.lifecycle import NO_LIMIT, Limit
from ridethrough.drivers.setting import NO_LB, Ordering, Setting, blind
from ridethrough.drivers.source import OnView
from ridethrough.ups.commands import Outcome
from ridethrough.ups.state import EMPTY, Change, DeviceView, Draft, Freshness, Snapshot
from ridethrough.ups.units import Monotonic

# Below upsd's MAXAGE of 15 s: who serves us behind a socket still hears from us in time.
CALL_LIMIT_S: Final = 10.0
MAXAGE_S: Final = 15.0
NO_CHANGE: Final = Change()


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
        limit: Limit = NO_LIMIT,
        log: Log = no_log,
    ) -> None:
        self.name = section.name
        self.orders: Ordering | None = None
        self._driver = driver
        self._adjust = adjustments
        self._interval_s = max(0.05, pollinterval_s)
        self._limit_s = call_limit_s
        # Who polls less often than MAXAGE means it so: a poll that is due is not one that failed.
        self._wanted_maxage_s = maxage_s
        self._maxage_s = max(maxage_s, 2 * self._interval_s)
        self._limit = limit
        self._shown: dict[str, str] = {}
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
        self._state = lifecycle.begin(self._interval_s, 0.0, limit)
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
        self._state = lifecycle.begin(self._interval_s, now, self._limit)
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

    def show(self, name: str, value: str) -> None:
        """Tell a `driver.*` variable that is not of ups.conf, from now on."""
        if self._shown.get(name) != value:
            self._shown[name] = value
            self._publish_again()

    def lay_over(self, setting: Setting) -> str:
        """Take another setting over.  Why that can't be, or "" when it is done."""
        if not self._first and blind(self._raw, setting.adjustments):
            return NO_LB
        self._settle(setting)
        self._publish_again()
        self.poke()
        return ""

    async def swap(self, driver: Driver, setting: Setting) -> str:
        """Put another driver in the place of this one, without a gap.  Why it can't be, or "" if it is done.

        The old one goes on if the new one can't be opened and polled.
        """
        async with self._lock:
            now = asyncio.get_running_loop().time()
            draft = Draft(EMPTY)
            adjust.begin(draft)
            failed = await self._call(begin(driver, self.poke))
            if failed is None:
                failed = await self._call(driver.poll(draft, now))
            if failed is None and blind(draft.commit()[0], setting.adjustments):
                failed = lifecycle.PollFailed(NO_LB)
            if failed is not None:
                await self._call(driver.close())
                return failed.reason
            await self._call(self._driver.close())
            self._driver, self._first = driver, True
            self._settle(setting)
            self._state = replace(self._state, phase=lifecycle.Phase.RUNNING, due_at=now)
            await self._take(draft)
        self._look.set()
        return ""

    async def renew(self, driver: Driver, setting: Setting) -> None:
        """Begin from scratch with another driver, as a process that is started anew would."""
        async with self._lock:
            await self._call(self._driver.close())
            self._tell(self._view.snapshot, NO_CHANGE, Freshness.DISCONNECTED)
            self._driver, self._first, self._raw = driver, True, EMPTY
            self._settle(setting)
            self._state = lifecycle.begin(self._interval_s, asyncio.get_running_loop().time(), setting.limit)
        self.poke()

    def _settle(self, setting: Setting) -> None:
        self._adjust, self._limit = setting.adjustments, setting.limit
        self._interval_s = max(0.05, setting.interval_s)
        self._maxage_s = max(self._wanted_maxage_s, 2 * self._interval_s)
        self._state = replace(self._state, interval_s=self._interval_s, limit=setting.limit)
        if setting.desc != self._view.desc:
            self._view = replace(self._view, desc=setting.desc)
            self._announce(NO_CHANGE)

    def _publish_again(self) -> None:
        if not self._first:
            self._tell(*self._told(self._raw), self._view.freshness)

    def _told(self, raw: Snapshot) -> tuple[Snapshot, Change]:
        driver = {**self._adjust.driver, **self._shown}
        return adjust.publish(self._view.snapshot, raw, replace(self._adjust, driver=driver))

    async def poll_now(self) -> None:
        """Poll once, and wait for it."""
        async with self._lock:
            await self._feed(lifecycle.Due(poke=True), asyncio.get_running_loop().time())

    async def instcmd(self, name: str, param: str | None = None) -> Outcome:
        """Obey an order, or have the driver run an instant command."""
        done = await self.orders.instcmd(name) if self.orders is not None else None
        return await self.device_command(name, param) if done is None else done

    async def device_command(self, name: str, param: str | None = None) -> Outcome:
        """Run an instant command; FAILED while the device is not open, or when it does not answer in time."""
        return await self._ask(lambda: self._driver.instcmd(name, param), f"command {name}")

    async def setvar(self, name: str, value: str) -> Outcome:
        """Set a variable; INVALID for one that ups.conf overrides, as it would change nothing."""
        if name in self._adjust.overrides:
            return Outcome.INVALID
        done = await self.orders.setvar(name, value) if self.orders is not None else None
        if done is not None:
            return done
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
                    if self._state.tries:
                        # Told with what comes next: nobody is served while the device is lost.
                        self._shown["driver.reconnect_count"] = str(self._state.tries)
                        self._shown["driver.reconnect_max_tries"] = str(self._limit.max_tries)
                    await self._feed(await self._open(), loop.time())
                case lifecycle.Poll():
                    await self._poll(now)
                case lifecycle.MarkStale():
                    self._tell(self._view.snapshot, NO_CHANGE, Freshness.STALE)
                    with contextlib.suppress(Exception):
                        # A defect in what is shown must not hinder what follows.
                        self.show(STATE, "reconnect.trying")
                case lifecycle.Close():
                    await self._call(self._driver.close())
                case lifecycle.Report(level, text):
                    self._decided.set()
                    self._log(level, text if text.startswith("[") else f"[{self.name}] {text}")
                case lifecycle.CommitFresh():
                    pass  # `_take` has the draft, and commits it
                case lifecycle.GiveUp():
                    if self.orders is not None:
                        self.orders.give_up()

    async def _open(self) -> lifecycle.Event:
        failed = await self._call(begin(self._driver, self.poke))
        return lifecycle.Opened() if failed is None else lifecycle.OpenFailed(failed.reason)

    async def _poll(self, now: float) -> None:
        self._polled_at = now
        draft = Draft(self._raw)
        if self._first:
            adjust.begin(draft)
        failed = await self._call(self._driver.poll(draft, now))
        if failed is not None:
            await self._feed(failed, asyncio.get_running_loop().time())
            return
        await self._take(draft)

    async def _take(self, draft: Draft) -> None:
        """Commit what a poll that worked has drafted."""
        now = asyncio.get_running_loop().time()
        if self._first:
            adjust.started(draft, self._adjust)
        raw, _ = draft.commit()
        self._shown[STATE] = "quiet"
        snapshot, change = self._told(raw)
        if self._first and self._adjust.ignorelb and not adjust.can_tell_low(snapshot):
            await self._feed(lifecycle.PollFailed(NO_LB, hung=True), now)
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

    async def _call(self, call: Coroutine[Any, Any, None]) -> lifecycle.PollFailed | None:
        """Let the driver do something.  None if it did, else why it did not and whether it hung."""
        try:
            await bounded(call, self._limit_s)
        except Away as error:
            return lifecycle.PollFailed(str(error), error.at_once, away=True)
        except DriverError as error:
            return lifecycle.PollFailed(str(error))
        except Hung:
            reason = f"[{self.name}] the driver has not answered for {self._limit_s:g} s"
            return lifecycle.PollFailed(reason, hung=True)
        except Exception as error:
            reason = f"[{self.name}] fault in the driver: {type(error).__name__}: {error}"
            return lifecycle.PollFailed(reason)
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
        self._announce(change)

    def _announce(self, change: Change) -> None:
        for listener in tuple(self._listeners):
            try:
                listener(self._view, change)
            except Exception as error:
                # Whoever listens may not hurt the polling.
                self._log("error", f"[{self.name}] a listener failed: {type(error).__name__}: {error}")
