# SPDX-License-Identifier: GPL-2.0-or-later
"""Descriptions: sensors and outlets (names: `docs/nut-names.txt`).

In the texts of contacts and outlets `{}` stands for which one it is.
"""

from __future__ import annotations


def _thresholds(name: str, what: str, unit: str) -> dict[str, str]:
    """What every sensor reading has, temperature and humidity alike."""
    return {
        f"ambient.{name}": f"{what} at the sensor ({unit})",
        f"ambient.{name}.alarm": f"Whether the alarm on {what.lower()} is on",
        f"ambient.{name}.alarm.enable": f"Whether an alarm on {what.lower()} may be raised",
        f"ambient.{name}.alarm.high": f"{what} above which an alarm is raised ({unit})",
        f"ambient.{name}.alarm.low": f"{what} below which an alarm is raised ({unit})",
        f"ambient.{name}.alarm.maximum": f"{what} above which the alarm is raised ({unit})",
        f"ambient.{name}.alarm.minimum": f"{what} below which the alarm is raised ({unit})",
        f"ambient.{name}.high": f"{what} that counts as high ({unit})",
        f"ambient.{name}.high.critical": f"{what} that is critically high ({unit})",
        f"ambient.{name}.high.warning": f"{what} that is high enough for a warning ({unit})",
        f"ambient.{name}.low": f"{what} that counts as low ({unit})",
        f"ambient.{name}.low.critical": f"{what} that is critically low ({unit})",
        f"ambient.{name}.low.warning": f"{what} that is low enough for a warning ({unit})",
        f"ambient.{name}.maximum": f"Highest {what.lower()} so far ({unit})",
        f"ambient.{name}.minimum": f"Lowest {what.lower()} so far ({unit})",
        f"ambient.{name}.status": f"How the {what.lower()} stands to its thresholds",
    }


AMBIENT: dict[str, str] = {
    "ambient.address": "Address of the sensor",
    "ambient.count": "How many sensors there are",
    "ambient.firmware": "Firmware of the sensor",
    "ambient.id": "Identifier of the sensor",
    "ambient.mfr": "Maker of the sensor",
    "ambient.model": "Model of the sensor",
    "ambient.name": "Name of the sensor",
    "ambient.parent.serial": "Serial number of what the sensor is plugged into",
    "ambient.present": "Whether there is a sensor (yes, no)",
    **_thresholds("temperature", "Temperature", "degrees C"),
    **_thresholds("humidity", "Relative humidity", "percent"),
}

CONTACTS: dict[str, str] = {
    "config": "How dry contact {} is set up",
    "name": "Name of dry contact {}",
    "status": "Whether dry contact {} is open, closed, active or inactive",
}

OUTLETS: dict[str, str] = {
    "outlet.count": "How many outlets there are",
    "outlet.group.count": "How many groups of outlets there are",
}

OUTLET: dict[str, str] = {
    "outlet.#.autoswitch.charge.low": "Battery charge below which {} is switched off (percent)",
    "outlet.#.battery.charge.low": "Battery charge at which {} is switched off (percent)",
    "outlet.#.delay.shutdown": "Time from the shutdown command until {} is off (seconds)",
    "outlet.#.delay.start": "Time from the start command until {} is on (seconds)",
    "outlet.#.desc": "What {} is for",
    "outlet.#.designator": "What the device calls {}",
    "outlet.#.ecocontrol": "Whether {} is switched along with a leading outlet",
    "outlet.#.groupid": "Which group {} belongs to",
    "outlet.#.id": "Identifier of {}",
    "outlet.#.name": "Name of {}",
    "outlet.#.protect.status": "How {} is protected",
    "outlet.#.status": "Whether {} is on or off",
    "outlet.#.switch": "Switches {} on or off",
    "outlet.#.switchable": "Whether {} can be switched (yes, no)",
    "outlet.#.timer.shutdown": "Time until {} is switched off (seconds)",
    "outlet.#.timer.start": "Time until {} is switched on (seconds)",
    "outlet.#.type": "Kind of socket of {}",
    "outlet.group.#.color": "Colour that marks {}",
    "outlet.group.#.count": "Number of sockets in {}",
    "outlet.group.#.input": "Which input feeds {}",
    "outlet.group.#.phase": "Which phase feeds {}",
    "outlet.group.#.type": "Kind of {}",
}
