# SPDX-License-Identifier: GPL-2.0-or-later
"""Before anything runs: what speaks against it, the root helper, and the end of being root.

The order is the point. While the process is root it reads the configuration and starts the helper with it;
then it becomes `nut`; only then does it open a socket or talk to a device.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ridethrough.app import obstacles
from ridethrough.app.background import default_user
from ridethrough.app.bus import Bus
from ridethrough.app.places import locked, own_name
from ridethrough.app.warmup import warm_up
from ridethrough.config.load import Configuration
from ridethrough.config.models import Mode, UpsdConf, UpsmonConf
from ridethrough.config.paths import altpidpath, pidpath
from ridethrough.drivers.registry import runs_inside
from ridethrough.privsep.actions import Actions
from ridethrough.privsep.client import DirectHelper, Helper
from ridethrough.privsep.config import HelperConfig, passed_on
from ridethrough.privsep.drop import DropError, drop_to
from ridethrough.privsep.dry import DryHelper
from ridethrough.privsep.errors import HelperError
from ridethrough.privsep.spawn import SpawnedHelper, spawn_helper
from ridethrough.schedule.rules import script_names
from ridethrough.server.sockets import Families, close_all, make_plan, open_all


class Refusal(Exception):
    """`serve` does not start; the text is one line that says why and what to do."""


def refuse_unconfigured(config: Configuration) -> None:
    """Raises Refusal for what a fresh installation of NUT looks like: nobody has configured anything yet.

    It says nothing of faults: those are to be shown first, and judged by `refuse_unfit`.
    """
    if any(problem.line for problem in config.errors):
        return
    if config.nut is not None and config.nut.mode is Mode.NONE:
        raise Refusal(
            f"{config.directory / 'nut.conf'} says MODE=none: nothing is configured yet; set MODE=standalone "
            "there, describe your UPS in ups.conf and upsmon.conf, then run: ridethrough check --config "
            f"{config.directory}"
        )
    if not (config.ups and config.ups.sections) and not (config.upsmon and config.upsmon.monitors):
        raise Refusal(_no_ups(config.directory))


def refuse_unfit(config: Configuration) -> None:
    """Raises Refusal for a configuration with which nothing would be watched or served."""
    nut = config.nut
    if nut is not None and nut.mode is Mode.NONE:
        raise Refusal(f"{config.directory / 'nut.conf'} sets no MODE to run in; write MODE=standalone there")
    serves = (nut is None or nut.mode.serves) and config.ups is not None and bool(config.ups.sections)
    watches = config.upsmon is not None and bool(config.upsmon.monitors)
    if not serves and not watches:
        raise Refusal(_no_ups(config.directory))


def _no_ups(directory: Path) -> str:
    return (
        f"{directory} has no UPS: write a [name] section with driver and port in ups.conf, "
        "or a MONITOR line in upsmon.conf"
    )


def refuse_beside_another_nut(config: Configuration, state_dir: Path, env: Mapping[str, str]) -> None:
    """Raises Refusal naming every living NUT daemon, ours or C's, that holds what we would use."""
    sections = [
        section for section in (config.ups.sections if config.ups else ()) if runs_inside(section.driver)
    ]
    names = [f"{section.driver}-{section.name}" for section in sections]
    holders = obstacles.find([state_dir, pidpath(env), altpidpath(env)], names)
    # A driver that lost its pid file, or never had one, still answers.
    for name in names:
        holder = obstacles.live_socket(state_dir / name)
        if holder is not None and (not holder.pid or holder.pid not in {each.pid for each in holders}):
            holders.append(holder)
    if holders:
        pids = " ".join(str(each.pid) for each in holders if each.pid)
        raise Refusal(
            f"another NUT is at work: {'; '.join(map(str, holders))}; stop it first: "
            f"systemctl stop nut.target{f', or: kill {pids}' if pids else ''}"
        )


def refuse_taken_port(config: Configuration) -> None:
    """Raises ListenError for an address that can't be listened on.

    It is tried while the process may still be root: only root sees which program of others holds a port.
    """
    upsd = config.upsd or UpsdConf()
    plan = make_plan(upsd.listen, Families.BOTH)
    close_all(open_all(plan, allow_some=upsd.allow_not_all_listeners).sockets.values())


def helper_config(config: Configuration, env: Mapping[str, str]) -> HelperConfig:
    """What the helper may do for this configuration, and nothing else."""
    upsmon, upssched = config.upsmon or UpsmonConf(), config.upssched
    return HelperConfig(
        shutdowncmd=upsmon.shutdowncmd or None,
        notifycmd=upsmon.notifycmd or None,
        cmdscript=upssched.cmdscript if upssched else None,
        cmdscript_names=script_names(upssched.rules) if upssched else (),
        run_as_user=upsmon.run_as_user or default_user() or None,
        powerdownflag=upsmon.powerdownflag or None,
        environment=passed_on(env),
    )


