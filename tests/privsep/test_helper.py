# SPDX-License-Identifier: GPL-2.0-or-later
"""The privileged helper as a real process, spoken to over its socket, mostly by somebody hostile."""

from __future__ import annotations

import ast
import json
import os
import select
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ridethrough.privsep import helper
from ridethrough.privsep.config import HelperConfig, sealed
from ridethrough.privsep.messages import MAX_MESSAGE, Reply, State, Verb, decode_reply, encode_request
from ridethrough.privsep.spawn import PROGRAM, SpawnedHelper, spawn_helper
from tests.support.wait import wait_until

SELF = (
    "root" if os.geteuid() == 0 else None
)  # the helper asks root for a name, and takes nobody's from others
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


class Core:
    """The other end of the socket: writes packets, collects replies."""

    def __init__(self, config: HelperConfig, python: str = sys.executable) -> None:
        self.spawned: SpawnedHelper = spawn_helper(config, python)
        self.sock = self.spawned.sock
        self.sock.settimeout(10)
        self.number = 0
        self.seen: list[Reply] = []

    def send(self, verb: Verb, **fields: object) -> int:
        """Ask, and return the id of the request."""
        self.number += 1
        self.sock.send(encode_request(self.number, verb, **fields))
        return self.number

    def wait(self, number: int, *states: State) -> Reply:
        """Return the reply to a request in one of `states` (or the last one), reading what comes."""
        while True:
            for reply in self.seen:
                if reply.id == number and reply.state in (states or (State.DONE, State.REFUSED)):
                    return reply
            self.seen.append(decode_reply(self.sock.recv(MAX_MESSAGE)))

    def ask(self, verb: Verb, **fields: object) -> Reply:
        """Ask, and return the last reply."""
        return self.wait(self.send(verb, **fields))

    def raw(self, data: bytes) -> Reply:
        """Send any bytes, and return the refusal."""
        self.seen = [reply for reply in self.seen if reply.id]
        self.sock.send(data)
        return self.wait(0)

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The helper's process."""
        return self.spawned.process

    def end(self) -> None:
        """Close the socket, and see the helper end."""
        self.sock.close()
        try:
            self.process.wait(15)
        finally:
            self.process.kill()


Start = Callable[..., Core]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts helpers, and ends them."""
    started: list[Core] = []

    def starter(**options: Any) -> Core:
        python = options.pop("python", sys.executable)
        core = Core(HelperConfig(**{"run_as_user": SELF, **options}), python)
        started.append(core)
        return core

    yield starter
    for core in started:
        core.end()


def script(path: Path, text: str) -> str:
    """Write an executable script."""
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


NOTICE: dict[str, object] = {"type": "ONBATT", "ups": "su700@localhost:3493", "text": "UPS su700 on battery"}


# -- the program ------------------------------------------------------------------------------------------


def test_the_program_is_short_and_stands_alone() -> None:
    """At most 300 lines, the standard library only, nothing of ours and no network module."""
    text = PROGRAM.read_text("utf-8")
    assert text.count("\n") <= 300
    tree = ast.walk(ast.parse(text))
    imported = {alias.name for node in tree if isinstance(node, ast.Import) for alias in node.names}
    tree = ast.walk(ast.parse(text))
    imported |= {str(node.module) for node in tree if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in imported} <= set(sys.stdlib_module_names)
    assert not {"urllib", "http", "ssl", "asyncio", "ctypes"} & imported
    assert text.count("socket.socket(") == 1
    assert "socket.socket(fileno=" in text


def test_it_refuses_a_configuration_that_others_may_write(tmp_path: Path) -> None:
    """Writable for the group, a link, a directory, another's file, no JSON, wrong keys: said, and it ends."""
    good = HelperConfig(run_as_user=None).to_json(as_root=False)
    (tmp_path / "good").write_bytes(good)
    (tmp_path / "good").chmod(0o600)
    (tmp_path / "open").write_bytes(good)
    (tmp_path / "open").chmod(0o620)
    (tmp_path / "link").symlink_to("good")
    (tmp_path / "words").write_text("SHUTDOWNCMD reboot")
    (tmp_path / "more").write_text(json.dumps({**json.loads(good), "verb": "x"}))
    (tmp_path / "deep").write_text("[" * 100_000)
    answers = {name: first_words(str(tmp_path / name)) for name in ("good", "open", "words", "more", "deep")}
    assert answers["good"].state is State.DONE
    assert "writable by it alone" in answers["open"].text
    for name in ("words", "more", "deep"):
        assert "not the JSON object that this helper knows" in answers[name].text
    assert "symbolic links" in first_words(str(tmp_path / "link")).text
    assert "writable by it alone" in first_words(str(tmp_path)).text
    assert "No such file" in first_words(str(tmp_path / "none")).text
    if os.geteuid() == 0:
        os.chown(tmp_path / "good", 65534, 65534)
        assert "must be a file of uid 0" in first_words(str(tmp_path / "good")).text


