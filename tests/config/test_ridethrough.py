# SPDX-License-Identifier: GPL-2.0-or-later
"""ridethrough.toml."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ridethrough.config.load import load
from ridethrough.config.ridethrough import Observer, RidethroughConf, parse_ridethrough

OBSERVER = '[[observer]]\nname = "a"\ncommand = ["x"]\n'


def read(text: str) -> tuple[RidethroughConf, list[str]]:
    conf, problems = parse_ridethrough(text.encode())
    return conf, [str(problem) for problem in problems]


def test_everything_has_a_default() -> None:
    """An empty file is a good one, and says what no file says."""
    assert read("# nothing\n") == (RidethroughConf(), [])
    assert RidethroughConf().strict_c is False


def test_all_that_it_can_say() -> None:
    """strict_c, uvloop and observers, in one file."""
    conf, told = read(f"strict_c = true\nuvloop = true\n{OBSERVER}")
    assert told == []
    assert conf == RidethroughConf(strict_c=True, uvloop=True, observers=(Observer("a", ("x",)),))


FAULTS = [
    ("strict_c = true\nnot toml\n", "ridethrough.toml:2: error: not TOML: Expected"),
    ('strict_c = "', "ridethrough.toml: error: not TOML: "),
    ("\n[obsever]\n", "ridethrough.toml:2: warning: unknown key 'obsever'; it is ignored; did you mean 'obs"),
    ("\n\nstrictc = true\n", "ridethrough.toml:3: warning: unknown key 'strictc'; it is ignored; did you me"),
    ("strict-c = true\n", "did you mean 'strict_c'?"),
    ("# no\nstrict_c = 1\n", "ridethrough.toml:2: error: strict_c: neither true nor false; it stays false"),
    (OBSERVER + "strict_c = true\n", ":4: warning: unknown key 'strict_c'; it is ignored; write strict_c ab"),
    ("observer = 3\n", "ridethrough.toml:1: error: observer: write each observer as a table"),
    ('[[observer]]\nname = "a b"\ncommand = ["x"]\n', ":1: error: observer 1: give it a name"),
    ('[[observer]]\nname = "a"\ncommand = "x y"\n', "its command is a list of words"),
    ('[[observer]]\nname = "a"\ncommand = []\n', "its command is a list of words"),
    (
        '[[observer]]\nname = "a"\ncomand = ["x"]\n',
        ":3: warning: unknown key 'comand'; it is ignored; did yo",
    ),
    (OBSERVER * 2, "ridethrough.toml:4: error: observer 2: the name a is taken"),
    ("x = " + "[" * 5000, "nested too deeply"),
    ("x = " + "9" * 5000, "Exceeds the limit"),
    ("#" * 65537, "longer than 65536 bytes"),
    ('"\\u001b[31m" = 1\n', "unknown key; it is ignored"),
    ('[[observer]]\nname = "a"\ncommand = ["x\\u0000y"]\n', "holds a NUL"),
    (f'[[observer]]\nname = "{"a" * 65}"\ncommand = ["x"]\n', "give it a name"),
    ("".join(f'[[observer]]\nname = "a{n}"\ncommand = ["x"]\n' for n in range(17)), "at most 16"),
]


@pytest.mark.parametrize(("text", "problem"), FAULTS)
def test_each_fault_is_named(text: str, problem: str) -> None:
    """With the file, the line, and what to write."""
    told = read(text)[1]
    assert any(problem in line and line.startswith("ridethrough.toml") for line in told), told


def test_a_fault_costs_only_itself() -> None:
    """What is right in a file counts beside what is wrong in it."""
    conf, told = read(f"strict_c = true\nnonsense = 1\n[[observer]]\nname = 3\n{OBSERVER}")
    assert (conf.strict_c, [observer.name for observer in conf.observers]) == (True, ["a"])
    assert len(told) == 2


def test_bytes_that_are_not_utf_8_are_placed() -> None:
    """The line of the first such byte is named."""
    conf, problems = parse_ridethrough(b"strict_c = true\n# \xff\n")
    assert [str(problem)[:35] for problem in problems] == ["ridethrough.toml:2: error: not UTF-"]
    assert conf == RidethroughConf()


def test_the_faults_are_few_however_many_there_are() -> None:
    """A file of thousands of wrong keys is twenty lines and a count."""
    told = read("".join(f"k{number} = 1\n" for number in range(1000)))[1]
    assert len(told) == 21
    assert "and 980 more problems" in told[-1]


def test_it_is_read_with_the_directory(tmp_path: Path) -> None:
    """`load` reads it beside NUT's files; that it is missing is no fault."""
    config = load(tmp_path, ("ridethrough.toml",))
    assert (config.own, config.problems) == (RidethroughConf(), ())
    (tmp_path / "ridethrough.toml").write_text("strict_c = true\nstrict = 1\n")
    config = load(tmp_path, ("ridethrough.toml",))
    assert config.own.strict_c
    assert [problem.line for problem in config.problems] == [2]
    assert not load(tmp_path, ("upsmon.conf",)).own.strict_c


@given(st.text(max_size=200))
@settings(max_examples=200)
def test_no_text_raises(text: str) -> None:
    """Bad input is a sentence, never a traceback."""
    for line in read(text)[1]:
        assert line.isprintable()
