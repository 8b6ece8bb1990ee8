# SPDX-License-Identifier: GPL-2.0-or-later
"""The helper's configuration: made while this is still root, and handed over so that nobody can change it.

It is an inherited, sealed memfd and not a file below /run or /etc: it has no name that could be replaced, no
directory whose owner matters, and nothing of it is left when the helper ends.  It is root's own (root made
it, mode 0600), it exists before root is dropped, and the seals keep even root from changing it.
Nothing in it changes later: a new NOTIFYCMD or SHUTDOWNCMD needs a restart of the service, as with C upsmon.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import pwd
from collections.abc import Mapping
from dataclasses import dataclass, field

from ridethrough.privsep.errors import HelperError

MFD_NOEXEC_SEAL = 0x0008  # Linux 6.3; wanted where sysctl vm.memfd_noexec is 2
PASSED_ON = ("LANG", "LC_ALL", "TZ", "NUT_CONFPATH", "NUT_STATEPATH", "NUT_PIDPATH", "NUT_ALTPIDPATH")


@dataclass(frozen=True, slots=True)
class HelperConfig:
    """What the helper may do.  Commands are the raw strings of upsmon.conf and upssched.conf.

    `cmdscript_names` are the commands and timer names of the AT rules; no other reaches CMDSCRIPT.
    `actions` maps a number to an argv, run as root.  `capsules` maps a UPS to what switches it off.
    `environment` is added to that of all children; see `passed_on`.
    """

    shutdowncmd: str | None = None
    notifycmd: str | None = None
    cmdscript: str | None = None
    cmdscript_names: tuple[str, ...] = ()
    run_as_user: str | None = "nut"
    powerdownflag: str | None = None
    notify_limit_s: float = 300.0
    actions: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    capsule_directory: str | None = None
    capsules: Mapping[str, object] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)

    def to_json(self, *, as_root: bool) -> bytes:
        """Return what the helper reads.  As root RUN_AS_USER is looked up now, since later it may not answer.

        Raises HelperError if that user does not exist.
        """
        return json.dumps(
            {
                "shutdowncmd": self.shutdowncmd,
                "notifycmd": self.notifycmd,
                "cmdscript": self.cmdscript,
                "cmdscript_names": list(self.cmdscript_names),
                "powerdownflag": self.powerdownflag,
                "notify_limit_s": self.notify_limit_s,
                "actions": {str(number): list(argv) for number, argv in self.actions.items()},
                "capsule_directory": self.capsule_directory,
                "capsules": dict(self.capsules),
                "environment": dict(self.environment),
                "run_as": run_as(self.run_as_user) if as_root and self.run_as_user is not None else None,
            }
        ).encode("ascii")


def passed_on(env: Mapping[str, str]) -> dict[str, str]:
    """Return what NOTIFYCMD (often upssched) needs of the service's own environment; no more is passed on."""
    return {name: env[name] for name in PASSED_ON if name in env}


def run_as(name: str) -> list[object]:
    """Return uid, gid, groups and environment of a user; HelperError if there is none of that name."""
    try:
        entry = pwd.getpwnam(name)
    except (KeyError, ValueError):
        raise HelperError(
            f"RUN_AS_USER {name!a} is not a user of this host; create it or name another in upsmon.conf"
        ) from None
    home = {"HOME": entry.pw_dir, "USER": name, "LOGNAME": name}
    return [entry.pw_uid, entry.pw_gid, os.getgrouplist(name, entry.pw_gid), home]


def sealed(data: bytes) -> int:
    """Return a descriptor of a memfd that holds `data` for ever; the caller closes it."""
    flags = os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING
    try:
        fd = os.memfd_create("ridethrough-helper", flags | MFD_NOEXEC_SEAL)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        fd = os.memfd_create("ridethrough-helper", flags)
    os.fchmod(fd, 0o600)
    with open(fd, "wb", closefd=False) as file:
        file.write(data)
    seals = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, seals)
    return fd
