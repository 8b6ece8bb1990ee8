# SPDX-License-Identifier: GPL-2.0-or-later
"""The record of the last drill of a configuration.

It counts only for the very files it was made with: a changed configuration has had no drill.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

FILES: Final = ("nut.conf", "ups.conf", "upsd.conf", "upsd.users", "upsmon.conf", "upssched.conf")
SYSTEM_DIRECTORY: Final = Path("/var/lib/ridethrough")


@dataclass(frozen=True, slots=True)
class Drill:
    """What a drill found. `at` is wall time in seconds since 1970, for people."""

    at: float
    ok: bool
    verdict: str
    fingerprint: str


def record_directory() -> Path:
    """Where records are kept: STATE_DIRECTORY (systemd), root's own place, or the user's (XDG)."""
    given = os.environ.get("STATE_DIRECTORY", "")
    if given.startswith("/"):
        return Path(given)
    if os.geteuid() == 0:
        return SYSTEM_DIRECTORY
    base = os.environ.get("XDG_STATE_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".local/state") / "ridethrough"


def fingerprint(directory: Path) -> str:
    """A digest of the configuration files as they are now."""
    digest = hashlib.sha256(os.fsencode(directory.absolute()))
    for name in FILES:
        try:
            content = (directory / name).read_bytes()
        except OSError:
            content = b""
        digest.update(f"{name} {len(content)} ".encode() + content)
    return digest.hexdigest()


def last_drill(directory: Path, records: Path | None = None) -> Drill | None:
    """The last drill of these files, or None; a record that can't be read is none."""
    try:
        fields = json.loads(_path(directory, records).read_text("utf-8"))
        drill = Drill(
            float(fields["at"]), fields["ok"] is True, str(fields["verdict"]), str(fields["fingerprint"])
        )
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return drill if drill.fingerprint == fingerprint(directory) else None


def record(directory: Path, drill: Drill, records: Path | None = None) -> Path:
    """Keep a drill; raises OSError where the record can't be written."""
    path = _path(directory, records)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps(asdict(drill)), "utf-8")
    draft.replace(path)
    return path


def _path(directory: Path, records: Path | None) -> Path:
    name = hashlib.sha256(os.fsencode(directory.absolute())).hexdigest()[:16]
    return (records or record_directory()) / f"drill-{name}.json"