def first_words(config: str) -> Reply:
    """What the helper says first, when it is given this file."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        argv = [sys.executable, "-I", "-S", "-X", "utf8", str(PROGRAM), str(theirs.fileno()), config]
        process = subprocess.Popen(argv, pass_fds=[theirs.fileno()])
        theirs.close()
        ours.settimeout(10)
        reply = decode_reply(ours.recv(MAX_MESSAGE))
        ours.close()
        assert process.wait(10) == (0 if reply.state is State.DONE else 2)
    return reply


def test_its_configuration_can_not_be_changed_afterwards() -> None:
    """The memfd that carries it is private and sealed, also against its owner."""
    fd = sealed(b"{}")
    try:
        info = os.fstat(fd)
        assert (stat.S_IMODE(info.st_mode), info.st_uid) == (0o600, os.geteuid())
        with pytest.raises(PermissionError):
            os.pwrite(fd, b"x", 0)
        with pytest.raises(PermissionError):
            os.ftruncate(fd, 0)
    finally:
        os.close(fd)


# -- commands ---------------------------------------------------------------------------------------------


def test_notifycmd_gets_its_notice(start: Start, tmp_path: Path) -> None:
    """The text is the last word; type, UPS and text are in a clean environment; the last output comes back."""
    command = script(
        tmp_path / "n.sh", 'echo "$#|$1|$2|$NOTIFYTYPE|$UPSNAME|$NOTIFYMSG|$NUT_CONFPATH|$HOSTILE"'
    )
    os.environ["HOSTILE"] = "yes"
    try:
        core = start(notifycmd=f"{command} -v", environment={"NUT_CONFPATH": "/conf"})
    finally:
        del os.environ["HOSTILE"]
    number = core.send(Verb.NOTIFYCMD, **NOTICE)
    assert core.wait(number, State.STARTED).exit is None
    reply = core.wait(number)
    text = "UPS su700 on battery"
    assert (reply.state, reply.exit) == (State.DONE, 0)
    assert reply.text == f"2|-v|{text}|ONBATT|su700@localhost:3493|{text}|/conf|\n"


@pytest.mark.parametrize(
    "text",
    [
        "$(touch pwned)",
        "`touch pwned`",
        "; touch pwned",
        "'; touch pwned; '",
        '"; touch pwned; "',
        "| touch pwned",
        "> pwned",
        "$IFS && touch pwned",
        "a  b\\",
        "-n",
        "",
        "caf\u00e9 \udcff",
    ],
)
@pytest.mark.parametrize("shell", ["", "2>/dev/null", "; true;", "| cat"])
def test_no_text_reaches_a_shell(start: Start, tmp_path: Path, text: str, shell: str) -> None:
    """Whatever the text says, the command gets it as one word, also where NOTIFYCMD itself needs a shell."""
    command = script(
        tmp_path / "n.sh", f'cd {tmp_path}; printf %s "$1" >got; printf %s "$NOTIFYMSG" >env; cat'
    )
    core = start(notifycmd=f"{command} {shell}")
    reply = core.ask(Verb.NOTIFYCMD, **{**NOTICE, "text": text})
    assert reply.exit == 0 or shell == "| cat"
    expected = text.encode("utf-8", "surrogateescape")
    assert (tmp_path / "env").read_bytes() == expected
    if shell in ("", "2>/dev/null"):
        assert (tmp_path / "got").read_bytes() == expected
    assert not (tmp_path / "pwned").exists()
    assert not Path("/pwned").exists()


def test_control_characters_are_replaced(start: Start) -> None:
    """Newlines and escape sequences reach neither a script nor a terminal."""
    core = start(notifycmd="/bin/echo")
    reply = core.ask(Verb.NOTIFYCMD, **{**NOTICE, "text": "a\nb\tc\x1b[2J\x00d\x9be\u2028"})
    assert reply.text == "a b c?[2J?d?e?\n"


def test_cmdscript_runs_names_of_the_rules_only(start: Start, tmp_path: Path) -> None:
    """A name that upssched.conf does not have is refused, however it looks."""
    core = start(cmdscript=script(tmp_path / "c.sh", 'echo "$1 $UPSNAME"'), cmdscript_names=("onbatt", "a b"))
    assert core.ask(Verb.CMDSCRIPT, name="onbatt", **NOTICE).text == "onbatt su700@localhost:3493\n"
    assert core.ask(Verb.CMDSCRIPT, name="a b", **NOTICE).text.startswith("a b ")
    for name in ("offbatt", "../onbatt", "onbatt; reboot", "onbatt\n", ""):
        reply = core.ask(Verb.CMDSCRIPT, name=name, **NOTICE)
        assert reply.state is State.REFUSED
        assert "not among the names of upssched.conf" in reply.text


def test_a_command_that_fails_is_told(start: Start, tmp_path: Path) -> None:
    """Exit status, missing program, program that may not run: each with its words."""
    failing = script(tmp_path / "f.sh", "echo gone wrong >&2; exit 3")
    assert start(notifycmd=failing).ask(Verb.NOTIFYCMD, **NOTICE) == Reply(1, State.DONE, 3, "gone wrong\n")
    missing = start(notifycmd="/no/such/program").ask(Verb.NOTIFYCMD, **NOTICE)
    assert (missing.exit, "/no/such/program" in missing.text) == (127, True)
    (tmp_path / "plain").write_text("not executable")
    assert start(notifycmd=str(tmp_path / "plain")).ask(Verb.NOTIFYCMD, **NOTICE).exit == 126


def test_output_is_bounded(start: Start) -> None:
    """Of a flood only the last 4 kB come back."""
    core = start(notifycmd="head -c 3000000 /dev/zero | tr '\\0' x; echo end;")
    reply = core.ask(Verb.NOTIFYCMD, **NOTICE)
    assert len(reply.text) == 4096
    assert reply.text.endswith("xend\n")


def test_what_a_script_leaves_in_the_background_goes_on(start: Start, tmp_path: Path) -> None:
    """The request is done when the script is; a later writer in the background is not killed by its output."""
    done, go = tmp_path / "done", tmp_path / "go"
    work = f"(while [ ! -e {go} ]; do sleep 0.02; done; echo late; echo later; touch {done}) &"
    core = start(notifycmd=f"{work}\n true")
    assert core.ask(Verb.NOTIFYCMD, **NOTICE).exit == 0
    go.touch()
    wait_until(done.exists, 10, "the background to finish")


def test_a_command_over_its_limit_is_ended(start: Start, tmp_path: Path) -> None:
    """TERM to its whole session after the time limit, and the reply says so."""
    trace = tmp_path / "trace"
    core = start(notifycmd=f"trap 'echo term >{trace}; exit 9' TERM; sleep 60 & wait;", notify_limit_s=0.3)
    reply = core.ask(Verb.NOTIFYCMD, **NOTICE)
    assert (reply.exit, reply.text) == (9, "ended after its limit of 0.3 s; ")
    assert trace.read_text() == "term\n"


def test_commands_that_hang_are_bounded_and_shutdown_never_waits(start: Start, tmp_path: Path) -> None:
    """16 run, 64 wait, more are refused in words; SHUTDOWN, the flag and ping go on as if nothing were."""
    flag = tmp_path / "flag"
    core = start(
        notifycmd=script(tmp_path / "hang.sh", f"while [ -e {tmp_path}/hang ]; do sleep 0.1; done"),
        shutdowncmd=f"touch {tmp_path}/down",
        powerdownflag=str(flag),
    )
    (tmp_path / "hang").touch()
    numbers = [core.send(Verb.NOTIFYCMD, **NOTICE) for _ in range(80)]
    refused = core.ask(Verb.NOTIFYCMD, **NOTICE)
    assert refused.text == "16 of this kind run and 64 wait; this one is not run"
    assert core.ask(Verb.PING).exit == 0
    assert core.ask(Verb.WRITE_POWERDOWNFLAG).exit == 0
    assert core.ask(Verb.SHUTDOWN).exit == 0
    assert (tmp_path / "down").exists()
    started = [reply.id for reply in core.seen if reply.state is State.STARTED and reply.id in numbers]
    assert len(started) == 16
    (tmp_path / "hang").unlink()
    assert [core.wait(number).exit for number in numbers] == [0] * 80


# -- shutdown ---------------------------------------------------------------------------------------------


def test_shutdowncmd_runs_once(start: Start, tmp_path: Path) -> None:
    """It is the administrator's own shell text; a second request is refused, however often it is asked."""
    core = start(shutdowncmd=f"echo run >>{tmp_path}/log; exit 4 # $0")
    numbers = [core.send(Verb.SHUTDOWN) for _ in range(5)]
    replies = [core.wait(number) for number in numbers]
    assert replies[0] == Reply(1, State.DONE, 4, "")
    assert {reply.text for reply in replies[1:]} == {"SHUTDOWNCMD was run already; it is run once"}
    assert (tmp_path / "log").read_text() == "run\n"


