# SPDX-License-Identifier: GPL-2.0-or-later
"""What a test says to a bench of virtual UPSes: `[BUSPORT] VERB [ARGUMENT]`, a line each.

    ol, ob, lb        state of the power, told by an input report
    set PATH VALUE    the logical value of a field, by the path of its usages
    send HEX          an input report as it stands
    unplug, replug    pull the plug, plug it in again under a new number
    stall, silence, garbage [SECONDS]
                      a fault; without seconds until `heal`, a reset or a replug
    heal              no fault
    state             what the kernel knows of it
    log, forget       the requests that the device has seen; forget them

Without a BUSPORT the first device is meant.  An answer is an object with `error`, or with what was asked.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from math import inf
from pathlib import Path

from ridethrough.drivers.hid.usages import PathError, parse_path
from ridethrough.sim.usb.bus import Bus, Port
from ridethrough.sim.usb.device import Fault
from ridethrough.sim.usb.power import Power
from ridethrough.sim.usb.profile import Profile, ProfileError, from_recording
from ridethrough.sim.usb.profiles import PROFILES

GARBAGE_REPORTS = 8
FAULTS = {fault.value: fault for fault in (Fault.STALL, Fault.SILENCE, Fault.GARBAGE)}


def profile_of(name: str) -> Profile:
    """A profile of ours by its name, or a recording by the path of its .json (its .hex lies beside it).

    Raises ProfileError where there is none.
    """
    if name in PROFILES:
        return PROFILES[name]
    path = Path(name)
    if path.suffix != ".json":
        known = ", ".join(PROFILES)
        raise ProfileError(f"no profile {name!r}; there are {known}, or give the .json of a recording")
    try:
        facts = json.loads(path.read_text("utf-8"))
        return from_recording(facts, bytes.fromhex(path.with_suffix(".hex").read_text("ascii")))
    except (OSError, ValueError) as error:
        raise ProfileError(f"{name}: {error}") from error


def obey(bus: Bus, line: str) -> dict[str, object]:
    """Carry out a line; call `bus.stir` next."""
    words = line.split()
    port = next(iter(bus.ports.values()), None)
    if words and words[0] in bus.ports:
        port = bus.ports[words.pop(0)]
    if port is None or not words:
        return {"error": "say [BUSPORT] VERB [ARGUMENT]"}
    verb, *arguments = words
    try:
        return _answer(bus, port, verb, arguments)
    except (ValueError, IndexError, PathError) as error:
        return {"error": f"{line!r}: {error}"}


def _answer(bus: Bus, port: Port, verb: str, arguments: list[str]) -> dict[str, object]:
    plain: dict[str, Callable[[], object]] = {
        "unplug": lambda: bus.unplug(port),
        "replug": lambda: bus.replug(port),
        "heal": lambda: bus.break_down(port, Fault.NONE),
        "forget": port.device.log.clear,
        "send": lambda: port.device.send(bytes.fromhex("".join(arguments))),
        "set": lambda: port.device.set_usage(parse_path(arguments[0]), int(arguments[1], 0)),
    }
    if verb in plain:
        plain[verb]()
    elif verb in FAULTS:
        bus.break_down(port, FAULTS[verb], float(arguments[0]) if arguments else inf)
        for _ in range(GARBAGE_REPORTS if verb == "garbage" else 0):
            port.device.send_garbage()
    elif verb == "log":
        return {"log": list(port.device.log)}
    elif verb == "state":
        return _state(bus, port)
    else:
        port.device.set_power(Power(verb))
    return {}


def _state(bus: Bus, port: Port) -> dict[str, object]:
    return {
        "plugged": port.plugged,
        "fault": port.device.fault.value,
        "number": port.place.number,
        "driver": bus.driver(port),
        "hidraw": port.hidraw if port.bound else None,
    }
