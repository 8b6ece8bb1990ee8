# SPDX-License-Identifier: GPL-2.0-or-later
"""Our server's side of the driver socket against a C driver, and our asyncio client against C upsd."""

from __future__ import annotations

import asyncio
import socket
import time
from pathlib import Path

import pytest

from ridethrough.client.aio import AsyncClient, LinkError, Refused, TcpChannel
from ridethrough.protocol import requests
from ridethrough.protocol.client import Line
from ridethrough.protocol.driver import DriverClient, DriverEvent, FreshnessChanged, Pong, TrackingDone
from ridethrough.ups.commands import Outcome
from ridethrough.ups.state import Freshness
from ridethrough.ups.variables import VarKind
from tests.support import cnut

pytestmark = pytest.mark.cnut

DEV = r"""
ups.status: OL CHRG
ups.id: rack \# 1
ups.model: \"Quoted\" 700
battery.charge: 90.5
"""
ANSWER_S = 10.0


class Link:
    """A `DriverClient` on a real socket."""

    def __init__(self, path: Path) -> None:
        """Connect and ask for the dump."""
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(0.2)
        self.socket.connect(str(path))
        self.client = DriverClient(15.0, time.monotonic())

    def until(self, wanted: DriverEvent) -> list[DriverEvent]:
        """Exchange bytes until an event comes; all events so far."""
        seen: list[DriverEvent] = []
        deadline = time.monotonic() + ANSWER_S
        while wanted not in seen:
            assert time.monotonic() < deadline, f"waited in vain for {wanted}; saw {seen}"
            self.socket.sendall(self.client.data_to_send())
            try:
                seen += self.client.receive(self.socket.recv(4096), time.monotonic())
            except TimeoutError:
                continue
        return seen


def test_a_c_driver_is_understood(tmp_path: Path) -> None:
    """Dump, types, commands, PONG and the outcome of a SET arrive as the C driver meant them."""
    with cnut.c_dummy_ups(tmp_path, "su", DEV) as driver:
        link = Link(driver.socket)
        with link.socket:
            link.until(FreshnessChanged(Freshness.FRESH))
            snapshot = link.client.snapshot
            assert snapshot.get("ups.id") == "rack # 1"
            assert snapshot.get("ups.model") == '"Quoted" 700'
            assert snapshot.status.tokens == ("OL", "CHRG")
            assert snapshot.variables["ups.id"].kind is VarKind.STRING
            assert snapshot.variables["ups.id"].rw
            assert snapshot.variables["ups.id"].max_length > 0
            assert "load.off" in snapshot.commands
            assert link.client.ignored == 0

            link.client.tick(link.client.deadline())
            link.until(Pong())

            value = 'a "b" #c'
            link.client.set_var("ups.id", value, "1-a")
            link.until(TrackingDone("1-a", Outcome.HANDLED))
            # The C driver broadcasts it without escaping; it is read as it was meant all the same.
            assert link.client.snapshot.get("ups.id") == value
            assert link.client.ignored == 0


def test_the_asyncio_client_and_a_c_server(tmp_path: Path) -> None:
    """Values, lists, refusals, logins and pipelined requests work against C upsd; good-bye ends it."""

    async def talk(server: cnut.CUpsd) -> None:
        client = AsyncClient(TcpChannel(server.host, server.port))
        await client.open()
        assert list(await client.list_ups()) == ["su"]
        assert (await client.list_var("su"))["ups.model"] == '"Quoted" 700'
        assert await client.get_var("su", "battery.charge") == "90.5"
        with pytest.raises(Refused, match=f"127.0.0.1:{server.port}: unknown UPS"):
            await client.list_cmd("nosuch")
        await client.authenticate("monuser", "pass")
        await client.login("su")
        await client.primary("su")
        assert await client.numlogins("su") == 1
        names = ("ups.id", "ups.model", "ups.status")
        replies = await asyncio.gather(*(client.ask(requests.get_var("su", name)) for name in names))
        assert [reply.words[2] for reply in replies if isinstance(reply, Line)] == list(names)
        await client.fsd("su")
        assert (await client.get_var("su", "ups.status")).split()[0] == "FSD"
        await client.close()
        with pytest.raises(LinkError):
            await client.get_var("su", "ups.id")

    with cnut.c_upsd(tmp_path, {"su": DEV}) as server:
        asyncio.run(talk(server))
