# SPDX-License-Identifier: GPL-2.0-or-later
"""Which of the USB devices is meant, and whether one that comes back is the one that went.

A serial number decides, where there is a usable one.  Else the port does: of twins without serial numbers
nothing else tells which is which.  Numbers that the bus hands out anew at each plugging (`device`) never do.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Final

HID_CLASS: Final = 3

# Numbers that makers leave in each unit of a series, and what stands for "none".
_NO_SERIAL: Final = re.compile(r"[\s0.\-_*?]*|blank|none|n/?a|unknown|null|default|serial", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Interface:
    """One interface of a device, as sysfs shows it.  `driver` is the kernel driver bound to it, or ""."""

    number: int
    hid: bool
    driver: str = ""
    hidraws: tuple[str, ...] = ()
    """Names such as `hidraw0`."""
    hiddevs: tuple[str, ...] = ()
    """Names such as `hiddev0`: the same device in the kernel's older interface, which upowerd reads."""


@dataclass(frozen=True, slots=True)
class UsbDevice:
    """A USB device that is plugged in.  Strings it has not are ""."""

    port: str
    """The path to its port, such as `1-2.4`: bus 1, port 2, there port 4 of a hub."""
    bus: int
    number: int
    vendor_id: int
    product_id: int
    manufacturer: str = ""
    product: str = ""
    serial: str = ""
    interfaces: tuple[Interface, ...] = ()
    string_indexes: tuple[int, int, int] = (0, 0, 0)
    """Numbers of the string descriptors of manufacturer, product and serial; 0: none."""
    release: int = 0
    """bcdDevice: the maker's number of this version."""

    @property
    def busport(self) -> str:
        """What `busport` in ups.conf is compared with: the last port number, three digits; "" if unknown."""
        last = self.port.rpartition("-")[2].rpartition(".")[2]
        return f"{int(last):03d}" if last.isdecimal() else ""

    @property
    def ids(self) -> str:
        """Such as `0463:ffff`."""
        return f"{self.vendor_id:04x}:{self.product_id:04x}"

    def __str__(self) -> str:
        """Such as `EATON Ellipse ECO (0463:ffff, serial G35, port 1-2)`."""
        name = " ".join(part for part in (self.manufacturer.strip(), self.product.strip()) if part)
        serial = f"serial {self.serial.strip()}, " if usable_serial(self.serial) else ""
        return f"{name or 'USB device'} ({self.ids}, {serial}port {self.port})"


def usable_serial(serial: str) -> bool:
    """Whether it can tell two units of a series apart."""
    return not _NO_SERIAL.fullmatch(serial)


def port_order(device: UsbDevice) -> tuple[int, ...]:
    """For sorting: port 1-10 comes after port 1-9."""
    return tuple(int(part) for part in re.findall(r"\d+", device.port))


# -- the settings of ups.conf ----------------------------------------------------------------------

SETTINGS: Final = ("vendorid", "productid", "vendor", "product", "serial", "bus", "device", "busport")
_MAX_PATTERN: Final = 256
_CLASSES: Final = {
    "alpha": "a-zA-Z",
    "digit": "0-9",
    "alnum": "a-zA-Z0-9",
    "upper": "A-Z",
    "lower": "a-z",
    "xdigit": "0-9A-Fa-f",
    "space": r"\s",
    "blank": r" \t",
    "punct": r"!-/:-@\[-`{-~",
}


class WantedError(ValueError):
    """A setting is no regular expression; the text names it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the settings of a section ask for; each is searched for, in either case (nut_usb_addvars(8)).

    Beyond NUT's three digits, `busport` takes the whole path of a port, such as `1-2.4`.
    """

    patterns: tuple[tuple[str, re.Pattern[str]], ...] = ()

    def matches(self, device: UsbDevice) -> bool:
        """Whether it is what all settings ask for."""
        shown = _shown(device)
        return all(
            pattern.search(shown[name])
            # A whole path tells ports of different hubs apart; C has no word for that.
            or (name == "busport" and "-" in pattern.pattern and pattern.fullmatch(device.port))
            for name, pattern in self.patterns
        )

    def named(self, setting: str) -> bool:
        """Whether the section has this setting."""
        return any(name == setting for name, _ in self.patterns)

    def __str__(self) -> str:
        return ", ".join(f"{name} = {pattern.pattern}" for name, pattern in self.patterns) or "any"


def wanted(settings: Iterable[tuple[str, str | None]]) -> Wanted:
    """The settings that choose a device, out of all of a section's.  Raises WantedError."""
    patterns = []
    for name, text in settings:
        if name not in SETTINGS or text is None:
            continue
        if len(text) > _MAX_PATTERN:
            raise WantedError(f"{name} is longer than {_MAX_PATTERN} characters; write a shorter one")
        try:
            patterns.append((name, re.compile(_python_pattern(text), re.IGNORECASE)))
        except (re.error, OverflowError, RecursionError):
            raise WantedError(
                f"{name} = {text} is no regular expression; put a backslash before ( ) [ ] + * ? . \\"
            ) from None
    return Wanted(tuple(patterns))


