# SPDX-License-Identifier: GPL-2.0-or-later
"""The quick upssched does what the whole program does, and leaves to it what is not plain."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ridethrough.cli import quick_upssched
from ridethrough.config.upssched import VERBS, parse_upssched
from ridethrough.schedule import core, messages, rules
from ridethrough.schedule.rules import Cause
from ridethrough.ups.notices import NotifyType
from tests.support.stubs import write_stub
from tests.support.upssched import Site, site

WHOLE_LIST = "-l"
TEXT = 'a "quoted" \\ text # with ümlaut'


@pytest.fixture(scope="module")
def stub(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The program as `ridethrough link` writes it."""
    return str(write_stub(tmp_path_factory.mktemp("bin"), "upssched"))


def notice(here: Site, stub: str, kind: str, text: str = TEXT) -> tuple[int, str]:
    """Status and errors of one notice."""
    ran = here.run([stub, text], NOTIFYTYPE=kind, UPSNAME="a@h")
    assert ran.out == ""
    return ran.status, ran.err


def test_scripts_run_in_the_order_of_the_file(stub: str) -> None:
    """EXECUTE: the script gets name and notice; each call is logged as the whole program logs it."""
    with site(
        "AT ONBATT * EXECUTE one\nAT ONBATT b@h EXECUTE other\nAT onbatt a@h EXECUTE two # why\n"
    ) as here:
        assert notice(here, stub, "ONBATT") == (
            0,
            "upssched: Executing command: one\nupssched: Executing command: two\n",
        )
        assert here.calls == [f"one|ONBATT|a@h|{TEXT}", f"two|ONBATT|a@h|{TEXT}"]
        assert notice(here, stub, "ONLINE") == (0, "")


def test_timers_are_those_of_the_daemon(stub: str) -> None:
    """The first start makes the daemon, further ones reach it; a cancel ends timers, or runs instead."""
    lines = "AT ONBATT * START-TIMER t 060\nAT LOWBATT * START-TIMER-SHARED t 60\n"
    with site(f"{lines}AT ONLINE * CANCEL-TIMER t late\nAT COMMOK * CANCEL-TIMER t\n") as here:
        assert notice(here, stub, "ONLINE") == (0, "upssched: Cancel t, event: late\n")
        assert notice(here, stub, "COMMOK") == (0, "")
        assert here.calls == [f"late|ONLINE|a@h|{TEXT}"]
        assert here.daemons() == []
        assert notice(here, stub, "ONBATT")[0] == 0
        assert len(here.daemons()) == 1
        assert notice(here, stub, "ONBATT") == (0, "")
        assert notice(here, stub, "LOWBATT") == (0, "")
        listed = here.run([stub, WHOLE_LIST]).out.splitlines()
        assert [line.split("\t")[3:] for line in listed] == [
            ["ONBATT,LOWBATT", "a@h", TEXT],
            ["ONBATT", "a@h", TEXT],
        ]
        assert notice(here, stub, "ONLINE") == (0, "")
        here.wait_gone()
        assert len(here.calls) == 1


def test_a_script_that_fails_is_told_by_the_whole_program(stub: str) -> None:
    """Its status is logged as ever, once, and the AT lines behind it are carried out."""
    with site("AT ONBATT * EXECUTE one\nAT ONBATT * EXECUTE two\n") as here:
        here.script.write_text(f'{here.script.read_text()}[ "$1" = two ] || exit 3\n')
        assert notice(here, stub, "ONBATT") == (
            0,
            "upssched: Executing command: one\n"
            f"upssched: exec_cmd({here.script} 'one') returned 3\n"
            "upssched: Executing command: two\n",
        )
        assert here.names == ["one", "two"]


def test_a_script_that_takes_long_is_waited_for(stub: str) -> None:
    """Beyond the time that the quick one spends, too; the next AT line comes after it."""
    with site("AT ONBATT * EXECUTE one\nAT ONBATT * EXECUTE two\n") as here:
        here.script.write_text(here.script.read_text().replace("\n", '\n[ "$1" = two ] || sleep 1.1\n', 1))
        assert notice(here, stub, "ONBATT")[0] == 0
        assert here.names == ["one", "two"]


@pytest.mark.parametrize("kind", ["missing", "no #! line"])
def test_a_script_that_cant_be_run_is_told_once(stub: str, kind: str) -> None:
    """The whole program tries it, and says what it always says."""
    with site("AT ONBATT * EXECUTE one\n") as here:
        if kind == "missing":
            here.script.unlink()
        else:
            here.script.write_text(here.script.read_text().partition("\n")[2])
        status, errors = notice(here, stub, "ONBATT")
        assert errors.count("Executing command: one") == 1
        assert (status, here.names) == ((1, []) if kind == "missing" else (0, ["one"]))
        assert ("Execute command failure" in errors) == (kind == "missing")


def test_what_is_wrong_in_the_file_is_told(stub: str) -> None:
    """A fault anywhere in the file is told at every notice, as ever, and the rest acts."""
    with site("AT ONBATT * EXECUTE one\nAT ONBATT * EXCUTE two\n") as here:
        status, errors = notice(here, stub, "ONBATT")
        assert (status, here.names) == (0, ["one"])
        assert "upssched.conf:5: error" in errors


def test_without_a_notice_it_says_how_it_is_called(stub: str) -> None:
    """By hand: the whole program's words."""
    with site("") as here:
        ran = here.run([stub])
        assert (ran.status, ran.out) == (1, "")
        assert "NOTIFYTYPE must be set" in ran.err


