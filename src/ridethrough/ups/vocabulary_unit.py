# SPDX-License-Identifier: GPL-2.0-or-later
"""Descriptions: the device as a whole, the UPS, the driver and the server (names: `docs/nut-names.txt`)."""

from __future__ import annotations

DEVICE: dict[str, str] = {
    "device.contact": "Who looks after the device",
    "device.count": "How many devices are in the daisy chain",
    "device.description": "What the device says that it is",
    "device.location": "Where the device stands",
    "device.macaddr": "Hardware (MAC) address of the device",
    "device.mfr": "Maker of the device",
    "device.model": "Model of the device",
    "device.part": "Part number of the device",
    "device.serial": "Serial number that the device reports",
    "device.type": "Kind of device (ups, pdu, scd, psu, ats)",
    "device.uptime": "Time since the device was started (seconds)",
    "device.usb.version": "USB version that the device reports",
}

UPS: dict[str, str] = {
    "experimental.readings.held": "Readings held back until the device has said them twice",
    "experimental.ups.mode.buzzwords": "Operating mode in the maker's own words",
    "ups.alarm": "Alarms that the UPS raises",
    "ups.beeper.status": "Whether the beeper is on (enabled, disabled, muted)",
    "ups.contacts": "State of the UPS's own contacts",
    "ups.date": "Date of the clock in the UPS",
    "ups.delay.reboot": "Time from the reboot command until the UPS reboots (seconds)",
    "ups.delay.shutdown": "Time from the shutdown command to load off (seconds)",
    "ups.delay.start": "Time from the start command to load on (seconds)",
    "ups.display.language": "Language of the front panel",
    "ups.efficiency": "Share of the power taken in that reaches the load (percent)",
    "ups.firmware": "Firmware of the UPS",
    "ups.firmware.aux": "Firmware of an additional part of the UPS",
    "ups.id": "Name that the UPS itself keeps",
    "ups.load": "Load on the UPS (percent of its rating)",
    "ups.load.energysave": "Load below which the UPS goes to its saving mode (percent)",
    "ups.load.high": "Load from which on the UPS says OVER (percent)",
    "ups.mfr": "Maker of the UPS",
    "ups.mfr.date": "Date on which the UPS was made",
    "ups.mode": "How the UPS works now (online, line-interactive, bypass)",
    "ups.model": "Model of the UPS",
    "ups.power": "Apparent power drawn from the UPS (VA)",
    "ups.power.nominal": "Apparent power that the UPS is rated for (VA)",
    "ups.productid": "USB product id of the UPS",
    "ups.realpower": "Real power drawn from the UPS (W)",
    "ups.realpower.nominal": "Real power that the UPS is rated for (W)",
    "ups.serial": "Serial number that the UPS reports",
    "ups.shutdown": "Whether the UPS can be told to switch off (enabled, disabled)",
    "ups.start.auto": "Whether the UPS starts by itself when the mains is back (yes, no)",
    "ups.start.battery": "Whether the UPS may be started on battery (yes, no)",
    "ups.start.reboot": "Whether the UPS restarts if the mains comes back during a shutdown",
    "ups.status": "State of the UPS, in words such as OL, OB, LB",
    "ups.temperature": "Temperature inside the UPS (degrees C)",
    "ups.test.date": "Date of the latest self-test",
    "ups.test.interval": "Time between self-tests (seconds)",
    "ups.test.result": "Outcome of the latest self-test",
    "ups.time": "Time of the clock in the UPS",
    "ups.timer.reboot": "Time until the load is rebooted (seconds)",
    "ups.timer.shutdown": "Time until the load is switched off (seconds)",
    "ups.timer.start": "Time until the load is switched on (seconds)",
    "ups.type": "Kind of UPS",
    "ups.vendorid": "USB vendor id of the UPS",
    "ups.watchdog.status": "Whether the watchdog of the UPS is on (enabled, disabled)",
}

DRIVER: dict[str, str] = {
    "driver.debug": "How much the driver tells of its work (0: little)",
    "driver.flag.allow_killpower": "Whether driver.killpower is obeyed (1) or refused (0)",
    "driver.name": "Name of the driver",
    "driver.reconnect_count": "How often the driver has tried to reach the device again",
    "driver.reconnect_max_tries": "How often the driver tries to reach the device again before it gives up",
    "driver.state": "What the driver is doing",
    "driver.version": "Release that the driver belongs to",
    "driver.version.data": "Which table of the device's data the driver uses, and its version",
    "driver.version.internal": "Version of the driver itself",
    "driver.version.usb": "Version of the USB library that the driver uses",
}

SERVER: dict[str, str] = {
    "server.info": "What the server says of itself",
    "server.version": "Release of the server",
}
