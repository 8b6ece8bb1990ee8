# SPDX-License-Identifier: GPL-2.0-or-later
"""What NUT's environment variables say, in one place; docs/files-and-signals.md lists them all.

Only strings here: the tools that start in milliseconds do without pathlib; `config.paths` has them as paths.
Source: nut.conf(5), upsd(8), upsmon(8), and the programs themselves for what no page names.
"""

from __future__ import annotations

from collections.abc import Mapping

CONFPATH = "/etc/nut"
STATEPATH = "/run/nut"

TO_SYSLOG, TO_STDERR, TO_NOBODY = "syslog", "stderr", "none"
_SYSLOG_WORDS = {
    **dict.fromkeys(("syslog", "true", "default"), TO_SYSLOG),
    "stderr": TO_STDERR,
    **dict.fromkeys(("none", "false"), TO_NOBODY),
}
_TRUE = ("true", "on", "yes", "1")


def confpath(env: Mapping[str, str]) -> str:
    """The directory of the configuration files: NUT_CONFPATH."""
    return env.get("NUT_CONFPATH") or CONFPATH


def statepath(env: Mapping[str, str]) -> str:
    """The directory of the driver sockets: NUT_STATEPATH."""
    return env.get("NUT_STATEPATH") or STATEPATH


def pidpath(env: Mapping[str, str]) -> str:
    """The directory of the pid files of processes that keep root: NUT_PIDPATH."""
    return env.get("NUT_PIDPATH") or STATEPATH


def altpidpath(env: Mapping[str, str]) -> str:
    """The directory of the pid files of drivers and upsd: NUT_ALTPIDPATH, else the state directory."""
    return env.get("NUT_ALTPIDPATH") or statepath(env)


def quiet_banner(env: Mapping[str, str]) -> bool:
    """Whether a program under NUT's name leaves its first line out: the variable is empty, or true."""
    return env.get("NUT_QUIET_INIT_BANNER", "no").lower() in ("", "true")


def debug_level(env: Mapping[str, str]) -> int:
    """NUT_DEBUG_LEVEL, which asks for more words where -D does not stand; 0 for what is no number."""
    text = env.get("NUT_DEBUG_LEVEL", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 0


def log_target(env: Mapping[str, str]) -> str:
    """Where lines go once a program has detached: NUT_DEBUG_SYSLOG, as TO_SYSLOG, TO_STDERR or TO_NOBODY.

    An unknown word counts as none; `unknown_log_target` has it, to be said.
    """
    return _SYSLOG_WORDS.get(env.get("NUT_DEBUG_SYSLOG", TO_SYSLOG), TO_SYSLOG)


def unknown_log_target(env: Mapping[str, str]) -> str:
    """The word of NUT_DEBUG_SYSLOG that means nothing, or ""."""
    word = env.get("NUT_DEBUG_SYSLOG", "")
    return "" if word in _SYSLOG_WORDS else word


def shows_pid(env: Mapping[str, str]) -> bool:
    """Whether lines on standard error carry the process id: NUT_DEBUG_PID is there, whatever it holds."""
    return "NUT_DEBUG_PID" in env


def any_name(env: Mapping[str, str]) -> bool:
    """Whether a pid file is believed whatever the process is called: NUT_IGNORE_CHECKPROCNAME."""
    return env.get("NUT_IGNORE_CHECKPROCNAME", "").lower() in _TRUE
