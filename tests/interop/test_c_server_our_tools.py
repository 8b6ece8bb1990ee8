# SPDX-License-Identifier: GPL-2.0-or-later
"""Our upsc, upscmd and upsrw against C upsd: the same output and exit status as C's own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

from ridethrough.cli import upsc, upscmd, upsrw
from ridethrough.protocol.driver import DriverRequest, InstCmd, SetVar
from ridethrough.ups.commands import Outcome
from ridethrough.ups.state import Snapshot
from ridethrough.ups.variables import Variable, VarKind
from tests.support import cnut
from tests.support.fakedriver import fake_driver
from tests.support.wait import wait_until

pytestmark = pytest.mark.cnut

PLAIN = r"""
# A comment
ups.status: OL CHRG
ups.mfr: Example Power
ups.model: \"Quoted\" 700
ups.id: rack \# 1
ups.contact: back\\slash
battery.charge: 90.5
battery.voltage: 13.6
input.transfer.low: 103
device.location: "two  blanks"
"""
LOW = """
ups.status: OB LB
battery.charge: 7
ups.alarm: Replace battery!
"""
# What C's dummy-ups can't say (ENUM, RANGE, bytes beyond ASCII) comes from a driver of our own.
RICH = (
    Variable("ups.status", "OL"),
    Variable("ups.id", "Zo\u00eb's", True, VarKind.STRING, 32),
    Variable("ups.model", 'a "b" \\ #c = d \udcff'),
    Variable("input.sensitivity", "medium", True, VarKind.STRING, 8, ("low", "medium", "h i g h")),
    Variable("input.transfer.low", "98", True, VarKind.NUMBER, 0, ("95", "98", "#1")),
    Variable("input.transfer.high", "120", True, VarKind.NUMBER, 0, (), (("110", "115"), ("118", "125"))),
    Variable("ups.delay.start", "-1", True),
    Variable("battery.charge", "100"),
)
COMMANDS = frozenset({"load.off", "load.on.delay", "test.battery.start", "private.thing"})
TOOLS = {"upsc": upsc, "upscmd": upscmd, "upsrw": upsrw}
USER = ["-u", "admin", "-p", "secret"]

Captured = pytest.CaptureFixture[bytes]


@dataclass(frozen=True, slots=True)
class Servers:
    """A C upsd and what the fake driver behind `rich` was asked."""

    upsd: cnut.CUpsd
    seen: list[DriverRequest]


def _answer(request: InstCmd | SetVar) -> Outcome:
    return Outcome.FAILED if request.name == "load.off" else Outcome.HANDLED


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """One server with three devices for all tests of this file."""
    with contextlib.ExitStack() as stack:
        state = stack.enter_context(cnut.state_directory())
        snapshot = Snapshot({variable.name: variable for variable in RICH}, COMMANDS)
        seen = stack.enter_context(fake_driver(state / "fake-rich", snapshot, _answer))
        directory: Path = tmp_path_factory.mktemp("upsd")
        upsd = stack.enter_context(
            cnut.c_upsd(
                directory,
                {"plain": PLAIN, "low": LOW},
                sections={"plain": [r'desc = "A \"desk\" \# 1"']},
                others={"rich": "fake"},
                statepath=state,
            )
        )
        yield Servers(upsd, seen)


def run_ours(tool: str, words: list[str], captured: Captured) -> tuple[int, bytes, bytes]:
    """Status, output and errors of our command."""
    module: ModuleType = TOOLS[tool]
    captured.readouterr()
    status = module.main([tool, *words])
    out, errors = captured.readouterr()
    return status, out, errors


def run_c(tool: str, words: list[str]) -> tuple[int, bytes, bytes]:
    """The same of C's; its notice about certificates is left out."""
    done = cnut.c_tool(tool, *words)
    errors = done.stderr.replace(b"Init SSL without certificate database\n", b"")
    return done.returncode, done.stdout, errors


@pytest.mark.parametrize("ups", ["plain", "low", "rich"])
@pytest.mark.parametrize(
    ("tool", "options"), [("upsc", []), ("upscmd", ["-l"]), ("upsrw", []), ("upsc", ["-c"])]
)
def test_lists_equal(
    servers: Servers, capfdbinary: Captured, tool: str, options: list[str], ups: str
) -> None:
    """Every listing of a UPS is byte for byte what C's program prints."""
    words = [*options, servers.upsd.target(ups)]
    ours = run_ours(tool, words, capfdbinary)
    assert ours == run_c(tool, words)
    assert ours[0] == 0


