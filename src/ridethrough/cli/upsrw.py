# SPDX-License-Identifier: GPL-2.0-or-later
"""`upsrw`: list and set the writable variables of a UPS (NUT's upsrw(8))."""

from __future__ import annotations

import re
import sys

from ridethrough.cli import client_args
from ridethrough.cli.client_args import Given, Stop
from ridethrough.cli.client_tracking import TRACKING_TIMEOUT_S, accept
from ridethrough.client import answers
from ridethrough.client.blocking import Client
from ridethrough.client.target import Target
from ridethrough.protocol import requests
from ridethrough.protocol.client import Line, Reply

USAGE = """\
usage: upsrw [-l] UPS[@HOST[:PORT]]                    list the writable variables and what they take
       upsrw -s VAR[=VALUE] [-u USER] [-p PASSWORD] [-w] [-t SECS] UPS[@HOST[:PORT]]

  -s VAR     the variable to set; without =VALUE the value is asked for
  -u USER    a user of the server's upsd.users; asked for when missing
  -p PASS    the password of that user; asked for when missing
  -w         wait for the driver's own result
  -t SECS    with -w, how long (default 10)
"""
_LEADING_INTEGER = re.compile(r"\s*([+-]?[0-9]{1,18})")


def main(argv: list[str]) -> int:
    """Run the command; gives the exit status."""
    return client_args.run(lambda: _command(argv))


def _command(argv: list[str]) -> None:
    given = client_args.parse(argv, "ls:u:p:t:w", USAGE)
    if not given.words:
        raise Stop(0, USAGE + client_args.COMMON_USAGE)
    target = client_args.target(given.words[0])
    words = [option for option in given.options if option in ("-s", "-l")]
    if words[-1:] == ["-s"]:
        _set(given, target)
    else:
        if "-s" in words:
            client_args.say("Listing mode requested, overriding -s\n")
        with client_args.connect(target.host, target.port, given) as client:
            client_args.out(listing(client, target.ups))


def _set(given: Given, target: Target) -> None:
    name, equals, value = given.options["-s"].partition("=")
    if "." not in name:
        raise Stop(1, f"Error: old variable names are not supported: '{name}' has no dot\n")
    follow_s = given.seconds("-t", TRACKING_TIMEOUT_S)
    request = requests.set_var(
        target.ups, name, value
    )  # What can't be sent is said before anything is asked.
    with client_args.connect(target.host, target.port, given) as client:
        client_args.authenticate(client, target, given)
        if not equals:
            # After user and password, the order in which scripts feed them to NUT's upsrw.
            request = requests.set_var(target.ups, name, _ask_value(name))
        accept(client, request, follow_s if "-w" in given.options else None, "set variable")


def _ask_value(name: str) -> str:
    client_args.out(f"Enter new value for {name}: ")
    sys.stdout.flush()
    line = sys.stdin.readline()
    if not line:
        raise Stop(1, f"Error: no value was given; use -s {name}=VALUE\n")
    return line.removesuffix("\n")


def listing(client: Client, ups: str) -> str:
    """All writable variables with description, type and choices, as NUT's upsrw prints them."""
    values = client.list_rw(ups)
    descriptions = client.ask_all([requests.get_desc(ups, name) for name in values])
    types = client.ask_all([requests.get_type(ups, name) for name in values])
    blocks: list[str] = []
    for (name, value), description, kind in zip(values.items(), descriptions, types, strict=True):
        lines = [f"[{name}]", _last(description), *_type_lines(client, ups, name, value, kind), "", ""]
        blocks.append("\n".join(lines))
    return "".join(blocks)


def _last(description: Reply) -> str:
    match description:
        case Line((_, _, _, text, *_)):
            return text
        case _:
            return "Description unavailable"


def _type_lines(client: Client, ups: str, name: str, value: str, reply: Reply) -> list[str]:
    """What upsrw says of a type: the first word that settles it ends the reading."""
    if not isinstance(reply, Line) or len(reply.words) < 3:
        return ["Unknown type"]
    enum = False
    lines: list[str] = []
    for word in reply.words[3:]:
        kind = word.upper()
        if kind == "ENUM":
            enum = True
        elif kind == "RANGE":
            return [*lines, "Type: RANGE NUMBER", *_ranges(client, ups, name, value)]
        elif kind.startswith("STRING:"):
            length = f"Maximum length: {_integer(word[7:])}"
            if enum:
                return [*lines, "Type: ENUM STRING", length, *_choices(client, ups, name, value)]
            return [*lines, "Type: STRING", length, f"Value: {value}"]
        elif kind == "NUMBER":
            if enum:
                return [*lines, "Type: ENUM NUMBER", *_choices(client, ups, name, value)]
            return [*lines, "Type: NUMBER", f"Value: {value}"]
        elif kind != "RW":
            lines.append(f"Type: {word} (unrecognized)")
    # Servers older than NUT 2.8 say ENUM alone.
    return [*lines, "Type: ENUM", *_choices(client, ups, name, value)] if enum else lines


def _choices(client: Client, ups: str, name: str, value: str) -> list[str]:
    options = answers.names(client.ask(requests.list_enum(ups, name)), client.where)
    return [f'Option: "{option}"' + (" SELECTED" if option == value else "") for option in options]


def _ranges(client: Client, ups: str, name: str, value: str) -> list[str]:
    lines: list[str] = []
    number = _integer(value)
    for row in answers.rows(client.ask(requests.list_range(ups, name)), client.where, 2):
        low, high = _integer(row[0]), _integer(row[1])
        lines.append(f'Option: "{low}-{high}"' + (" SELECTED" if low <= number <= high else ""))
    return lines


def _integer(text: str) -> int:
    """The number a text begins with, or 0: ranges are whole numbers in NUT's programs."""
    match = _LEADING_INTEGER.match(text)
    return int(match[1]) if match else 0
