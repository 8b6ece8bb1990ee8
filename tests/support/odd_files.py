# SPDX-License-Identifier: GPL-2.0-or-later
"""Odd texts as whole configuration files, and what C's programs and ours are seen to have read in them."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ridethrough.config.load import load
from ridethrough.wire.words import FILE_LIMITS, Line, WordStream, quote
from tests.support import cnut
from tests.support.our_upsd import MODULE, OurUpsd, converse, environment
from tests.support.ports import LOOPBACK, free_port
from tests.support.procs import started
from tests.support.wait import wait_until

WAIT_S = 15.0
NAME = re.compile(rb"\bx\.\w+:")
NO_ASCII = re.compile(rb"[^\x00-\x7f]")
FLAG = re.compile(rb"Using power down flag file (.*)")
READ_AGAIN = "the configuration was read again"


@dataclass(frozen=True, slots=True)
class House:
    """One text as ups.conf, upsd.users and upsmon.conf; `logins` are users who try to get in."""

    ups: bytes
    users: bytes
    upsmon: bytes
    logins: tuple[str, ...] = ("alice", "bob")

    def write(self, conf: Path, port: int) -> None:
        """Put the files, and an upsd.conf, into a directory."""
        conf.mkdir(exist_ok=True)
        listen = f"LISTEN {LOOPBACK} {port}\nALLOW_NO_DEVICE true\n".encode()
        files = {
            "ups.conf": self.ups,
            "upsd.users": self.users,
            "upsmon.conf": self.upsmon,
            "upsd.conf": listen,
        }
        for name, data in files.items():
            path = conf / name
            path.write_bytes(data)
            path.chmod(0o600)


def house(text: bytes) -> House:
    """The text where a value stands: of `desc`, of a password, of POWERDOWNFLAG; sound lines around it."""
    desc, password, flag = (NAME.sub(word, text) for word in (b"desc =", b"password =", b"POWERDOWNFLAG"))
    sound = b"driver = dummy-ups\nport = none\n"
    return House(
        ups=b"[sound]\n" + sound + b"[odd]\n" + sound + desc + b"\n[last]\n" + sound + b"desc = after\n",
        users=b"[alice]\nactions = FSD\n" + password + b"\n[bob]\npassword = plain\nactions = FSD\n",
        upsmon=b"MONITOR odd@localhost 1 u p primary\nMINSUPPLIES 0\nPOWERDOWNFLAG /first\n" + flag + b"\n",
    )


# Where a file means something else to us on purpose, and why.
UNCLOSED = "a quote that is never closed is a fault with its line; C reads on to the next one, or to the end"
SPANNED = "quoted text over several lines is a fault where rights are given; C joins the lines"
EMPTY = "an empty value is a fault or counts as none; C takes it"
EQUALS = "an = that stands where a value should is a fault; C takes it as the value"
BYTES = "a name that is no ASCII is unknown; C drops those bytes, and knows what is left"

REASONS = (UNCLOSED, SPANNED, EMPTY, EQUALS, BYTES)


def reasons(data: bytes) -> set[str]:
    """Why a file may mean something else to us."""
    stream, found = WordStream(FILE_LIMITS), set()
    for raw in data.split(b"\n"):
        for line in stream.feed(raw + b"\n"):
            found |= _reasons(line)
        if stream.pending and (len(raw) - len(raw.rstrip(b"\\"))) % 2 == 0:
            found.add(SPANNED)
    for line in stream.finish():
        found |= _reasons(line)
    return found


def _reasons(line: Line) -> set[str]:
    found = set()
    name, *values = line.words or ("",)
    if line.error is not None:
        found.add(UNCLOSED)
    if not name.isascii():
        found.add(BYTES)
    assigned = values[:1] == ["="]
    if assigned and (name == "POWERDOWNFLAG" or values[1:2] == ["="]):
        found.add(EQUALS)
    for value in values[assigned:][:1]:
        if not NO_ASCII.sub(b"", value.encode("utf-8", "surrogateescape")):
            found.add(EMPTY)
    return found


def passwords(one: House, conf: Path) -> list[str]:
    """What is tried as a password: what we read as such, every word that stands in the file, and others."""
    found = load(conf, ("upsd.users",)).users
    read = [user.password.reveal() for user in found.users.values() if user.password] if found else []
    stream = WordStream(FILE_LIMITS)
    words = [word for line in (*stream.feed(one.users), *stream.finish()) for word in line.words]
    tried = [
        word for word in (*read, "plain", "wrong", *words) if word and len(word) < 400 and "\n" not in word
    ]
    return list(dict.fromkeys(tried))[:12]


def asked(port: int, users: Sequence[str], tried: Sequence[str]) -> list[bytes]:
    """LIST UPS, and which user got in with which password."""
    replies = converse(port, [b"LIST UPS\n"])
    for user in users:
        for word in tried:
            login = quote(word).encode("utf-8", "surrogateescape")
            lines = [f"USERNAME {quote(user)}\n".encode(), b"PASSWORD " + login + b"\n", b"FSD sound\n"]
            replies.append(f"{user} with {word!r}: ".encode() + b"".join(converse(port, lines)[1:]))
    # What is no ASCII is dropped by C in files as everywhere; that is no matter here.
    return [NO_ASCII.sub(b"", reply) for reply in replies]


@contextlib.contextmanager
def running_c(conf: Path, port: int) -> Iterator[None]:
    """A C upsd that was started for these files, once it listens; `port` is in its upsd.conf."""
    with started(
        [cnut.UPSD, "-u", "root", "-F"], env=cnut.c_environment(conf, conf), name="C upsd"
    ) as process:

        def listens() -> bool:
            assert process.returncode is None, "C upsd ended"
            with contextlib.suppress(OSError), socket.create_connection((LOOPBACK, port), timeout=1):
                return True
            return False

        wait_until(listens, WAIT_S, "C upsd")
        yield


def of_c(conf: Path, port: int, users: Sequence[str], tried: Sequence[str]) -> list[bytes]:
    """The same of a C upsd."""
    with running_c(conf, port):
        return asked(port, users, tried)


def flag_of_c(conf: Path) -> bytes:
    """The POWERDOWNFLAG that C's upsmon takes from its file: `-K` says it, and does nothing else."""
    done = subprocess.run(
        [cnut.DRIVER_DIRECTORY / "upsmon", "-K", "-DDD"],
        env={**os.environ, **cnut.c_environment(conf, conf)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=WAIT_S,
        check=False,
    )
    flags: list[bytes] = FLAG.findall(done.stdout)
    return flags[-1]


def flag_of_ours(conf: Path) -> bytes:
    """The one that we take."""
    found = load(conf, ("upsmon.conf",)).upsmon
    return NO_ASCII.sub(b"", found.powerdownflag.encode("utf-8", "surrogateescape")) if found else b"?"


@contextlib.contextmanager
def our_server(root: Path) -> Iterator[OurUpsd]:
    """Our upsd; `reread` gives it other files."""
    conf, port = root / "our-upsd", free_port()
    house(b"").write(conf, port)
    env = environment(conf, root, root)
    with started([*MODULE, "-F", "-u", "root"], env=env, name="our upsd") as process:
        process.wait_output("listening on", WAIT_S)
        yield OurUpsd(LOOPBACK, port, conf, root, env, process)


def reread(ours: OurUpsd, one: House) -> None:
    """Have our server read these files, and wait until it has."""
    one.write(ours.confpath, ours.port)
    before = ours.process.output().count(READ_AGAIN)
    ours.process.send_signal(signal.SIGHUP)
    wait_until(lambda: ours.process.output().count(READ_AGAIN) > before, WAIT_S, READ_AGAIN)
