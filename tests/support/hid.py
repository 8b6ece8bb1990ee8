# SPDX-License-Identifier: GPL-2.0-or-later
"""A small UPS of our own making, as a report descriptor; and recorded devices where they are there."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

RECORDED = Path(__file__).resolve().parents[3] / "shared" / "data" / "hid"
ORACLE = RECORDED / "oracle-2.8.5-fill"
NAMES = sorted(path.stem for path in RECORDED.glob("*.hex"))

SMALL = bytes.fromhex(
    "0584 0904 a101"  # UPS
    "0924 a100"  # PowerSummary
    "8501 0902 a100"  # report 1: PresentStatus
    "0585 09d0 0944 0945 0942 1500 2501 7501 9504 b1a2"  # ACPresent Charging Discharging Below...
    "09d0 0944 0945 0942 81a2"
    "0584 0969 9501 b1a2 0969 81a2"  # ShutdownImminent
    "7503 9501 b101 8101"  # padding
    "c0"
    "8502 0585 0966 2564 7508 b1a2 0966 81a2"  # report 2: RemainingCapacity
    "0968 6601 10 27ffffff7f 7520 b1a2 0968 81a2"  # RunTimeToEmpty in seconds
    "8503 0584 0957 17ffffffff b1a2"  # report 3: DelayBeforeShutdown, -1 allowed
    "8504 0956 b1a2"  # report 4: DelayBeforeStartup
    "1500 8505 0930 6721d1f000 5506 26ff7f 7510 b1a2"  # report 5: Voltage in tenths
    "8506 095a 6500 5500 2503 7508 b1a2"  # report 6: AudibleAlarmControl
    "c0 c0"
)
"""Six reports of a UPS; lengths as in `SMALL_LENGTHS`."""
SMALL_LENGTHS = {1: 2, 2: 6, 3: 5, 4: 5, 5: 3, 6: 2}


def descriptor_of(name: str) -> bytes:
    """The recorded report descriptor."""
    return bytes.fromhex((RECORDED / f"{name}.hex").read_text())


def facts_of(name: str) -> dict[str, Any]:
    """Its strings and reports."""
    found: dict[str, Any] = json.loads((RECORDED / f"{name}.json").read_text())
    return found


def oracle_of(name: str) -> dict[str, Any]:
    """What C makes of it."""
    found: dict[str, Any] = json.loads((ORACLE / f"{name}.json").read_text())
    return found


def fields_of(name: str) -> list[list[str]]:
    """The rows of its table of fields."""
    with (RECORDED / f"{name}.tsv").open() as lines:
        return list(csv.reader(lines, delimiter="\t"))[1:]
