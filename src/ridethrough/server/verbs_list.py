# SPDX-License-Identifier: GPL-2.0-or-later
"""LIST: whole blocks, each made once a view as one bytes object (RFC 9271 section 4.2.7)."""

from __future__ import annotations

from collections.abc import Iterable

from ridethrough.protocol import server_lines
from ridethrough.protocol.errors import Err
from ridethrough.server.effects import Reaction
from ridethrough.server.session import Session
from ridethrough.server.views import Device
from ridethrough.server.world import Handler, World, by_sub_verb, find_available, refuse
from ridethrough.ups.variables import Variable


def list_(world: World, session: Session, args: tuple[str, ...], now: float) -> Reaction:
    """LIST <what> ...; words beyond those needed are ignored, as C does."""
    return by_sub_verb(_WHAT, world, session, args, now)


def _ups(world: World, session: Session, args: tuple[str, ...], now: float) -> Reaction:
    rows = (
        server_lines.row_ups(device.name, device.desc or "Description unavailable")
        for device in world.devices
    )
    return Reaction(server_lines.block("UPS", rows), keep="")


def _var(world: World, session: Session, args: tuple[str, ...], now: float) -> Reaction:
    ups = args[0]
    device = find_available(world, ups)
    if isinstance(device, Reaction):
        return device
    rows = (server_lines.row_var(ups, each.name, device.shown_value(each)) for each in device.variables())
    return _block(device, ("VAR", ups), rows)


def _rw(world: World, session: Session, args: tuple[str, ...], now: float) -> Reaction:
    ups = args[0]
    device = find_available(world, ups)
    if isinstance(device, Reaction):
        return device
    rows = (server_lines.row_rw(ups, each.name, each.value) for each in device.variables() if each.rw)
    return _block(device, ("RW", ups), rows)


def _cmd(world: World, session: Session, args: tuple[str, ...], now: float) -> Reaction:
    ups = args[0]
    device = find_available(world, ups)
    if isinstance(device, Reaction):
        return device
    return _block(device, ("CMD", ups), (server_lines.row_cmd(ups, name) for name in device.commands()))


def _client(world: World, session: Session, args: tuple[str, ...], now: float) -> Reaction:
    device = world.devices.find(args[0])
    if device is None:
        return refuse(Err.UNKNOWN_UPS)
    rows = (server_lines.row_client(device.name, each.peer) for each in world.logins.of(device.name))
    return Reaction(server_lines.block(server_lines.query_of("CLIENT", args[0]), rows))


def _enum(world: World, session: Session, args: tuple[str, ...], now: float) -> Reaction:
    found = _one(world, args)
    if isinstance(found, Reaction):
        return found
    device, variable = found
    ups, name = args[:2]
    rows = (server_lines.row_enum(ups, name, value) for value in variable.enum)
    return _block(device, ("ENUM", ups, name), rows)


def _range(world: World, session: Session, args: tuple[str, ...], now: float) -> Reaction:
    found = _one(world, args)
    if isinstance(found, Reaction):
        return found
    device, variable = found
    ups, name = args[:2]
    rows = (server_lines.row_range(ups, name, low, high) for low, high in variable.ranges)
    return _block(device, ("RANGE", ups, name), rows)


def _one(world: World, args: tuple[str, ...]) -> tuple[Device, Variable] | Reaction:
    device = find_available(world, args[0])
    if isinstance(device, Reaction):
        return device
    variable = device.variable(args[1])
    return refuse(Err.VAR_NOT_SUPPORTED) if variable is None else (device, variable)


def _block(device: Device, query: tuple[str, ...], rows: Iterable[str]) -> Reaction:
    return Reaction(server_lines.block(server_lines.query_of(*query), rows), keep=device.name)


# sub-verb -> (handler, words it needs after itself)
_WHAT: dict[str, tuple[Handler, int]] = {
    "UPS": (_ups, 0),
    "VAR": (_var, 1),
    "RW": (_rw, 1),
    "CMD": (_cmd, 1),
    "CLIENT": (_client, 1),
    "ENUM": (_enum, 2),
    "RANGE": (_range, 2),
}
