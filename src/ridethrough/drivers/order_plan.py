# SPDX-License-Identifier: GPL-2.0-or-later
"""What NUT may order any driver process to do, as decisions: what a reload can change, what kills the power.

Source: NUT's nutupsdrv(8), ups.conf(5) (`sdcommands`, `allow_killpower`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from ridethrough.config.model_ups import UpsConf, UpsSection

SHUTDOWN_DEFAULT: Final = "shutdown.default"
# In this order: the load comes back with the mains, or at once, or (the last resort) by hand.
DEFAULT_COMMANDS: Final = ("shutdown.return", "shutdown.reboot", "load.off.delay")
# Settings that are taken over by a driver that runs.  The others of these lines are none of its business.
LIVE: Final = frozenset({"pollinterval", "debug_min", "sdcommands"})
NOT_OURS: Final = frozenset({"desc", "sdorder", "maxstartdelay", "maxretry", "retrydelay", "allow_killpower"})
_LIVE_GLOBALS: Final = frozenset({"pollinterval_s", "debug_min"})
_RESTART_GLOBALS: Final = ("chroot", "user", "group", "statepath", "synchronous")


@dataclass(frozen=True, slots=True)
class Reload:
    """What has changed: `live` is in force, `restart` only after a restart of the driver."""

    section: UpsSection
    conf: UpsConf
    live: tuple[str, ...] = ()
    restart: tuple[str, ...] = ()

    def __str__(self) -> str:
        """For the log."""
        if not self.live and not self.restart:
            return "settings read again: nothing has changed"
        said = [f"in force now: {', '.join(self.live)}"] if self.live else []
        if self.restart:
            said.append(f"restart the driver to apply changes of: {', '.join(self.restart)}")
        return f"settings read again; {'; '.join(said)}"


def reload(section: UpsSection, conf: UpsConf, new: UpsSection, new_conf: UpsConf) -> Reload:
    """Lay what can change over what is in force; all else stays, and counts as changed the next time too."""
    before, after = _settings(section), _settings(new)
    changed = sorted(
        key for key in before.keys() | after.keys() if before.get(key, ...) != after.get(key, ...)
    )
    live = [key for key in changed if key in LIVE]
    restart = [key for key in changed if key not in LIVE | NOT_OURS]
    restart += [name for name in _RESTART_GLOBALS if getattr(conf, name) != getattr(new_conf, name)]
    live += [
        f"{name.removesuffix('_s')} (for all)"
        for name in sorted(_LIVE_GLOBALS)
        if getattr(conf, name) != getattr(new_conf, name)
    ]
    kept = {key: value for key, value in section.options.items() if key.lower() not in LIVE}
    taken = {key: value for key, value in new.options.items() if key.lower() in LIVE}
    return Reload(
        section=replace(section, options={**kept, **taken}),
        conf=replace(conf, pollinterval_s=new_conf.pollinterval_s, debug_min=new_conf.debug_min),
        live=tuple(live),
        restart=tuple(restart),
    )


def _settings(section: UpsSection) -> Mapping[str, str | None]:
    options = {key.lower(): value for key, value in section.options.items()}
    return {**options, "driver": section.driver, "port": section.port}


def kill_commands(section: UpsSection, known: frozenset[str]) -> tuple[str, ...]:
    """The instant commands that switch the UPS off, in the order in which they are tried.

    What `sdcommands` names is tried even if the driver does not announce it; of the default ones only those
    that are `known`.
    """
    wanted = [word.strip() for word in (section.option("sdcommands") or SHUTDOWN_DEFAULT).split(",")]
    default = [name for name in DEFAULT_COMMANDS if name in known]
    chosen: list[str] = []
    for word in wanted:
        chosen += default if word == SHUTDOWN_DEFAULT else [word] if word else []
    return tuple(dict.fromkeys(chosen))


def means_yes(text: str) -> bool:
    """A switch as NUT reads it in SET: a number above 0, or a word for yes."""
    try:
        return int(text) > 0
    except ValueError:
        return text.startswith("enable") or text in ("true", "yes", "on")