def test_without_shutdowncmd_that_is_said(start: Start) -> None:
    """Nothing configured, or only blanks: refused in words."""
    for command in (None, "", "  "):
        assert "no SHUTDOWNCMD is configured" in start(shutdowncmd=command).ask(Verb.SHUTDOWN).text


def test_shutdowncmd_outlives_the_helper(start: Start, tmp_path: Path) -> None:
    """The core dies, the helper ends, nobody reads the log any more: SHUTDOWNCMD goes on writing and ends."""
    work = f"while [ ! -e {tmp_path}/go ]; do sleep 0.02; done; echo word; echo word; touch {tmp_path}/down"
    reader, writer = os.pipe()
    kept = os.dup(2)
    os.dup2(writer, 2)  # the helper's standard error is a pipe whose reader goes away
    try:
        core = start(shutdowncmd=work)
    finally:
        os.dup2(kept, 2)
        for fd in (kept, writer):
            os.close(fd)
    core.wait(core.send(Verb.SHUTDOWN), State.STARTED)
    core.end()
    os.close(reader)
    (tmp_path / "go").touch()
    wait_until((tmp_path / "down").exists, 10, "SHUTDOWNCMD to finish")


def test_a_dying_core_is_still_obeyed(start: Start, tmp_path: Path) -> None:
    """What was asked before the socket closed is done, also with replies unread (the kernel says "reset")."""
    core = start(
        shutdowncmd=f"touch {tmp_path}/down", notifycmd=script(tmp_path / "n", f"touch {tmp_path}/told")
    )
    for _ in range(20):
        core.send(Verb.PING)
    core.send(Verb.NOTIFYCMD, **NOTICE)
    core.send(Verb.SHUTDOWN)
    core.end()
    assert core.process.returncode == 0
    wait_until(lambda: (tmp_path / "down").exists() and (tmp_path / "told").exists(), 10, "both to be run")


