# SPDX-License-Identifier: GPL-2.0-or-later
"""What a reload can change, and which commands switch a UPS off."""

from __future__ import annotations

import pytest

from ridethrough.config.models import UpsConf, UpsSection
from ridethrough.drivers import order_plan

CONF = UpsConf()
OLD = UpsSection("u", "dummy-ups", "a.dev", options={"pollinterval": "2", "mode": "dummy"})


def test_nothing_changed() -> None:
    """The same settings change nothing, and that is said."""
    done = order_plan.reload(OLD, CONF, OLD, CONF)
    assert (done.section, done.conf) == (OLD, CONF)
    assert str(done) == "settings read again: nothing has changed"


def test_live_and_restart() -> None:
    """What can change at once does; the rest stays as it was, and is counted again the next time."""
    options = {"pollinterval": "9", "sdorder": "3", "ignorelb": None, "Override.a.b": "1", "nolock": None}
    new = UpsSection("u", "dummy-ups", "b.dev", "a desc", options=options)
    new_conf = UpsConf(pollinterval_s=4, user="other", nowait=True)
    done = order_plan.reload(OLD, CONF, new, new_conf)
    assert done.live == ("ignorelb", "override.a.b", "pollinterval", "pollinterval (for all)")
    assert done.restart == ("mode", "nolock", "port", "user")
    assert (done.section.port, done.section.desc, done.anew) == ("a.dev", "a desc", False)
    live = {"pollinterval": "9", "ignorelb": None, "Override.a.b": "1"}
    assert dict(done.section.options) == {"mode": "dummy", **live}
    assert (done.conf.pollinterval_s, done.conf.user) == (4, "")
    assert "restart the driver to apply changes of: mode, nolock, port, user" in str(done)
    again = order_plan.reload(done.section, done.conf, new, new_conf)
    assert (again.live, again.restart) == ((), done.restart)


def test_a_setting_goes_away() -> None:
    """A line that was deleted is a change too."""
    done = order_plan.reload(OLD, CONF, UpsSection("u", "dummy-ups", "a.dev"), CONF)
    assert (done.live, done.restart) == (("pollinterval",), ("mode",))
    assert dict(done.section.options) == {"mode": "dummy"}


def test_what_another_instance_takes_over() -> None:
    """Settings of the driver that a new instance may take over count as live, and are marked."""
    new = UpsSection("u", "dummy-ups", "b.dev", options={"pollinterval": "2", "mode": "dummy-once"})
    done = order_plan.reload(OLD, CONF, new, CONF, frozenset({"port"}))
    assert (done.live, done.restart, done.anew) == (("port",), ("mode",), True)
    assert (done.section.port, done.section.option("mode")) == ("b.dev", "dummy")


def test_debug_levels() -> None:
    """A level below 0 stands for that of the settings, the section's first."""
    section = UpsSection("u", "d", "p", options={"debug_min": "2"})
    assert [order_plan.level_of(text) for text in ("3", "0", "-7", "x", "")] == [3, 0, -1, None, None]
    assert order_plan.debug_level(section, UpsConf(debug_min=5), 0) == 0
    assert order_plan.debug_level(section, UpsConf(debug_min=5), -1) == 2
    assert order_plan.debug_level(OLD, UpsConf(debug_min=5), -1) == 5


@pytest.mark.parametrize(
    ("sdcommands", "known", "commands"),
    [
        (None, {"load.off", "shutdown.return", "shutdown.reboot"}, ("shutdown.return", "shutdown.reboot")),
        (None, {"load.off"}, ()),
        ("load.off", set(), ("load.off",)),
        ("a.b, shutdown.default,,a.b", {"shutdown.return"}, ("a.b", "shutdown.return")),
    ],
)
def test_kill_commands(sdcommands: str | None, known: set[str], commands: tuple[str, ...]) -> None:
    """sdcommands is followed in its order; without it what the device knows, never load.off."""
    options = {} if sdcommands is None else {"sdcommands": sdcommands}
    section = UpsSection("u", "d", "p", options=options)
    assert order_plan.kill_commands(section, frozenset(known)) == commands


@pytest.mark.parametrize("text", ["1", "5", "enabled", "true", "yes", "on"])
def test_yes(text: str) -> None:
    """NUT's words for yes."""
    assert order_plan.means_yes(text)


@pytest.mark.parametrize("text", ["0", "-1", "", "no", "false", "off", "maybe"])
def test_no(text: str) -> None:
    """Anything else means no: power is not killed by a slip."""
    assert not order_plan.means_yes(text)
