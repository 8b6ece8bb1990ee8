# SPDX-License-Identifier: GPL-2.0-or-later
"""The driver socket from both ends: our `DriverSocket`, raw bytes, and our `External` source."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from ridethrough.drivers import socketserver, unixpath
from ridethrough.drivers.adjust import COMMANDS, DriverInfo, adjustments
from ridethrough.drivers.base import DriverError
from ridethrough.drivers.external import External
from ridethrough.drivers.runner import Runner
from ridethrough.drivers.socketserver import DriverSocket
from ridethrough.drivers.unixpath import SocketPathError
from ridethrough.ups.commands import Outcome
from ridethrough.ups.state import Freshness
from tests.support.drivers import ToldDriver, Watch, section
from tests.support.vloop import run_virtual

INFO = DriverInfo("dummy-ups", "1", "1")


@pytest.fixture
def state() -> Iterator[Path]:
    """A short directory, as a socket's path may have 107 bytes only."""
    with tempfile.TemporaryDirectory(prefix="rt-") as name:
        yield Path(name)


class House:
    """A runner behind its socket, and what it was told."""

    def __init__(self, state: Path, driver: ToldDriver, watch: Watch) -> None:
        it = section()
        self.driver = driver
        self.watch = watch
        self.runner = Runner(
            it, driver, adjustments(it, INFO), watch.on_view, pollinterval_s=1.0, log=watch.log
        )
        self.server = DriverSocket(state / "dummy-ups-u", self.runner, log=watch.log)

    async def ask(self, *lines: str, wait_s: float = 0.1) -> str:
        """Write lines on a new connection, read what comes within `wait_s`."""
        reader, writer = await asyncio.open_unix_connection(str(self.server.path))
        writer.write("".join(line + "\n" for line in lines).encode())
        await asyncio.sleep(wait_s)
        data = await reader.read(65536)
        writer.close()
        return data.decode()


def with_house(state: Path, story: Callable[[House], Awaitable[None]]) -> Watch:
    """Run `story` with a started runner and socket."""
    watch = Watch()

    async def scene() -> None:
        house = House(state, ToldDriver(ups__status="OL", battery__charge="90"), watch)
        house.runner.start()
        await house.runner.first()
        await house.server.start()
        try:
            await story(house)
        finally:
            await house.server.close()
            await house.runner.stop()

    run_virtual(scene())
    return watch


def test_a_dump_and_small_requests(state: Path) -> None:
    """DUMPALL gives the whole state and DUMPDONE; PING, GETPID, DUMPVALUE, LOGOUT their one answer."""

    async def story(house: House) -> None:
        dump = await house.ask("DUMPALL")
        assert dump.startswith('SETINFO battery.charge "90"\nSETINFO device.type "ups"\n')
        assert dump.split('SETINFO ups.status "OL"\n')[1].splitlines() == [
            *(f"ADDCMD {name}" for name in sorted({"beeper.mute", *COMMANDS})),
            "DATAOK",
            "DUMPDONE",
        ]
        assert await house.ask("PING", "GETPID") == f"PONG\nPID {os.getpid()}\n"
        assert await house.ask("DUMPSTATUS") == 'SETINFO ups.status "OL"\nDATAOK\nDUMPDONE\n'
        assert await house.ask("LOGOUT", "PING") == "OK Goodbye\n"
        assert await house.ask("BOGUS", "PING") == "PONG\n"

    watch = with_house(state, story)
    assert any("BOGUS" in line for line in watch.lines)


def test_the_socket_file(state: Path) -> None:
    """The socket has mode 0660 from the start, and is gone after the end."""

    async def story(house: House) -> None:
        assert stat.S_IMODE(house.server.path.stat().st_mode) == 0o660

    with_house(state, story)
    assert list(state.iterdir()) == []


