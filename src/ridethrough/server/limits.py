# SPDX-License-Identifier: GPL-2.0-or-later
"""How many clients the server takes: MAXCONN of upsd.conf(5) and the limit of open files (getrlimit(2))."""

from __future__ import annotations

import resource

RESERVED_DESCRIPTORS = 64
"""For the drivers, the listening sockets, the log and the files."""


def default_maxconn() -> int:
    """How many clients the limit of open files leaves room for."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 65536 if soft == resource.RLIM_INFINITY else max(1, soft - RESERVED_DESCRIPTORS)


def make_room(maxconn: int | None) -> tuple[int, str]:
    """How many clients may come, and a warning if that is less than `maxconn`; "" if all is well.

    The limit of open files is raised as far as it has to be and may be.
    """
    if maxconn is None:
        return default_maxconn(), ""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = maxconn + RESERVED_DESCRIPTORS
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return maxconn, ""
    if hard == resource.RLIM_INFINITY or hard >= needed:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
        except (OSError, ValueError):
            hard = soft
        else:
            return maxconn, ""
    elif soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    room = max(1, hard - RESERVED_DESCRIPTORS)
    return room, (
        f"MAXCONN {maxconn} needs {needed} open files, but only {hard} are allowed: "
        f"no more than {room} clients are taken; raise the limit (LimitNOFILE= of the service)"
    )
