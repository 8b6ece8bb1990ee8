# SPDX-License-Identifier: GPL-2.0-or-later
"""upsd.users: rights are granted where they are written, and nowhere else."""

from __future__ import annotations

import pytest

from ridethrough.config.models import Role, UpsdUsers, User
from ridethrough.config.users import parse_users


def read(text: str) -> tuple[UpsdUsers, list[str]]:
    conf, problems = parse_users(text.encode())
    return conf, [str(problem) for problem in problems]


def one(lines: str) -> User:
    return read(f"[u]\npassword = pw\n{lines}\n")[0].users["u"]


def test_a_good_file_is_read_whole() -> None:
    """Sections, repeated fields, all ways of writing a role."""
    conf, problems = read(
        "[admin]\n  password = mypass\n  actions = set\n  actions = FSD\n  instcmds = all\n"
        '[pfy]\npassword="d u h"\ninstcmds = test.panel.start\ninstcmds = Test.Panel.Stop\n'
        "[up]\npassword = blah\nupsmon primary\n[old]\npassword = x\nupsmon = slave\n"
    )
    assert problems == []
    admin, pfy, up, old = conf.users.values()
    assert admin.actions == {"SET", "FSD"}
    assert admin.allows_command("shutdown.return")
    assert admin.allows("set")
    assert not admin.allows("LOGIN")
    assert pfy.password.reveal() == "d u h"
    assert pfy.instcmds == {"test.panel.start", "test.panel.stop"}
    assert pfy.allows_command("TEST.panel.start")
    assert not pfy.allows_command("load.off")
    assert (up.role, old.role) == (Role.PRIMARY, Role.SECONDARY)
    assert all(up.allows(action) for action in ("LOGIN", "PRIMARY", "FSD"))
    assert old.allows("LOGIN")
    assert not old.allows("FSD")
    assert [user.line for user in conf.users.values()] == [1, 6, 10, 13]


@pytest.mark.parametrize(
    ("word", "role"),
    [
        ("primary", Role.PRIMARY),
        ("Master", Role.PRIMARY),
        ("secondary", Role.SECONDARY),
        ("slave", Role.SECONDARY),
    ],
)
@pytest.mark.parametrize("form", ["upsmon {}", "upsmon = {}", "upsmon={}", "UPSMON {}"])
def test_a_role_is_read_in_old_and_new_words(form: str, word: str, role: Role) -> None:
    """upsd.users of ten years ago still works."""
    assert one(form.format(word)).role is role


def test_several_actions_on_a_line_are_all_read() -> None:
    """`actions = SET FSD` as people write it; NUT's C reads further words as well."""
    assert one("actions = SET FSD").actions == {"SET", "FSD"}
    assert one("instcmds = beeper.mute load.on").instcmds == {"beeper.mute", "load.on"}


def test_the_stronger_role_counts() -> None:
    """As in C, where each upsmon line adds its rights."""
    assert one("upsmon primary\nupsmon secondary").role is Role.PRIMARY
    assert one("upsmon secondary\nupsmon primary").role is Role.PRIMARY


def test_what_upsmon_needs_may_be_set_by_hand_with_a_warning() -> None:
    """C NUT grants it; its manual advises against it."""
    user = one("actions = LOGIN MASTER")
    assert user.allows("LOGIN")
    assert user.allows("PRIMARY")
    assert user.role is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "[u]\npassword = pw\nadmin master",
            "upsd.users:3: warning: unknown field; the line is ignored; known here: ",
        ),
        (
            "[u]\npassword = pw\nacti0ns = SET",
            "unknown field 'acti0ns'; the line is ignored; did you mean 'actions'?",
        ),
        (
            "[u]\npassword = pw\nactions SET",
            "upsd.users:3: error: the = behind actions is missing; write: actions = SET",
        ),
        ("[u]\npassword = pw\nactions = SETT", "unknown action; it is not granted; did you mean 'SET'?"),
        ("[u]\npassword = pw\nactions = DANCE", "unknown action; it is not granted; NUT knows SET and FSD"),
        ("[u]\npassword = pw\nactions = LOGIN", "what upsmon needs is not set by hand"),
        ("[u]\npassword = pw\nupsmon monitor-only", "upsmon: the value is not one of primary, secondary"),
        ("[u]\npassword = pw\nupsmon primry", "did you mean 'primary'?"),
        ("[u]\npassword = pw\nupsmon", "the = behind upsmon is missing; write: upsmon primary"),
        ("[u]\npassword = pw\nallowfrom = all", "allowfrom: NUT has no access lists any more"),
        ("[u]\npassword = pw\nallowfrom = all\nallowfrom = all", "upsd.users:4: warning: allowfrom"),
        ("[u]\npassword = pw", "upsd.users:1: warning: [u] may do nothing"),
        ("[u]\nupsmon primary", "upsd.users:1: error: [u] has no password; nobody can log in"),
        (
            "[u]\npassword pw",
            "upsd.users:2: error: the = behind password is missing; write: password = PASSWORD",
        ),
        ('[u]\npassword = ""', "password: the password is empty"),
        ("[u]\npassword = two words", "password: only the first word behind the = is the password"),
        (
            "[u]\npassword = a\npassword = b\nactions = SET",
            "password stands on line 2 already; the first one counts",
        ),
        ("[u]\npassword = a\nupsmon primary\nupsmon slave", "upsmon stands on line 3 already; both count"),
        ("[u]\npassword = a\n[u]\npassword = b", "upsd.users:3: error: [u] stands on line 1 already"),
        ("password = a", "upsd.users:1: error: this line stands above the first [user]"),
        ("[my user]\npassword = a", "this section header cannot be read"),
        ("[u] password = a", "words behind this header are ignored"),
        ("[" + "x" * 80 + "]", "this user has no password"),
    ],
)
def test_faults_are_told(text: str, message: str) -> None:
    """Place, fault, remedy; never a value."""
    assert any(message in problem for problem in read(text)[1]), read(text)[1]


def test_a_faulty_first_password_leaves_room_for_the_right_one() -> None:
    """The user corrected himself one line below."""
    conf, _ = read("[u]\npassword pw\npassword = pw\nupsmon primary\n")
    assert conf.users["u"].password.reveal() == "pw"


def test_the_first_word_is_the_password() -> None:
    """As in C NUT, where existing installations may rely on it."""
    conf, _ = read("[u]\npassword = two words\npassword = other\nactions = SET\n")
    assert conf.users["u"].password.reveal() == "two"


def test_the_first_password_counts() -> None:
    """As in C NUT."""
    conf, _ = read("[u]\npassword = a\npassword = b\nactions = SET\n")
    assert conf.users["u"].password.reveal() == "a"


def test_a_repeated_section_grants_nobody_its_rights() -> None:
    """C NUT gives them to the user before; ours gives them to none."""
    conf, _ = read("[a]\npassword = x\nactions = SET\n[b]\npassword = y\nupsmon slave\n[a]\ninstcmds = ALL\n")
    assert [user.instcmds for user in conf.users.values()] == [frozenset(), frozenset()]


def test_lines_below_a_broken_header_grant_nobody_their_rights() -> None:
    """C NUT gives them to the user before; ours gives them to none."""
    conf, _ = read("[a]\npassword = x\nactions = SET\n[the boss]\npassword = y\ninstcmds = ALL\n")
    assert list(conf.users) == ["a"]
    assert conf.users["a"].instcmds == frozenset()


def test_nobody_is_a_user_without_a_password() -> None:
    """An empty password would let everybody in."""
    assert dict(read('[a]\nactions = SET\n[b]\npassword = ""\nactions = SET\n')[0].users) == {}
