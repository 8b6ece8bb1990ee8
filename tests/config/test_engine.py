# SPDX-License-Identifier: GPL-2.0-or-later
"""Lines into entries, entries through a table."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from ridethrough.config import engine
from ridethrough.config.convert import (
    any_text,
    bit,
    boolean,
    choice,
    command,
    path,
    port_number,
    seconds,
    split_port,
    text,
    whole,
)
from ridethrough.config.engine import (
    Convert,
    Directive,
    Keep,
    Refused,
    Sheet,
    Site,
    entries,
    read_directives,
)
from ridethrough.config.problems import Problems

TABLE: Mapping[str, Directive] = {
    "NUMBER": Directive("number", whole(1, 9), "NUMBER 5"),
    "TEXT": Directive("text", any_text, 'TEXT "..."'),
    "EACH": Directive("each", text, "EACH WORD", keep=Keep.EACH),
    "PAIR": Directive("pair", lambda args, site: (args[0], args[1]), "PAIR KEY VALUE", 2, 2, Keep.KEYED),
    "FOUR": Directive("four", lambda args, site: args, "FOUR A B C D", 4, 4, exact=True),
    "DEBUG_MIN": Directive("debug_min", whole(0, 9), "DEBUG_MIN 0", any_case=True),
}


def read(data: bytes, guarded: bool = False) -> tuple[Sheet, list[str]]:
    problems = Problems("x.conf")
    sheet = read_directives(data, TABLE, problems, guarded=guarded)
    return sheet, [str(problem) for problem in problems.listed()]


def words(data: bytes, guarded: bool = False) -> tuple[list[tuple[str, ...]], list[str]]:
    problems = Problems("x.conf")
    found = [entry.words for entry in entries(data, problems, guarded=guarded)]
    return found, [str(problem) for problem in problems.listed()]


def test_a_table_reads_a_file() -> None:
    """Values, their lines, repeated and keyed directives."""
    sheet, problems = read(b'NUMBER 7 # seven\n\nEACH a\nEACH b\nPAIR k "v w"\ndebug_min 3\n')
    assert sheet.values == {"number": 7, "each": ["a", "b"], "pair": {"k": "v w"}, "debug_min": 3}
    assert (sheet.line("number"), sheet.line("each"), sheet.line("pair/k"), sheet.line("text")) == (
        1,
        3,
        5,
        0,
    )
    assert problems == []


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "NUMBR 5",
            "x.conf:1: warning: unknown directive 'NUMBR'; the line is ignored; did you mean 'NUMBER'?",
        ),
        ("number 5", "letter case counts here: write NUMBER"),
        ("QQ", "x.conf:1: warning: unknown directive 'QQ'; the line is ignored; known here: NUMBER, TEXT"),
        ("NUMBER = 5", "x.conf:1: error: NUMBER takes no '='; write: NUMBER 5"),
        ("NUMBER", "x.conf:1: error: NUMBER has 0 values, not 1; write: NUMBER 5"),
        ("FOUR a b c d e", "x.conf:1: error: FOUR has 5 values, not 4; write: FOUR A B C D"),
        ("NUMBER 10", "x.conf:1: error: NUMBER: 10 is out of range; write a whole number from 1 to 9"),
        ("NUMBER ten", "x.conf:1: error: NUMBER: 'ten' is not a number; write a whole number from 1 to 9"),
        (
            "NUMBER 5s",
            "x.conf:1: warning: only the 5 of the value is read; write 5, without a unit or fraction",
        ),
        ("TEXT two words", 'text with blanks stands in "quotes": TEXT "..."'),
        ("NUMBER 1\nNUMBER 2", "x.conf:2: warning: NUMBER stands on line 1 already; this one counts"),
        ("PAIR k 1\nPAIR k 2", "x.conf:2: warning: PAIR k stands on line 1 already; this one counts"),
    ],
)
def test_each_fault_is_told_with_what_to_write(line: str, message: str) -> None:
    """Place, fault, remedy."""
    _, problems = read(line.encode())
    assert len(problems) == 1
    assert message in problems[0]


def test_a_faulty_line_leaves_the_value_before_it() -> None:
    """A slip never sets something the user has not written."""
    sheet, problems = read(b"NUMBER 4\nNUMBER 400\n")
    assert sheet.values == {"number": 4}
    assert len(problems) == 1


def test_all_faults_are_told_at_once() -> None:
    """One run, one list; never one fault a run."""
    _, problems = read(b"NUMBER x\nQQ 1\nFOUR a\nNUMBER 99\n")
    assert len(problems) == 4


def test_a_guarded_file_repeats_only_what_resembles_a_known_word() -> None:
    """A stray password at the beginning of a line stays unsaid, a slip of the pen is shown."""
    _, problems = read(b"hunter2 x\nNUMBR 5\nNUMBER hunter2\n", guarded=True)
    assert "hunter2" not in " ".join(problems)
    assert "'NUMBR'" in problems[1]
    assert "the value is not a number" in problems[2]


def test_an_open_quote_at_the_end_reads_as_in_c_and_names_its_line() -> None:
    """C NUT takes the text up to the end of the file; so do we, and say where the quote opened."""
    found, problems = words(b'a = 1\n\nTEXT "never closed\n')
    assert found[-1] == ("TEXT", "never closed")
    assert problems[0].startswith('x.conf:3: error: the quote (") opened on this line')


def test_an_open_quote_that_a_later_one_closes_names_its_own_line() -> None:
    """The cause is far above where the words go wrong; the message goes to the cause."""
    found, problems = words(b'a\nTEXT "open\nTEXT "two"\nb\n')
    assert found == [("a",), ("TEXT", "openTEXT ", 'two"'), ("b",)]
    assert [problem.split(":")[1] for problem in problems] == ["2"]


def test_an_open_quote_that_ends_at_a_hash_names_its_line_and_drops_the_text() -> None:
    """A comment further down ends the text; what was swallowed is not taken for a value."""
    found, problems = words(b'TEXT "open\nb\n# comment\nc\n')
    assert found == [("c",)]
    assert problems[0].startswith("x.conf:1: error")


def test_a_guarded_file_drops_a_text_that_ran_over_its_line() -> None:
    """It may hold the password of a swallowed line."""
    found, problems = words(b'NOTIFYMSG ONLINE "open\nMONITOR u@h 1 u hunter2 primary\nX "y"\n', guarded=True)
    assert "hunter2" not in str(found) + str(problems)
    assert words(b'X "hunter2\n', guarded=True)[0] == []


def test_joined_lines_are_no_fault() -> None:
    """A backslash at the end of a line, in quotes or not, is how NUT goes on."""
    found, problems = words(b'TEXT "one \\\ntwo" \\\nthree\nb\n')
    assert found == [("TEXT", "one two", "three"), ("b",)]
    assert problems == []
    assert words(b'TEXT "one \\\\\ntwo"\n')[1] != []


def test_a_hash_in_quotes_costs_its_line_only() -> None:
    """The remedy is named, and the rest of that line is not read as another one."""
    found, problems = words(b'TEXT "a # b" c "\nNUMBER 5\n')
    assert found == [("NUMBER", "5")]
    assert len(problems) == 1
    assert "\\#" in problems[0]
    _, later = words(b'a\nTEXT "x#y"\nb\nTEXT "p#q"\n')
    assert [problem.split(":")[1] for problem in later] == ["2", "4"]


def test_long_lines_are_refused_in_words() -> None:
    """Nothing is cut off in silence."""
    assert "longer than" in words(b"x" * 70_000)[1][0]
    assert "cut off" in words(b"x " * 300)[1][0]


def test_long_files_are_cut_off_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of any size is bounded."""
    monkeypatch.setattr(engine, "MAX_FILE_BYTES", 100)
    found, problems = words(b"a\n" * 60)
    assert len(found) == 50
    assert problems == ["x.conf: error: the file is longer than 100 bytes; the rest is not read"]


