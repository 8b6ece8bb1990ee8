# SPDX-License-Identifier: GPL-2.0-or-later
"""The quick upscmd -l and upsrw -l print what the whole programs print, and leave the rest to those."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.lineserver import line_server
from tests.support.stubs import run, write_stub

MAIN = (sys.executable, "-P", "-m", "ridethrough.cli.main")
TYPES = {
    "s.a": b"RW STRING:16",
    "n.a": b"RW NUMBER",
    "es.a": b"RW ENUM STRING:8",
    "en.a": b"RW ENUM NUMBER",
    "r.a": b"RW RANGE NUMBER",
}
VALUES = {"s.a": b'15 \\"V\\" \xff', "n.a": b"15.5", "es.a": b"b c", "en.a": b"", "r.a": b"15.5"}


def block(query: bytes, *rows: bytes) -> bytes:
    """A whole LIST answer."""
    lines = [b"BEGIN LIST " + query, *(query + b" " + row for row in rows), b"END LIST " + query]
    return b"\n".join([*lines, b""])


def script(**changed: bytes) -> dict[bytes, bytes]:
    """A server's answers; `changed` are types of variables (`r_a`) that are otherwise."""
    types = TYPES | {name.replace("_", "."): kind for name, kind in changed.items()}
    rows = [name.encode() + b' "' + VALUES.get(name, b"15") + b'"' for name in types]
    return {
        b"LIST CMD su\n": block(b"CMD su", b"test.a", b"load.off"),
        b"LIST CMD none\n": block(b"CMD none"),
        b"LIST CMD odd\n": block(b"CMD odd", b'te"st'),
        b"GET CMDDESC su test.a\n": b'CMDDESC su test.a "A \\"test\\""\n',
        b"LIST RW su\n": block(b"RW su", *rows),
        b"LIST RW none\n": block(b"RW none"),
        b"GET DESC su s.a\n": b'DESC su s.a "A string"\n',
        **{
            f"GET TYPE su {name}\n".encode(): b"TYPE su " + name.encode() + b" " + kind + b"\n"
            for name, kind in types.items()
        },
        b"LIST ENUM su es.a\n": block(b"ENUM su es.a", b'"a"', b'"b c"'),
        b"LIST ENUM su en.a\n": block(b"ENUM su en.a"),
        b"LIST RANGE su r.a\n": block(b"RANGE su r.a", b'"1" "9"', b'"10" "20"'),
    }


