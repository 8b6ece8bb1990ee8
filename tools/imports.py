# SPDX-License-Identifier: GPL-2.0-or-later
"""Apply the import contracts of .importlinter to the rooms that exist.

import-linter treats a module that does not exist as a mistake.  A room that isn't built yet is none, so
its lines are left out here, and named in the result.  A missing module of a room that does exist stays in,
and fails: it was renamed or misspelt.
"""

from __future__ import annotations

import configparser
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "ridethrough"
CONTRACT = "importlinter:contract:"
# The options that list modules, and those without which a contract says nothing.
MODULE_LISTS = ("source_modules", "protected_modules", "allowed_importers")
SUBJECTS = ("source_modules", "protected_modules")


def read_contracts(root: Path = ROOT) -> configparser.ConfigParser:
    """Return the contracts as they are written."""
    contracts = configparser.ConfigParser()
    contracts.read_string((root / ".importlinter").read_text("utf-8"))
    return contracts


def layers(root: Path = ROOT) -> list[list[str]]:
    """Return the names of the rooms, highest layer first; those of one layer are independent."""
    text = read_contracts(root)[f"{CONTRACT}rooms"]["layers"]
    return [[room.strip(" ()") for room in line.split("|")] for line in text.split("\n") if line.strip()]


def room_exists(module: str, root: Path) -> bool:
    """Say whether the room that `module` belongs to is there; modules of others always are."""
    package, *rest = module.split(".")
    if package != PACKAGE or not rest:
        return True
    place = root / "src" / package / rest[0]
    return (place / "__init__.py").exists() or place.with_suffix(".py").exists()


def applicable(contracts: configparser.ConfigParser, root: Path) -> list[str]:
    """Take out of `contracts` what is about rooms that don't exist yet; return the names taken out."""
    absent: list[str] = []
    for name in [name for name in contracts.sections() if name.startswith(CONTRACT)]:
        section = contracts[name]
        for option in MODULE_LISTS:
            modules = section.get(option, "").split()
            there = [module for module in modules if room_exists(module, root)]
            absent += [module for module in modules if module not in there]
            if modules:
                section[option] = "\n" + "\n".join(there)
        if any(option in section and not section[option].strip() for option in SUBJECTS):
            contracts.remove_section(name)
    return sorted(set(absent))


def check(root: Path = ROOT) -> tuple[bool, str]:
    """Apply the contracts; return whether they are kept, and the report or what was left out."""
    contracts = read_contracts(root)
    absent = applicable(contracts, root)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "importlinter.ini"
        with path.open("w", encoding="utf-8") as file:
            contracts.write(file)
        program = "import sys; from importlinter.cli import lint_imports_command; lint_imports_command()"
        result = subprocess.run(
            [sys.executable, "-c", program, "--config", str(path), "--no-cache"],
            cwd=root,
            env={**os.environ, "PYTHONPATH": str(root / "src"), "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
    if result.returncode != 0:
        return False, (result.stdout + result.stderr).strip()
    return True, f"not there yet: {', '.join(absent)}" if absent else ""
