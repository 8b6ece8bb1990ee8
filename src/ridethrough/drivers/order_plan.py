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
# Settings that are taken over by a driver that runs.
LIVE: Final = frozenset(
    "pollinterval debug_min sdcommands synchronous ignorelb allow_killpower "
    "reconnect_max_tries reconnect_report_freq".split()
)
_LIVE_HEADS: Final = ("override.", "default.")
# These lines are none of its business.
NOT_OURS: Final = frozenset({"sdorder", "maxstartdelay", "maxretry", "retrydelay", "sddelay"})
_LIVE_GLOBALS: Final = (
    "debug_min",
    "pollinterval_s",
    "reconnect_max_tries",
    "reconnect_report_freq",
    "synchronous",
)
_RESTART_GLOBALS: Final = ("chroot", "user", "group", "statepath")


@dataclass(frozen=True, slots=True)
class Reload:
    """What has changed: `live` can be taken over at once, `restart` only by a restart of the driver.

    `anew`: among `live` are settings that another instance of the driver has to take over.
    """

    section: UpsSection
    conf: UpsConf
    live: tuple[str, ...] = ()
    restart: tuple[str, ...] = ()
    anew: bool = False

    def __str__(self) -> str:
        """For the log."""
        if not self.live and not self.restart:
            return "settings read again: nothing has changed"
        said = [f"in force now: {', '.join(self.live)}"] if self.live else []
        if self.restart:
            said.append(f"restart the driver to apply changes of: {', '.join(self.restart)}")
        return f"settings read again; {'; '.join(said)}"


def reload(
    section: UpsSection,
    conf: UpsConf,
    new: UpsSection,
    new_conf: UpsConf,
    renewable: frozenset[str] = frozenset(),
) -> Reload:
    """Lay what can change over what is in force; all else stays, and counts as changed the next time too.

    `renewable` settings of the driver, `port` perhaps, are left to another instance of it.
    """

    def taken(key: str) -> bool:
        return key in LIVE or key in renewable or key.startswith(_LIVE_HEADS)

    before, after = _settings(section), _settings(new)
    changed = sorted(
        key for key in before.keys() | after.keys() if before.get(key, ...) != after.get(key, ...)
    )
    live = [key for key in changed if taken(key)]
    restart = [key for key in changed if not taken(key) and key not in NOT_OURS]
    anew = any(key in renewable for key in live)
    restart += [name for name in _RESTART_GLOBALS if getattr(conf, name) != getattr(new_conf, name)]
    live += [
        f"{name.removesuffix('_s')} (for all)"
        for name in _LIVE_GLOBALS
        if getattr(conf, name) != getattr(new_conf, name)
    ]
    options = {key: value for key, value in section.options.items() if not taken(key.lower())}
    options |= {key: value for key, value in new.options.items() if taken(key.lower())}
    port = new.port if "port" in renewable else section.port
    return Reload(
        section=replace(section, options=options, port=port, desc=new.desc),
        conf=replace(
            conf,
            pollinterval_s=new_conf.pollinterval_s,
            debug_min=new_conf.debug_min,
            synchronous=new_conf.synchronous,
            reconnect_max_tries=new_conf.reconnect_max_tries,
            reconnect_report_freq=new_conf.reconnect_report_freq,
        ),
        live=tuple(live),
        restart=tuple(restart),
        anew=anew,
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
    default = default_commands(known)
    chosen: list[str] = []
    for word in wanted:
        chosen += default if word == SHUTDOWN_DEFAULT else [word] if word else []
    return tuple(dict.fromkeys(chosen))


def default_commands(known: frozenset[str]) -> tuple[str, ...]:
    """What `shutdown.default` stands for."""
    return tuple(name for name in DEFAULT_COMMANDS if name in known)


def level_of(text: str) -> int | None:
    """The level in a SET of `driver.debug`, -1 for that of the settings; None for what is no number."""
    try:
        return max(int(text), -1)
    except ValueError:
        return None


def debug_level(section: UpsSection, conf: UpsConf, level: int) -> int:
    """The level that counts: the one given, or for one below 0 that of the settings."""
    return level if level >= 0 else int(section.number("debug_min", conf.debug_min))


def means_yes(text: str) -> bool:
    """A switch as NUT reads it in SET: a number above 0, or a word for yes."""
    try:
        return int(text) > 0
    except ValueError:
        return text.startswith("enable") or text in ("true", "yes", "on")