def site(guarded: bool = False) -> tuple[Site, Problems]:
    problems = Problems("x")
    return Site(problems, 1, guarded), problems


@pytest.mark.parametrize(
    ("convert", "word", "value", "warned"),
    [
        (seconds(0), "15", 15, False),
        (seconds(0), " 15 ", 15, False),
        (whole(-1, 9), "-1", -1, False),
        (whole(0, 9), "2.5", 2, True),
        (boolean, "YES", True, False),
        (boolean, "0", False, False),
        (boolean, "2", True, True),
        (bit, "1", True, False),
        (bit, "no", False, True),
        (any_text, "", "", False),
        (path, "/run/x", "/run/x", False),
        (path, "killpower", "killpower", True),
        (choice({"none": 0, "One": 1}), "ONE", 1, False),
    ],
)
def test_converters_read(convert: Convert, word: str, value: object, warned: bool) -> None:
    """What a value means, and when its way of writing is worth a warning."""
    here, problems = site()
    assert convert((word,), here) == value
    assert bool(problems.listed()) is warned


@pytest.mark.parametrize(
    ("convert", "word"),
    [
        (seconds(0), "-1"),
        (seconds(0), "99999999"),
        (seconds(0), ""),
        (seconds(0), "9" * 400),
        (whole(0, 9), "²"),
        (boolean, "maybe"),
        (bit, "2"),
        (text, ""),
        (path, ""),
        (command, ""),
        (choice({"none": 0}), "nine"),
    ],
)
def test_converters_refuse(convert: Convert, word: str) -> None:
    """What cannot be used is refused, with words for the user."""
    with pytest.raises(Refused) as caught:
        convert((word,), site()[0])
    assert caught.value.message


def test_a_command_keeps_its_first_word_and_quotes_the_others() -> None:
    """One quoted command line and a command in words mean the same (upsmon.conf(5), SHUTDOWNCMD)."""
    here, problems = site()
    assert command(("/sbin/shutdown -h +0",), here) == "/sbin/shutdown -h +0"
    assert command(("/sbin/shutdown", "-h", "+0"), here) == "/sbin/shutdown -h +0"
    assert command(("/x", "a b", "$(c)"), here) == "/x 'a b' '$(c)'"
    assert problems.listed() == []
    command(("/x", "--a", "=", "b"), here)
    assert "quotes" in str(problems.listed()[0])


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("h", ("h", None)),
        ("h:1", ("h", 1)),
        ("[::1]", ("::1", None)),
        ("[fe80::1%eth0]:3493", ("fe80::1%eth0", 3493)),
    ],
)
def test_addresses_split(address: str, parts: tuple[str, int | None]) -> None:
    """host, host:port, [v6], [v6]:port."""
    assert split_port(address) == parts


@pytest.mark.parametrize(
    "address", ["", ":1", "h:", "h:x", "h:0", "h:65536", "::1", "[::1", "[::1]1", "[]:1", "h:٣"]
)
def test_bad_addresses_are_refused(address: str) -> None:
    """No port is guessed."""
    with pytest.raises(Refused):
        split_port(address)


def test_a_port_is_a_port() -> None:
    """1 to 65535."""
    assert port_number("65535") == 65535