def test_signals_do_not_end_it(start: Start) -> None:
    """TERM, INT and HUP reach all processes of the service at the host's end; the core may still need it."""
    core = start(notifycmd="/bin/sh -c 'trap' ")
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        core.process.send_signal(number)
    assert core.ask(Verb.PING).exit == 0


def test_children_can_be_interrupted(start: Start) -> None:
    """What the helper ignores its children do not: a script without trap ends on TERM, INT, HUP and PIPE."""
    core = start(notifycmd="for s in TERM INT HUP PIPE; do sh -c 'kill -'$s' $$; echo alive'; done; :")
    reply = core.ask(Verb.NOTIFYCMD, **NOTICE)
    assert "alive" not in reply.text


# -- flag and capsule -------------------------------------------------------------------------------------


def test_the_flag_is_nuts_own(start: Start, tmp_path: Path) -> None:
    """Written with NUT's text and nothing beside it, cleared, and cleared again without complaint."""
    flag = tmp_path / "killpower"
    core = start(powerdownflag=str(flag))
    for _ in range(2):
        assert core.ask(Verb.WRITE_POWERDOWNFLAG).exit == 0
        assert flag.read_bytes() == b"upsmon-shutdown-file"
        assert stat.S_IMODE(flag.stat().st_mode) == 0o644
        assert os.listdir(tmp_path) == ["killpower"]
    for _ in range(2):
        assert core.ask(Verb.CLEAR_POWERDOWNFLAG).exit == 0
        assert os.listdir(tmp_path) == []


