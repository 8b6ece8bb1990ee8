# SPDX-License-Identifier: GPL-2.0-or-later
"""SET and INSTCMD: what goes on to the driver (order of checks as in NUT's netset.c and netinstcmd.c).

One thing is stricter than in C: words beyond the last one are refused.
C drops them in silence, and a value that was meant as two words would be set to the first.
"""

from __future__ import annotations

from ridethrough.protocol import server_lines
from ridethrough.protocol.errors import Err
from ridethrough.server.effects import Ask, AskKind, Level, Log, Reaction
from ridethrough.server.rights import Action
from ridethrough.server.session import Session, shown
from ridethrough.server.views import Device
from ridethrough.server.world import World, deny, find_available, refuse
from ridethrough.ups.variables import VarKind


def set_(world: World, session: Session, args: tuple[str, ...], now: float) -> Reaction:
    """SET VAR <ups> <variable> <value>, or SET TRACKING ON|OFF."""
    if len(args) < 2:
        return refuse(Err.INVALID_ARGUMENT)
    what = args[0].upper()
    if what == "VAR" and len(args) == 4:
        return _set_var(world, session, args[1:], now)
    if what == "TRACKING" and len(args) == 2 and args[1].upper() in ("ON", "OFF"):
        session.tracking = args[1].upper() == "ON"
        return Reaction(server_lines.ok())
    return refuse(Err.INVALID_ARGUMENT)


def _set_var(world: World, session: Session, args: tuple[str, ...], now: float) -> Reaction:
    ups, name, value = args
    device = find_available(world, ups)
    if isinstance(device, Reaction):
        return device
    why = world.rights.refuse_action(session, Action.SET)
    if why is not None:
        return deny(world, session, f"SET {shown(name)} on UPS [{device.name}]", why, now)
    variable = device.variable(name)
    if variable is None:
        return refuse(Err.VAR_NOT_SUPPORTED)
    if variable.rw and variable.kind is VarKind.STRING and variable.max_length < 1:
        text = f"UPS [{device.name}]: the driver gave no length for {variable.name}, so it can't be set"
        return Reaction(server_lines.err(Err.SET_FAILED), effects=(Log(Level.WARNING, text),))
    refusal = variable.refusal(value)
    if refusal is not None:
        return refuse(Err(refusal))
    return _ask(world, session, device, AskKind.SET, variable.name, value, now)


def instcmd(world: World, session: Session, args: tuple[str, ...], now: float) -> Reaction:
    """INSTCMD <ups> <command> [<parameter>]."""
    if not 2 <= len(args) <= 3:
        return refuse(Err.INVALID_ARGUMENT)
    device = find_available(world, args[0])
    if isinstance(device, Reaction):
        return device
    command = device.command(args[1])
    if command is None:
        return refuse(Err.CMD_NOT_SUPPORTED)
    why = world.rights.refuse_command(session, command)
    if why is not None:
        return deny(world, session, f"INSTCMD {command} on UPS [{device.name}]", why, now)
    parameter = args[2] if len(args) == 3 else None
    return _ask(world, session, device, AskKind.INSTCMD, command, parameter, now)


def _ask(
    world: World, session: Session, device: Device, kind: AskKind, name: str, value: str | None, now: float
) -> Reaction:
    """Hand it to the driver, and tell the client that it is on its way."""
    tracking_id = ""
    if session.tracking:
        tracking_id = world.settings.new_id()
        world.tracking.expire(now)
        world.tracking.add(tracking_id, now)
    ask = Ask(device.name, kind, name, value, tracking_id)
    told = "" if value is None else f" with value {shown(value)}"
    text = (
        f"{kind}: {session.who} asked UPS [{device.name}] for {name}{told} (tracking: {tracking_id or 'off'})"
    )
    reply = server_lines.ok(f"TRACKING {tracking_id}" if tracking_id else "")
    return Reaction(reply, effects=(Log(Level.INFO, text), ask))