@pytest.fixture
def deaf(tmp_path: Path) -> Iterator[Path]:
    """A timer daemon that reads and never answers."""
    path = tmp_path / "p"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        links: list[socket.socket] = []
        thread = threading.Thread(target=lambda: links.append(listener.accept()[0]))
        thread.start()
        yield path
        thread.join(10)
        for link in links:
            link.close()


def test_a_daemon_that_does_not_answer_is_not_told_twice(
    deaf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """It may act on what it has: the whole program is told to give this very daemon up, before it goes on."""
    monkeypatch.setattr(quick_upssched, "ANSWER_S", 0.05)
    went: list[tuple[object, ...]] = []

    def go_on(*args: object) -> int:
        went.append(args)
        return 7

    monkeypatch.setattr("ridethrough.cli.upssched.go_on", go_on)
    conf = tmp_path / "upssched.conf"
    conf.write_text(f"CMDSCRIPT /bin/true\nPIPEFN {deaf}\nLOCKFN /x\nAT ONBATT * START-TIMER t 1\n")
    env = {b"NOTIFYTYPE": b"ONBATT", b"UPSNAME": b"a@h", b"NUT_CONFPATH": os.fsencode(tmp_path)}
    monkeypatch.setattr("posix.environ", env)
    assert quick_upssched.handle(["text"]) == 7
    place = deaf.lstat()
    assert went == [(("ONBATT", "a@h", "text"), 0, None, (place.st_dev, place.st_ino))]
    assert capfd.readouterr().err == ""


def test_it_knows_the_words_of_the_whole_program() -> None:
    """Notify types and AT commands are those of the tables."""
    assert {kind.decode() for kind in quick_upssched.TYPES} == {str(kind) for kind in NotifyType}
    assert {verb.decode(): words[:2] for verb, words in quick_upssched.VERBS.items()} == {
        name: (verb.least, verb.most) for name, verb in VERBS.items()
    }


HEADS = st.sampled_from(
    [
        "CMDSCRIPT /s\nPIPEFN /p\nLOCKFN /l",
        "CMDSCRIPT /s\nPIPEFN /p",
        "CMDSCRIPT /s x\nPIPEFN p\nLOCKFN /l",
        "",
    ]
)
ATOMS = st.sampled_from(
    "ONBATT onbatt SHUTDOWN NOSUCH * a@h EXECUTE START-TIMER START-TIMER-SHARED CANCEL-TIMER "
    'CANCEL-TIMER-MATCHED execute x 30 030 30s -1 99999999 # "two words" a\\ b = é PIPEFN /p'.split(" ")
)
AT_LINES = st.lists(ATOMS, min_size=2, max_size=6).map(lambda words: " ".join(["AT", *words]))
OTHERS = st.sampled_from(
    ["", '# a "comment" \\', "\t", "PIPEFN /q", "NOSUCH 1", "DEBUG_MIN 1", "AT", "AT ONBATT \\"]
)
PLAIN = st.builds(
    lambda kind, ups, rest: f"AT {kind} {ups} {rest}",
    st.sampled_from(["ONBATT", "onbatt", "ONLINE"]),
    st.sampled_from(["*", "a@h", "b@h"]),
    st.sampled_from(
        ["EXECUTE x", "START-TIMER t 30", "START-TIMER-SHARED t 5", "CANCEL-TIMER t", "CANCEL-TIMER t c"]
    ),
)


@settings(max_examples=400)
@given(
    HEADS, st.lists(PLAIN | PLAIN | AT_LINES | OTHERS, max_size=5), st.sampled_from(["ONBATT", "onbatt", "X"])
)
def test_a_plain_file_is_read_as_the_whole_program_reads_it(head: str, lines: list[str], kind: str) -> None:
    """The same settings and AT lines, and only from files without any fault."""
    data = "\n".join([head, *lines, ""]).encode()
    found = quick_upssched.read(data)
    conf, problems = parse_upssched(data)
    if found is None:
        return
    assert problems == []
    assert found[0] == {
        b"CMDSCRIPT": conf.cmdscript.encode(),
        b"PIPEFN": conf.pipefn.encode(),
        b"LOCKFN": conf.lockfn.encode(),
    }
    assert [tuple(part.decode() for part in rule) for rule in found[1]] == [
        (rule.notify_type, rule.ups, rule.command, *rule.args, *[""] * (2 - len(rule.args)))
        for rule in conf.rules
    ]


@given(st.lists(PLAIN, max_size=5, unique_by=str.upper))
def test_every_plain_file_is_read(lines: list[str]) -> None:
    """What guides have in upssched.conf needs no whole program."""
    assert (
        quick_upssched.read("\n".join(["CMDSCRIPT /s", "PIPEFN /p", "LOCKFN /l", *lines]).encode())
        is not None
    )


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"])), PLAIN)
def test_the_daemon_is_told_the_same(text: str, line: str) -> None:
    """The line for PIPEFN is the whole program's, byte for byte."""
    data = f"CMDSCRIPT /s\nPIPEFN /p\nLOCKFN /l\n{line}\n".encode()
    conf, _ = parse_upssched(data)
    found = quick_upssched.read(data)
    assert found is not None
    ((_, _, verb, name, more),) = found[1]
    event = core.event_of(rules.action(conf.rules[0]), Cause("ONBATT", "a@h", text))
    if event is None:
        assert verb == b"EXECUTE"
        return
    told = quick_upssched.request(verb, [name, more, b"ONBATT", b"a@h", text.encode()])
    assert told == messages.request(event)