@pytest.mark.parametrize("option", ["-l", "-L"])
def test_names_of_upses_equal(servers: Servers, capfdbinary: Captured, option: str) -> None:
    """The list of UPSes is what C's upsc prints, descriptions with quotes and # included."""
    words = [option, f"{servers.upsd.host}:{servers.upsd.port}"]
    ours = run_ours("upsc", words, capfdbinary)
    assert ours == run_c("upsc", words)
    assert b"plain" in ours[1]


@pytest.mark.parametrize("variable", [variable.name for variable in RICH])
def test_one_variable_equal(servers: Servers, capfdbinary: Captured, variable: str) -> None:
    """A single value is printed byte for byte as by C, whatever is in it."""
    words = [servers.upsd.target("rich"), variable]
    ours = run_ours("upsc", words, capfdbinary)
    assert ours == run_c("upsc", words)
    assert ours[0] == 0


@pytest.mark.parametrize(
    ("tool", "before", "after"),
    [
        ("upsc", [], ["no.such.variable"]),
        ("upsc", [], ["old"]),
        ("upscmd", [*USER], ["no.such.command"]),
        ("upscmd", [*USER], ["old"]),
        ("upscmd", ["-u", "admin", "-p", "wrong"], ["load.off"]),
        ("upscmd", ["-u", "nobody", "-p", "secret"], ["load.off"]),
        ("upscmd", [*USER, "-w"], ["load.off"]),
        ("upscmd", [*USER, "-w"], ["load.on.delay", "30"]),
        ("upscmd", [*USER], ["load.on.delay"]),
        ("upsrw", [*USER, "-s", "ups.model=x"], []),
        ("upsrw", [*USER, "-s", "no.such=x"], []),
        ("upsrw", [*USER, "-s", f"ups.id={'x' * 33}"], []),
        ("upsrw", [*USER, "-s", "input.transfer.high=117"], []),
        ("upsrw", [*USER, "-s", "input.sensitivity=none"], []),
        ("upsrw", [*USER, "-s", "input.sensitivity=h i g h"], []),
        ("upsrw", [*USER, "-w", "-s", 'ups.id=a "b" \\ #c'], []),
    ],
)
def test_outcomes_equal(
    servers: Servers, capfdbinary: Captured, tool: str, before: list[str], after: list[str]
) -> None:
    """Exit status and output are C's; an error begins with C's words (ours goes on: place and advice)."""
    words = [*before, servers.upsd.target("rich"), *after]
    c_status, c_out, c_errors = run_c(tool, words)
    status, out, errors = run_ours(tool, words, capfdbinary)
    assert (status, out) == (c_status, c_out)
    assert errors.startswith(c_errors.rstrip())
    if status:
        assert errors.count(b"\n") == 1


@pytest.mark.parametrize("ups", ["nosuch", "two words"])
def test_unknown_ups_is_said_as_c_says_it(servers: Servers, capfdbinary: Captured, ups: str) -> None:
    """`Error: Unknown UPS` and exit status 1, from all three programs, with the server's name."""
    for tool, options in (("upsc", []), ("upsrw", []), ("upscmd", ["-l"])):
        words = [*options, servers.upsd.target(ups)]
        status, out, errors = run_ours(tool, words, capfdbinary)
        assert (status, out) == (1, b"")
        assert errors.startswith(run_c(tool, words)[2].rstrip())
        assert str(servers.upsd.port).encode() in errors


def test_a_value_of_several_words_reaches_the_driver(servers: Servers, capfdbinary: Captured) -> None:
    """Quotes, backslashes, # and = arrive at the driver as they were typed."""
    value = 'x "y" \\z #1 = 2'
    words = [*USER, "-s", f"ups.id={value}", servers.upsd.target("rich")]
    assert run_ours("upsrw", words, capfdbinary)[0] == 0
    wait_until(lambda: SetVar("ups.id", value) in servers.seen, 5, "SET at the driver")
