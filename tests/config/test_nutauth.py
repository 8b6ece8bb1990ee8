# SPDX-License-Identifier: GPL-2.0-or-later
"""nutauth.conf: each server gets the account that is meant for it, and no password comes out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ridethrough.config.nutauth import (
    EVERYWHERE,
    MAX_FILES,
    Account,
    Key,
    NutAuth,
    fatal,
    parse_nutauth,
    section_key,
)
from ridethrough.config.nutauth_file import load_nutauth
from ridethrough.config.problems import Problem, Problems
from ridethrough.config.secret import Secret

SECRET = "zq7Xw9Kv"


def read(text: str, others: Mapping[str, str] | None = None) -> tuple[NutAuth, list[str]]:
    """What a file says, with files that it may include."""

    def include(name: str) -> tuple[bytes | None, list[Problem]]:
        found = (others or {}).get(name)
        return (None if found is None else found.encode()), []

    auth, problems = parse_nutauth(text.encode(), "n", include, {"nut": 3493, "odd": 4000}.get)
    return auth, [str(problem) for problem in problems]


def account(
    auth: NutAuth, host: str, port: int = 3493, user: str | None = None
) -> tuple[str | None, str | None]:
    """User and password for a server."""
    found = auth.find(host, port, user)
    return found.user, None if found.password is None else found.password.reveal()


GOOD = """
# all servers
user = common        # any case
Password = "p common"
CERTVERIFY = on
FORCESSL = 0
[@localhost]
  PASS = "local"
[admin@localhost]
  PASS = adminpass
[far.example:4000]
  USERNAME = far
  FORCESSL
[joe@[2001:DB8::1]:odd]
  PASS = six
[@:nut]
  CERTHOST = name
"""


def test_a_good_file_is_read_whole() -> None:
    """All forms of headers, settings in any case, values from the most particular section first."""
    auth, problems = read(GOOD)
    assert problems == []
    assert account(auth, "other") == ("common", "p common")
    assert account(auth, "localhost") == ("common", "local")
    assert account(auth, "LocalHost", 3494) == ("common", "p common")
    assert account(auth, "localhost", user="admin") == ("admin", "adminpass")
    assert account(auth, "far.example", 4000) == ("far", "p common")
    assert account(auth, "2001:db8::1", 4000, "joe") == ("joe", "six")
    assert auth.find("localhost", 3493).certhost == "name"


def test_a_password_stays_with_its_user() -> None:
    """Another user than the one it stands beside does not get it; a password without a user is for all."""
    auth, _ = read(GOOD)
    assert account(auth, "other", user="somebody") == ("somebody", None)
    assert account(auth, "other", user="common") == ("common", "p common")
    auth, _ = read("[@h]\nPASS = x\n")
    assert account(auth, "h") == (None, "x")
    assert account(auth, "h", user="somebody") == ("somebody", "x")


@pytest.mark.parametrize(
    ("lines", "needed"),
    [
        ("", False),
        ("FORCESSL = yes", True),
        ("FORCESSL", True),
        ("CERTVERIFY = 1", True),
        ("CERTVERIFY = 1\nFORCESSL = off", False),
        ("FORCESSL = on\nFORCESSL = -1", False),
        ("FORCESSL = no", False),
    ],
)
def test_when_nothing_may_go_in_the_clear(lines: str, needed: bool) -> None:
    """FORCESSL, or CERTVERIFY unless FORCESSL is off."""
    auth, problems = read(lines)
    assert problems == []
    assert auth.find("h", 1).needs_tls is needed


@pytest.mark.parametrize(
    ("title", "key"),
    [
        ("", EVERYWHERE),
        ("_global_defaults", EVERYWHERE),
        ("@h:1", Key("", "h", 1)),
        ("@h", Key("", "h", 3493)),
        ("H", Key("", "h", 3493)),
        ("h:2", Key("", "h", 2)),
        (":2", Key("", "localhost", 2)),
        ("@:2", Key("", "localhost", 2)),
        ("@h:", Key("", "h", 3493)),
        ("u@", Key("u", "localhost", 3493)),
        ("U@h:odd", Key("U", "h", 4000)),
        ("u@[::1]", Key("u", "::1", 3493)),
        ("[::1]:5", Key("", "::1", 5)),
    ],
)
def test_headers_in_their_full_form(title: str, key: Key) -> None:
    """As nutauth.conf(5) has it; a service name counts as its port."""
    assert section_key(title, {"odd": 4000}.get) == key


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("PASS zq7Xw9Kv", "n:1: error: PASS takes = and one value; text with blanks stands in quotes"),
        ("PASS =", "n:1: error: PASS has no value"),
        ("PASS", "n:1: error: PASS has no value"),
        ("FORCESSL = maybe", "n:1: error: FORCESSL: the value is neither yes nor no"),
        (
            "forcessl = on",
            "n:1: warning: unknown setting 'forcessl'; the line is ignored; letter case counts",
        ),
        (
            "PASSWRD = x",
            "n:1: warning: unknown setting 'PASSWRD'; the line is ignored; did you mean 'PASSWORD'?",
        ),
        ("zq7Xw9Kv = x", "n:1: warning: unknown setting; the line is ignored"),
        ("[a@h]\nUSER = b", "n:2: warning: the header names the user; this line is ignored"),
        (
            "[@h:99999]\nPASS = x",
            "n:1: error: the port is neither a number from 1 to 65535 nor known by name",
        ),
        ("[@::1]\nPASS = x", "n:1: error: an IPv6 address needs brackets here"),
        ("[a:b@h]\nPASS = x", "n:1: error: there is a colon in front of the @"),
        ("[@[::1]\nPASS = x", "n:1: error: the IPv6 address cannot be read"),
        ("[@h two]\nPASS = x", "n:1: error: the header cannot be read"),
        ("INCLUDE", "n:1: error: INCLUDE needs one file name"),
        ("INCLUDE_REQUIRED", "n:1: error: INCLUDE_REQUIRED needs one file name"),
        ("INCLUDE_REQUIRED /none", "n:1: error: the file that INCLUDE_REQUIRED names is missing"),
    ],
)
def test_what_is_wrong_is_said(text: str, problem: str) -> None:
    """File, line and what to write; never a value."""
    auth, problems = read(text)
    assert len(problems) == 1
    assert problems[0].startswith(problem)
    assert SECRET not in problems[0]
    assert account(auth, "h") == (None, None)


def test_the_first_word_counts() -> None:
    """As in C's clients; the others are warned of, and no password is repeated."""
    auth, problems = read(f"USER = me\nPASS = {SECRET} two\n")
    assert account(auth, "h") == ("me", SECRET)
    assert [problem.partition(";")[0] for problem in problems] == [
        "n:2: warning: PASS: only the first word behind the = counts"
    ]
    assert SECRET not in problems[0]


