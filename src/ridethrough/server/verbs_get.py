# SPDX-License-Identifier: GPL-2.0-or-later
"""GET: one reading, description, type, count or result (RFC 9271; order of checks as in NUT's upsd)."""

from __future__ import annotations

from ridethrough.protocol import server_lines
from ridethrough.protocol.errors import Err
from ridethrough.server.effects import Reaction
from ridethrough.server.session import Session
from ridethrough.server.world import Handler, World, by_sub_verb, find_available, refuse, words_of

_UPSTREAM = "upstream."


def get(world: World, session: Session, args: tuple[str, ...], now: float) -> Reaction:
    """GET <what> ...; words beyond those needed are ignored, as C does."""
    return by_sub_verb(_WHAT, world, session, args, now)


def _tracking(world: World, session: Session, args: tuple[str, ...], now: float) -> Reaction:
    if not args:
        return words_of("ON" if session.tracking else "OFF")
    if not session.tracking:
        return refuse(Err.FEATURE_NOT_CONFIGURED)
    world.tracking.expire(now)
    return words_of(world.tracking.state(args[0]))


def _numlogins(world: World, session: Session, args: tuple[str, ...], now: float) -> Reaction:
    device = find_available(world, args[0])
    if isinstance(device, Reaction):
        return device
    return Reaction(server_lines.numlogins(args[0], world.logins.count(device.name)))


def _upsdesc(world: World, session: Session, args: tuple[str, ...], now: float) -> Reaction:
    device = world.devices.find(args[0])
    if device is None:
        return refuse(Err.UNKNOWN_UPS)
    return Reaction(server_lines.upsdesc(args[0], device.desc or "Unavailable"), keep="")


def _var(world: World, session: Session, args: tuple[str, ...], now: float) -> Reaction:
    ups, name = args[:2]
    # C does not look at the UPS at all for the server's own variables.
    if name.lower().startswith("server."):
        return _server_var(world, ups, name.lower())
    device = find_available(world, ups)
    if isinstance(device, Reaction):
        return device
    variable = device.variable(name)
    if variable is None:
        return refuse(Err.VAR_NOT_SUPPORTED)
    return Reaction(server_lines.var(ups, name, device.shown_value(variable)), keep=device.name)


def _server_var(world: World, ups: str, name: str) -> Reaction:
    values = {"server.info": world.settings.banner, "server.version": world.settings.version}
    if name not in values:
        return refuse(Err.VAR_NOT_SUPPORTED)
    return Reaction(server_lines.var(ups, name, values[name]))


def _type(world: World, session: Session, args: tuple[str, ...], now: float) -> Reaction:
    ups, name = args[:2]
    device = find_available(world, ups)
    if isinstance(device, Reaction):
        return device
    variable = device.variable(name)
    if variable is None:
        return refuse(Err.VAR_NOT_SUPPORTED)
    return Reaction(server_lines.type_of(ups, name, variable.type_words()), keep=device.name)


def _desc(world: World, session: Session, args: tuple[str, ...], now: float) -> Reaction:
    ups, name = args[:2]
    device = find_available(world, ups)
    if isinstance(device, Reaction):
        return device
    text = world.settings.describe_variable(_described(name))
    return Reaction(server_lines.desc(ups, name, text or "Description unavailable"), keep=device.name)


def _cmddesc(world: World, session: Session, args: tuple[str, ...], now: float) -> Reaction:
    ups, name = args[:2]
    device = find_available(world, ups)
    if isinstance(device, Reaction):
        return device
    text = world.settings.describe_command(_described(name))
    return Reaction(server_lines.cmddesc(ups, name, text or "Description unavailable"), keep=device.name)


def _described(name: str) -> str:
    """The name to look up: a proxy's `upstream.` variables mean the same as those behind it."""
    return name.lower().removeprefix(_UPSTREAM)


# sub-verb -> (handler, words it needs after itself)
_WHAT: dict[str, tuple[Handler, int]] = {
    "TRACKING": (_tracking, 0),
    "NUMLOGINS": (_numlogins, 1),
    "UPSDESC": (_upsdesc, 1),
    "VAR": (_var, 2),
    "TYPE": (_type, 2),
    "DESC": (_desc, 2),
    "CMDDESC": (_cmddesc, 2),
}
