# SPDX-License-Identifier: GPL-2.0-or-later
"""`ridethrough install-hook`: have the UPS switched off at the very end of a shutdown.

systemd runs every program in its system-shutdown directory when all services have ended
and the file systems are read-only (systemd-shutdown(8)).
Ours acts only if POWERDOWNFLAG holds NUT's magic text: only a shutdown that `upsmon` decided leaves it there.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from ridethrough.cli.arguments import Parser
from ridethrough.config.load import load
from ridethrough.config.paths import confpath

DIRECTORIES = (Path("/usr/lib/systemd/system-shutdown"), Path("/lib/systemd/system-shutdown"))
NAMES = ("ridethrough", "nutshutdown")
MAGIC = "upsmon-shutdown-file"
UPSDRVCTL = ("/sbin/upsdrvctl", "/usr/local/sbin/upsdrvctl", "/usr/local/ups/sbin/upsdrvctl")


def main(argv: list[str]) -> int:
    """Write the hook, or with --print only show it."""
    parser = Parser("install-hook", __doc__)
    parser.add_argument(
        "--config", type=Path, default=None, help="where upsmon.conf is (default: NUT_CONFPATH)"
    )
    parser.add_argument(
        "--directory", type=Path, default=None, help="where the hook goes (default: systemd's)"
    )
    parser.add_argument("--print", action="store_true", help="show the hook, install nothing")
    options = parser.parse_args(argv[1:])
    directory = options.config or confpath(os.environ)
    upsmon = load(directory, ("upsmon.conf",)).upsmon
    if upsmon is None or not upsmon.powerdownflag:
        where = directory / "upsmon.conf"
        print(
            f"install-hook: {where} has no POWERDOWNFLAG; write: POWERDOWNFLAG /etc/killpower",
            file=sys.stderr,
        )
        return 1
    text = hook(upsmon.powerdownflag)
    if options.print:
        print(text, end="")
        return 0
    target = options.directory or next((place for place in DIRECTORIES if place.is_dir()), None)
    if target is None:
        print(
            "install-hook: no systemd here; call `upsdrvctl shutdown` at the end of your halt",
            file=sys.stderr,
        )
        return 1
    return _write(target / "ridethrough", text)


def hook(powerdownflag: str, programs: Sequence[str] = UPSDRVCTL) -> str:
    """The hook's text: a POSIX shell script that needs nothing but the root file system."""
    flag, places = shlex.quote(powerdownflag), " ".join(map(shlex.quote, programs))
    return f"""#!/bin/sh
# Written by `ridethrough install-hook`; run it again after a change of POWERDOWNFLAG.
# Only a shutdown for a lost mains leaves the flag: then the UPS is told to switch its output off.
flag={flag}
[ -f "$flag" ] || exit 0
magic=
read -r magic < "$flag" || :
[ "$magic" = {MAGIC} ] || exit 0
for upsdrvctl in {places}; do
    [ -x "$upsdrvctl" ] && exec "$upsdrvctl" shutdown
done
echo "ridethrough: no upsdrvctl: the UPS stays on until its battery is empty" > /dev/console
exit 1
"""


def installed(directories: tuple[Path, ...] = DIRECTORIES) -> Path | None:
    """The executable hook that is installed, ours or C NUT's, or None."""
    for directory in directories:
        for name in NAMES:
            path = directory / name
            if path.is_file() and os.access(path, os.X_OK):
                return path
    return None


def _write(path: Path, text: str) -> int:
    """Write atomically: the hook is whole or not there."""
    draft = path.with_name(f".{path.name}.new")
    try:
        draft.write_text(text)
        draft.chmod(0o755)
        draft.replace(path)
    except OSError as error:
        print(f"install-hook: {path}: {error.strerror}; run it as root", file=sys.stderr)
        return 1
    print(f"installed {path}")
    return 0
