# SPDX-License-Identifier: GPL-2.0-or-later
"""The server stage: sources in, answers out, commands back to the sources."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import pytest

from ridethrough.app import serving as serving_module
from ridethrough.app.serving import ServerConfig, Serving
from ridethrough.config.models import Listen, UpsConf, UpsdConf, UpsSection
from ridethrough.drivers.source import OnView
from ridethrough.server.effects import FsdSet, LoginsChanged
from ridethrough.server.sockets import ListenError
from ridethrough.ups.commands import Outcome
from ridethrough.ups.state import Change, DeviceView, Freshness
from tests.support.ports import LOOPBACK, free_port
from tests.support.server_core import users, view
from tests.support.vloop import run_virtual


class FakeSource:
    """A source that commits when it is told to, and remembers what it was asked."""

    def __init__(self, section: UpsSection, on_view: OnView, log: list[str]) -> None:
        self.section = section
        self.log = log
        self.on_view = on_view
        self.view = view(section.name, freshness=Freshness.DISCONNECTED)
        self.outcome: Outcome | Exception = Outcome.HANDLED
        self.delay_s = 0.0

    def start(self) -> None:
        """Begin, with a first commit."""
        self.log.append(f"start {self.section.name}")
        self.commit(view(self.section.name))

    def commit(self, new: DeviceView) -> None:
        """Tell something."""
        self.view = new
        self.on_view(new, Change())

    async def stop(self) -> None:
        """End."""
        self.log.append(f"stop {self.section.name}")

    async def instcmd(self, name: str, param: str | None = None) -> Outcome:
        """Remember it."""
        return await self._answer(f"{name} {param}")

    async def setvar(self, name: str, value: str) -> Outcome:
        """Remember it."""
        return await self._answer(f"{name}={value}")

    async def _answer(self, what: str) -> Outcome:
        self.log.append(f"{self.section.name}: {what}")
        await asyncio.sleep(self.delay_s)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


@dataclass
class Stage:
    """A serving with fake sources, and everything that it told."""

    log: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    views: list[DeviceView] = field(default_factory=list)
    events: list[FsdSet | LoginsChanged] = field(default_factory=list)
    made: dict[str, FakeSource] = field(default_factory=dict)
    serving: Serving = field(init=False)

    def make(self, section: UpsSection, on_view: OnView) -> FakeSource:
        """The factory of sources."""
        self.made[section.name] = FakeSource(section, on_view, self.log)
        return self.made[section.name]

    async def ask(self, data: bytes) -> bytes:
        """What a client is answered."""
        reader, writer = await asyncio.open_connection(*self.serving.listener.bound[0])
        writer.write(data)
        writer.write_eof()
        reply = await reader.read()
        writer.close()
        return reply


def config(*names: str, **upsd: object) -> ServerConfig:
    """Files with these UPSes."""
    sections = tuple(UpsSection(name, "fake", "auto", f"the {name}") for name in names)
    upsd.setdefault("listen", (Listen(LOOPBACK, 0, 1),))
    return ServerConfig(UpsConf(sections=sections), UpsdConf(**upsd), users())


@contextlib.asynccontextmanager
async def stage(*names: str) -> AsyncIterator[Stage]:
    """A started one."""
    made = Stage()
    made.serving = Serving(
        config(*names),
        made.make,
        lambda level, text: made.said.append(f"{level}: {text}"),
        on_commit=lambda view, change: made.views.append(view),
        on_event=made.events.append,
    )
    try:
        await made.serving.start()
        yield made
    finally:
        await made.serving.close()


ADMIN = b"USERNAME admin\nPASSWORD a\nSET TRACKING ON\n"


def test_a_commit_is_served_and_told() -> None:
    """What a source commits can be read at once, and the hook gets the same view."""

    async def run() -> None:
        async with stage("su700", "bare") as made:
            assert await made.ask(b"GET VAR bare ups.status\n") == b'VAR bare ups.status "OL"\n'
            made.made["bare"].commit(view("bare", ups__status="OB"))
            assert await made.ask(b"GET VAR bare ups.status\n") == b'VAR bare ups.status "OB"\n'
            assert [seen.name for seen in made.views] == ["su700", "bare", "bare"]
        assert made.log == ["start su700", "start bare", "stop bare", "stop su700"]

    run_virtual(run())


@pytest.mark.parametrize(
    ("outcome", "delay_s", "reply", "said"),
    [
        (Outcome.HANDLED, 0.0, b"SUCCESS\n", "info: UPS [su700]: INSTCMD load.off: handled"),
        (Outcome.INVALID, 0.0, b"ERR INVALID-ARGUMENT\n", "warning: UPS [su700]: INSTCMD load.off: invalid"),
        (RuntimeError("bug"), 0.0, b"ERR FAILED\n", "error: UPS [su700]: INSTCMD load.off failed"),
        (Outcome.HANDLED, 1e6, b"ERR FAILED\n", "did not answer INSTCMD load.off within 60 s"),
    ],
)
def test_a_command_reaches_its_source_and_is_tracked(
    outcome: Outcome | Exception, delay_s: float, reply: bytes, said: str
) -> None:
    """Whatever the source does with it, hang and fault included, its tracking id gets an answer."""

    async def run() -> None:
        async with stage("su700", "bare") as made:
            made.made["su700"].outcome, made.made["su700"].delay_s = outcome, delay_s
            told = await made.ask(ADMIN + b"INSTCMD su700 load.off 5\n")
            tracking = told.split()[-1]
            await asyncio.sleep(serving_module.ASK_LIMIT_S + 1)
            assert made.log[-1] == "su700: load.off 5"
            assert await made.ask(ADMIN + b"GET TRACKING " + tracking + b"\n") == b"OK\n" * 3 + reply
            assert any(said in line for line in made.said), made.said

    run_virtual(run())


def test_a_value_reaches_its_source() -> None:
    """SET is passed on."""

    async def run() -> None:
        async with stage("su700") as made:
            await made.ask(ADMIN + b'SET VAR su700 ups.id ""\n')
            assert made.log[-1] == "su700: ups.id="

    run_virtual(run())


def test_commands_to_a_source_that_hangs_are_bounded() -> None:
    """What is more than 64 at a time fails at once instead of piling up."""

    async def run() -> None:
        async with stage("su700") as made:
            made.made["su700"].delay_s = 30.0
            await made.ask(ADMIN + b"INSTCMD su700 load.off\n" * 100)
            assert len(made.log) <= 1 + serving_module.MAX_ASKS
            assert sum("was not carried out" in line for line in made.said) == 100 - serving_module.MAX_ASKS

    run_virtual(run())


def test_logins_and_fsd_are_told() -> None:
    """The hook hears of a login, of FSD and of the logout."""

    async def run() -> None:
        async with stage("su700") as made:
            await made.ask(b"USERNAME prim\nPASSWORD p\nLOGIN su700\nFSD su700\nLOGOUT\n")
            assert made.events == [
                LoginsChanged("su700", (LOOPBACK,)),
                FsdSet("su700"),
                LoginsChanged("su700", ()),
            ]

    run_virtual(run())


def test_a_reload_starts_and_stops_what_changed() -> None:
    """Unchanged sources run on, changed ones begin anew, removed ones end; names and descriptions follow."""

    async def run() -> None:
        async with stage("stays", "changes", "goes") as made:
            reader, writer = await asyncio.open_connection(*made.serving.listener.bound[0])
            old = made.made["changes"]
            new = config("new", "changes", "stays")
            sections = [
                replace(each, port="other" if each.name == "changes" else each.port)
                for each in new.ups.sections
            ]
            made.log.clear()
            await made.serving.reload(replace(new, ups=UpsConf(sections=tuple(sections))))
            assert made.log == ["stop changes", "stop goes", "start new", "start changes"]
            writer.write(b"LIST UPS\n")
            assert await reader.readuntil(b"END LIST UPS\n") == (
                b'BEGIN LIST UPS\nUPS new "the new"\nUPS changes "the changes"\n'
                b'UPS stays "the stays"\nEND LIST UPS\n'
            )
            writer.close()
            assert set(made.serving.sources) == {"new", "changes", "stays"}
            assert old is not made.made["changes"]

    run_virtual(run())


def test_a_reload_changes_the_doors_and_maxconn() -> None:
    """New LISTEN lines and MAXCONN are in force at once; whoever is connected stays, by whatever door."""

    async def run() -> None:
        async with stage("su700") as made:
            reader, writer = await asyncio.open_connection(*made.serving.listener.bound[0])
            writer.write(b"USERNAME prim\nPASSWORD p\nLOGIN su700\n")
            assert await reader.readexactly(9) == b"OK\nOK\nOK\n"
            port = free_port()
            await made.serving.reload(config("su700", listen=(Listen(LOOPBACK, port, 1),), maxconn=1))
            assert made.serving.listener.bound == [(LOOPBACK, port)]
            refused, refused_writer = await asyncio.open_connection(LOOPBACK, port)
            assert await refused.read() == b""
            refused_writer.close()
            writer.write(b"GET NUMLOGINS su700\n")
            assert await reader.readline() == b"NUMLOGINS su700 1\n"
            await made.serving.reload(config("su700", listen=(Listen(LOOPBACK, port, 1),)))
            assert await made.ask(b"NETVER\n") == b"1.3\n"
            writer.close()

    run_virtual(run())


def test_a_reload_with_a_bad_listen_applies_the_rest() -> None:
    """An address that can't be had is said; the old doors stay open, and everything else is in force."""

    async def run() -> None:
        async with stage("su700") as made:
            before = made.serving.listener.bound
            await made.serving.reload(config("su700", "new", listen=(Listen("192.0.2.77", 0, 1),)))
            assert made.serving.listener.bound == before
            assert "LISTEN stays as it was: can't listen on 192.0.2.77:0" in made.said[-1]
            assert b"UPS new " in await made.ask(b"LIST UPS\n")

    run_virtual(run())


