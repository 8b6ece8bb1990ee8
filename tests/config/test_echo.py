# SPDX-License-Identifier: GPL-2.0-or-later
"""What of the user's words may be repeated."""

from __future__ import annotations

import pytest

from ridethrough.config.echo import shown_command

COMMANDS = [
    ("/sbin/shutdown -h +0", "/sbin/shutdown -h +0"),
    ("systemctl poweroff", "systemctl poweroff"),
    ("/usr/local/bin/down", "/usr/local/bin/down"),
    ("down --password hunter2", "down ... (its arguments are not shown)"),
    ("/sbin/shutdown -h +0; curl -u me:hunter2 nas", "/sbin/shutdown ... (its arguments are not shown)"),
    ("shutdown -h now $(cat hunter2)", "shutdown ... (its arguments are not shown)"),
    ("echo 'hunter2", "a command that is not shown"),
    ("", "a command that is not shown"),
    ("a\x1b[31m", "a command that is not shown"),
]


@pytest.mark.parametrize(("command", "said"), COMMANDS)
def test_a_command_in_a_log(command: str, said: str) -> None:
    """A plain command that stops the host is shown whole; of any other the program alone."""
    assert shown_command(command) == said
    assert "hunter2" not in said
