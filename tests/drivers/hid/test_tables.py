# SPDX-License-Identifier: GPL-2.0-or-later
"""All sub-driver tables: what must hold for each row of them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ridethrough.drivers.hid.conversions import flag
from ridethrough.drivers.hid.matching import SUBDRIVERS
from ridethrough.drivers.hid.rows import Context, Conversion, Flags, Kind, Row, Subdriver
from ridethrough.drivers.hid.usages import format_path, parse_path
from ridethrough.ups.vocabulary import describe_command, describe_variable

# Names of NUT's tables that its list of names does not have.
UNLISTED = {
    "battery.capacity.design",
    "battery.capacity.full",
    "battery.charger.abm.status",
    "battery.charger.mode.status",
    "battery.charger.type.status",
    "battery.runtime.elapsed",
    "device.country",
    "input.frequency.transfer.high",
    "input.frequency.transfer.low",
    "output.transfer.high",
    "output.transfer.low",
    "ups.load.nominal",
}
# Status words that the engine knows (NUT's drivers/usbhid-ups.c), besides those of no effect.
WORDS = set(
    "online offline dischrg chrg lowbatt overload replacebatt shutdownimm trim boost bypassauto bypassman "
    "ecomode essmode off cal overheat commfault depleted timelimitexp fullycharged notfullycharged "
    "awaitingpower fanfail nobattery battvoltlo battvolthi chargerfail vrange frange".split()
)
EFFECTLESS = {"normal", "yes", "no"}  # said by tables of NUT, meaning nothing to ups.status
ROWS = {
    "explore": 0,
    "mge": 251,
    "apc": 97,
    "arduino": 31,
    "belkin": 83,
    "cps": 57,
    "delta_ups": 70,
    "ecoflow": 31,
    "ever": 116,
    "idowell": 37,
    "legrand": 44,
    "liebert": 39,
    "openups": 27,
    "powercom": 82,
    "powervar": 17,
    "salicru": 44,
    "tripplite": 77,
}

each_subdriver = pytest.mark.parametrize("subdriver", SUBDRIVERS, ids=lambda one: one.key)


def all_rows() -> Iterator[tuple[Subdriver, Row]]:
    """Each row of each table."""
    return ((subdriver, row) for subdriver in SUBDRIVERS for row in subdriver.rows)


def conversions() -> list[Conversion]:
    """Each conversion once."""
    return list({id(row.convert): row.convert for _, row in all_rows() if row.convert is not None}.values())


def devices() -> list[Context]:
    """Devices of each kind that a conversion tells apart."""
    report = bytes(range(1, 9))
    odd = Context(
        0x04D8,
        0xD004,
        "Maker",
        "Model",
        "Serial",
        options={"ondelay": "x", "powercom_sdcmd_discrete_delay": ""},
        variables={"battery.voltage.nominal": "24", "battery.charge": "50", "ups.time": "10:00:00"},
        string=lambda index: "text",
        report=lambda report_id: report,
    )
    return [Context(), odd]


def test_no_row_was_lost() -> None:
    """Each family has as many rows as NUT's table (2.8.5), without those it compiles only for developers."""
    assert {one.key: len(one.rows) for one in SUBDRIVERS} == ROWS


@each_subdriver
def test_each_path_is_read_and_printed_back(subdriver: Subdriver) -> None:
    """A typing error in a path would be a row that never matches a device."""
    for row in subdriver.rows:
        path = parse_path(row.path, subdriver.usages)
        assert parse_path(format_path(path, subdriver.usages), subdriver.usages) == path, row


@each_subdriver
def test_each_name_is_one_of_nuts(subdriver: Subdriver) -> None:
    """Clients look for the names of NUT's list; others are marked experimental, or known to be unlisted."""
    for row in subdriver.rows:
        if row.kind is Kind.VARIABLE:
            known = (
                describe_variable(row.name) or row.name.startswith("experimental.") or row.name in UNLISTED
            )
            assert known, row
        elif row.kind is Kind.COMMAND:
            assert describe_command(row.name) or row.name.startswith("experimental."), row
        else:
            assert row.name == ("BOOL" if row.kind is Kind.STATUS else "ups.alarm"), row


