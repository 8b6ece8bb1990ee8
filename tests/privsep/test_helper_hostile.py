# SPDX-License-Identifier: GPL-2.0-or-later
"""The privileged helper, spoken to by somebody hostile."""

from __future__ import annotations

import json
import select
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ridethrough.privsep import helper
from ridethrough.privsep.config import HelperConfig
from ridethrough.privsep.messages import MAX_MESSAGE, State, Verb
from tests.support.helper_core import NOTICE, SELF, Core, Start, script
from tests.support.wait import wait_until


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
    """A value is refused, or is bounded text without control characters, and for names plain ASCII."""
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