def test_the_first_user_line_of_a_named_section_may_repeat_it() -> None:
    """USER with the name of the header is no fault."""
    assert read("[a@h]\nUSER = a\nPASS = x")[1] == []


def test_included_at_the_top() -> None:
    """A file included above all sections sets defaults and has sections; what follows goes on above them."""
    others = {"/more": "USER = common\n[@h]\nUSER = h\n"}
    auth, problems = read("INCLUDE /more\nPASS = late\n[@h]\nPASS = own\n", others)
    assert problems == []
    assert account(auth, "x") == ("common", "late")
    assert account(auth, "h") == ("h", "own")


def test_included_in_a_section() -> None:
    """Such a file sets that section only: its lines without a header, and the section of the same name."""
    others = {"/more": "USER = a\n[@other]\nUSER = x\n[]\nPASS = x\n[h:3493]\nPASS = b\n"}
    auth, problems = read("[@h]\nINCLUDE = /more\n", others)
    assert account(auth, "h") == ("a", "b")
    assert account(auth, "other") == (None, None)
    assert [line.split(";")[0] for line in problems] == [
        "/more:2: warning: this file was included into another section",
        "/more:4: warning: this file was included into another section",
    ]


def test_includes_are_bounded() -> None:
    """A file that includes itself, or many, ends in an error."""
    _, problems = read("INCLUDE /me\n", {"/me": "INCLUDE /me\nINCLUDE /me\n"})
    assert 0 < len(problems) <= MAX_FILES * 2
    assert "see whether a file includes itself" in problems[0]


def test_what_is_fatal() -> None:
    """A missing required file always; any error if the file was asked for."""
    missing, _ = read("INCLUDE_REQUIRED /none\n")
    assert fatal(missing, [], asked_for=False)
    warned, wrong = Problems("n"), Problems("n")
    warned.warn(1, "x")
    wrong.error(1, "x")
    assert not fatal(NutAuth(), warned.listed(), asked_for=True)
    assert not fatal(NutAuth(), wrong.listed(), asked_for=False)
    assert fatal(NutAuth(), wrong.listed(), asked_for=True)


def test_no_password_is_printed() -> None:
    """An account can be shown whole."""
    text = repr(Account(user="u", password=Secret(SECRET), certident_pass=Secret(SECRET)))
    assert SECRET not in text
    assert SECRET not in repr(read(f"PASS = {SECRET}\n")[0])


LINES = st.sampled_from(
    [
        "[@h]",
        "[",
        "]",
        "USER = a",
        f'PASS = "{SECRET}"',
        f"PASS {SECRET} x",
        "INCLUDE /me",
        "FORCESSL = x",
        '"',
        "\\",
        "\0",
    ]
)


@settings(max_examples=150)
@given(st.lists(LINES | st.text(max_size=12), max_size=12))
def test_any_file_is_read(lines: list[str]) -> None:
    """Never an exception, a bounded list, and no password in it."""
    text = "\n".join(lines)
    data = text.encode("utf-8", "surrogatepass")
    auth, problems = parse_nutauth(data, "n", lambda name: (data, []))
    assert all(SECRET not in str(problem) for problem in problems)
    auth.find("h", 3493, "a")


def test_from_the_disk(tmp_path: Path) -> None:
    """Includes are read from the disk; a file that everybody may read is warned of, by its full path."""
    top, more = tmp_path / "nutauth.conf", tmp_path / "more"
    top.write_text(f"INCLUDE {more}\nINCLUDE {tmp_path / 'none'}\nPORT = 1\n[@h:nut]\nUSER = a\n")
    more.write_text("PASS = x\n")
    top.chmod(0o600)
    more.chmod(0o644)
    auth, problems = load_nutauth(top)
    assert auth is not None
    assert account(auth, "h") == ("a", "x")
    said = [str(problem) for problem in problems]
    assert said[0].startswith(f"{more}: warning: everybody on this host can read the passwords in it")
    assert said[1].startswith(f"{top}:3: warning: unknown setting")


def test_a_file_that_is_none(tmp_path: Path) -> None:
    """A missing file is None without a word, a directory None with one."""
    assert load_nutauth(tmp_path / "none") == (None, [])
    assert load_nutauth(Path("a\0b")) == (None, [])
    auth, problems = load_nutauth(tmp_path)
    assert auth is None
    assert len(problems) == 1