@each_subdriver
def test_no_command_is_listed_twice(subdriver: Subdriver) -> None:
    """The same command on the same path a second time could never be reached."""
    commands = [(row.name, row.path) for row in subdriver.rows if row.kind is Kind.COMMAND]
    assert len(set(commands)) == len(commands)


@each_subdriver
def test_each_row_can_be_shown_or_sent(subdriver: Subdriver) -> None:
    """A variable has a format, a conversion or a first value; a status has a conversion."""
    for row in subdriver.rows:
        if row.kind is Kind.COMMAND:
            assert not row.format, row
            assert re.fullmatch(r"-?[0-9]+", row.default or "0"), row
        elif Flags.ABSENT in row.flags:
            assert row.default is not None, row
            assert not row.format, row
            assert row.convert is None, row
        elif row.convert is None:
            assert re.fullmatch(r"%\.[0-3]f", row.format), row
        assert row.kind is Kind.VARIABLE or row.kind is Kind.COMMAND or row.convert is not None, row


@each_subdriver
def test_only_writable_texts_have_a_length_and_choices(subdriver: Subdriver) -> None:
    """Rights are given to what can be converted back."""
    for row in subdriver.rows:
        if Flags.RW in row.flags:
            assert row.kind is Kind.VARIABLE, row
        if row.length:
            assert Flags.STRING in row.flags, row
        if Flags.ENUM in row.flags:
            assert Flags.RW in row.flags, row
            assert row.convert is not None, row
            assert row.convert.entries, row


def test_writable_rows_that_can_not_be_written() -> None:
    """NUT's tables offer some settings that no text can be converted back for: these and no more."""
    found = {
        (subdriver.key, row.name)
        for subdriver, row in all_rows()
        if Flags.RW in row.flags and row.convert and not row.convert.entries and not row.convert.to_value
    }
    assert found == {("belkin", "input.sensitivity")}


@pytest.mark.parametrize("value", [*range(-1, 18), 0x40, 0x80, 0x2000, 0xFF])
def test_status_rows_say_words_that_are_known(value: int) -> None:
    """A word that nobody knows would be a status that is never seen."""
    for context in devices():
        for subdriver, row in all_rows():
            if row.kind is Kind.STATUS and row.convert is not None:
                text = row.convert.text(value, context)
                assert text is None or text.lstrip("!") in WORDS | EFFECTLESS, (subdriver.key, row)


@settings(max_examples=40, deadline=None)
@given(st.floats() | st.integers(-(2**31), 2**32).map(float))
@example(math.inf)
@example(-math.inf)
@example(math.nan)
@example(1e300)
def test_any_value_is_converted_or_left_out(value: float) -> None:
    """No reading of a device is a traceback."""
    for context in devices():
        for convert in conversions():
            text = convert.text(value, context)
            assert text is None or isinstance(text, str), convert.name


@settings(max_examples=40, deadline=None)
@given(st.none() | st.text(max_size=20) | st.integers(-(10**6), 10**6).map(str) | st.just("9" * 500))
def test_any_text_is_converted_or_refused(text: str | None) -> None:
    """No setting and no parameter of a command is a traceback."""
    for context in devices():
        for convert in conversions():
            value = convert.value(text, context)
            assert value is None or isinstance(value, float), convert.name


def test_tables_are_read_back_as_they_were_written() -> None:
    """A writable text means the number that it was shown for."""
    for subdriver, row in all_rows():
        if row.convert is None or row.convert.to_text or row.convert.to_value or Flags.RW not in row.flags:
            continue
        for number, text in row.convert.entries:
            assert row.convert.value(text, Context()) == number, (subdriver.key, row)


def test_the_own_names_of_a_family_are_unique() -> None:
    """Letter case does not count, so that two spellings of one name would hide each other."""
    for subdriver in SUBDRIVERS:
        low = [name.lower() for name in subdriver.usages]
        assert len(set(low)) == len(low), subdriver.key


def test_a_flag_is_told_in_both_directions() -> None:
    """The words of a status bit are its own and its opposite."""
    assert flag("chrg").entries == ((1, "chrg"), (0, "!chrg"))
