# SPDX-License-Identifier: GPL-2.0-or-later
"""What the guides have a reader write into upsmon.conf, upssched.conf and upsd.users, as plain facts.

A guide changes some lines of the files that Debian ships; `files` gives what is there in the end.
Servers in MONITOR lines are written HOST, paths are those of the guides; `replay.py` moves both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

TYPES: Final = tuple("ONLINE ONBATT LOWBATT FSD COMMOK COMMBAD SHUTDOWN REPLBATT NOCOMM NOPARENT".split())

# The directives that nut-client 2.8.0 ships without a comment sign.
SHIPPED_UPSMON: Final = {
    "MINSUPPLIES": "1",
    "SHUTDOWNCMD": '"/sbin/shutdown -h +0"',
    "POLLFREQ": "5",
    "POLLFREQALERT": "5",
    "HOSTSYNC": "15",
    "DEADTIME": "15",
    "POWERDOWNFLAG": "/etc/killpower",
    "RBWARNTIME": "43200",
    "NOCOMMWARNTIME": "300",
    "FINALDELAY": "5",
}
SHIPPED_UPSSCHED: Final = ("CMDSCRIPT /bin/upssched-cmd",)
OWN_UPSSCHED: Final = (
    "CMDSCRIPT /etc/nut/upssched-cmd",
    "PIPEFN /var/run/nut/upssched.pipe",
    "LOCKFN /var/run/nut/upssched.lock",
)
UPSSCHED: Final = "/sbin/upssched"
PRIMARY: Final = "upsmon master"
SECONDARY: Final = "upsmon slave"


@dataclass(frozen=True, slots=True)
class Guide:
    """One host of one guide.

    `monitor` is its MONITOR line; `upsmon` the directives it changes or adds, `flags` its NOTIFYFLAG lines;
    `upssched` its upssched.conf; `users` is upsd.users on the server.
    """

    name: str
    monitor: str
    users: str
    upsmon: tuple[tuple[str, str], ...] = ()
    flags: tuple[tuple[str, str], ...] = ()
    upssched: tuple[str, ...] = SHIPPED_UPSSCHED

    @property
    def ups(self) -> str:
        """The name of the UPS."""
        return self.monitor.partition("@")[0]

    @property
    def user(self) -> str:
        """RUN_AS_USER, where the guide has one; else it is the one that is compiled in."""
        return dict(self.upsmon).get("RUN_AS_USER", "")

    def directives(self) -> dict[str, str]:
        """All of upsmon.conf but MONITOR and the lines of notices."""
        return SHIPPED_UPSMON | dict(self.upsmon)


def users(name: str, *lines: str) -> str:
    """A section of upsd.users."""
    return "\n".join([f"[{name}]", *(f"  {line}" for line in lines), ""])


def flags(most: str, **others: str) -> tuple[tuple[str, str], ...]:
    """The NOTIFYFLAG lines of a guide that names all ten types of its time."""
    return tuple((kind, others.get(kind, most)) for kind in TYPES)


# upsd.users of guide 000 has no `upsmon` line, so the server refuses every login.
GUIDE_000_USERS: Final = users("admin", "password = secret", "actions = SET", "instcmds = ALL")
# The guide names no user for this line; `user` is the one it made for it.
GUIDE_004_USERS: Final = users(
    "admin", "password = secret", PRIMARY, "actions = SET", "instcmds = ALL"
) + users("user", "password = secret", SECONDARY)

GUIDES: Final = {
    guide.name: guide
    for guide in (
        Guide("000-master", "ups@HOST 1 admin secret master", GUIDE_000_USERS),
        Guide("000-slave", "ups@HOST 1 admin secret slave", GUIDE_000_USERS),
        # NOTIFYCMD without one NOTIFYFLAG: nothing is ever handed to upssched.
        Guide(
            "001",
            "eaton@HOST 1 monuser secret master",
            users("monuser", "password = secret", PRIMARY),
            (("NOTIFYCMD", UPSSCHED),),
            upssched=(
                *OWN_UPSSCHED,
                "AT COMMBAD * EXECUTE onbatt",
                "AT COMMOK * EXECUTE online",
                "AT LOWBATT * EXECUTE shutdown",
            ),
        ),
        # Every notice goes to upssched, whose file is left as it was shipped.
        Guide(
            "002",
            "ippon@HOST 1 upsmon upsmon master",
            users("upsmon", "password = upsmon", "actions = SET", "instcmds = ALL", PRIMARY),
            (("NOTIFYCMD", f"/usr{UPSSCHED}"), ("FINALDELAY", "0")),
            flags("SYSLOG+EXEC"),
        ),
        Guide(
            "003",
            "cyberpower@HOST 1 upsmon guide003 primary",
            users("upsmon", "password = guide003", PRIMARY),
            (("RUN_AS_USER", "root"), ("NOTIFYCMD", UPSSCHED)),
            tuple((kind, "EXEC") for kind in ("ONBATT", "ONLINE", "LOWBATT", "SHUTDOWN")),
            (
                *OWN_UPSSCHED,
                "AT ONBATT * START-TIMER onbatt 30",
                "AT ONLINE * CANCEL-TIMER onbatt",
                "AT LOWBATT * EXECUTE emergency-shutdown",
                "AT ONBATT * START-TIMER earlyshutdown 300",
                "AT ONLINE * CANCEL-TIMER earlyshutdown",
                "AT SHUTDOWN * EXECUTE emergency-shutdown",
            ),
        ),
        Guide(
            "004-server",
            "elipseeco0@HOST 1 admin secret master",
            GUIDE_004_USERS,
            (("RUN_AS_USER", "root"),),
        ),
        # Nothing cancels `earlyshutdown`; LOWBATT has no EXEC, so its AT line is dead.
        Guide(
            "004-client",
            "elipseeco0@HOST 1 user secret slave",
            GUIDE_004_USERS,
            (
                ("RUN_AS_USER", "root"),
                ("NOTIFYCMD", f"/usr{UPSSCHED}"),
                ("POLLFREQALERT", "1"),
                ("NOCOMMWARNTIME", "600"),
            ),
            flags("SYSLOG+WALL+EXEC", LOWBATT="SYSLOG+WALL", REPLBATT="SYSLOG+WALL", NOPARENT="SYSLOG+WALL"),
            (
                "CMDSCRIPT /etc/nut/upssched-cmd",
                "PIPEFN /etc/nut/upssched.pipe",
                "LOCKFN /etc/nut/upssched.lock",
                "AT ONBATT * START-TIMER onbatt 30",
                "AT ONLINE * CANCEL-TIMER onbatt online",
                "AT ONBATT * START-TIMER earlyshutdown 30",
                "AT LOWBATT * EXECUTE onbatt",
                "AT COMMBAD * START-TIMER commbad 30",
                "AT COMMOK * CANCEL-TIMER commbad commok",
                "AT NOCOMM * EXECUTE commbad",
                "AT SHUTDOWN * EXECUTE powerdown",
                "AT SHUTDOWN * EXECUTE powerdown",
            ),
        ),
    )
}
