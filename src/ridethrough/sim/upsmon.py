# SPDX-License-Identifier: GPL-2.0-or-later
"""One life of a host's upsmon, from a start to an end or a kill: the real core, its links, its schedule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol

from ridethrough.config.models import AtRule, UpsschedConf
from ridethrough.monitor import core, messages
from ridethrough.monitor.settings import Settings
from ridethrough.schedule import core as schedule
from ridethrough.sim.engine import Engine, Process
from ridethrough.sim.link import Link
from ridethrough.sim.station import Station
from ridethrough.ups.notices import Notice, NotifyType

TICK_S: Final = 0.05
TIMER: Final = "early"


class Body(Protocol):
    """What a monitor needs of its host: somebody who carries its deeds out, and the wire."""

    engine: Engine
    name: str

    def tell(self, kind: str, **fields: Any) -> None:
        """Write into the trace."""

    def delay(self) -> float:
        """How long the wire takes, one way."""

    def reaches(self, station: Station, *, back: bool) -> bool:
        """Whether a packet gets to the station's machine, or back from it, now."""

    def write_flag(self) -> None:
        """Write POWERDOWNFLAG."""

    def shut_down(self) -> bool:
        """Run SHUTDOWNCMD; whether it was started."""

    def monitor_ends(self, status: int) -> None:
        """upsmon has ended by itself with this exit status."""


def timer_rules(seconds: float) -> UpsschedConf:
    """upssched.conf of a host that does not wait for a low battery."""
    rules = (
        AtRule("ONBATT", "*", "START-TIMER", (TIMER, f"{seconds:g}")),
        AtRule("ONLINE", "*", "CANCEL-TIMER", (TIMER,)),
    )
    return UpsschedConf(cmdscript="script", rules=rules)


class Upsmon:
    """The monitor of a host, alive until `dead` or until it ends itself."""

    def __init__(
        self,
        body: Body,
        process: Process,
        stations: Mapping[str, Station],
        state: core.MonitorState,
        timers: tuple[Process, UpsschedConf] | None,
    ) -> None:
        self.body, self.process, self.engine = body, process, body.engine
        self.host = body.name
        self.state = state
        self.ended = self.began = False
        self.links = {
            supply.ups: Link(self, supply, stations[supply.ups]) for supply in state.settings.supplies
        }
        self._life = process.life
        self._tick_at = float("inf")
        self._started = True
        self._timers = timers
        self._timer_life = -1
        self._schedule = schedule.State()

    def begin(self) -> None:
        """Start polling and ticking."""
        for link in self.links.values():
            self.engine.at(self.engine.now + self.body.delay(), link.wake, self.process)
        self._plan_tick()

    def reload(self, settings: Settings) -> None:
        """upsmon.conf was read again (SIGHUP)."""
        self.feed(messages.Reloaded(settings))

    def feed(self, event: messages.Event) -> None:
        """One event through the pure core, its effects carried out in order."""
        if self.ended:
            return
        if isinstance(event, messages.Polled):
            self.body.tell("told", ups=event.ups, status=event.status)
        elif isinstance(event, messages.UserFsd):
            self.body.tell("ordered")
        self.state, effects = core.step(self.state, event, self.engine.now)
        for effect in effects:
            self._carry_out(effect)
        self._plan_tick()

    def interval_s(self, ups: str) -> float:
        """See `link.Side`."""
        return core.poll_interval_s(self.state, ups)

    def delay(self) -> float:
        """See `link.Side`."""
        return self.body.delay()

    def reaches(self, station: Station, *, back: bool) -> bool:
        """See `link.Side`."""
        return self.body.reaches(station, back=back)

    def leave(self) -> None:
        """Log out everywhere and do nothing more (SIGTERM, or the end)."""
        self.ended = True
        for link in self.links.values():
            link.leave()

    def dead(self) -> None:
        """It was killed: the kernel closes its connections."""
        self.ended = True
        for link in self.links.values():
            if link.session is not None:
                link.farewell(link.session)

    # -- inside ---------------------------------------------------------------------------------

    def _plan_tick(self) -> None:
        """Have at most one tick in the queue that comes early enough."""
        if self.ended:
            return
        due = max(core.next_deadline(self.state), self.engine.now + TICK_S)
        if due < self._tick_at:
            self._tick_at = due
            self.engine.at(due, self._tick, self.process)

    def _tick(self) -> None:
        now = self.engine.now
        if self.ended or now < self._tick_at:
            return
        self._tick_at = float("inf")
        if core.next_deadline(self.state) <= now:
            self.feed(messages.Tick())
        else:
            self._plan_tick()

    def _carry_out(self, effect: messages.Effect) -> None:
        body = self.body
        match effect:
            case messages.Emit(notice):
                body.tell("notice", type=notice.type.value, ups=notice.ups)
                if notice.type is NotifyType.SHUTDOWN:
                    self._begins()
                self._notice(notice)
            case messages.SetFsd(ups):
                self._begins()
                self.links[ups].set_fsd()
            case messages.AskLogins(ups):
                self.links[ups].count()
            case messages.WritePowerdownFlag():
                body.write_flag()
            case messages.RunShutdown():
                self._started = body.shut_down()
            case messages.PollNow():
                for link in self.links.values():
                    link.poke()
            case messages.LogDecision():
                body.tell("decision", text=str(effect))
            case messages.Logout(ups):
                self.links[ups].leave()
            case messages.Stop(status):
                self.leave()
                body.monitor_ends(status if self._started else 1)

    def _begins(self) -> None:
        """The first act that others can see of a shutdown."""
        if not self.began:
            self.began = True
            self.body.tell("begins")

    # -- the schedule ---------------------------------------------------------------------------

    def _notice(self, notice: Notice) -> None:
        if self._timers is None or not self._timers[0].alive:
            return
        process, conf = self._timers
        if self._timer_life != process.life:
            self._timer_life, self._schedule = process.life, schedule.initial(conf)
        self._step_schedule(schedule.Noticed(notice))

    def _step_schedule(self, event: schedule.Event) -> None:
        assert self._timers is not None
        self._schedule, effects = schedule.step(self._schedule, event, self.engine.now)
        for effect in effects:
            if isinstance(effect, schedule.RunScript):
                self.body.tell("timer", name=effect.command)
                self._user_fsd()
        due = schedule.next_deadline(self._schedule)
        if due is not None:
            self.engine.at(due, self._schedule_tick, self._timers[0])

    def _schedule_tick(self) -> None:
        self._step_schedule(schedule.Tick())

    def _user_fsd(self) -> None:
        """`upsmon -c fsd`, run by the script."""
        self.engine.at(self.engine.now + 0.1, lambda: self.feed(messages.UserFsd()), self.process)
