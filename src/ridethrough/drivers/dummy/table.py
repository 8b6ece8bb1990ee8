# SPDX-License-Identifier: GPL-2.0-or-later
"""The variables that dummy-ups knows, with their types.

The table is NUT's, as its users see it through `upsrw` (learned from drivers/dummy-ups.h, Arnaud Quette,
GPL-2.0-or-later).  All of them may be written.
"""

from __future__ import annotations

from typing import Final

from ridethrough.ups.variables import Variable, VarKind

# Variables that are there before the file is read.
INITIAL: Final = {
    "ups.mfr": "Dummy Manufacturer",
    "ups.model": "Dummy UPS",
    "ups.status": "OL",
}
COMMANDS: Final = ("load.off",)

# Strings, with their greatest length.
_STRINGS: Final = {
    "ups.mfr": 32,
    "ups.model": 32,
    "ups.status": 32,
    "ups.serial": 32,
    "ups.alarm": 32,
    "ups.time": 16,
    "ups.date": 16,
    "ups.mfr.date": 16,
    "ups.firmware": 16,
    "ups.firmware.aux": 16,
    "ups.id": 16,
    "ups.test.result": 16,
    "input.transfer.reason": 1,
    "input.sensitivity": 1,
    "input.quality": 6,
}
# Variables without a kind, which network clients are told are numbers.
_NUMBERS: Final = frozenset(
    "ups.load ups.temperature ups.delay.start ups.delay.reboot ups.delay.shutdown ups.test.interval "
    "input.voltage input.voltage.maximum input.voltage.minimum input.voltage.nominal input.transfer.low "
    "input.transfer.high input.frequency input.transfer.boost.low input.transfer.boost.high "
    "input.transfer.trim.low input.transfer.trim.high output.voltage output.frequency output.current "
    "battery.charge battery.charge.low battery.voltage battery.current battery.runtime battery.runtime.low "
    "battery.charge.restart battery.temperature battery.voltage.nominal ambient.temperature "
    "ambient.temperature.alarm ambient.temperature.high ambient.temperature.low ambient.humidity "
    "ambient.humidity.alarm ambient.humidity.high ambient.humidity.low".split()
)
_OTHERS_LENGTH: Final = 32


def variable(name: str, value: str) -> Variable:
    """A variable of dummy-ups: its type from the table, a string of 32 for what the table does not have."""
    low = name.lower()
    if low in _NUMBERS:
        return Variable(name, value, rw=True)
    return Variable(name, value, rw=True, kind=VarKind.STRING, max_length=_STRINGS.get(low, _OTHERS_LENGTH))
