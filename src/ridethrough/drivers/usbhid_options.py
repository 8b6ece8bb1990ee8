# SPDX-License-Identifier: GPL-2.0-or-later
"""The settings of `usbhid-ups` in ups.conf, those that can't be obeyed here among them.

Sources: usbhid-ups(8), nut_usb_addvars(8).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from ridethrough.config.models import UpsSection

OPTIONS: Final = MappingProxyType(
    {
        "vendorid": "regular expression for the maker's number, 4 hexadecimal digits",
        "productid": "regular expression for the product's number, 4 hexadecimal digits; unknown ones, too",
        "vendor": "regular expression for the maker's name",
        "product": "regular expression for the product's name",
        "serial": "regular expression for the serial number",
        "bus": "regular expression for the bus, three digits",
        "device": "regular expression for the number on the bus, three digits",
        "busport": "regular expression for the port, three digits, or its whole path such as 1-2.4",
        "lowbatt": "low battery below this charge, in %",
        "offdelay": "seconds from the order to off",
        "ondelay": "seconds from the return of the mains to on",
        "pollfreq": "seconds between polls of all there is; what matters is polled each pollinterval",
        "subdriver": "use this sub-driver, whatever the device is",
        "onlinedischarge_log_throttle_sec": "seconds between messages about discharging while on line",
        "onlinedischarge_log_throttle_hovercharge": "no such message at or above this charge, in %",
        "lbrb_log_delay_sec": "seconds that low battery has to last until it counts",
        "waitbeforereconnect": "not needed: a device that comes back is taken at once",
        "interrupt_pipe_no_events_tolerance": "not needed: silence between polls costs no connection",
        "notification": "obsolete, does nothing",
        "interruptsize": "for libusb; not obeyed",
        "usb_config_index": "for libusb; not obeyed",
        "usb_hid_rep_index": "for libusb; not obeyed",
        "usb_hid_desc_index": "for libusb; not obeyed",
        "usb_hid_ep_in": "for libusb; not obeyed",
        "usb_hid_ep_out": "for libusb; not obeyed",
    }
)
FLAGS: Final = MappingProxyType(
    {
        "pollonly": "do not believe what the device sends by itself",
        "interruptonly": "ask the device for nothing",
        "maxreport": "ask for at least 8 bytes (some APC Back-UPS need it)",
        "explore": "take the device that vendorid names, to see what it offers",
        "onlinedischarge": "the old name of onlinedischarge_onbattery",
        "onlinedischarge_onbattery": "discharging while on line is on battery",
        "onlinedischarge_calibration": "discharging while on line is a calibration",
        "lbrb_log_delay_without_calibrating": "lbrb_log_delay_sec counts without a calibration, too",
        "disable_fix_report_desc": "take wrong report descriptors as they are",
        "powercom_sdcmd_byte_order_fallback": "old byte order of Powercom's shutdown commands",
        "powercom_sdcmd_discrete_delay": "Powercom's table of shutdown delays (Raptor, Smart KING Pro)",
        "allow_duplicates": "not needed: twins without serial numbers are told apart by their ports",
        "usb_set_altinterface": "for libusb; not obeyed",
        "winhid": "for Windows; not obeyed",
    }
)
LIBUSB_ONLY: Final = tuple(
    name for name, words in (OPTIONS | FLAGS).items() if words.startswith("for libusb")
)
_UNNEEDED: Final = ("waitbeforereconnect", "interrupt_pipe_no_events_tolerance")


def given(section: UpsSection) -> dict[str, str]:
    """The section's options by their names in small letters; flags have an empty text."""
    return {name.lower(): text or "" for name, text in section.options.items()}


def not_obeyed(section: UpsSection) -> tuple[str, ...]:
    """What has to be said of settings that change nothing here, a line each."""
    options = given(section)
    lines = [
        f"[{section.name}] {name} is for libusb; this driver goes through the kernel's hidraw and ignores it"
        for name in LIBUSB_ONLY
        if name in options
    ]
    lines += [
        f"[{section.name}] {name} is {OPTIONS[name].partition(':')[0]} here, and changes nothing"
        for name in _UNNEEDED
        if name in options
    ]
    if "winhid" in options:
        lines.append(f"[{section.name}] winhid is for Windows, and is ignored")
    return tuple(lines)
