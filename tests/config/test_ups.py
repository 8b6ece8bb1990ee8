# SPDX-License-Identifier: GPL-2.0-or-later
"""ups.conf as C NUT reads it."""

from __future__ import annotations

import pytest

from ridethrough.config.models import Synchronous, UpsConf
from ridethrough.config.ups import parse_ups


def read(text: str) -> tuple[UpsConf, list[str]]:
    conf, problems = parse_ups(text.encode())
    return conf, [str(problem) for problem in problems]


GOOD = """
pollinterval = 1
maxretry=3
statepath = /run/nut
STATEPATH = /run/nut2
nowait

[office]
    driver = "usbhid-ups"
    port = auto
    desc = "Cellar, rack 2"
    vendorid = 06da
    ignorelb
    override.battery.charge.low = 25
    default.input.voltage.nominal=230
    offdelay = 20   # seconds
    sdorder = -1
    pollinterval = 4
    synchronous = yes
[lab]
    driver = dummy-ups
    port = lab.seq
"""


def test_a_good_file_is_read_whole() -> None:
    """Globals, sections, flags, quotes and comments."""
    conf, problems = read(GOOD)
    assert problems == [
        "ups.conf:5: warning: STATEPATH stands on line 4 already; this one counts; remove one of them"
    ]
    assert (conf.pollinterval_s, conf.maxretry, conf.statepath, conf.nowait) == (1, 3, "/run/nut2", True)
    office, lab = conf.sections
    assert (office.name, office.driver, office.port, office.desc) == (
        "office",
        "usbhid-ups",
        "auto",
        "Cellar, rack 2",
    )
    assert office.line == 8
    assert office.option("override.battery.charge.low") == "25"
    assert office.option("PORT") == "auto"
    assert office.option("VendorID") == "06da"
    assert office.option("nolock") is None
    assert office.flag("ignorelb")
    assert not office.flag("nolock")
    assert office.number("offdelay", 30) == 20
    assert office.number("ondelay", 30) == 30
    assert office.number("vendorid", 1) == 1
    assert dict(office.options)["ignorelb"] is None
    assert conf.section("lab") is lab
    assert conf.section("attic") is None


def test_defaults_are_nuts() -> None:
    """An empty file says what ups.conf(5) says."""
    conf, problems = read("")
    assert problems == []
    assert (conf.pollinterval_s, conf.maxretry, conf.retrydelay_s, conf.maxstartdelay_s) == (2, 1, 5, 75)
    assert conf.synchronous is Synchronous.AUTO


def test_an_unclosed_desc_at_the_end_reads_as_in_c() -> None:
    """The shape of a published guide: C NUT takes the text to the end of the file, and so do we, aloud."""
    text = '[rack]\n    driver = usbhid-ups\n    port = auto\n    desc = "Some Company, Inc. 1500 UPS\n'
    conf, problems = read(text)
    assert conf.sections[0].desc == "Some Company, Inc. 1500 UPS"
    assert [problem.split(": ")[0] for problem in problems] == ["ups.conf:4"]
    assert "opened on this line" in problems[0]


