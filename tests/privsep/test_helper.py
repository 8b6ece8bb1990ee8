# SPDX-License-Identifier: GPL-2.0-or-later
"""The privileged helper as a real process: what it is, and how it runs commands."""

from __future__ import annotations

import ast
import json
import os
import socket
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from ridethrough.privsep.config import HelperConfig, sealed
from ridethrough.privsep.messages import MAX_MESSAGE, Reply, State, Verb, decode_reply
from ridethrough.privsep.spawn import PROGRAM
from tests.support.helper_core import NOTICE, Core, Start, needs_root, script
from tests.support.wait import wait_until


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


def test_notifycmd_gets_its_notice(start: Start, tmp_path: Path) -> None:
    """The text is the last word; type, UPS and text are in a clean environment; the output comes back."""
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


def test_a_script_without_an_interpreter_line_runs(start: Start, tmp_path: Path) -> None:
    """C runs NOTIFYCMD and CMDSCRIPT by a shell, so scripts without #! work; the words stay words."""
    script = tmp_path / "tell"
    script.write_text(f'printf "%s|%s" "$#" "$1" > {tmp_path}/told\n')
    script.chmod(0o755)
    notice = {**NOTICE, "text": "UPS $(id) on battery"}
    assert start(notifycmd=str(script)).ask(Verb.NOTIFYCMD, **notice).exit == 0
    assert (tmp_path / "told").read_text() == "1|UPS $(id) on battery"


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
    """The request is done when the script is; what writes later in the background is not killed by it."""
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
