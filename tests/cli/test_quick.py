# SPDX-License-Identifier: GPL-2.0-or-later
"""The quick upsc: what it does is what the whole program does, and everything else it leaves to that."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ridethrough.cli import client_auth, quick, upsc
from ridethrough.client import answers
from ridethrough.client.target import DEFAULT_PORT, parse_address, parse_target
from ridethrough.protocol import requests
from ridethrough.protocol.client import ClientProtocol
from ridethrough.protocol.errors import ProtocolError
from ridethrough.wire.words import decode, encode, join, quote, split
from tests.support.lineserver import line_server
from tests.support.ports import free_port
from tests.support.stubs import run, write_stub

WHOLE = (sys.executable, "-P", "-m", "ridethrough.cli.main", "upsc")
TEXTS = st.binary(max_size=30).map(lambda data: decode(bytes(byte for byte in data if byte >= 0x20)))
NOISE = st.lists(st.sampled_from([b'"', b"\\", b"#", b" ", b"a", b"=", b"\xff", b"."]), max_size=12)
SCRIPT = {
    b"LIST UPS\n": b'BEGIN LIST UPS\nUPS su "A \\"box\\""\nUPS two "Other"\nEND LIST UPS\n',
    b"LIST VAR su\n": b'BEGIN LIST VAR su\nVAR su ups.id "\xff \\"q\\" \\\\ \\#"\nVAR su a.b ""\n'
    b'VAR su a.b "3"\nEND LIST VAR su\n',
    b"LIST VAR none\n": b"BEGIN LIST VAR none\nEND LIST VAR none\n",
    b"LIST VAR stale\n": b"ERR DATA-STALE\n",
    b"LIST VAR stray\n": b'BEGIN LIST VAR stray\nVAR other a.b "1"\nEND LIST VAR stray\n',
    b"LIST VAR gone\n": b'BEGIN LIST VAR gone\nVAR gone a.b "1"\n',
    b"LIST CLIENT su\n": b"BEGIN LIST CLIENT su\nCLIENT su ::1\nCLIENT su 10.0.0.1\nEND LIST CLIENT su\n",
    b"GET VAR su a.b\n": b'VAR su a.b "2 3"\n',
    b"GET VAR SU a.b\n": b'VAR su a.b "other case"\n',
    b"GET VAR su raw.hash\n": b'VAR su raw.hash "15" rack #2"\n',
    b"GET VAR su bare.word\n": b"VAR su bare.word OL\n",
    b"GET VAR su no.var\n": b"ERR VAR-NOT-SUPPORTED\n",
    b"GET VAR su odd.err\n": b"ERR WHAT-IS-THIS\n",
    b"GET VAR wrong a.b\n": b"ERR UNKNOWN-UPS\n",
}


@pytest.fixture(scope="module")
def stub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program as `ridethrough link` writes it."""
    return write_stub(tmp_path_factory.mktemp("bin"), "upsc")


@pytest.fixture
def empty(tmp_path: Path) -> dict[str, str]:
    """An environment without any configuration."""
    return {"NUT_CONFPATH": str(tmp_path), "HOME": str(tmp_path)}


@pytest.mark.parametrize(
    ("words", "quick_one"),
    [
        (["su@{at}"], True),
        (["none@{at}"], True),
        (["su@{at}", "a.b"], True),
        (["-l", "{at}"], True),
        (["-L", "{at}"], True),
        (["-c", "su@{at}"], True),
        (["stale@{at}"], False),
        (["stray@{at}"], False),
        (["su@{at}", "no.var"], False),
        (["su@{at}", "odd.err"], False),
        (["wrong@{at}", "a.b"], False),
        (["SU@{at}", "a.b"], False),
        (["su@{at}", "raw.hash"], False),
        (["su@{at}", "bare.word"], False),
        (["-j", "su@{at}", "a.b"], False),
        (["-W", "5", "su@{at}", "a.b"], False),
        (["-lL", "{at}"], False),
        (["su@{at}", "nodot"], False),
        (["su@{at}", "a.b", "more"], False),
        (["-V"], False),
        (["-x"], False),
        ([], False),
    ],
)
def test_the_stub_is_the_whole_program(
    stub: Path, empty: dict[str, str], words: list[str], quick_one: bool
) -> None:
    """Byte for byte the same output, errors and status; and plain questions cost the server one request."""
    with line_server(SCRIPT) as server:
        at = f"{server.host}:{server.port}"
        given_words = [word.replace("{at}", at) for word in words]
        ours = run([stub, *given_words], empty)
        asked = [line for line in server.seen if line != b"LOGOUT\n"]
        whole = run([*WHOLE, *given_words], empty)
        again = [line for line in server.seen if line != b"LOGOUT\n"][len(asked) :]
    assert ours == whole
    assert not quick_one or (asked == again and whole[0] == 0)