def dry_helper(config: HelperConfig, bus: Bus, host: str) -> DryHelper:
    """A helper that runs nothing; each deed is told as an event, but for copies of notices on terminals."""

    def report(text: str) -> None:
        if not text.startswith("would tell all"):
            bus.tell("would", host=host, text=text)

    return DryHelper(config, report)


@dataclass(frozen=True, slots=True)
class Arms:
    """What was prepared while the process was still root; `take_up` makes it usable in the event loop."""

    config: HelperConfig
    armed: bool
    spawned: SpawnedHelper | None = None
    warning: str = ""
    """What is to be said as soon as there is somebody to say it to."""

    async def take_up(self, bus: Bus, host: str, on_gone: Callable[[str], None]) -> Actions:
        """The actions for the house. Raises HelperError if the helper does not answer."""
        if self.warning:
            bus.log("warning", self.warning)
        if not self.armed:
            return dry_helper(self.config, bus, host)
        if self.spawned is not None:
            return await Helper.attach(self.spawned, bus.log, on_gone=on_gone)
        direct = DirectHelper(self.config, bus.log, on_gone=on_gone)
        await direct.start()
        return direct


def arm(config: HelperConfig, *, armed: bool, user: str, state_dir: Path) -> Arms:
    """Start the helper if `armed`, then give up root for `user` (default: nut, where there is one).

    Raises Refusal, HelperError. Afterwards nothing that is not imported yet may be needed:
    the new user may not be allowed to read this Python.
    """
    root = os.geteuid() == 0
    become = user or default_user()
    warm_up()
    if user and not root and user != own_name():
        raise Refusal(f"only root can become {user}; start it as root, or as {user} itself")
    spawned = spawn_helper(config) if armed and root else None
    warning = "" if become or not root else "no user nut on this host: the core stays root; create that user"
    if root and become not in ("", "root"):
        try:
            drop_to(become)
        except DropError as error:
            raise Refusal(str(error)) from None
    _check_state_directory(state_dir)
    return Arms(config, armed, spawned, warning)


def _check_state_directory(state_dir: Path) -> None:
    """Raises Refusal for a directory that this user, who root may just have become, can't make sockets in."""
    name, barred = own_name(), locked(state_dir.parent)
    if barred is not None:
        raise Refusal(
            f"user {name} may not enter {barred}, and so not reach {state_dir}; name another directory: "
            "--state-dir DIR"
        )
    if not state_dir.is_dir():
        what = "is no directory" if os.path.lexists(state_dir) else "is not there"
        raise Refusal(
            f"{state_dir} {what}; run: install -d -o {name} {state_dir}, or name another: --state-dir"
        )
    if not os.access(state_dir, os.W_OK | os.X_OK):
        raise Refusal(
            f"user {name} may not write to {state_dir}; run: chown {name} {state_dir}, "
            "or name another: --state-dir DIR"
        )


def stale_flag(config: HelperConfig) -> str | None:
    """The POWERDOWNFLAG that an earlier shutdown has left, or None."""
    flag = config.powerdownflag
    return flag if flag and os.path.lexists(flag) else None


async def clear_stale_flag(arms: Arms, actions: Actions, bus: Bus) -> None:
    """Remove a POWERDOWNFLAG that was left, loudly: it would cut the power after a plain reboot."""
    flag = stale_flag(arms.config)
    if flag is None:
        return
    left = f"POWERDOWNFLAG {flag} is left from an earlier shutdown"
    if not arms.armed:
        if is_flag(flag):
            bus.log("warning", f"{left}; --armed removes it")
        else:
            bus.log("error", f"POWERDOWNFLAG {flag} holds something that is not NUT's; {ANOTHER_FLAG}")
        return
    try:
        await actions.clear_powerdownflag()
    except HelperError as error:
        bus.log("error", f"POWERDOWNFLAG {flag} is not removed: {error}; {ANOTHER_FLAG}")
    else:
        bus.log("warning", f"{left}; it was removed")


ANOTHER_FLAG: Final = "move it away, or name another file in upsmon.conf"


def is_flag(path: str) -> bool:
    """Whether a file can be a POWERDOWNFLAG: NUT's text, or empty; one that can't be read may be one."""
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            return file.read(len(FLAG_TEXT)) in (FLAG_TEXT, b"")
    except PermissionError:
        return True
    except OSError:
        return False


FLAG_TEXT: Final = b"upsmon-shutdown-file"
