# SPDX-License-Identifier: GPL-2.0-or-later
"""What is known of a UPS: snapshots, drafts and changes.

A driver's poll fills a `Draft` and commits it once.
The commit gives a new `Snapshot` and one `Change`, and that is all an observer is told:
nobody ever sees half a poll.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from ridethrough.ups.status import Status
from ridethrough.ups.units import Monotonic
from ridethrough.ups.variables import Variable, VarKind

STATUS: Final = "ups.status"


class Freshness(StrEnum):
    """Whether a reading may be trusted: only FRESH is ever served or decided on."""

    FRESH = "fresh"
    STALE = "stale"
    """The driver says DATASTALE, or nothing was heard for MAXAGE."""
    WAITING = "waiting"
    """Connected, but the driver's first dump is not complete."""
    DISCONNECTED = "disconnected"
    """No driver behind this UPS."""


def _no_variables() -> Mapping[str, Variable]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All variables and commands of a UPS at one commit; it never changes afterwards."""

    variables: Mapping[str, Variable] = field(default_factory=_no_variables)
    commands: frozenset[str] = frozenset()

    def get(self, name: str, default: str = "") -> str:
        """The value of a variable, or `default` where the UPS has none of that name."""
        variable = self.variables.get(name)
        return default if variable is None else variable.value

    def number(self, name: str) -> float | None:
        """The value as a number, or None where it is missing or not a number in NUT's notation."""
        variable = self.variables.get(name)
        return None if variable is None else variable.number()

    @property
    def status(self) -> Status:
        """`ups.status` as tokens; empty where the driver has said none."""
        return Status.parse(self.get(STATUS))


EMPTY: Final = Snapshot()


@dataclass(frozen=True, slots=True)
class Change:
    """What one commit changed. It is false where nothing did."""

    set: tuple[Variable, ...] = ()
    deleted: tuple[str, ...] = ()
    commands_added: tuple[str, ...] = ()
    commands_removed: tuple[str, ...] = ()
    status_added: tuple[str, ...] = ()
    status_removed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.set or self.deleted or self.commands_added or self.commands_removed)


class Draft:
    """The next snapshot in the making. It starts as a copy of `base`; `commit` ends it."""

    __slots__ = ("_base", "_commands", "_variables")

    def __init__(self, base: Snapshot = EMPTY) -> None:
        self._base = base
        self._variables = dict(base.variables)
        self._commands = set(base.commands)

    def get(self, name: str, default: str = "") -> str:
        """The drafted value of a variable."""
        variable = self._variables.get(name)
        return default if variable is None else variable.value

    def variable(self, name: str) -> Variable | None:
        """The drafted variable, or None."""
        return self._variables.get(name)

    def names(self) -> tuple[str, ...]:
        """The names of all drafted variables, in order of their first setting."""
        return tuple(self._variables)

    def set(self, name: str, value: object) -> None:
        """Give a variable a value; type and right to write stay as they were."""
        self.put(replace(self._variables.get(name) or Variable(name, ""), value=str(value)))

    def put(self, variable: Variable) -> None:
        """Set a variable with all that belongs to it."""
        self._variables[variable.name] = variable

    def describe(
        self,
        name: str,
        *,
        rw: bool | None = None,
        kind: VarKind | None = None,
        max_length: int | None = None,
        enum: tuple[str, ...] | None = None,
        ranges: tuple[tuple[str, str], ...] | None = None,
    ) -> None:
        """Set a variable's type; what is None stays. A variable that is not there is left alone."""
        old = self._variables.get(name)
        if old is None:
            return
        self._variables[name] = Variable(
            name,
            old.value,
            rw=old.rw if rw is None else rw,
            kind=old.kind if kind is None else kind,
            max_length=old.max_length if max_length is None else max_length,
            enum=old.enum if enum is None else enum,
            ranges=old.ranges if ranges is None else ranges,
        )

    def delete(self, name: str) -> None:
        """Take a variable away; a name that is not there is no error."""
        self._variables.pop(name, None)

    def set_status(self, status: Status) -> None:
        """Set `ups.status`."""
        self.set(STATUS, str(status))

    @property
    def status(self) -> Status:
        """The drafted `ups.status`."""
        return Status.parse(self.get(STATUS))

    def add_command(self, name: str) -> None:
        """Offer an instant command."""
        self._commands.add(name)

    def delete_command(self, name: str) -> None:
        """Offer it no longer."""
        self._commands.discard(name)

    def commit(self) -> tuple[Snapshot, Change]:
        """The new snapshot and what differs from `base`. The draft is done with: make a new one each poll."""
        base = self._base
        changed = tuple(new for name, new in self._variables.items() if base.variables.get(name) != new)
        deleted = tuple(name for name in base.variables if name not in self._variables)
        commands = frozenset(self._commands)
        before, after = base.status.tokens, self.status.tokens
        change = Change(
            set=changed,
            deleted=deleted,
            commands_added=tuple(sorted(commands - base.commands)),
            commands_removed=tuple(sorted(base.commands - commands)),
            status_added=tuple(token for token in after if token not in before),
            status_removed=tuple(token for token in before if token not in after),
        )
        if not change:
            return base, change
        return Snapshot(MappingProxyType(self._variables.copy()), commands), change


@dataclass(frozen=True, slots=True)
class DeviceView:
    """One UPS as the server and the monitor are told of it."""

    name: str
    desc: str
    snapshot: Snapshot
    freshness: Freshness
    changed_at: Monotonic
