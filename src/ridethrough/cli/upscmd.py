# SPDX-License-Identifier: GPL-2.0-or-later
"""`upscmd`: list and send instant commands (NUT's upscmd(8))."""

from __future__ import annotations

from ridethrough.cli import client_args
from ridethrough.cli.client_args import Given, Stop
from ridethrough.cli.client_tracking import TRACKING_TIMEOUT_S, accept
from ridethrough.client.target import Target
from ridethrough.protocol import requests
from ridethrough.protocol.client import Line

USAGE = """\
usage: upscmd -l UPS[@HOST[:PORT]]                     list the instant commands of a UPS
       upscmd [-u USER] [-p PASSWORD] [-w] [-t SECS] UPS[@HOST[:PORT]] COMMAND [VALUE]

  -u USER    a user of the server's upsd.users; asked for when missing
  -p PASS    the password of that user; asked for when missing
  -w         wait for the driver's own result
  -t SECS    with -w, how long (default 10)
"""


def main(argv: list[str]) -> int:
    """Run the command; gives the exit status."""
    return client_args.run(lambda: _command(argv))


def _command(argv: list[str]) -> None:
    given = client_args.parse(argv, "lu:p:t:w", USAGE)
    if not given.words:
        raise Stop(0, USAGE + client_args.COMMON_USAGE)
    target = client_args.target(given.words[0])
    if "-l" in given.options:
        _list(given, target)
    else:
        _send(given, target)


def _list(given: Given, target: Target) -> None:
    with client_args.connect(target.host, target.port, given) as client:
        names = client.list_cmd(target.ups)
        replies = client.ask_all([requests.get_cmddesc(target.ups, name) for name in names])
    client_args.out(f"Instant commands supported on UPS [{target.ups}]:\n\n")
    for name, reply in zip(names, replies, strict=True):
        match reply:
            case Line((_, _, _, text, *_)):
                client_args.out(f"{name} - {text}\n")
            case _:
                client_args.out(f"{name}\n")


def _send(given: Given, target: Target) -> None:
    if len(given.words) < 2:
        raise Stop(
            1, f"Error: no command is given; list those of this UPS with: upscmd -l {target}\n" + USAGE
        )
    name = given.words[1]
    if "." not in name:
        raise Stop(1, f"Error: old command names are not supported: '{name}' has no dot\n")
    follow_s = given.seconds("-t", TRACKING_TIMEOUT_S)
    request = requests.instcmd(target.ups, name, given.words[2] if len(given.words) > 2 else None)
    with client_args.connect(target.host, target.port, given) as client:
        client_args.authenticate(client, target, given)
        accept(client, request, follow_s if "-w" in given.options else None, "command")
