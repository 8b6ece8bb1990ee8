# SPDX-License-Identifier: GPL-2.0-or-later
"""Dropping root for good, after the helper was started and all that only root may open was opened."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable
from dataclasses import dataclass

DEFAULT_USER = "nut"
PR_SET_NO_NEW_PRIVS = 38
ROOT = 0


class DropError(Exception):
    """Root was not dropped.  The caller must end: going on as root is what this prevents."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """Who the process is now.  `no_new_privs`: set-uid programs give it nothing, either."""

    user: str
    uid: int
    gid: int
    groups: tuple[int, ...]
    no_new_privs: bool


def drop_to(user: str = DEFAULT_USER) -> Dropped:
    """Become `user` with that user's groups, and prove that there is no way back.

    Call it once, in the only thread, when all modules that will be needed are imported.
    Raises DropError in words; the process may then be in between.
    """
    try:
        entry = pwd.getpwnam(user)
    except (KeyError, ValueError):
        raise DropError(
            f"there is no user {user!a} on this host; create it (Debian: install the package nut-server or"
            f" ridethrough), or name another one in ups.conf or upsd.conf"
        ) from None
    uid, gid = entry.pw_uid, entry.pw_gid
    if uid == ROOT:
        raise DropError(
            f"user {user!a} is root; name an unprivileged user (RUN_AS_USER root is for commands only)"
        )
    prctl = _prctl()  # loaded now: Python itself may lie where only root can read
    if os.getresuid() != (uid, uid, uid):
        if os.geteuid() != ROOT:
            raise DropError(f"only root can become {user}; start this as root, or as {user} itself")
        try:
            os.initgroups(user, gid)
            os.setresgid(gid, gid, gid)
            os.setresuid(uid, uid, uid)
        except OSError as error:
            raise DropError(f"can't become {user}: {error.strerror}") from None
    _prove(uid, gid)
    return Dropped(user, uid, gid, tuple(os.getgroups()), prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)


def _prove(uid: int, gid: int) -> None:
    if os.getresuid() != (uid, uid, uid) or os.getresgid() != (gid, gid, gid):
        raise DropError("the process kept a part of its old identity; it must not go on")
    for back in (os.setuid, os.setgid):
        try:
            back(ROOT)
        except PermissionError:
            continue
        raise DropError("the process can become root again; it must not go on")


def _prctl() -> Callable[..., int]:
    """Return the C library's prctl, or what always fails where there is no ctypes."""
    try:
        import ctypes  # noqa: PLC0415  (half a megabyte that only a process that was root needs)
    except ImportError:
        return lambda *_words: -1
    prctl: Callable[..., int] = ctypes.CDLL(None, use_errno=True).prctl
    return prctl
