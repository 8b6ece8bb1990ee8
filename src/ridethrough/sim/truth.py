# SPDX-License-Identifier: GPL-2.0-or-later
"""The physical side of the world: mains, battery, output, and what the hosts draw.

This is what is true; what the driver says of it is `reading`, and may be late, stale or wrong.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

from ridethrough.battery import model
from ridethrough.ups.state import STATUS, Draft, Snapshot
from ridethrough.ups.variables import Variable

EMPTY_SLACK_S: Final = 1e-6


@dataclass(slots=True)
class Truth:
    """One UPS as it is. `advance` moves it; all times are seconds of the world's clock."""

    spec: model.BatterySpec
    battery: model.BatteryState
    name: str = "ups"
    mains: bool = True
    output: bool = True
    draw_w: float = 0.0
    off_at: float | None = None
    on_delay_s: float = 30.0
    back_at: float | None = None
    now: float = 0.0
    cuts: list[tuple[float, str]] = field(default_factory=list)
    """When the output went off, and why: `command` or `empty`."""
    low_since: float | None = None
    lows: list[tuple[float, float]] = field(default_factory=list)
    """When it was on battery, low and feeding, from and until; `low_times` has the one that lasts, too."""

    def advance(self, now: float) -> None:
        """Let the time pass, from one turn of events to the next."""
        while True:
            turn = min(now, self.next_turn())
            if turn > self.now:
                load = self.draw_w if self.output else 0.0
                if self.mains or self.output:
                    self.battery = model.step(
                        self.spec,
                        self.battery,
                        load_w=load,
                        on_mains=self.mains or not self.output,
                        dt_s=turn - self.now,
                    )
                self.now = turn
            self._switch()
            if turn >= now:
                return

    def next_turn(self) -> float:
        """When something changes by itself: off by command, empty, low, or the output comes back."""
        moments = [math.inf]
        if self.output and self.off_at is not None:
            moments.append(self.off_at)
        if self.output and not self.mains:
            moments.append(self.now + model.runtime_s(self.spec, self.battery, self.draw_w) + EMPTY_SLACK_S)
            if self.low_since is None:
                low_s = model.seconds_to_low(self.spec, self.battery, self.draw_w)
                moments.append(self.now + low_s + EMPTY_SLACK_S)
        if self.back_at is not None:
            moments.append(self.back_at)
        return max(self.now, min(moments))

    def set_mains(self, on: bool) -> None:
        """The mains fails or returns now."""
        self.mains = on
        self._switch()

    def shutdown_return(self, delay_s: float) -> None:
        """The command of that name: off after a delay, on again when the mains is there."""
        if self.output and self.off_at is None:
            self.off_at = self.now + delay_s

    def low(self) -> bool:
        """Whether the battery is at its low point."""
        return model.is_low(self.spec, self.battery, self.draw_w)

    def low_times(self) -> list[tuple[float, float]]:
        """All times in which it was on battery, low and feeding; the last one may reach to infinity."""
        return [*self.lows, (self.low_since, math.inf)] if self.low_since is not None else self.lows

    def reading(self, before: Snapshot) -> Draft:
        """What an honest driver says now."""
        draft = Draft(before)
        charge = model.charge_percent(self.spec, self.battery)
        if not self.output:
            status = "OL OFF" if self.mains else "OFF"
        elif self.mains:
            status = "OL" if charge >= 99.5 else "OL CHRG"
        else:
            status = "OB DISCHRG"
        if self.low():
            status += " LB"
        draft.put(Variable(STATUS, status))
        draft.put(Variable("battery.charge", f"{charge:.0f}"))
        return draft

    def _switch(self) -> None:
        if self.output and self.off_at is not None and self.now >= self.off_at:
            self._off("command")
        elif self.output and not self.mains and self.battery.energy_wh <= 0:
            self._off("empty")
        if not self.output and self.mains:
            if self.back_at is None:
                self.back_at = self.now + self.on_delay_s
            elif self.now >= self.back_at:
                self.output, self.back_at = True, None
        elif not self.output:
            self.back_at = None
        low = self.output and not self.mains and self.low()
        if low and self.low_since is None:
            self.low_since = self.now
        elif not low and self.low_since is not None:
            self.lows.append((self.low_since, self.now))
            self.low_since = None

    def _off(self, why: str) -> None:
        self.output, self.off_at, self.back_at = False, None, None
        self.cuts.append((self.now, why))
