# SPDX-License-Identifier: GPL-2.0-or-later
"""Which nutauth.conf the clients read, and when they must not go on without it (nutauth.conf(5), upsc(8)).

Only who has such a file pays for reading it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ridethrough.config.nutauth import Account, NutAuth

CONFPATH = "/etc/nut"
NAME = "nutauth.conf"
NONE, DEFAULT = "none", "default"


class AuthFileError(Exception):
    """The file that was asked for can't be used; the text says why, line by line."""


class Accounts:
    """The accounts of nutauth.conf, read when they are first asked for.

    `option` is the value of -A: a path, `none`, `default` (there must be one), or None (take what is there).
    `unread` says why a file that nobody asked for could not be read; whoever misses an account tells it.
    """

    def __init__(self, option: str | None, env: Mapping[str, str], say: Callable[[str], None]) -> None:
        """Nothing is read yet; `say` takes what is wrong in a file that is used nevertheless."""
        self._option = option
        self._env = env
        self._say = say
        self._auth: NutAuth | None = None
        self._read = option == NONE
        self.unread = ""

    def find(self, host: str, port: int, user: str | None = None) -> Account | None:
        """What the file says of a server, or None without a file.  Raises AuthFileError."""
        if not self._read:
            self._read = True
            self._auth = self._load()
        return None if self._auth is None else self._auth.find(host, port, user)

    def _load(self) -> NutAuth | None:
        asked_for = self._option is not None
        path = self._option if self._option not in (None, DEFAULT) else locate(self._env)
        if path is None:
            if asked_for:
                raise AuthFileError(f"there is no {NAME} in any of its usual places; give its path to -A")
            return None
        from pathlib import Path  # noqa: PLC0415 - only who has such a file pays for it

        from ridethrough.config.nutauth import fatal  # noqa: PLC0415
        from ridethrough.config.nutauth_file import load_nutauth  # noqa: PLC0415

        auth, problems = load_nutauth(Path(path))
        said = "".join(f"{problem}\n" for problem in problems)
        if auth is None:
            if asked_for:
                raise AuthFileError(said.rstrip("\n") or f"{path}: there is no such file")
            # It may be the site's, and not for this user: who only reads a UPS misses nothing.
            self.unread = said
            return None
        if fatal(auth, problems, asked_for=asked_for):
            raise AuthFileError(said.rstrip("\n"))
        if said:
            self._say(said)
        return auth


def locate(env: Mapping[str, str]) -> str | None:
    """The nutauth.conf to take when none is named, or None.

    NUT_AUTHCONF_FILE and NUT_AUTHCONF_PATH each rule out all other places, also when there is no file there.
    """
    if "NUT_AUTHCONF_FILE" in env:
        places = [env["NUT_AUTHCONF_FILE"]]
    elif "NUT_AUTHCONF_PATH" in env:
        places = [os.path.join(env["NUT_AUTHCONF_PATH"], NAME)]
    else:
        home = env.get("HOME", "")
        places = [os.path.join(home, ".config/nut", NAME), os.path.join(home, f".{NAME}")] if home else []
        places.append(os.path.join(env.get("NUT_CONFPATH") or CONFPATH, NAME))
    return next((place for place in places if _there(place)), None)


def _there(place: str) -> bool:
    try:
        os.stat(place)
    except (OSError, ValueError):
        return False
    return True
