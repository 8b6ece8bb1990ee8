# SPDX-License-Identifier: GPL-2.0-or-later
"""What is read out of a CMDSCRIPT's text, and what is left alone."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ridethrough.check.cmdscript import called_programs, interpreter, is_shell, unknown_names

DISPATCHER = """\
#!/bin/sh
# earlyshutdown is only in this comment
case "$1" in
  onbatt | "quoted")
    logger onbatt
    ;;
  low-*)
    /usr/bin/true
    ;;
esac
"""


@pytest.mark.parametrize(
    ("names", "unknown"),
    [
        (["onbatt", "earlyshutdown"], ["earlyshutdown"]),
        (["onbatt", "quoted", "low-battery"], []),
        (["onbatt", "onbat", "batt", "on"], ["onbat", "batt", "on"]),
        (["onbatt", "low"], ["low"]),
        (["neither", "nor"], []),
        ([], []),
    ],
)
def test_a_name_that_only_this_script_does_not_mention_is_told(names: list[str], unknown: list[str]) -> None:
    """Patterns of `case` count, comments don't, parts of words don't; who mentions none hands names on."""
    assert unknown_names(DISPATCHER, names) == unknown


def test_other_languages_are_read_as_well() -> None:
    """A name in quotes is a mention in any language."""
    text = "#!/usr/bin/env python3\nDO = {'onbatt': print, 'online': print}\nDO[argv[1]]()\n"
    assert unknown_names(text, ["onbatt", "online", "lowbatt"]) == ["lowbatt"]


def test_a_pattern_for_everything_is_no_mention() -> None:
    """`*)` is where unknown names end, not where they are known."""
    assert unknown_names("case $1 in a) x;; esac\ncase $1 in\n*) log;;\nesac", ["a", "b"]) == ["b"]


@pytest.mark.parametrize(
    ("line", "program"),
    [
        ("#!/bin/sh", "/bin/sh"),
        ("#! /bin/bash -e", "/bin/bash"),
        ("#!/usr/bin/env\tpython3", "/usr/bin/env"),
        ("#!/bin/sh\r", "/bin/sh\r"),
        ("echo", ""),
        ("#!", ""),
    ],
)
def test_the_interpreter_is_what_the_kernel_starts(line: str, program: str) -> None:
    """A CR at the end belongs to the name, as for the kernel."""
    assert interpreter(line) == program


def test_which_scripts_a_shell_runs() -> None:
    """Directly, or through env."""
    assert is_shell("#!/bin/sh -e")
    assert is_shell("#!/usr/bin/env bash")
    assert not is_shell("#!/usr/bin/python3")
    assert not is_shell("")


def test_programs_at_the_beginning_of_a_line_are_found() -> None:
    """With their lines; patterns, words of a longer line, comments and what the script looks for are not."""
    text = (
        "#!/bin/sh\n  /opt/run me\nexec /opt/last\n/pattern) x ;;\n# /comment\nrsync a \\\n  /target\n"
        "if [ -x /opt/maybe ]; then\n  /opt/maybe\nfi\n/opt/alone\nlogger /word\n"
    )
    assert called_programs(text) == [(2, "/opt/run"), (3, "/opt/last"), (11, "/opt/alone")]
    assert called_programs("cat <<EOF\n/opt/text\nEOF\n") == []


@settings(max_examples=60)
@given(st.text(max_size=300), st.lists(st.text(max_size=12), max_size=4))
def test_no_text_is_too_odd(text: str, names: list[str]) -> None:
    """Whatever stands in a script, looking at it ends, and tells only names that were asked about."""
    assert set(unknown_names(text, names)) <= set(names)
    assert all(path.startswith("/") for _, path in called_programs(text))