@pytest.fixture(scope="module")
def stubs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs as `ridethrough link` writes them."""
    directory = tmp_path_factory.mktemp("bin")
    for name in ("upscmd", "upsrw"):
        write_stub(directory, name)
    return directory


def both(
    stubs: Path, answers: Mapping[bytes, bytes], tool: str, *words: str
) -> tuple[tuple[int, bytes, bytes], bool]:
    """What the stub gives, which must be what the whole program gives; and whether it was quick about it."""
    env = {"NUT_CONFPATH": str(stubs), "HOME": str(stubs)}
    with line_server(dict(answers)) as server:
        at = f"{server.host}:{server.port}"
        given_words = [word.replace("{at}", at) for word in words]
        ours = run([stubs / tool, *given_words], env)
        talks = len(server.links)
        assert ours == run([*MAIN, tool, *given_words], env)
        return ours, talks == 1


@pytest.mark.parametrize(
    ("words", "output"),
    [
        (("upscmd", "-l", "su@{at}"), b'[su]:\n\ntest.a - A "test"\nload.off\n'),
        (("upscmd", "-l", "none@{at}"), b"[none]:\n\n"),
        (
            ("upsrw", "su@{at}"),
            b'[s.a]\nA string\nType: STRING\nMaximum length: 16\nValue: 15 "V" \xff\n\n[n.a]',
        ),
        (("upsrw", "-l", "su@{at}"), b'Option: "b c" SELECTED\n'),
        (("upsrw", "-l", "su@{at}"), b'Type: RANGE NUMBER\nOption: "1-9"\nOption: "10-20" SELECTED\n\n'),
        (("upsrw", "none@{at}"), b""),
    ],
)
def test_plain_lists(stubs: Path, words: tuple[str, ...], output: bytes) -> None:
    """One short connection, the same bytes."""
    (status, out, errors), quick = both(stubs, script(), *words)
    assert (status, errors, quick) == (0, b"", True)
    assert output in out


@pytest.mark.parametrize(
    "words",
    [
        ("upscmd", "-l", "odd@{at}"),
        ("upscmd", "-l", "unknown@{at}"),
        ("upscmd", "su@{at}"),
        ("upscmd", "-lD", "su@{at}"),
        ("upscmd", "-l"),
        ("upscmd",),
        ("upsrw", "unknown@{at}"),
        ("upsrw", "-l", "su@{at}", "more"),
        ("upsrw", "-l", "-s", "s.a=1", "-u", "joe", "-p", "x", "su@{at}"),
        ("upsrw", "su@"),
        ("upsrw",),
    ],
)
def test_all_else_is_left_to_the_whole_program(stubs: Path, words: tuple[str, ...]) -> None:
    """Faults, other options and other words: same output, same status."""
    both(stubs, script(), *words)


@pytest.mark.parametrize(
    ("kind", "quick"),
    [
        (b"RW STRANGE NUMBER", False),
        (b"RW ENUM", False),
        (b"RW ENUM RANGE", False),
        (b"RW", False),
        (b"RW STRING:x", False),
        (b"RW STRING:", False),
        (b"NUMBER", True),
        (b"rw number", False),
    ],
)
def test_strange_types(stubs: Path, kind: bytes, quick: bool) -> None:
    """What old and strange servers say of a type is shown by the whole program."""
    answers = script(r_a=kind) | {b"LIST ENUM su r.a\n": block(b"ENUM su r.a", b'"1"')}
    assert both(stubs, answers, "upsrw", "su@{at}")[1] is quick


@pytest.mark.parametrize(
    ("asked", "reply"),
    [
        (b"LIST RW su\n", b'BEGIN LIST RW su\nRW other s.a "1"\nEND LIST RW su\n'),
        (b"LIST RW su\n", b'BEGIN LIST RW su\nRW su s.a "1\nEND LIST RW su\n'),
        (b"LIST RW su\n", b"BEGIN LIST RW su\nRW su s.a bare\nEND LIST RW su\n"),
        (b"LIST RW su\n", b"ERR DATA-STALE\n"),
        (b"GET DESC su s.a\n", b'DESC su n.a "x"\n'),
        (b"GET DESC su s.a\n", b"DESC su s.a bare\n"),
        (b"GET DESC su s.a\n", b"WHAT\n"),
        (b"GET TYPE su n.a\n", b"TYPE other n.a RW NUMBER\n"),
        (b"GET TYPE su n.a\n", b"ERR VAR-NOT-SUPPORTED\n"),
        (b"LIST ENUM su es.a\n", b"ERR VAR-NOT-SUPPORTED\n"),
        (b"LIST ENUM su es.a\n", block(b"ENUM su es.a", b"bare")),
        (b"LIST RANGE su r.a\n", block(b"RANGE su r.a", b'"1"')),
        (b"LIST RANGE su r.a\n", block(b"RANGE su r.a", b'"-1" "20.5"')),
        (b"LIST CMD su\n", b'BEGIN LIST CMD su\nCMD su "a.b"\nEND LIST CMD su\n'),
        (b"GET CMDDESC su test.a\n", b'CMDDESC su load.off "x"\n'),
    ],
)
def test_strange_answers(stubs: Path, asked: bytes, reply: bytes) -> None:
    """Whatever a server answers, the stub prints what the whole program prints."""
    tool = ("upscmd", "-l") if b"CMD" in asked else ("upsrw",)
    both(stubs, script() | {asked: reply}, *tool, "su@{at}")
