# SPDX-License-Identifier: GPL-2.0-or-later
"""ridethrough.toml."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ridethrough.app.observers import parse, read


def test_observers_are_read_in_order() -> None:
    """A name and a list of words each."""
    specs, problems = parse(
        '[[observer]]\nname = "journal"\ncommand = ["ridethrough", "events", "--follow"]\n'
        '[[observer]]\nname = "page"\ncommand = ["page"]\n'
    )
    assert problems == ()
    assert [(spec.name, spec.argv) for spec in specs] == [
        ("journal", ("ridethrough", "events", "--follow")),
        ("page", ("page",)),
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("not toml", "Expected"),
        ("[obsever]\n", "unknown key 'obsever'; did you mean 'observer'?"),
        ("observer = 3\n", "write each observer as a table"),
        ('[[observer]]\nname = "a b"\ncommand = ["x"]\n', "observer 1: give it a name"),
        ('[[observer]]\nname = "a"\ncommand = "x y"\n', "its command is a list of words"),
        ('[[observer]]\nname = "a"\ncommand = []\n', "its command is a list of words"),
        ('[[observer]]\nname = "a"\ncomand = ["x"]\n', "did you mean 'command'?"),
        ('[[observer]]\nname = "a"\ncommand = ["x"]\n' * 2, "observer 2: the name a is taken"),
        ("x = " + "[" * 5000, "nested too deeply"),
        ("x = " + "9" * 5000, "Exceeds the limit"),
        ("#" * 65537, "longer than 65536 characters"),
        ('"\\u001b[31m" = 1\n', "unknown key '?[31m'"),
        ('[[observer]]\nname = "a"\ncommand = ["x\\u0000y"]\n', "holds a NUL"),
        (f'[[observer]]\nname = "{"a" * 65}"\ncommand = ["x"]\n', "give it a name"),
        ("".join(f'[[observer]]\nname = "a{n}"\ncommand = ["x"]\n' for n in range(17)), "at most 16"),
    ],
)
def test_each_fault_is_named(text: str, problem: str) -> None:
    """With the file, which observer, and what to write."""
    _, problems = parse(text)
    assert any(problem in line and line.startswith("ridethrough.toml") for line in problems), problems


def test_the_faults_are_few_however_many_there_are() -> None:
    """A file of thousands of wrong keys is twenty lines and a count."""
    _, problems = parse("".join(f"k{number} = 1\n" for number in range(1000)))
    assert len(problems) == 21
    assert "and 980 more faults" in problems[-1]


def test_a_missing_file_is_no_observer_and_no_fault(tmp_path: Path) -> None:
    """NUT's own files suffice."""
    assert read(tmp_path) == ((), ())
    (tmp_path / "ridethrough.toml").write_bytes(b"\xff\xfe")
    assert "can't be read" in read(tmp_path)[1][0]


@given(st.text(max_size=200))
def test_no_text_raises(text: str) -> None:
    """Bad input is a sentence, never a traceback."""
    parse(text)