def _python_pattern(text: str) -> str:
    """A POSIX pattern in Python's spelling, as far as they differ in daily use: `[[:digit:]]`."""
    return re.sub(r"\[:(\w+):\]", lambda found: _CLASSES.get(found[1], found[0]), text)


def _shown(device: UsbDevice) -> dict[str, str]:
    return {
        "vendorid": f"{device.vendor_id:04x}",
        "productid": f"{device.product_id:04x}",
        "vendor": device.manufacturer.strip(" \t\n"),
        "product": device.product.strip(" \t\n"),
        "serial": device.serial.strip(" \t\n"),
        "bus": f"{device.bus:03d}",
        "device": f"{device.number:03d}",
        "busport": device.busport,
    }


# -- choosing, and knowing again -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Identity:
    """What is remembered of a device while it is away."""

    vendor_id: int
    product_id: int
    serial: str
    """"" unless it can tell units apart."""
    port: str
    twins: bool = False
    """Another one that only its port tells from it has been seen."""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """The device chosen, or None; `words` say why none, or what to beware of."""

    device: UsbDevice | None
    words: str = ""


def identify(device: UsbDevice, devices: Iterable[UsbDevice] = ()) -> Identity:
    """What to remember of `device`; `devices` are all that are plugged in just now."""
    serial = device.serial.strip() if usable_serial(device.serial) else ""
    plain = Identity(device.vendor_id, device.product_id, serial, device.port, name=str(device))
    return beware(plain, devices)


def beware(identity: Identity, devices: Iterable[UsbDevice]) -> Identity:
    """The identity, with its twins in mind if there is one.

    `devices` were seen while the device was at its port, or so soon after that it can't be at another.
    """
    if any(device.port != identity.port and _alike(identity, device) for device in devices):
        return replace(identity, twins=True)
    return identity


def choose(
    wish: Wanted, devices: Iterable[UsbDevice], taken: Collection[str] = (), section: str = ""
) -> Choice:
    """The first device, in the order of ports, that is wished for and not `taken` (ports in use).

    The caller has left only those devices that its driver knows.
    """
    all_devices = sorted(devices, key=port_order)
    fitting = [device for device in all_devices if wish.matches(device)]
    free = [device for device in fitting if device.port not in taken]
    if not free:
        if fitting:
            return Choice(None, f"{fitting[0]} is in use by another section of ups.conf")
        if all_devices:
            return Choice(None, f"no device fits {wish}; there is: {_listed(all_devices)}")
        return Choice(None, "no UPS is plugged in by USB")
    first = free[0]
    others = [device for device in fitting if device.port != first.port]
    if not others or wish.named("busport") or (wish.named("bus") and wish.named("device")):
        return Choice(first)
    key = "serial" if usable_serial(first.serial) and not _shared_serial(first, others) else "busport"
    value = first.serial.strip() if key == "serial" else first.busport
    if key == "busport" and any(other.busport == value for other in others):
        value = first.port
    place = f"[{section}]" if section else "this section"
    return Choice(
        first,
        f"{len(fitting)} devices fit {place}: {_listed(fitting)}; it takes the first;"
        f" write {key} = {value} there to keep to it",
    )


def again(identity: Identity, devices: Iterable[UsbDevice], taken: Collection[str] = ()) -> Choice:
    """The device of that identity, wherever it is plugged in now; never one that may be another unit."""
    same_model = sorted((device for device in devices if _ids(device) == _ids(identity)), key=port_order)
    here = next((device for device in same_model if device.port == identity.port), None)
    alike = [device for device in same_model if _alike(identity, device)]
    if here is not None and here in alike:
        return Choice(here)
    mute = here is not None and not (usable_serial(here.serial) and identity.serial)
    if mute and (not alike or not identity.serial):
        # It could not say its strings, now or before; nobody else is likely to be on its port.
        return Choice(here, "its serial number can't be compared; it is known by its port")
    free = [device for device in alike if device.port not in taken]
    if free and (identity.twins or len(free) > 1):
        return Choice(
            None,
            f"{_listed(free)} may be another unit, since the serial number does not tell;"
            f" plug yours into port {identity.port} again, or restart the driver",
        )
    if free:
        return Choice(free[0])
    return Choice(None, f"another device is on its port now: {here}" if here is not None else "")


def _alike(identity: Identity, device: UsbDevice) -> bool:
    """Whether nothing but its port would tell the device from that one."""
    if _ids(device) != _ids(identity):
        return False
    if identity.serial:
        return device.serial.strip() == identity.serial
    return not usable_serial(device.serial)


def _ids(thing: UsbDevice | Identity) -> tuple[int, int]:
    return thing.vendor_id, thing.product_id


def _shared_serial(device: UsbDevice, others: Iterable[UsbDevice]) -> bool:
    return any(
        other.port != device.port
        and _ids(other) == _ids(device)
        and other.serial.strip() == device.serial.strip()
        for other in others
    )


_MOST_LISTED: Final = 6


def _listed(devices: Collection[UsbDevice]) -> str:
    shown = [str(device) for device in devices][:_MOST_LISTED]
    more = len(devices) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
