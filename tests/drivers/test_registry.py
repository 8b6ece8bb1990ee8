# SPDX-License-Identifier: GPL-2.0-or-later
"""Which source runs a section, and the repeater over a server that a test plays."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from ridethrough.cli import upsdrvctl_start
from ridethrough.client.answers import LinkError
from ridethrough.config.models import UpsConf
from ridethrough.drivers.adjust import DriverInfo, adjustments
from ridethrough.drivers.base import DriverError
from ridethrough.drivers.dummy.repeater import Repeater
from ridethrough.drivers.external import External
from ridethrough.drivers.lifecycle import Limit
from ridethrough.drivers.registry import FACTORIES, KINDS, make_source, reconnect_limit, runs_inside
from ridethrough.drivers.runner import Runner
from ridethrough.ups.state import Freshness
from tests.support.drivers import Watch, section
from tests.support.vloop import run_virtual


def test_ours_run_here_and_others_behind_their_socket(tmp_path: Path) -> None:
    """Our drivers run in this process; any other driver is looked for at its socket."""
    watch = Watch()
    sources = [
        make_source(section(driver=driver, port="auto"), UpsConf(), watch.context(tmp_path), watch.on_view)
        for driver in (*FACTORIES, "nutdrv_qx")
    ]
    assert [type(source) for source in sources] == [Runner, Runner, External, External]
    last = sources[-1]
    assert isinstance(last, External)
    assert last.path == tmp_path / "nutdrv_qx-u"


def test_an_unknown_option_is_told(tmp_path: Path) -> None:
    """A misspelt option is named once and does not stop the UPS."""
    watch = Watch()
    make_source(section("modus = x"), UpsConf(), watch.context(tmp_path), watch.on_view)
    assert watch.lines == ["warning: [u] dummy-ups has no option 'modus'; it is ignored"]


def test_what_every_section_may_have(tmp_path: Path) -> None:
    """NUT's common fields are known to every driver; sddelay is called obsolete."""
    watch = Watch()
    lines = (
        "sdorder = 1\nsdcommands = load.off\nLIBUSB_DEBUG = 0\nreconnect_max_tries = 3\nnolock\nsddelay = 1"
    )
    make_source(section(lines), UpsConf(), watch.context(tmp_path), watch.on_view)
    assert watch.lines == ["info: [u] sddelay is obsolete and does nothing; take it out of ups.conf"]


def test_reconnect_limits() -> None:
    """A section's reconnect_ directives go before the global ones."""
    conf = UpsConf(reconnect_max_tries=5, reconnect_report_freq=9)
    assert reconnect_limit(section(), conf) == Limit(5, 9)
    assert reconnect_limit(section("reconnect_max_tries = 0"), conf) == Limit(0, 9)


def test_every_setting_is_described() -> None:
    """-h and -L have a line for each option and flag of each driver, and for nothing else."""
    for kind in KINDS.values():
        assert kind.settings.keys() == kind.info.options | kind.info.flags
        assert all(kind.settings.values())


def test_a_section_that_makes_no_sense_is_refused(tmp_path: Path) -> None:
    """A mode that there is not keeps the section from being made."""
    with pytest.raises(DriverError, match="no mode"):
        make_source(section("mode = x"), UpsConf(), Watch().context(tmp_path), Watch().on_view)


class PlayedChannel:
    """A server in a few lines: `answers` maps requests to bytes; while `down` it refuses."""

    def __init__(self, answers: dict[str, str], down: list[bool]) -> None:
        self.where = "host:3493"
        self.on_data: Callable[[bytes], None] = lambda data: None
        self.on_closed: Callable[[str], None] = lambda reason: None
        self._answers = answers
        self._down = down

    async def open(self) -> None:
        """Connect."""
        if self._down[0]:
            raise LinkError(self.where, "Connection failure: refused", "start it")

    def write(self, data: bytes) -> None:
        """Answer at once."""
        for line in data.decode().splitlines():
            if line == "LOGOUT":
                return
            answer = "gone" if self._down[0] else self._answers[line]
            if answer == "gone":
                self.close()
                return
            asyncio.get_running_loop().call_soon(self.on_data, answer.encode())

    def close(self) -> None:
        """Close."""
        asyncio.get_running_loop().call_soon(self.on_closed, "the server closed the connection")

    def abort(self) -> None:
        """Close."""
        self.close()


def listing(**values: str) -> str:
    """The answer to LIST VAR."""
    lines = [f'VAR ups {name.replace("__", ".")} "{value}"' for name, value in values.items()]
    return "\n".join(["BEGIN LIST VAR ups", *lines, "END LIST VAR ups", ""])


def test_a_repeater_mirrors_values_staleness_and_absence() -> None:
    """A repeated UPS shows what the server shows, is stale when it says so or is gone, and recovers."""
    watch = Watch()
    answers = {"LIST VAR ups": listing(ups__status="OL", driver__name="usbhid-ups", ups__load="7")}
    down = [False]
    it = section(port="ups@host")

    async def act() -> None:
        driver = Repeater("u", "ups@host", lambda host, port: PlayedChannel(answers, down))
        info = DriverInfo("dummy-ups", "1", "1")
        runner = Runner(it, driver, adjustments(it, info), watch.on_view, log=watch.log)
        runner.start()
        await asyncio.sleep(1.0)
        snapshot = runner.view.snapshot
        assert (snapshot.get("ups.status"), snapshot.get("driver.name")) == ("OL", "dummy-ups")
        assert not snapshot.variables["ups.load"].rw
        answers["LIST VAR ups"] = listing(ups__status="OB")
        await asyncio.sleep(2.0)
        assert "ups.load" not in runner.view.snapshot.variables
        answers["LIST VAR ups"] = "ERR DATA-STALE\n"
        await asyncio.sleep(4.0)
        assert runner.view.freshness is Freshness.STALE
        answers["LIST VAR ups"] = listing(ups__status="OL")
        await asyncio.sleep(3.0)
        assert runner.view.freshness is Freshness.FRESH
        down[0] = True
        await asyncio.sleep(5.0)
        assert runner.view.freshness is Freshness.STALE
        await runner.stop()

    run_virtual(act())
    assert any("DATA-STALE" in line or "stale" in line for line in watch.lines)
    assert all("ups@host:3493" in line for line in watch.lines if line.startswith("error"))


def test_a_repeater_needs_a_target() -> None:
    """A port that names no UPS of a server is refused in words."""
    with pytest.raises(DriverError, match=r"\[u\] port: "):
        Repeater("u", "@host")


def test_what_is_new_to_real_devices_is_not_run_unasked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`serve` reads usbhid-ups behind its socket, and upsdrvctl starts C's where that is installed."""
    assert [name for name in FACTORIES if runs_inside(name)] == ["dummy-ups", "simulated-ups"]
    assert not runs_inside("nutdrv_qx")
    monkeypatch.setattr(upsdrvctl_start, "DRIVERPATH", str(tmp_path))
    for driver in ("usbhid-ups", "dummy-ups"):
        assert upsdrvctl_start.program(driver, UpsConf())[-1] == driver
        (tmp_path / driver).touch()
    assert upsdrvctl_start.program("usbhid-ups", UpsConf()) == (str(tmp_path / "usbhid-ups"),)
    assert upsdrvctl_start.program("dummy-ups", UpsConf())[-1] == "dummy-ups"