def test_a_file_that_is_not_nuts_is_left_alone(start: Start, tmp_path: Path) -> None:
    """Another's file, a link, a directory, a FIFO under the flag's name are neither overwritten nor removed."""
    (tmp_path / "file").write_text("root:x:0:0\n")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "directory").mkdir()
    os.mkfifo(tmp_path / "fifo")
    for name in ("file", "link", "directory", "fifo"):
        core = start(powerdownflag=str(tmp_path / name))
        for verb in (Verb.WRITE_POWERDOWNFLAG, Verb.CLEAR_POWERDOWNFLAG):
            reply = core.ask(verb)
            assert reply.exit not in (0, None)
            assert "left alone" in reply.text or "Too many levels of symbolic links" in reply.text
    assert sorted(os.listdir(tmp_path)) == ["directory", "fifo", "file", "link"]
    assert (tmp_path / "file").read_text() == "root:x:0:0\n"


def test_an_empty_flag_of_a_full_disk_is_written_anew(start: Start, tmp_path: Path) -> None:
    """A file of no bytes holds nothing that could be lost."""
    (tmp_path / "flag").touch()
    assert start(powerdownflag=str(tmp_path / "flag")).ask(Verb.WRITE_POWERDOWNFLAG).exit == 0
    assert (tmp_path / "flag").read_bytes() == b"upsmon-shutdown-file"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (None, "no POWERDOWNFLAG is configured"),
        ("flag", "not an absolute path"),
        ("/no/where/flag", "/no/where"),
    ],
)
def test_a_flag_that_can_not_be_written_is_told(start: Start, path: str | None, words: str) -> None:
    """The words name the path."""
    reply = start(powerdownflag=path).ask(Verb.WRITE_POWERDOWNFLAG)
    assert words in reply.text
    assert reply.exit != 0


def test_the_capsule_holds_the_asked_upses(start: Start, tmp_path: Path) -> None:
    """It is written whole, for its owner alone; an unknown UPS is refused."""
    entries = {"a": {"port": "/dev/hidraw0"}, "b": {"port": "/dev/ttyS0"}}
    core = start(capsule_directory=str(tmp_path), capsules=entries)
    assert core.ask(Verb.KILLPOWER, names=["b"]).exit == 0
    capsule = tmp_path / helper.CAPSULE
    assert json.loads(capsule.read_bytes()) == {"v": 1, "ups": {"b": {"port": "/dev/ttyS0"}}}
    assert stat.S_IMODE(capsule.stat().st_mode) == 0o600
    assert core.ask(Verb.KILLPOWER, names=["a", "c"]).state is State.REFUSED
    assert core.ask(Verb.KILLPOWER, names=[]).state is State.REFUSED
    assert os.listdir(tmp_path) == [helper.CAPSULE]


