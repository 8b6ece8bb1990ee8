# SPDX-License-Identifier: GPL-2.0-or-later
"""GET DESC and CMDDESC: every name of NUT's vocabulary has words, and they are our own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ridethrough.ups.vocabulary import COMMANDS, VARIABLES, describe_command, describe_variable

NAMES = Path(__file__).with_name("names.txt")
CMDVARTAB = Path("/usr/share/nut/cmdvartab")


def names() -> dict[str, list[str]]:
    """The lists of names.txt by their heading."""
    found: dict[str, list[str]] = {}
    here: list[str] = []
    for line in NAMES.read_text().splitlines():
        if line.startswith("["):
            here = found.setdefault(line[1:-1], [])
        elif line and not line.startswith("#"):
            here.append(line)
    return found


def test_every_name_is_described() -> None:
    """No variable and no command of NUT's lists is left without a description."""
    lists = names()
    assert len(lists["variables"]) > 280
    assert len(lists["commands"]) > 50
    assert [name for name in lists["variables"] if not describe_variable(name)] == []
    assert [name for name in lists["commands"] if not describe_command(name)] == []


def test_every_three_phase_name_is_described() -> None:
    """DOMAIN.CONTEXT.SPEC for every combination that NUT allows, and each one says which phase it is."""
    lists = names()
    texts: dict[str, str | None] = {}
    for domain in lists["domains"]:
        for spec in lists["specs"]:
            texts[f"{domain}.{spec}"] = describe_variable(f"{domain}.{spec}")
            for context in lists["contexts"]:
                texts[f"{domain}.{context}.{spec}"] = describe_variable(f"{domain}.{context}.{spec}")
    assert [name for name, text in texts.items() if not text] == []
    assert len(set(texts.values())) == len(texts)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ups.status", VARIABLES["ups.status"]),
        ("UPS.Status", VARIABLES["ups.status"]),
        ("input.L1.voltage", "Voltage at the input, phase L1 (V)"),
        ("output.L1-N.voltage", "Voltage at the output, phase L1 to neutral (V)"),
        ("input.bypass.L1-L2.voltage", "Voltage at the bypass input, phase L1 to L2 (V)"),
        ("input.N.current", "Current at the input, neutral (A)"),
        ("input.2.frequency", "Frequency at input 2 (Hz)"),
        ("input.2.transfer.low", "Input voltage below which the UPS goes to battery, input 2 (V)"),
        ("ups.L2.realpower", "Real power of the UPS, phase L2 (W)"),
        ("battery.voltage.maximum", "Highest voltage so far of the battery (V)"),
        ("outlet.3.current", "Current of outlet 3 (A)"),
        ("outlet.3.status", "Whether outlet 3 is on or off"),
        ("outlet.0.status", "Whether the whole set of outlets is on or off"),
        ("outlet.status", "Whether the whole set of outlets is on or off"),
        ("outlet.group.2.voltage", "Voltage of outlet group 2 (V)"),
        ("outlet.group.2.status", "Whether outlet group 2 is on or off"),
        ("outlet.group.2.type", "Kind of outlet group 2"),
        ("ambient.2.temperature", "Temperature at the sensor, sensor 2 (degrees C)"),
        ("ambient.0.temperature", "Temperature at the sensor (degrees C)"),
        ("ambient.3.contacts.1.name", "Name of dry contact 1, sensor 3"),
        ("ambient.contacts.2.name", "Name of dry contact 2"),
        ("device.2.ups.load", "Load on the UPS, device 2 (percent of its rating)"),
        ("device.2.outlet.1.name", "Name of outlet 1, device 2"),
        ("driver.parameter.pollfreq", "A setting of the driver, from ups.conf or its command line"),
        ("driver.flag.nolock", "A flag of the driver, from ups.conf or its command line"),
    ],
)
def test_a_description_says_which_one_is_meant(name: str, text: str) -> None:
    """Phase, number and device stand in the text, in front of the unit."""
    assert describe_variable(name) == text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("LOAD.OFF", COMMANDS["load.off"]),
        ("outlet.1.load.off", "Switch outlet 1 off at once"),
        ("outlet.group.2.load.on", "Switch outlet group 2 on at once"),
        ("device.2.beeper.mute", "Silence the beeper for now, device 2"),
        ("device.2.outlet.1.load.off.delay", "Switch outlet 1 off after a delay, device 2 (seconds)"),
    ],
)
def test_a_command_says_what_it_acts_on(name: str, text: str) -> None:
    """The outlet and the device that a command names stand in its description."""
    assert describe_command(name) == text


@pytest.mark.parametrize(
    "name",
    [
        "",
        "no.such",
        "experimental.something",
        "unmapped.ups.x",
        "input.L4.voltage",
        "input.L1.sensitivity",
        "input.inverter.voltage",
        "outlet.1.nothing",
        "outlet.1",
        "outlet.#.status",
        "ambient.1.contacts.x.status",
        "device.1.device.2.ups.load",
        "device.1.",
        "driver.parameter.",
        "driver.flag.",
        "ups." + "x" * 5000,
        "outlet.\u0661.status",
    ],
)
def test_what_nobody_knows_has_no_description(name: str) -> None:
    """An unknown name gets None, never a guess."""
    assert describe_variable(name) is None
    assert describe_command(name) is None


@settings(max_examples=200)
@given(st.text(alphabet="abl123n.-#%{} ") | st.sampled_from(sorted(VARIABLES)).map(lambda name: name + ".x"))
def test_no_name_raises(name: str) -> None:
    """Whatever a client asks for, the answer is a text or None."""
    for text in (describe_variable(name), describe_command(name)):
        assert text is None or text


def test_texts_can_stand_in_a_line() -> None:
    """No description holds a quote, a line break or a placeholder that was not filled."""
    lists = names()
    texts = [describe_variable(name) for name in lists["variables"]]
    texts += [describe_command(name) for name in lists["commands"]]
    texts += [*VARIABLES.values(), *COMMANDS.values()]
    for text in texts:
        assert text is not None
        assert text.isprintable()
        assert '"' not in text
        assert len(text) <= 100
        assert "{" not in text


@pytest.mark.cnut
def test_the_words_are_our_own() -> None:
    """None of the descriptions is that of the cmdvartab installed here."""
    table = CMDVARTAB.read_text()
    theirs = {text.casefold() for text in re.findall(r'^(?:VAR|CMD)DESC \S+ "(.*)"', table, re.MULTILINE)}
    assert len(theirs) > 150
    lists = names()
    ours = {describe_variable(name) or "" for name in lists["variables"]}
    ours |= {describe_command(name) or "" for name in lists["commands"]}
    assert {text for text in ours if text.casefold() in theirs} == set()
