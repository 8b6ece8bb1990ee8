# SPDX-License-Identifier: GPL-2.0-or-later
"""`upsc`: what a UPS says, which UPSes a server has, which clients have logged in (NUT's upsc(8))."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator

from ridethrough.cli import client_args
from ridethrough.cli.client_args import Given, Stop
from ridethrough.client.blocking import Client, ClientError
from ridethrough.client.target import DEFAULT_HOST, TargetError, parse_address

USAGE = """\
usage: upsc [-j] -l | -L [HOST[:PORT]]     list the UPSes of a server (-L: with descriptions)
       upsc [-j] UPS[@HOST[:PORT]] [VAR]   list the variables of a UPS, or show one
       upsc [-j] -c UPS[@HOST[:PORT]]      list the clients that have logged in to a UPS

  -j         write JSON
"""
INVALID_UPS = "invalid UPS definition.\nRequired format: upsname[@hostname[:port]]"


def main(argv: list[str]) -> int:
    """Run the command; gives the exit status."""
    return client_args.run(lambda: _command(argv))


def _command(argv: list[str]) -> None:
    given = client_args.parse(argv, "lLcj", USAGE)
    json = "-j" in given.options
    try:
        _ask(given, json)
    except (ClientError, Stop) as error:
        if json and error.short:
            client_args.out(f'{{"error": {_json(error.short)}}}\n')
        raise


def _ask(given: Given, json: bool) -> None:
    verbose = "-L" in given.options
    if verbose or "-l" in given.options:
        with _connect(given, *_address(given.words[0] if given.words else DEFAULT_HOST)) as client:
            upses = client.list_ups()
        _write(_object(upses) if verbose else _array(upses), _lines(upses) if verbose else list(upses), json)
        return
    if not given.words:
        raise Stop(1, f"Error: {INVALID_UPS}\n{USAGE}", INVALID_UPS)
    target = client_args.target(given.words[0], INVALID_UPS)
    if "-c" in given.options:
        with _connect(given, target.host, target.port) as client:
            clients = client.list_client(target.ups)
        _write(_array(clients), clients, json)
    elif len(given.words) > 1:
        name = given.words[1]
        if "." not in name:
            short = "old-style variable names are not supported"
            raise Stop(1, f"Error: {short}: '{name}' has no dot\n", short)
        with _connect(given, target.host, target.port) as client:
            value = client.get_var(target.ups, name)
        _write(_json(value), [value], json)
    else:
        with _connect(given, target.host, target.port) as client:
            variables = _variables(client, target.ups, json)
        _write(_object(variables), _lines(variables), json)


@contextlib.contextmanager
def _connect(given: Given, host: str, port: int) -> Iterator[Client]:
    with client_args.connect(host, port, given) as client:
        client_args.log_in_if_known(client, (host, port), given)
        yield client


def _variables(client: Client, ups: str, json: bool) -> dict[str, str]:
    """All variables; for an error -j prints the object that was begun, as NUT's upsc does."""
    try:
        return client.list_var(ups)
    except ClientError as error:
        if not json:
            raise
        client_args.out(_object({"error": error.short}) + "\n")
        raise Stop(1, f"Error: {client_args.shown(error)}\n") from None


def _address(text: str) -> tuple[str, int]:
    try:
        return parse_address(text)
    except TargetError as error:
        short = "invalid hostname.\nRequired format: [hostname[:port]]"
        raise Stop(1, f"Error: {short}\n{error}\n", short) from None


def _write(as_json: str, lines: list[str], json: bool) -> None:
    client_args.out(as_json + "\n" if json else "".join(f"{line}\n" for line in lines))


def _lines(pairs: dict[str, str]) -> list[str]:
    return [f"{name}: {value}" for name, value in pairs.items()]


def _object(pairs: dict[str, str]) -> str:
    rows = ",\n".join(f"  {_json(name)}: {_json(value)}" for name, value in pairs.items())
    return f"{{\n{rows}\n}}"


def _array(words: Iterable[str]) -> str:
    rows = ",\n".join(f"  {_json(word)}" for word in words)
    return f"[\n{rows}\n]"


def _json(text: str) -> str:
    import json  # noqa: PLC0415 - only -j pays for it

    return json.dumps(text, ensure_ascii=False)