def test_another_statepath_begins_every_source_anew() -> None:
    """Sockets are looked for in the new directory; nothing of the old one is served."""

    async def run() -> None:
        async with stage("su700") as made:
            made.log.clear()
            await made.serving.reload(replace(made.serving.config, statepath="/elsewhere"))
            assert made.log == ["stop su700", "start su700"]

    run_virtual(run())


def test_nothing_of_a_stopped_source_is_served() -> None:
    """Between the end of a source and the first commit of its successor there is no reading."""

    async def run() -> None:
        async with stage("su700") as made:
            made.made["su700"].start = lambda: None
            changed = config("su700", maxage_s=99.0)
            real = made.make
            served: list[bytes] = []

            def make(section: UpsSection, on_view: OnView) -> FakeSource:
                source = real(section, on_view)
                source.start = lambda: None
                return source

            made.serving._make_source = make
            await made.serving.reload(changed)
            served.append(await made.ask(b"GET VAR su700 ups.status\n"))
            assert served == [b"ERR DRIVER-NOT-CONNECTED\n"]
            # A removed one that speaks late is not heard.
            late = made.made["su700"]
            await made.serving.reload(config())
            late.commit(view("su700"))
            assert await made.ask(b"GET VAR su700 ups.status\n") == b"ERR UNKNOWN-UPS\n"

    run_virtual(run())


def test_a_port_in_use_touches_no_driver() -> None:
    """If it can't listen, no source has been started."""

    async def run() -> None:
        async with stage() as first:
            port = first.serving.listener.bound[0][1]
            made = Stage()
            taken = replace(config("su700"), upsd=UpsdConf(listen=(Listen(LOOPBACK, port, 1),)))
            made.serving = Serving(taken, made.make, lambda level, text: None)
            with pytest.raises(ListenError, match=str(port)):
                await made.serving.start()
            await made.serving.close()
            assert made.log == []

    run_virtual(run())


def test_the_channel_in_memory_is_a_client() -> None:
    """A monitor in this process is served like one over TCP."""

    async def run() -> None:
        async with stage("su700") as made:
            got: list[bytes] = []
            channel = made.serving.memory_channel()
            channel.on_data = got.append
            await channel.open()
            channel.write(b"USERNAME prim\nPASSWORD p\nLOGIN su700\n")
            await asyncio.sleep(0)
            assert made.events == [LoginsChanged("su700", ("local",))]
            channel.close()
            assert made.events[-1] == LoginsChanged("su700", ())

    run_virtual(run())