def test_an_unclosed_desc_takes_in_the_next_section_as_in_c() -> None:
    """One UPS is lost; the message names the line of the open quote."""
    base = "driver = usbhid-ups\nport = auto\n"
    conf, problems = read(f'[one]\n{base}desc = "open\n[two]\n{base}desc = "closed"\n')
    assert [section.name for section in conf.sections] == ["one"]
    assert problems[0].startswith("ups.conf:4: error: the quote")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("polinterval = 2", "ups.conf:1: warning: unknown directive 'polinterval'"),
        ("polinterval = 2", "did you mean 'pollinterval'?"),
        ("driver = x", "ups.conf:1: error: 'driver' stands above the first [section]"),
        ("override.ups.status = OL", "stands above the first [section]"),
        ("pollinterval = 0", "ups.conf:1: error: pollinterval: 0 is out of range"),
        (
            "pollinterval 5",
            "the = behind 'pollinterval' is missing; the line is ignored; write: pollinterval = 2",
        ),
        ("pollinterval =", "ups.conf:1: error: the value behind the = is missing"),
        ("pollinterval", "pollinterval has 0 values, not 1"),
        ("= 5", "ups.conf:1: error: the name before the = is missing"),
        ("synchronous = maybe", "'maybe' is not one of auto, yes, no"),
        (
            "[a]\nport = auto",
            "ups.conf:1: error: [a] has no driver; the section is left out; write: driver = ",
        ),
        ("[a]\ndriver = x", "[a] has no port"),
        ("[my ups]\ndriver = x", "ups.conf:1: error: this section header cannot be read"),
        ("[a", "this section header cannot be read"),
        ("[]", "the section has no name"),
        ("[a] driver = x", "words behind '[a]' are ignored"),
        ("[default]", "a UPS cannot be named 'default'"),
        ("[a@b]", "a UPS cannot be named 'a@b'"),
        ("[a/b]", "a UPS cannot be named 'a/b'"),
        ("[a]\ndriver usbhid-ups\nport=x", "ups.conf:2: error: the = behind 'driver' is missing"),
        ("[a]\ndriver=x\nport=y\ndesc = My UPS", 'text with blanks stands in "quotes": desc = "TEXT"'),
        (
            "[a]\ndriver=x\nport=y\ndrivr = z",
            "'drivr' is passed to the driver as it is; did you mean 'driver'?",
        ),
        ("[a]\ndriver=x\nport=y\nignorelbb", "did you mean 'ignorelb'?"),
        ("[a]\nDriver=x\nport=y", "did you mean 'driver'?"),
        ("[a]\ndriver=x\nport=y\nignorelb = no", "NUT takes this flag as set"),
        ("[a]\ndriver=x\nport=y\nnowait", "'nowait' counts only above the first [section]"),
        ("[a]\ndriver=x\nport=y\noverride. = 5", "override. names no variable"),
        ("[a]\ndriver=x\nport=y\noverride.ups.id", "override.ups.id has 0 values"),
        ("[a]\ndriver=x\nport=y\nsdorder = first", "sdorder: 'first' is not a number"),
        ("[a]\ndriver=x\nport=y\nport=z", "port stands on line 3 already; this one counts"),
        (
            "[a]\ndriver=x\nport=y\n[a]\ndesc=z",
            "ups.conf:4: warning: [a] stands on line 1 already; both are read as one",
        ),
        ("[a]\ndriver=x\nport=y\n[A]\ndesc=z", "ups.conf:4: error: [A] is [a] (line 1) in other letter case"),
        ("[" + "x" * 80 + "]", "this section has no driver"),
    ],
)
def test_faults_are_told(text: str, message: str) -> None:
    """Place, fault, remedy."""
    assert any(message in problem for problem in read(text)[1]), read(text)[1]


@pytest.mark.parametrize(
    "key",
    [
        "vendorid = 0463",
        "novendor",
        "startdelay = 5",
        "pollonly",
        "xyzzy = 1",
        "pollfreq = 30",
        "subdriver = hunnox",
    ],
)
def test_a_drivers_own_options_are_no_fault(key: str) -> None:
    """Any key may be an option of some driver, also those that resemble a common one."""
    conf, problems = read(f"[a]\ndriver=x\nport=y\n{key}\n")
    assert problems == []
    assert conf.sections[0].flag(key.split(maxsplit=1)[0])


def test_lines_below_a_broken_header_reach_no_other_ups() -> None:
    """C NUT would give them to the section before."""
    conf, _ = read("[a]\ndriver=x\nport=y\n[my ups]\nport=z\n[b]\ndriver=x\nport=w\n")
    assert [(section.name, section.port) for section in conf.sections] == [("a", "y"), ("b", "w")]


def test_a_section_that_stands_twice_is_read_as_one() -> None:
    """As in C NUT, where later lines win."""
    conf, _ = read("[a]\ndriver=x\nport=y\n[a]\nport=z\n")
    assert [(section.name, section.port) for section in conf.sections] == [("a", "z")]


def test_values_are_kept_as_they_are_read() -> None:
    """A number with a unit is what C's atoi makes of it; any other text stays as written."""
    conf, problems = read("[a]\ndriver=x\nport=y\nsdorder = 2nd\nmaxstartdelay = 075\n")
    assert conf.sections[0].option("sdorder") == "2"
    assert conf.sections[0].number("maxstartdelay", 0) == 75
    assert len(problems) == 1


def test_options_are_not_printed() -> None:
    """SNMP communities and web passwords stand here."""
    conf, _ = read("[a]\ndriver=snmp-ups\nport=y\ncommunity = hunter2\npassword = hunter2\n")
    assert "hunter2" not in repr(conf)
    assert "community" in repr(conf)


def test_bytes_that_are_not_utf8_survive() -> None:
    """A Latin-1 description comes out as it went in."""
    conf, _ = parse_ups(b'[a]\ndriver=x\nport=y\ndesc="Ger\xe4t"\n')
    assert conf.sections[0].desc.encode("utf-8", "surrogateescape") == b"Ger\xe4t"