def test_tracking_and_the_broadcast_of_what_changed(state: Path) -> None:
    """A SET's change reaches every connection before TRACKING tells its outcome; NOBROADCAST is obeyed."""

    async def story(house: House) -> None:
        other, writer = await asyncio.open_unix_connection(str(house.server.path))
        quiet, quiet_writer = await asyncio.open_unix_connection(str(house.server.path))
        quiet_writer.write(b"NOBROADCAST\n")
        await asyncio.sleep(0.1)
        said = await house.ask(
            "SET ups.id x TRACKING t1", "INSTCMD nothing 5 TRACKING t2", "INSTCMD beeper.mute TRACKING t3"
        )
        assert said == 'SETINFO ups.id "x"\nTRACKING t1 0\nTRACKING t2 1\nTRACKING t3 0\n'
        assert await other.readline() == b'SETINFO ups.id "x"\n'
        quiet_writer.write(b"PING\n")
        assert await quiet.readline() == b"PONG\n"
        writer.close()
        quiet_writer.close()

    with_house(state, story)


def test_staleness_is_broadcast_before_and_cleared_after_the_data(state: Path) -> None:
    """DATASTALE comes as soon as two polls failed, and DATAOK only after the values that came with it."""

    async def story(house: House) -> None:
        reader, writer = await asyncio.open_unix_connection(str(house.server.path))
        await asyncio.sleep(0.1)
        house.driver.error = DriverError("[u] gone")
        assert await reader.readline() == b"DATASTALE\n"
        assert await reader.readline() == b'SETINFO driver.state "reconnect.trying"\n'
        assert (await house.ask("DUMPSTATUS")).startswith("DATASTALE\n")
        house.driver.error = None
        house.driver.values["ups.status"] = "OB"
        told = [await reader.readline() for _ in range(5)]
        assert sorted(told[:4]) == [
            b'SETINFO driver.reconnect_count "1"\n',
            b'SETINFO driver.reconnect_max_tries "-1"\n',
            b'SETINFO driver.state "quiet"\n',
            b'SETINFO ups.status "OB"\n',
        ]
        assert told[4] == b"DATAOK\n"
        writer.close()

    with_house(state, story)