def test_actions_come_from_the_table(start: Start, tmp_path: Path) -> None:
    """A number in the table runs its argv; any other number is refused."""
    core = start(actions={3: ("/bin/echo", "$HOME;", "x")})
    assert core.ask(Verb.ACTION, number=3).text == "$HOME; x\n"
    for number in (0, 4, -3, 10**18):
        assert "not in the plan's table" in core.ask(Verb.ACTION, number=number).text


# -- hostile messages -------------------------------------------------------------------------------------


def message(**changes: object) -> bytes:
    """A valid NOTIFYCMD request with changes."""
    return json.dumps({"v": 1, "id": 1, "verb": 2, **NOTICE, **changes}).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"\x00",
        b"\xff" * 100,
        b"null",
        b"[]",
        b"[" * 30000,
        b'{"v":1}',
        b"1" * 30000,
        b'{"v":1,"id":' + b"1" * 5000 + b"}",
        b"x" * (MAX_MESSAGE + 1),
        b"x" * 100_000,
        message(v=2),
        message(id=0),
        message(id=-1),
        message(id=True),
        message(id="1"),
        message(id=1e999),
        message(id=None),
    ],
)
def test_nonsense_is_refused_and_survived(start: Start, data: bytes) -> None:
    """Random bytes, huge frames and wrong envelopes get a refusal, and the next request is answered."""
    core = start()
    assert core.raw(data).state is State.REFUSED
    core.sock.send(b"")
    assert core.ask(Verb.PING).exit == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"verb": 0},
        {"verb": 10},
        {"verb": -1},
        {"verb": "2"},
        {"verb": 2.0},
        {"verb": True},
        {"verb": [2]},
        {"verb": None},
        {"command": "reboot"},
        {"type": "onbatt"},
        {"type": "ON/BATT"},
        {"type": "ONBATT\n"},
        {"type": "A" * 41},
        {"type": 1},
        {"ups": "../../etc"},
        {"ups": "a/b"},
        {"ups": "a b"},
        {"ups": "a\n"},
        {"ups": "-rf"},
        {"ups": "$(reboot)"},
        {"ups": "a" * 257},
        {"ups": ["a"]},
        {"text": "x" * 1025},
        {"text": "\u00e9" * 513},
        {"text": "\ud800"},
        {"text": None},
        {"text": {"a": 1}},
    ],
)
def test_wrong_fields_are_refused_in_words(start: Start, tmp_path: Path, changes: dict[str, object]) -> None:
    """Each is refused under its own id, nothing is run, and the helper goes on."""
    core = start(notifycmd=script(tmp_path / "n.sh", f"touch {tmp_path}/run"))
    core.sock.send(message(**changes))
    reply = core.wait(1)
    assert reply.state is State.REFUSED
    assert reply.text
    core.number = 1
    assert core.ask(Verb.PING).exit == 0
    assert not (tmp_path / "run").exists()


@given(st.lists(st.binary(max_size=300), max_size=10))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_random_packets_never_end_it(survivor: Core, packets: list[bytes]) -> None:
    """Whatever arrives, a ping is answered afterwards."""
    for packet in packets:
        survivor.sock.send(packet)
    assert survivor.ask(Verb.PING).exit == 0
    survivor.seen.clear()


@pytest.fixture(scope="module")
def survivor() -> Iterator[Core]:
    """One helper for many attacks."""
    core = Core(HelperConfig(run_as_user=SELF, notifycmd="/bin/false"))
    yield core
    core.end()


FIELD_NAMES = st.sampled_from(["type", "ups", "text", "name", "number", "names"])
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=6,
)


@given(FIELD_NAMES, ANYTHING)
@settings(max_examples=200)
def test_the_validator_lets_only_harmless_values_through(key: str, value: object) -> None:
    """A value is refused, or is bounded text without control characters, encodable, and for names plain ASCII."""
    try:
        good = helper.check(key, value)
    except (helper.Refused, UnicodeEncodeError):
        return
    words = good if isinstance(good, list) else [good]
    assert len(words) <= 64
    for word in words:
        assert len(word.encode("utf-8", "surrogateescape")) <= 1024
        assert not any(ord(char) < 32 or 0x7F <= ord(char) < 0xA0 for char in word)
        if key in ("type", "ups", "names"):
            assert word.isascii()
            assert not set(word) & set(" /\\\"'`$;&|<>(){}*?!#~")
            assert not word.startswith("-")


