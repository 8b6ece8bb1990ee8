# SPDX-License-Identifier: GPL-2.0-or-later
"""What NUT's variables and commands mean, in our own words (names: NUT's `docs/nut-names.txt`)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

VARIABLES: Mapping[str, str] = MappingProxyType(
    {
        "ambient.humidity": "Relative humidity around the UPS (percent)",
        "ambient.temperature": "Temperature around the UPS (degrees C)",
        "battery.charge": "Charge of the battery (percent)",
        "battery.charge.low": "Charge at which the battery counts as low (percent)",
        "battery.charge.restart": "Charge needed before the load is switched on again (percent)",
        "battery.charge.warning": "Charge at which the UPS warns (percent)",
        "battery.current": "Current of the battery (A)",
        "battery.date": "Date on which the battery was put in",
        "battery.mfr.date": "Date on which the battery was made",
        "battery.packs": "Number of battery packs",
        "battery.runtime": "Time left on battery (seconds)",
        "battery.runtime.low": "Time left at which the battery counts as low (seconds)",
        "battery.temperature": "Temperature of the battery (degrees C)",
        "battery.type": "Chemistry of the battery",
        "battery.voltage": "Voltage of the battery (V)",
        "battery.voltage.high": "Battery voltage at full charge (V)",
        "battery.voltage.low": "Battery voltage at no charge (V)",
        "battery.voltage.nominal": "Rated voltage of the battery (V)",
        "device.mfr": "Maker of the device",
        "device.model": "Model of the device",
        "device.serial": "Serial number of the device",
        "device.type": "Kind of device (ups, pdu, ats ...)",
        "driver.name": "Name of the driver",
        "driver.state": "What the driver is doing",
        "driver.version": "Version of the driver's release",
        "driver.version.internal": "Version of the driver itself",
        "input.frequency": "Frequency of the mains (Hz)",
        "input.sensitivity": "How readily the UPS goes to battery",
        "input.transfer.high": "Input voltage above which the UPS goes to battery (V)",
        "input.transfer.low": "Input voltage below which the UPS goes to battery (V)",
        "input.voltage": "Voltage of the mains (V)",
        "input.voltage.nominal": "Rated voltage of the mains (V)",
        "output.current": "Output current (A)",
        "output.frequency": "Output frequency (Hz)",
        "output.voltage": "Output voltage (V)",
        "output.voltage.nominal": "Rated output voltage (V)",
        "ups.alarm": "Alarms that the UPS raises",
        "ups.beeper.status": "Whether the beeper is on (enabled, disabled, muted)",
        "ups.delay.shutdown": "Time from the shutdown command to load off (seconds)",
        "ups.delay.start": "Time from the start command to load on (seconds)",
        "ups.firmware": "Firmware of the UPS",
        "ups.id": "Name that the UPS itself keeps",
        "ups.load": "Load on the UPS (percent of full)",
        "ups.mfr": "Maker of the UPS",
        "ups.model": "Model of the UPS",
        "ups.power": "Apparent power drawn (VA)",
        "ups.power.nominal": "Rated apparent power (VA)",
        "ups.productid": "USB product id",
        "ups.realpower": "Real power drawn (W)",
        "ups.realpower.nominal": "Rated real power (W)",
        "ups.serial": "Serial number of the UPS",
        "ups.status": "State of the UPS, in words such as OL, OB, LB",
        "ups.temperature": "Temperature of the UPS (degrees C)",
        "ups.test.result": "Result of the last self-test",
        "ups.timer.shutdown": "Time until the load is switched off (seconds)",
        "ups.timer.start": "Time until the load is switched on (seconds)",
        "ups.type": "Kind of UPS",
        "ups.vendorid": "USB vendor id",
    }
)

COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "beeper.disable": "Switch the beeper off",
        "beeper.enable": "Switch the beeper on",
        "beeper.mute": "Silence the beeper for now",
        "beeper.toggle": "Switch the beeper over",
        "bypass.start": "Put the load on bypass",
        "bypass.stop": "Take the load off bypass",
        "calibrate.start": "Begin to calibrate the runtime",
        "calibrate.stop": "End calibrating the runtime",
        "driver.killpower": "Have the driver switch the UPS off",
        "driver.reload": "Have the driver read its configuration again",
        "load.off": "Switch the load off at once",
        "load.off.delay": "Switch the load off after a delay",
        "load.on": "Switch the load on at once",
        "load.on.delay": "Switch the load on after a delay",
        "shutdown.reboot": "Switch the load off for a moment, then on",
        "shutdown.return": "Switch the load off and on again when the mains is back",
        "shutdown.stayoff": "Switch the load off and leave it off",
        "shutdown.stop": "Call a shutdown in progress off",
        "test.battery.start": "Begin a battery test",
        "test.battery.start.deep": "Begin a long battery test",
        "test.battery.start.quick": "Begin a short battery test",
        "test.battery.stop": "End the battery test",
        "test.panel.start": "Begin a test of the panel",
        "test.panel.stop": "End the test of the panel",
    }
)


def describe_variable(name: str) -> str | None:
    """A short description of a variable, or None where there is none."""
    return VARIABLES.get(name)


def describe_command(name: str) -> str | None:
    """A short description of an instant command, or None where there is none."""
    return COMMANDS.get(name.lower())
