# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line of our own commands; those with NUT's names have NUT's ways."""

from __future__ import annotations

import argparse
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