@given(
    st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1, max_size=30),
    st.text(max_size=20),
)
@settings(max_examples=150)
def test_the_argument_is_never_part_of_a_script(command: str, argument: str) -> None:
    """Either no shell is used, or the script does not depend on the argument, which stands behind it."""
    try:
        argv = helper.with_argument(command, "NOTIFYCMD", argument)
    except helper.Refused:
        assert not command.strip()
        return
    assert argv[-1] == argument
    assert argv[:-1] == helper.with_argument(command, "NOTIFYCMD", "other")[:-1]
    if argv[0] == "/bin/sh" and argv[1:2] == ["-c"] and len(argv) == 5:
        assert argv[3] == "sh"


def test_a_core_that_never_reads_can_not_stop_it(start: Start, tmp_path: Path) -> None:
    """With its replies piled up it still obeys SHUTDOWN."""
    core = start(shutdowncmd=f"touch {tmp_path}/down")
    for _ in range(2000):
        if not select.select([], [core.sock], [], 5)[1]:
            pytest.fail("the helper does not read any more")
        core.send(Verb.PING)
    core.send(Verb.SHUTDOWN)
    wait_until((tmp_path / "down").exists, 10, "SHUTDOWNCMD to be run")


# -- root -------------------------------------------------------------------------------------------------


@needs_root
@pytest.mark.skipif(not os.path.exists("/usr/bin/python3"), reason="needs the system's Python")
def test_notices_run_as_their_user_and_the_rest_as_root() -> None:
    """NOTIFYCMD, CMDSCRIPT: uid, gid, all groups and HOME of RUN_AS_USER; SHUTDOWNCMD and actions: root."""
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        out = Path(directory, "out")
        out.mkdir(mode=0o777)
        out.chmod(0o777)
        who = 'echo "$(id -u):$(id -g):$(id -G):$HOME:$USER:$(umask)"'
        core = Core(
            HelperConfig(
                run_as_user="nobody",
                notifycmd=f"{who};",
                cmdscript=f"{who};",
                cmdscript_names=("x",),
                shutdowncmd=f"{who} >{out}/down",
                actions={1: ("/bin/sh", "-c", who)},
            ),
            "/usr/bin/python3",
        )
        try:
            groups = "65534:65534:65534:/nonexistent:nobody:0022\n"
            assert core.ask(Verb.NOTIFYCMD, **NOTICE).text == groups
            assert core.ask(Verb.CMDSCRIPT, name="x", **NOTICE).text == groups
            assert core.ask(Verb.ACTION, number=1).text.startswith("0:0:")
            assert core.ask(Verb.SHUTDOWN).exit == 0
            assert (out / "down").read_text().startswith("0:0:")
        finally:
            core.end()


@needs_root
def test_root_is_not_guessed(start: Start) -> None:
    """Without RUN_AS_USER a root helper runs no notice; everything else it does."""
    core = start(run_as_user=None, notifycmd="/bin/echo", shutdowncmd="true")
    for reply in (core.ask(Verb.NOTIFYCMD, **NOTICE), core.ask(Verb.WALL, text="x")):
        assert reply.state is State.REFUSED
        assert "no RUN_AS_USER" in reply.text
    assert core.ask(Verb.SHUTDOWN).exit == 0


def test_wall_gets_the_text_on_its_standard_input(start: Start, tmp_path: Path) -> None:
    """Never as an argument, which root's wall would take for the name of a file to show to everybody."""
    script(tmp_path / "wall", 'echo "$# $(cat)"')
    core = start(environment={"PATH": f"{tmp_path}:/usr/bin:/bin"})
    assert core.ask(Verb.WALL, text="/etc/shadow").text == "0 /etc/shadow\n"
