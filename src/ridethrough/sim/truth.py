# SPDX-License-Identifier: GPL-2.0-or-later
"""The physical side of the world: mains, battery, output, and the hosts' draw.

This is what is true; what the driver says of it is `reading`, and may be late, stale or wrong.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ridethrough.battery import model
from ridethrough.ups.state import Draft, Snapshot
from ridethrough.ups.status import Status


@dataclass(slots=True)
class Truth:
    """One UPS as it is. `advance` moves it; all times are seconds of the world's clock."""

    spec: model.BatterySpec
    battery: model.BatteryState
    mains: bool = True
    output: bool = True
    draw_w: float = 0.0
    off_at: float | None = None
    on_delay_s: float = 30.0
    back_at: float | None = None
    now: float = 0.0
    cuts: list[tuple[float, str]] = field(default_factory=list)
    """When the output went off, and why: `command` or `empty`."""

    def advance(self, now: float) -> None:
        """Let the time pass in steps of at most a second."""
        while self.now < now:
            step_s = min(1.0, now - self.now)
            self.now += step_s
            load = self.draw_w if self.output else 0.0
            on_mains = self.mains or not self.output
            if self.mains or self.output:
                self.battery = model.step(
                    self.spec, self.battery, load_w=load, on_mains=on_mains, dt_s=step_s
                )
            self._switch()

    def shutdown_return(self, delay_s: float) -> None:
        """The command of that name: off after a delay, on again when the mains is there."""
        if self.output and self.off_at is None:
            self.off_at = self.now + delay_s

    def low(self) -> bool:
        """Whether the battery is at its low point."""
        return model.is_low(self.spec, self.battery, self.draw_w)

    def reading(self, before: Snapshot) -> Draft:
        """What an honest driver says now."""
        draft = Draft(before)
        if not self.output:
            status = "OL OFF" if self.mains else "OFF"
        elif self.mains:
            status = "OL" if model.charge_percent(self.spec, self.battery) >= 99.5 else "OL CHRG"
        else:
            status = "OB DISCHRG"
        if self.low():
            status += " LB"
        draft.set_status(Status.parse(status))
        draft.set("battery.charge", f"{model.charge_percent(self.spec, self.battery):.0f}")
        draft.set("battery.runtime", f"{model.runtime_s(self.spec, self.battery, self.draw_w):.0f}")
        return draft

    def _switch(self) -> None:
        if self.output and self.off_at is not None and self.now >= self.off_at:
            self.output, self.off_at = False, None
            self.cuts.append((self.now, "command"))
            self.back_at = None
        elif self.output and not self.mains and self.battery.energy_wh <= 0:
            self.output, self.off_at = False, None
            self.cuts.append((self.now, "empty"))
            self.back_at = None
        if not self.output and self.mains:
            if self.back_at is None:
                self.back_at = self.now + self.on_delay_s
            elif self.now >= self.back_at:
                self.output, self.back_at = True, None
        elif not self.output:
            self.back_at = None
