# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line of our own commands; those with NUT's names have NUT's ways."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import NoReturn


class Parser(argparse.ArgumentParser):
    """A mistake is one line that says where the help is, and exit status 2; no option is guessed."""

    def __init__(self, command: str, description: str | None) -> None:
        """`description` is shown as it is written."""
        super().__init__(
            prog=f"ridethrough {command}",
            description=description,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    def error(self, message: str) -> NoReturn:
        """End the program."""
        self.exit(2, f"{self.prog}: {message}; see: {self.prog} --help\n")


def quiet_banner(env: Mapping[str, str]) -> bool:
    """Whether a program under NUT's name leaves its first line out: the variable is empty, or true."""
    return env.get("NUT_QUIET_INIT_BANNER", "no").lower() in ("", "true")


def debug_level(env: Mapping[str, str]) -> int:
    """NUT_DEBUG_LEVEL, which asks for more words where -D does not stand; 0 for what is no number."""
    text = env.get("NUT_DEBUG_LEVEL", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 0