def test_a_server_that_is_not_there(stub: Path, empty: dict[str, str]) -> None:
    """Refused and unknown hosts, and what is no port, are told in the whole program's words."""
    for place in (f"127.0.0.1:{free_port()}", "127.0.0.1:0", "127.0.0.1:", "no/host", "[::1", ""):
        ours = run([stub, f"su@{place}", "a.b"], empty)
        assert ours == run([*WHOLE, f"su@{place}", "a.b"], empty)
        assert ours[0] == 1


def test_a_server_that_hangs_up_is_told_as_by_the_whole_program(stub: Path, empty: dict[str, str]) -> None:
    """No answer at all, and half a list."""

    def half(line: bytes) -> bytes | None:
        return SCRIPT[line] if line == b"LIST VAR gone\n" else None

    with line_server(half) as server:
        ours = run([stub, f"su@{server.host}:{server.port}"], empty)
        assert ours == run([*WHOLE, f"su@{server.host}:{server.port}"], empty)
        assert b"Server disconnected" in ours[2]


def test_a_reader_that_goes_away_is_no_error(stub: Path, empty: dict[str, str]) -> None:
    """`upsc ... | head -c0` says nothing and ends with 0, as the whole program does."""
    read_end, write_end = os.pipe()
    os.close(read_end)
    with line_server(SCRIPT) as server, open(write_end, "wb") as pipe:
        words = [stub, f"su@{server.host}:{server.port}"]
        done = subprocess.run(words, stdout=pipe, stderr=subprocess.PIPE, env=empty, timeout=20, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_nutauth_conf_is_not_passed_by(stub: Path, tmp_path: Path, empty: dict[str, str]) -> None:
    """A server that nutauth.conf wants to be asked over TLS only is not asked in the clear."""
    with line_server(SCRIPT) as server:
        at = f"{server.host}:{server.port}"
        (tmp_path / "nutauth.conf").write_text(f"[@{at}]\nFORCESSL = on\n")
        (tmp_path / "nutauth.conf").chmod(0o600)
        ours = run([stub, f"su@{at}", "a.b"], empty)
        assert ours == run([*WHOLE, f"su@{at}", "a.b"], empty)
    assert (ours[0], server.seen) == (1, [])
    assert b"FORCESSL" in ours[2]


@pytest.mark.parametrize("place", [".config/nut/nutauth.conf", ".nutauth.conf", "conf/nutauth.conf", ""])
def test_the_places_of_nutauth_conf(tmp_path: Path, place: str) -> None:
    """Where `client_auth` finds one, nothing is plain."""
    if place:
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text("")
    env = {"HOME": str(tmp_path), "NUT_CONFPATH": str(tmp_path / "conf")}
    plain = quick.plain_surroundings({os.fsencode(key): os.fsencode(value) for key, value in env.items()})
    assert plain == (client_auth.locate(env) is None) == (not place)


@pytest.mark.parametrize("name", ["NUT_DEFAULT_CONNECT_TIMEOUT", "NUT_AUTHCONF_FILE", "NUT_AUTHCONF_PATH"])
def test_variables_that_change_what_upsc_does(tmp_path: Path, name: str) -> None:
    """Each is left to the whole program, even if it is empty."""
    env = {b"HOME": os.fsencode(tmp_path), b"NUT_CONFPATH": os.fsencode(tmp_path)}
    assert quick.plain_surroundings(env)
    assert not quick.plain_surroundings({**env, name.encode(): b""})


@given(TEXTS)
def test_a_quoted_value_comes_back(value: str) -> None:
    """All that a server can say in quotes is read, escapes and bytes that are not UTF-8 included."""
    assert quick.unquoted(encode(quote(value))) == encode(value)


@settings(max_examples=300)
@given(NOISE)
def test_what_is_read_is_what_the_lexer_reads(parts: list[bytes]) -> None:
    """Anything between two quotes is read as NUT's lexer reads it, or left alone."""
    text = b'"' + b"".join(parts) + b'"'
    value = quick.unquoted(text)
    if value is not None:
        assert [encode(word) for word in split(decode(text))] == [value]


WORDS = st.sampled_from(
    ["-l", "-L", "-c", "-j", "-", "", "su", "su@h", "su@h:1", "h:3493", "a.b", "a b", "é.x"]
)
PLACES = st.text(alphabet='su@h:.1[] "-', max_size=8)


@settings(max_examples=400)
@given(st.lists(WORDS | PLACES, max_size=4))
def test_a_plain_question_is_the_one_that_the_whole_program_asks(words: list[str]) -> None:
    """Host, port and request are those of `parse_target`, `parse_address` and `protocol.requests`."""
    found = quick.question(words)
    if found is None:
        return
    option, host, port, query = found
    rest = words[1:] if option else words
    if option in ("-l", "-L"):
        assert (host.decode(), port) == (parse_address(rest[0]) if rest else ("localhost", DEFAULT_PORT))
        assert query + b"\n" == requests.list_ups()
        return
    target = parse_target(rest[0])
    assert (host.decode(), port) == (target.host, target.port)
    build = requests.list_client if option == "-c" else requests.list_var
    expected = build(target.ups) if len(rest) == 1 else requests.get_var(target.ups, rest[1])
    assert query + b"\n" == expected


QUERIES = [
    ("", b"GET VAR su a.b"),
    ("", b"LIST VAR su"),
    ("-l", b"LIST UPS"),
    ("-L", b"LIST UPS"),
    ("-c", b"LIST CLIENT su"),
]
LINES = st.sampled_from(
    [
        b'VAR su a.b "1"',
        b'VAR su a.b "\\"x\\\\ \\# y"',
        b'VAR su c.d ""',
        b'VAR su a.b "2" more',
        b'VAR su a.b "2" "3"',
        b'VAR su "a.b" "1"',
        b'VAR  su a.b "1"',
        b"VAR su a.b",
        b'VAR su a.b "\x07"',
        b'VAR su a.b "open',
        b'UPS su "desc"',
        b"CLIENT su ::1",
        b"CLIENT su ::1 more",
        b"BEGIN LIST VAR su",
        b"END LIST VAR su",
        b"BEGIN LIST UPS",
        b"END LIST UPS",
        b"BEGIN LIST CLIENT su",
        b"END LIST CLIENT su",
        b"ERR DATA-STALE",
        b"OK",
        b"",
    ]
)


@settings(max_examples=600)
@given(st.sampled_from(QUERIES), st.lists(LINES, max_size=5), st.booleans(), st.booleans())
def test_what_is_shown_is_what_the_whole_program_shows(
    question: tuple[str, bytes], lines: list[bytes], framed: bool, ended: bool
) -> None:
    """Whatever a server says: the same lines as through the protocol's core, or none at all."""
    option, query = question
    if framed and query.startswith(b"LIST"):
        lines = [b"BEGIN " + query, *lines, b"END " + query]
    reply = b"\n".join(lines) + (b"\n" if ended else b"")
    output = quick.shown(option, query, reply)
    if output is not None:
        assert output == _whole(option, query, reply)


def _whole(option: str, query: bytes, reply: bytes) -> bytes | None:
    """What the whole program prints for a reply; None for an error."""
    core = ClientProtocol()
    core.send(query + b"\n")
    try:
        (read,) = core.receive(reply)
        if query.startswith(b"GET"):
            found = [answers.value(read, "h", 4)]
        elif option == "-c":
            found = answers.names(read, "h")
        elif option == "-l":
            found = list(answers.pairs(read, "h"))
        else:
            found = upsc._lines(answers.pairs(read, "h"))
    except (ProtocolError, answers.ClientError, ValueError):
        return None
    return encode("".join(f"{line}\n" for line in found))


@given(st.dictionaries(st.from_regex(r"[a-z]{1,5}(\.[a-z0-9]{1,5}){1,3}", fullmatch=True), TEXTS, max_size=8))
def test_every_list_of_a_server_is_quick(rows: dict[str, str]) -> None:
    """Any names and values, as our server and C's send them, are shown without the whole program."""
    body = "".join(f"VAR su {join([name])} {quote(value)}\n" for name, value in rows.items())
    reply = encode(f"BEGIN LIST VAR su\n{body}END LIST VAR su\n")
    expected = encode("".join(f"{name}: {value}\n" for name, value in rows.items()))
    assert quick.shown("", b"LIST VAR su", reply) == expected
    assert quick.shown("", b"LIST VAR su", reply[:-1]) is None


def test_too_much_is_left_alone() -> None:
    """A reply or a line beyond the limits is not the quick one's business."""
    row = b'VAR su a.b "' + b"x" * quick.MAX_LINE_BYTES + b'"\n'
    assert quick.shown("", b"GET VAR su a.b", row) is None
    rows = b"".join(b'VAR su a.b%d "%s"\n' % (number, b"x" * 1000) for number in range(70))
    assert quick.shown("", b"LIST VAR su", b"BEGIN LIST VAR su\n" + rows + b"END LIST VAR su\n") is None


def test_the_quick_ones_load_little() -> None:
    """Nothing but built-in modules: each further one would be felt at every call."""
    code = (
        "import sys; before = set(sys.modules); import ridethrough.cli.quick_upssched;"
        "print(*sorted(name for name in set(sys.modules) - before if '.' not in name))"
    )
    source = str(Path(quick.__file__).parents[2])
    status, out, errors = run(
        [sys.executable, "-IS", "-c", f"import sys; sys.path.append({source!r}); {code}"], {}
    )
    assert (status, errors) == (0, b"")
    assert set(out.decode().split()) <= {"__future__", "_socket", "ridethrough", "posix", "time"}
