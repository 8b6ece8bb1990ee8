# SPDX-License-Identifier: GPL-2.0-or-later
"""Configuration files: any bytes are read, the list of faults is bounded, and no password stands in it."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from ridethrough.config import ridethrough
from ridethrough.config.cross import cross_check
from ridethrough.config.load import FILES
from ridethrough.config.problems import MAX_PER_FILE, Problem
from tests.support.fuzzing import try_inputs
from tests.support.mutation import mutated

SECRET = "zq7Xw9Kv"
CORPUS: Mapping[str, tuple[str, ...]] = {
    "nut.conf": ("MODE=standalone\n", "MODE = netclient # here\nALLOW_NO_DEVICE=true\nUPSD_OPTIONS='-4'\n"),
    "ups.conf": (
        'maxretry = 3\npollinterval = 5\n[su700]\n\tdriver = usbhid-ups\n\tport = auto\n\tdesc = "one"\n',
        "[snmp]\ndriver = snmp-ups\nport = 192.0.2.7\ncommunity = public\noverride.ups.load = 3\nignorelb\n",
    ),
    "upsd.conf": (
        "LISTEN 127.0.0.1 3493\nLISTEN ::1\nMAXAGE 15\nMAXCONN 1024\nSTATEPATH /run/nut\n",
        f'CERTPATH /c\nCERTIDENT "name" "{SECRET}"\nTRACKINGDELAY 3600\nALLOW_NO_DEVICE yes\n',
    ),
    "upsd.users": (
        f"[admin]\n\tpassword = {SECRET}\n\tactions = SET FSD\n\tinstcmds = ALL\n",
        f'[mon]\npassword = "{SECRET}"\nupsmon primary\n[sec]\n  password={SECRET}\n  upsmon = slave\n',
    ),
    "upsmon.conf": (
        f"MONITOR ups@localhost 1 mon {SECRET} primary\nMINSUPPLIES 1\nSHUTDOWNCMD '/sbin/x -h'\n",
        f'MONITOR u@localhost:3493 1 mon "{SECRET}" master\nNOTIFYMSG ONBATT "%s"\nNOTIFYFLAG ONBATT WALL\n',
        f"MONITOR a@[::1]:1 0 mon {SECRET} slave\nDEADTIME 15\nCERTIDENT name {SECRET}\nFINALDELAY 5\n",
    ),
    "upssched.conf": (
        "CMDSCRIPT /bin/c\nPIPEFN /run/p\nLOCKFN /run/l\nAT ONBATT * START-TIMER onbatt 30\n",
        "AT ONLINE ups@localhost CANCEL-TIMER onbatt online\nAT COMMBAD * EXECUTE gone\n",
    ),
}  # fmt: skip
TOML = tuple(
    text.encode()
    for text in (
        '[[observer]]\nname = "journal"\ncommand = ["ridethrough", "events", "--follow"]\n',
        "# nothing\n",
        '[[observer]]\nname = "a"\ncommand = []\nkind = { x = 1, y = [1, 2.5, 1979-05-27] }\n',
    )
)

Case = tuple[dict[str, bytes], bytes]


def make(rng: random.Random) -> Case:
    """Six files, one or two of them broken, and a ridethrough.toml."""
    files = {name: rng.choice(texts).encode() for name, texts in CORPUS.items()}
    for name in rng.sample(sorted(files), rng.randrange(1, 3)):
        files[name] = broken(rng, name)
    return files, mutated(rng, TOML)


def broken(rng: random.Random, name: str) -> bytes:
    """A file after mutations that leave the password in its place.

    What was before or after it may be anything; a password on a line that says it is something else
    (the name of a section, a number of seconds) is no password any more, and may be shown.
    """
    text = rng.choice(CORPUS[name])
    if SECRET not in text:
        return mutated(rng, tuple(other.encode() for other in CORPUS[name] if SECRET not in other))
    lines = text.encode().splitlines(keepends=True)
    whole = [at for at, line in enumerate(lines) if SECRET.encode() not in line]
    for at in rng.sample(whole, min(len(whole), rng.randrange(3))):
        lines[at] = mutated(rng, (lines[at],))
    return b"".join(lines)


def attempt(case: Case) -> None:
    """No exception; few, short, clean problems."""
    files, toml = case
    models: dict[str, Any] = {}
    for name, data in files.items():
        field, parse = FILES[name]
        models[field], problems = parse(data, name)
        look(problems, data.count(b"\n") + 2)
    look(cross_check(**models), 1 << 30)
    own, problems = ridethrough.parse_ridethrough(toml)
    assert len(own.observers) <= ridethrough.MAX_OBSERVERS
    assert len(problems) <= ridethrough.MAX_PROBLEMS + 1
    look(problems, toml.count(b"\n") + 2)


def look(problems: list[Problem], lines: int) -> None:
    """What every list of problems must be."""
    assert len(problems) <= MAX_PER_FILE + 1
    for problem in problems:
        text = str(problem)
        assert SECRET not in text, text
        assert len(text) < 1100, text[:400]
        assert text.isprintable(), text
        assert 0 <= problem.line <= lines


def fuzz(rng: random.Random, deadline: float) -> int:
    """Run until the deadline."""
    return try_inputs(rng, deadline, make, attempt)
