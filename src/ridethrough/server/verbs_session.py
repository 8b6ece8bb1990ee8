# SPDX-License-Identifier: GPL-2.0-or-later
"""Who a session is, what it does as an upsmon, and what it may ask about the server itself.

The order of checks is that of NUT's netuser.c and netmisc.c.
"""

from __future__ import annotations

from ridethrough.config.secret import Secret
from ridethrough.protocol import server_lines
from ridethrough.protocol.errors import Err
from ridethrough.server.effects import PROTOCOL_VERSION, FsdSet, Level, Log, Reaction
from ridethrough.server.rights import Action
from ridethrough.server.session import Session
from ridethrough.server.world import World, deny, refuse, words_of

HELP_TEXT = "Commands: HELP VER PROTVER GET LIST SET INSTCMD LOGIN LOGOUT USERNAME PASSWORD STARTTLS"


def username(world: World, session: Session, args: tuple[str, ...], now: float) -> Reaction:
    """USERNAME <name>: taken as it is; whether it is known shows when a right is needed."""
    if len(args) != 1:
        return refuse(Err.INVALID_ARGUMENT)
    if session.username is not None:
        return refuse(Err.ALREADY_SET_USERNAME)
    session.username = args[0]
    return Reaction(server_lines.ok())


def password(world: World, session: Session, args: tuple[str, ...], now: float) -> Reaction:
    """PASSWORD <password>: kept as a secret, compared when a right is needed."""
    if len(args) != 1:
        return refuse(Err.INVALID_ARGUMENT)
    if session.password is not None:
        return refuse(Err.ALREADY_SET_PASSWORD)
    session.password = Secret(args[0])
    return Reaction(server_lines.ok())


def login(world: World, session: Session, args: tuple[str, ...], now: float) -> Reaction:
    """LOGIN <ups>: this host draws power from the UPS.  Allowed while its data is stale, too."""
    if len(args) != 1:
        return refuse(Err.INVALID_ARGUMENT)
    if session.login:
        return refuse(Err.ALREADY_LOGGED_IN)
    device = world.devices.find(args[0])
    if device is None:
        return refuse(Err.UNKNOWN_UPS)
    why = world.rights.refuse_action(session, Action.LOGIN)
    if why is not None:
        return deny(world, session, f"LOGIN to UPS [{device.name}]", why, now)
    changed = world.logins.login(session, device.name)
    log = Log(Level.INFO, f"{session.who} logged in to UPS [{device.name}]")
    return Reaction(server_lines.ok(), effects=(log, changed))


def logout(world: World, session: Session, args: tuple[str, ...], now: float) -> Reaction:
    """LOGOUT: the connection is closed, and with it the login goes."""
    if args:
        return refuse(Err.INVALID_ARGUMENT)
    return Reaction(server_lines.ok("Goodbye"), close=True)


def primary(world: World, session: Session, args: tuple[str, ...], now: float) -> Reaction:
    """PRIMARY <ups>: only asks whether the session may; nothing changes."""
    return _primary(world, session, args, "PRIMARY", now)


def master(world: World, session: Session, args: tuple[str, ...], now: float) -> Reaction:
    """MASTER <ups>: the old word for PRIMARY, read and answered as old clients expect."""
    return _primary(world, session, args, "MASTER", now)


def _primary(world: World, session: Session, args: tuple[str, ...], word: str, now: float) -> Reaction:
    if len(args) != 1:
        return refuse(Err.INVALID_ARGUMENT)
    device = world.devices.find(args[0])
    if device is None:
        return refuse(Err.UNKNOWN_UPS)
    why = world.rights.refuse_action(session, Action.PRIMARY)
    if why is not None:
        return deny(world, session, f"{word} of UPS [{device.name}]", why, now)
    return Reaction(server_lines.ok(f"{word}-GRANTED"))


def fsd(world: World, session: Session, args: tuple[str, ...], now: float) -> Reaction:
    """FSD <ups>: set the latch.  It works on stale data, too: that is when it may be needed most."""
    if len(args) != 1:
        return refuse(Err.INVALID_ARGUMENT)
    device = world.devices.find(args[0])
    if device is None:
        return refuse(Err.UNKNOWN_UPS)
    why = world.rights.refuse_action(session, Action.FSD)
    if why is not None:
        return deny(world, session, f"FSD on UPS [{device.name}]", why, now)
    device.fsd = True
    world.answers.drop(device.name)
    log = Log(Level.NOTICE, f"{session.who} set FSD (forced shutdown) on UPS [{device.name}]")
    return Reaction(server_lines.ok("FSD-SET"), effects=(log, FsdSet(device.name)))


def ver(world: World, session: Session, args: tuple[str, ...], now: float) -> Reaction:
    """VER: name and version of the server."""
    return refuse(Err.INVALID_ARGUMENT) if args else words_of(world.settings.banner)


def netver(world: World, session: Session, args: tuple[str, ...], now: float) -> Reaction:
    """NETVER and PROTVER: version of the protocol."""
    return refuse(Err.INVALID_ARGUMENT) if args else words_of(PROTOCOL_VERSION)


def help_(world: World, session: Session, args: tuple[str, ...], now: float) -> Reaction:
    """HELP: the verbs, in NUT's own words, as programs compare them."""
    return refuse(Err.INVALID_ARGUMENT) if args else words_of(HELP_TEXT)


def starttls(world: World, session: Session, args: tuple[str, ...], now: float) -> Reaction:
    """STARTTLS: no certificate is configured yet."""
    return refuse(Err.FEATURE_NOT_CONFIGURED)