def test_a_reader_that_does_not_read_is_dropped(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who asks for dumps and reads none is dropped, while the others are served."""
    monkeypatch.setattr(socketserver, "MAX_UNSENT_BYTES", 20_000)

    async def story(house: House) -> None:
        lazy = socket.socket(socket.AF_UNIX)
        lazy.setblocking(False)
        lazy.connect(str(house.server.path))
        for _ in range(400):
            try:
                lazy.send(b"DUMPALL\n" * 20)
            except OSError:
                break
            await asyncio.sleep(0)
        await asyncio.sleep(1.0)
        assert await house.ask("PING") == "PONG\n"
        lazy.close()

    assert any("does not read" in line for line in with_house(state, story).lines)


def test_too_many_commands_at_once_fail_at_once(state: Path) -> None:
    """A connection may have a bounded number of commands under way; further ones are FAILED."""

    async def story(house: House) -> None:
        house.driver.hang_s = 1.0
        lines = [f"INSTCMD beeper.mute TRACKING t{n}" for n in range(socketserver.MAX_REQUESTS + 1)]
        assert await house.ask(*lines) == f"TRACKING t{socketserver.MAX_REQUESTS} 3\n"
        house.driver.hang_s = 0.0

    with_house(state, story)


def test_a_stale_socket_file_is_replaced_and_a_live_one_is_not(state: Path) -> None:
    """What a crash has left is taken over; a driver that runs, and a file that is no socket, are refused."""
    path = state / "dummy-ups-u"
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(path))
    left.close()
    live = unixpath.listen(path)
    with pytest.raises(SocketPathError, match="another driver listens"):
        unixpath.listen(path)
    live.close()
    path.unlink()
    path.write_text("precious")
    with pytest.raises(SocketPathError, match="no socket; move it away"):
        unixpath.listen(path)
    assert path.read_text() == "precious"
    with pytest.raises(SocketPathError, match="shorter STATEPATH"):
        unixpath.listen(state / ("x" * 120))
    with pytest.raises(SocketPathError, match="check that the directory exists"):
        unixpath.listen(state / "none" / "x")


# -- our External source -------------------------------------------------------------------------


def external(state: Path, watch: Watch, **options: float) -> External:
    """A source over the socket in `state`."""
    return External(section(), state, watch.on_view, log=watch.log, **options)


def test_external_mirrors_a_driver(state: Path) -> None:
    """Values, commands, changes and staleness of the other process show here as they show there."""
    seen = Watch()

    async def story(house: House) -> None:
        source = external(state, seen)
        source.start()
        await asyncio.sleep(0.1)
        assert source.view.freshness is Freshness.FRESH
        assert dict(source.view.snapshot.variables) == dict(house.runner.view.snapshot.variables)
        assert source.view.snapshot.commands == {"beeper.mute", *COMMANDS}
        assert await source.setvar("ups.id", "x") is Outcome.HANDLED
        assert source.view.snapshot.get("ups.id") == "x"
        assert await source.instcmd("nothing") is Outcome.UNKNOWN
        house.driver.error = DriverError("[u] gone")
        await asyncio.sleep(3.0)
        assert source.view.freshness is Freshness.STALE
        await source.stop()
        assert source.view.freshness is Freshness.DISCONNECTED

    with_house(state, story)
    assert [view.freshness.value for view in seen.views][:2] == ["waiting", "waiting"]


def test_external_reconnects(state: Path) -> None:
    """No socket, and a driver that goes away: DISCONNECTED at once, told once, tried again with pauses."""
    seen = Watch()

    async def scene() -> None:
        source = external(state, seen)
        source.start()
        await asyncio.sleep(0.5)
        assert source.view.freshness is Freshness.DISCONNECTED
        assert await source.instcmd("x") is Outcome.FAILED
        house = House(state, ToldDriver(ups__status="OL"), Watch())
        house.runner.start()
        await house.runner.first()
        await house.server.start()
        await asyncio.sleep(1.0)
        assert source.view.freshness is Freshness.FRESH
        await house.server.close()
        await asyncio.sleep(0.1)
        assert source.view.freshness is Freshness.DISCONNECTED
        await asyncio.sleep(600.0)  # However long it was away: it is heard of as soon as it is back.
        await house.server.start()
        await asyncio.sleep(1.5)
        assert source.view.freshness is Freshness.FRESH
        await source.stop()
        await house.server.close()
        await house.runner.stop()

    run_virtual(scene())
    words = ["cannot connect to the driver's socket", "closed its socket", "cannot connect"]
    assert [word in line for word, line in zip(words, seen.lines, strict=True)] == [True] * 3


def test_external_judges_silence_and_bounds_waits(state: Path) -> None:
    """A driver that stops answering is pinged, is stale after MAXAGE, and a command to it fails in time."""
    seen, got = Watch(), bytearray()

    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'SETINFO ups.status "OL"\nDATAOK\nDUMPDONE\nNONSENSE\n')
        while data := await reader.read(1000):
            got.extend(data)
        writer.close()

    async def scene() -> None:
        server = await asyncio.start_unix_server(mute, str(state / "dummy-ups-u"))
        source = external(state, seen, maxage_s=15.0, outcome_limit_s=4.0)
        loop = asyncio.get_running_loop()
        source.start()
        await asyncio.sleep(1.0)
        before = loop.time()
        assert await source.instcmd("beeper.mute") is Outcome.FAILED
        assert loop.time() - before == pytest.approx(4.0)
        await asyncio.sleep(9.5)
        assert source.view.freshness is Freshness.FRESH
        await asyncio.sleep(1.0)
        assert source.view.freshness is Freshness.STALE
        await source.stop()
        server.close()

    run_virtual(scene())
    assert got.startswith(b"DUMPALL\nINSTCMD beeper.mute TRACKING ")
    assert got.count(b"PING\n") >= 2
    assert any("NONSENSE" in line for line in seen.lines)
