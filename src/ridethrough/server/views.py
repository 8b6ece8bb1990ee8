# SPDX-License-Identifier: GPL-2.0-or-later
"""The UPSes as clients see them: the last view, the forced-shutdown latch, names without regard to case."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ridethrough.protocol.errors import Err
from ridethrough.ups.state import EMPTY, STATUS, DeviceView, Freshness, Snapshot
from ridethrough.ups.status import Token
from ridethrough.ups.units import Monotonic
from ridethrough.ups.variables import Variable

# What a client is told instead of a reading.
_WITHHELD: dict[Freshness, Err] = {
    Freshness.STALE: Err.DATA_STALE,
    Freshness.DISCONNECTED: Err.DRIVER_NOT_CONNECTED,
}
# What is served until a driver's first dump is complete, as by C before a line of it has come.
# C goes on to serve what has come so far, but half a dump is no fact.
_WAIT: Snapshot = Snapshot({STATUS: Variable(STATUS, Token.WAIT.value)})


class Device:
    """One UPS.  `name` is written as in ups.conf; `fsd` is the latch."""

    __slots__ = ("_by_name", "_commands", "_shown", "desc", "fsd", "name", "view")

    def __init__(self, name: str, desc: str) -> None:
        """Begin without a driver."""
        self.name = name
        self.desc = desc
        self.fsd = False
        self.put(DeviceView(name, desc, EMPTY, Freshness.DISCONNECTED, Monotonic(0.0)))

    def put(self, view: DeviceView) -> None:
        """Replace the view.  Whatever it holds while the driver's dump comes in is not shown."""
        self.view = view
        self._shown = _WAIT if view.freshness is Freshness.WAITING else view.snapshot
        self._by_name: dict[str, Variable] | None = None
        self._commands: dict[str, str] | None = None

    @property
    def withheld(self) -> Err | None:
        """Why nothing is served now, or None while the view is fresh or says WAIT."""
        return _WITHHELD.get(self.view.freshness)

    def variable(self, name: str) -> Variable | None:
        """The variable of that name, whatever its case."""
        return self._variables().get(name.lower())

    def variables(self) -> Iterator[Variable]:
        """All variables in the order in which C lists them: by name, without regard to case."""
        return iter(self._variables().values())

    def shown_value(self, variable: Variable) -> str:
        """The value that clients read: FSD stands first in ups.status once the latch is set."""
        if not self.fsd or variable.name.lower() != STATUS:
            return variable.value
        if Token.FSD in variable.value.split():
            return variable.value
        return f"{Token.FSD} {variable.value}".rstrip()

    def command(self, name: str) -> str | None:
        """The instant command of that name as the driver spells it, or None."""
        return self._command_names().get(name.lower())

    def commands(self) -> Iterable[str]:
        """All instant commands, sorted as C does."""
        return self._command_names().values()

    def _variables(self) -> dict[str, Variable]:
        if self._by_name is None:
            found = ((variable.name.lower(), variable) for variable in self._shown.variables.values())
            self._by_name = dict(sorted(found, key=lambda pair: pair[0]))
        return self._by_name

    def _command_names(self) -> dict[str, str]:
        if self._commands is None:
            self._commands = {name.lower(): name for name in sorted(self._shown.commands, key=str.lower)}
        return self._commands


class Devices:
    """All UPSes in the order of ups.conf."""

    def __init__(self) -> None:
        """Begin without any."""
        self._devices: dict[str, Device] = {}

    def __iter__(self) -> Iterator[Device]:
        """The devices in order; a copy, so that they may be removed on the way."""
        return iter(tuple(self._devices.values()))

    def find(self, name: str) -> Device | None:
        """The UPS of that name, whatever its case."""
        return self._devices.get(name.lower())

    def put(self, view: DeviceView) -> Device:
        """Take a new view in; a UPS that was not there comes last."""
        device = self._devices.get(view.name.lower())
        if device is None:
            device = self._devices[view.name.lower()] = Device(view.name, view.desc)
        device.put(view)
        return device

    def remove(self, name: str) -> Device | None:
        """Take a UPS out; gives it back if it was there."""
        return self._devices.pop(name.lower(), None)

    def arrange(self, wanted: Iterable[tuple[str, str]]) -> tuple[str, ...]:
        """Make the list be `wanted` (name, desc) in that order; those that stay keep view and latch.

        Returns the names that are gone.
        """
        before = self._devices
        self._devices = {}
        for name, desc in wanted:
            device = before.get(name.lower()) or Device(name, desc)
            device.desc = desc
            self._devices.setdefault(name.lower(), device)
        return tuple(device.name for key, device in before.items() if key not in self._devices)
