# SPDX-License-Identifier: GPL-2.0-or-later
"""Ever's own conversions: most read whole reports, whatever field they hang on.

Facts learned from NUT's drivers/ever-hid.c (GPL-2.0-or-later).
Words with letters missing are spelt as C spells them: scripts look for them.
"""

from __future__ import annotations

from ridethrough.drivers.hid.conversions import reading
from ridethrough.drivers.hid.rows import Context, Conversion

_WORK_MODE, _MESSAGES, _ALARMS, _MAC = 74, 75, 76, 210
_MODES = {2: "STOP", 4: "ONLINE", 8: "ONBATTERY", 16: "WATCH", 32: "WAITING", 64: "EMERGENCY"}
_MESSAGE_BITS = (
    (0x0004, "BOOST"),
    (0x0008, "BUCK"),
    (0x0010, "BOOST_BLOCKED"),
    (0x0020, "BUCK_BLOCKED"),
    (0x0040, "CHARGING"),
    (0x0080, "FAN_ON"),
    (0x0100, "EPO_BLOCKED"),
    (0x0200, "NEED_REPLACMENT"),
    (0x0C00, "OVERHEAT"),
    (0x1000, "WAITING_FOR_MIN_CHARGE"),
    (0x2000, "MAINS_OUT_OF_RANGE"),
)
_ALARM_BITS = (
    (0x0001, "OVERLOAD"),
    (0x0002, "SHORT-CIRCUIT"),
    (0x000C, "OVERHEAT"),
    (0x0010, "EPO"),
    (0x0020, "INERNAL_ERROR"),
    (0x0040, "REVERSE_POWER_SUPPLY"),
    (0x0080, "NO_INETERNAL_COMM"),
    (0x0100, "CRITICAL_BATT_VOLTAGE"),
)


def _data(report_id: int, least: int, context: Context) -> bytes | None:
    """The bytes of a report behind its id, None where there are fewer than `least`."""
    report = context.report(report_id)
    return report[1:] if report is not None and len(report) > least else None


def _hardware(value: float, context: Context) -> str | None:
    """Revision (0, A to Z) and version."""
    revision, version = int(value) >> 8 & 0xFF, int(value) & 0xFF
    letters = "0ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return f"rev.{letters[revision]}v{version:02d}" if revision < len(letters) else None


def _version(value: float, context: Context) -> str:
    number = int(value)
    return f"v{number >> 12 & 15:X}.{number >> 8 & 15:X}b{number & 0xFF:02d}"


def _mac(value: float, context: Context) -> str | None:
    data = _data(_MAC, 1, context)
    return None if data is None else ":".join(f"{byte:02x}" for byte in data)


def ip_address(report_id: int) -> Conversion:
    """The address in a report of its own."""

    def to_text(value: float, context: Context) -> str | None:
        data = _data(report_id, 1, context)
        return None if data is None else ".".join(str(byte) for byte in data)

    return reading("ip address", to_text)


def packets(report_id: int) -> Conversion:
    """The counter in a report of its own."""

    def to_text(value: float, context: Context) -> str | None:
        data = _data(report_id, 4, context)
        return None if data is None else str(int.from_bytes(data[:4], "little", signed=True))

    return reading("packets", to_text)


def _mode(context: Context) -> int | None:
    data = _data(_WORK_MODE, 1, context)
    return None if data is None else data[0]


def _workmode(value: float, context: Context) -> str | None:
    mode = _mode(context)
    return None if mode is None else _MODES.get(mode, "UNKNOWN")


def _on_off(value: float, context: Context) -> str | None:
    """On are ONLINE and ONBATTERY."""
    mode = _mode(context)
    if mode is None:
        return None
    return "!off" if mode in (4, 8) else "off"


def _words(report_id: int, bits: tuple[tuple[int, str], ...]) -> Conversion:
    """The words for the bits of a report that are set."""

    def to_text(value: float, context: Context) -> str | None:
        data = _data(report_id, 2, context)
        if data is None:
            return None
        number = int.from_bytes(data[:2], "little")
        return " ".join(word for mask, word in bits if number & mask)

    return reading("bits", to_text)


EVER_FORMAT_HARDWARE = reading("hardware", _hardware)
EVER_FORMAT_VERSION = reading("version", _version)
EVER_MAC_ADDRESS = reading("mac address", _mac)
EVER_WORKMODE = reading("work mode", _workmode)
EVER_MESSAGES = _words(_MESSAGES, _MESSAGE_BITS)
EVER_ALARMS = _words(_ALARMS, _ALARM_BITS)
EVER_ON_OFF = reading("off", _on_off)
