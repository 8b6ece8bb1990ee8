# SPDX-License-Identifier: GPL-2.0-or-later
"""A core that was taken over: it starts the helper as `serve` does, drops root, and then tries everything.

    python -m tests.support.takeover DIRECTORY SEED

The directory holds `config.json` (HelperConfig's fields), `python` (what runs the helper) and `suid`, a
program of root's with the set-uid bit.  One JSON object on standard output says what succeeded.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random

from ridethrough.privsep.config import HelperConfig
from ridethrough.privsep.drop import drop_to
from ridethrough.privsep.messages import MAX_MESSAGE, Verb
from ridethrough.privsep.spawn import PROGRAM, SpawnedHelper, spawn_helper

PACKETS = 1500
PTRACE_ATTACH = 16
HOSTILE = (
    "; touch {0}/pwned #",
    "$(touch {0}/pwned)",
    "`touch {0}/pwned`",
    "x' ; touch {0}/pwned ; '",
    'x" ; touch {0}/pwned ; "',
    "\n touch {0}/pwned \n",
    "-c",
    "--help",
    "../../../etc/passwd",
    "/etc/shadow",
    "| sh",
    "\x1b]0;x\x07",
    "\udcff",
    "%s%n",
    "x" * 1024,
)
PLAIN = ("ONBATT", "LOWBATT", "", "su700@localhost", "ups", "early", "other", "0", "1", "7")
WRONG: tuple[object, ...] = (None, True, 1, 7, -1, 1 << 60, 0.5, [], ["ups"], ["nobody-knows"], {}, {"a": 1})


def request(random: Random, number: int, place: str) -> bytes:
    """A packet: mostly a well-formed one with values of the attacker's choice, sometimes anything."""
    if random.random() < 0.05:
        return random.randbytes(random.choice((1, 20, 4000, MAX_MESSAGE + 1)))
    verb = random.choice([*Verb, 0, 10, -1, 255])
    known = ("name", "type", "ups", "text", "number", "names", "command", "argv", "path", "environment")
    wanted = {
        Verb.NOTIFYCMD: ("type", "ups", "text"),
        Verb.CMDSCRIPT: ("name", "type", "ups", "text"),
        Verb.ACTION: ("number",),
        Verb.KILLPOWER: ("names",),
        Verb.WALL: ("text",),
    }
    fields = list(wanted.get(Verb(verb), ()) if verb in [*Verb] else ())
    if random.random() < 0.2:
        fields.append(random.choice(known))
    message = {"v": 1, "id": number, "verb": int(verb)}
    return json.dumps(message | {field: value(random, field, place) for field in fields}).encode()


def value(random: Random, field: str, place: str) -> object:
    """What an attacker would put into a field; half of the time what the field is meant for."""
    if random.random() < 0.5:
        right: dict[str, object] = {
            "number": random.choice((1, 2, 99)),
            "names": random.choice((["ups"], ["ups", "ups"], ["other"])),
            "type": "ONBATT",
            "ups": "ups@localhost",
            "name": random.choice(("early", "late")),
        }
        if field in right:
            return right[field]
    text = random.choice(HOSTILE).format(place)
    return random.choice((text, text, random.choice(PLAIN), random.choice(WRONG)))


def flood(spawned: SpawnedHelper, random: Random, place: str) -> None:
    """Send it all, with descriptors attached to some, never waiting for what the helper has to say."""
    sock = spawned.sock
    for number in range(1, PACKETS):
        packet = request(random, number, place)
        while not select.select([], [sock], [], 0.01)[1]:
            drain(sock)
        if random.random() < 0.05:
            socket.send_fds(sock, [packet], [0, 1])
        else:
            sock.send(packet)
        drain(sock)


def drain(sock: socket.socket) -> None:
    """Take what is there."""
    while select.select([sock], [], [], 0)[0]:
        if not sock.recv(MAX_MESSAGE):
            return


def attacks(pid: int, place: Path) -> dict[str, Callable[[], object]]:
    """What the helper's process, program and files are tried with, by name."""
    libc = ctypes.CDLL(None, use_errno=True)

    def ptrace() -> None:
        if libc.ptrace(PTRACE_ATTACH, pid, None, None) != 0:
            raise OSError(ctypes.get_errno(), "ptrace")

    def suid() -> None:
        ran = subprocess.run([place / "suid", "-u"], capture_output=True, text=True, check=True)
        if ran.stdout.strip() != "0":
            raise PermissionError

    return {
        "kill it": lambda: os.kill(pid, signal.SIGKILL),
        "stop it": lambda: os.kill(pid, signal.SIGSTOP),
        "trace it": ptrace,
        "read its memory": lambda: os.open(f"/proc/{pid}/mem", os.O_RDWR),
        "read its environment": lambda: Path(f"/proc/{pid}/environ").read_bytes(),
        "list its descriptors": lambda: os.listdir(f"/proc/{pid}/fd"),
        "limit it": lambda: resource.prlimit(pid, resource.RLIMIT_NOFILE, (0, 0)),
        "make it the OOM killer's first": lambda: Path(f"/proc/{pid}/oom_score_adj").write_text("1000"),
        "change its program": lambda: os.open(PROGRAM, os.O_WRONLY),
        "replace its program": lambda: os.rename(place / "scratch" / "mine", PROGRAM),
        "become root": lambda: os.setuid(0),
        "become root by set-uid": suid,
    }


def main(directory: str, seed: str) -> None:
    """Start the helper as root, drop root, attack; the helper ends with this process's socket."""
    place, random = Path(directory), Random(int(seed))
    config = json.loads((place / "config.json").read_text())
    config["actions"] = {int(number): tuple(argv) for number, argv in config["actions"].items()}
    config["cmdscript_names"] = tuple(config["cmdscript_names"])
    spawned = spawn_helper(HelperConfig(**config), str(place / "python"))
    drop_to("nobody")
    (place / "scratch" / "mine").write_text("print('mine')")
    done = []
    for name, attack in attacks(spawned.process.pid, place).items():
        try:
            attack()
        except OSError:
            continue
        done.append(name)
    flood(spawned, random, str(place / "scratch"))
    spawned.sock.close()
    print(json.dumps({"done": done, "pid": spawned.process.pid}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
