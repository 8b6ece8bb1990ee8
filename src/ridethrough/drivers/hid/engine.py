# SPDX-License-Identifier: GPL-2.0-or-later
"""One USB HID UPS without its wire: a sub-driver's rows over a descriptor's fields.

Reports come in, variables go out.

The order of things is that of NUT's drivers/usbhid-ups.c (facts learned from there, GPL-2.0-or-later), as
its tables rely on it: rows are walked in the table's order, and at the start the first row that gives a
value has its name.  Other than C, a value that an interrupt brought is not read again within the poll
interval, alarms are up to date after each poll, and readings that can hardly be true are held back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import partial

from ridethrough.drivers.hid import codec, status
from ridethrough.drivers.hid.asks import Steps, Wanting
from ridethrough.drivers.hid.conversions import leading_int
from ridethrough.drivers.hid.descriptor import Descriptor, Field
from ridethrough.drivers.hid.descriptor import Kind as ReportKind
from ridethrough.drivers.hid.lookups import Lookups
from ridethrough.drivers.hid.plausible import Doubts
from ridethrough.drivers.hid.present import described, formatted
from ridethrough.drivers.hid.reports import Reports
from ridethrough.drivers.hid.rows import Context, Flags, Kind, Row, Subdriver
from ridethrough.drivers.hid.usages import PathError, parse_path
from ridethrough.ups.state import STATUS
from ridethrough.ups.variables import Variable

POLL_INTERVAL_S = 2.0
FULL_POLL_S = 30.0
MAX_NOTES = 64
MAX_ORDERS = 16
ALARM = "ups.alarm"
REASON = "input.transfer.reason"
BUZZWORDS = "experimental.ups.mode.buzzwords"
_SET_BY_OPTION = {
    "battery.charge.low": "lowbatt",
    "ups.delay.start": "ondelay",
    "ups.delay.shutdown": "offdelay",
}


class Walk(Enum):
    """How much is read: all there is (once, at the start), what changes fast, or all that may change."""

    INIT = "init"
    QUICK = "quick"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Settings:
    """What the engine has to know of ups.conf.

    `pollonly`: there is no interrupt pipe.  `interruptonly`: nothing is ever asked, inputs are all there is.
    `age_s`: for how long a value that an interrupt brought is not polled.  `full_s`: how often everything is
    polled (`pollfreq`).
    """

    pollonly: bool = False
    interruptonly: bool = False
    age_s: float = POLL_INTERVAL_S
    full_s: float = FULL_POLL_S
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Bound:
    """A row that this device has a field for."""

    row: Row
    field: Field
    by_input_at: float | None = None


class Device:
    """The state of one UPS.

    `poll(Walk.INIT, now)` comes first.  The shell runs the generators (see `asks`), gives each input report
    to `take_input`, and then reads `variables` and `commands`; `notes` are (level, text) for its log, which
    it takes out.  `kept` are the settings without a place in the device that an earlier Device of this UPS
    had: they outlive a replug.
    """

    def __init__(
        self,
        descriptor: Descriptor,
        subdriver: Subdriver,
        context: Context,
        settings: Settings | None = None,
        kept: Mapping[str, str] | None = None,
    ) -> None:
        self.descriptor = descriptor
        self.subdriver = subdriver
        self.context = context
        self.settings = settings or Settings()
        self.notes: list[tuple[str, str]] = []
        self.reports = Reports(descriptor.lengths, asks=not self.settings.interruptonly)
        self.bound: list[Bound] = []
        self.commands: set[str] = set()
        self.changed = False
        """Something was written: the next walk should be a full one, and reads SEMI_STATIC rows as well."""
        self._kept = dict(kept or {})
        self._kept_names: set[str] = set()
        self._inputs: dict[int, list[tuple[Field, int]]] = {}
        self._waiting: dict[int, float] = {}
        self._alarms: dict[int, str] = {}
        self._describe: dict[str, Row] = {}
        self._read: set[str] = set()
        self._doubts = Doubts()
        self._timers = status.Timers()
        self._full_at: float | None = None
        self._status_options, problems = status.status_options(self.settings.options)
        for text in problems:
            self.note("warning", text)
        self.lookups = Lookups(descriptor, self._kind, subdriver.usages, self.reports)
        context.string = self.lookups.string
        context.item = self.lookups.item
        context.report = self.lookups.report

    # --- what is known -------------------------------------------------------------------------------

    def note(self, level: str, text: str) -> None:
        """Leave something for the log; there is room for MAX_NOTES."""
        if len(self.notes) < MAX_NOTES:
            self.notes.append((level, text))

    def find(self, name: str) -> Bound | None:
        """The first row of that name that the device has; letter case does not count."""
        low = name.lower()
        return next((one for one in self.bound if one.row.name.lower() == low), None)

    def kept(self) -> dict[str, str]:
        """The settings that a Device made after a replug should be given."""
        variables = self.context.variables
        return {name: variables[name] for name in self._kept_names if name in variables}

    def variables(self) -> dict[str, Variable]:
        """All variables with type and rights, as they may be decided on."""
        shown = self._doubts.shown(self.context.variables)
        describe = self._describe
        return {
            name: described(name, value, describe.get(name), self.context) for name, value in shown.items()
        }

    def due(self, now: float) -> Walk:
        """Which walk comes next: a full one also after a write, and for a second reading of what is held."""
        if self._full_at is None:
            return Walk.INIT
        if self.changed or self._doubts.held or now - self._full_at >= self.settings.full_s:
            return Walk.FULL
        return Walk.QUICK

    # --- polling -------------------------------------------------------------------------------------

    def poll(self, walk: Walk, now: float) -> Steps[bool]:
        """Read the device; False if nothing at all could be read although something was asked for."""
        self.reports.begin()
        self.lookups.begin()
        self._read.clear()
        self.context.buzzwords.clear()
        waiting, self._waiting = self._waiting, {}
        for number, late in waiting.items():
            yield from self.lookups.asking(partial(self._say, number, self.bound[number], late))
        if walk is Walk.INIT:
            yield from self._start(now)
        else:
            for number, one in enumerate(self.bound):
                if self._wanted(one, walk, now):
                    value = yield from self.reports.value(one.field)
                    if value is not None:
                        yield from self.lookups.asking(partial(self._say, number, one, value))
        if walk is Walk.FULL:
            self.changed = False
        if walk is not Walk.QUICK:
            self._full_at = now
        self.publish(now)
        return bool(self.reports.fresh) or not self.reports.failed

    def _start(self, now: float) -> Steps[None]:
        """The first walk: rows find their fields, and the first row that gives a value has its name."""
        context = self.context
        yield from self._identity()
        for row in self.subdriver.rows:
            found = self._field_of(row)
            if found is None:
                continue
            one = Bound(row, found)
            if Flags.ABSENT in row.flags:
                self._keep(one)
                continue
            if row.kind is Kind.VARIABLE and row.name in context.variables:
                continue
            self.bound.append(one)
            if self._skipped(found):
                continue
            value = yield from self.reports.value(found)
            if value is None:
                continue
            if row.kind is Kind.COMMAND:
                self.commands.add(row.name)
            else:
                yield from self.lookups.asking(partial(self._say, len(self.bound) - 1, one, value))
        self._map_inputs()
        self._after_start()

    def _identity(self) -> Steps[None]:
        """What the USB descriptors say, and for some makers a report and a string."""
        context, subdriver = self.context, self.subdriver
        for name, tell in (
            ("ups.mfr", subdriver.mfr),
            ("ups.model", subdriver.model),
            ("ups.serial", subdriver.serial),
        ):
            value = yield from self.lookups.asking(partial(tell, context))
            if value is not None:
                context.variables[name] = value
        context.variables["ups.vendorid"] = f"{context.vendor_id:04x}"
        context.variables["ups.productid"] = f"{context.product_id:04x}"

    def _field_of(self, row: Row) -> Field | None:
        try:
            path = parse_path(row.path, self.subdriver.usages)
        except PathError as error:
            self.note("warning", f"{row.name}: {error}")
            return None
        return self.descriptor.find(path, self._kind)

    @property
    def _kind(self) -> ReportKind:
        return ReportKind.INPUT if self.settings.interruptonly else ReportKind.FEATURE

    def _keep(self, one: Bound) -> None:
        """A setting that the driver keeps itself."""
        name = one.row.name
        self.bound.append(one)
        if name not in self.context.variables:
            self.context.variables[name] = self._kept.get(name, one.row.default or "")
            self._describe[name] = one.row
            self._kept_names.add(name)

    def _after_start(self) -> None:
        """Thresholds and delays from ups.conf, and the commands made of several others."""
        variables = self.context.variables
        for name, option in _SET_BY_OPTION.items():
            if name in variables and option in self.settings.options and name not in self._kept:
                variables[name] = str(leading_int(self.settings.options[option]))
        off, on = self.find("load.off.delay"), self.find("load.on.delay")
        if off:
            self.commands.add("load.off")
        if on:
            self.commands.add("load.on")
        if off and on:
            self.commands |= {"shutdown.return", "shutdown.stayoff"}

    def _wanted(self, one: Bound, walk: Walk, now: float) -> bool:
        """Whether this walk reads the row."""
        flags = one.row.flags
        if self.settings.interruptonly or self._skipped(one.field):
            return False
        if one.row.kind is Kind.COMMAND or Flags.ABSENT in flags:
            return False
        if one.by_input_at is not None and now - one.by_input_at < self.settings.age_s and not self.changed:
            return False
        if walk is Walk.QUICK:
            return Flags.QUICK_POLL in flags
        if self.settings.pollonly:
            return True
        return not (Flags.STATIC in flags or (Flags.SEMI_STATIC in flags and not self.changed))

    @property
    def _ids(self) -> tuple[int, int]:
        return self.context.vendor_id, self.context.product_id

    def _skipped(self, one: Field) -> bool:
        return one.report_id in self.subdriver.skipped_reports.get(self._ids, ())

    # --- rows ----------------------------------------------------------------------------------------

    def _say(self, number: int, one: Bound, value: float) -> None:
        """One row's value into variables, status words or alarms."""
        row, context = one.row, self.context
        text = row.convert.text(value, context) if row.convert is not None else formatted(row, value)
        if row.kind is Kind.ALARM:
            if text is None:
                self._alarms.pop(number, None)
            else:
                self._alarms[number] = text
        elif text is None:
            return
        elif row.kind is Kind.STATUS:
            status.fold(context.status, text)
        else:
            context.variables[row.name] = text
            self._describe.setdefault(row.name, row)
            self._read.add(row.name)

    # --- inputs --------------------------------------------------------------------------------------

    def _map_inputs(self) -> None:
        """Which rows each input field speaks to: those with the feature of the same path."""
        rows: dict[Field, list[int]] = {}
        for number, one in enumerate(self.bound):
            if Flags.ABSENT not in one.row.flags and one.row.kind is not Kind.COMMAND:
                rows.setdefault(one.field, []).append(number)
        for one_field in self.descriptor.fields:
            if one_field.kind is not ReportKind.INPUT:
                continue
            feature = self.descriptor.find(one_field.path, self._kind)
            numbers = () if feature is None else rows.get(feature, ())
            self._inputs.setdefault(one_field.report_id, []).extend((one_field, one) for one in numbers)

    def take_input(self, data: bytes, now: float) -> bool:
        """Take an input report as it came; False if no row has anything to do with it.

        A device for which `pollonly` is set has an interrupt pipe that is not to be believed.
        """
        if not data or self.settings.pollonly:
            return False
        self._read.clear()
        taken = False
        for one_field, number in self._inputs.get(data[0], ()):
            if codec.holds(one_field, data):
                one = self.bound[number]
                value = codec.physical(one_field, codec.logical(one_field, data))
                one.by_input_at = now
                taken = True
                try:
                    self._say(number, one, value)
                except Wanting:
                    self._waiting[number] = value  # for the next poll, which may ask
        if taken:
            self.publish(now)
        return taken

    # --- what comes of it ----------------------------------------------------------------------------

    def publish(self, now: float) -> None:
        """Compose the status from all words, and judge what was read."""
        variables = self.context.variables
        del self.context.orders[MAX_ORDERS:]
        options, timers = self._status_options, self._timers
        charge = variables.get("battery.charge")
        composed, self._timers = status.compose(self.context.status, charge, options, timers, now)
        alarms = (*(self._alarms[number] for number in sorted(self._alarms)), *composed.alarms)
        tokens = self._believed(composed.tokens, now)
        variables[STATUS] = " ".join(("ALARM", *tokens) if alarms else tokens)
        buzzwords = dict.fromkeys((*sorted(self.context.buzzwords), *composed.buzzwords))
        for name, text in (
            (ALARM, " ".join(alarms)),
            (REASON, composed.transfer_reason),
            (BUZZWORDS, " ".join(buzzwords)),
        ):
            if text:
                variables[name] = text
            else:
                variables.pop(name, None)
        if composed.warning:
            self.note("warning", composed.warning)
        for doubt in self._doubts.judge(variables, self._read, on_battery="OB" in composed.tokens):
            self.note("warning", f"held back until it is read twice: {doubt}")

    def _believed(self, tokens: tuple[str, ...], now: float) -> tuple[str, ...]:
        """The tokens without a low battery that a self-test explains."""
        if "LB" not in tokens:
            self._doubts.no_low_battery()
        elif not self._doubts.low_battery(self.context.variables, self.context.status, now):
            return tuple(token for token in tokens if token != "LB")
        return tokens

    def take_orders(self) -> Iterator[tuple[str, str]]:
        """The settings that conversions asked for, each once."""
        while self.context.orders:
            yield self.context.orders.pop(0)
