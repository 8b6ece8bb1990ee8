# SPDX-License-Identifier: GPL-2.0-or-later
"""A whole monitor beside a scripted server, on a virtual clock."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from ridethrough.config.model_upsd import Role
from ridethrough.config.model_upsmon import MonitorLine, UpsmonConf
from ridethrough.config.secret import Secret
from ridethrough.monitor.messages import Level, LogDecision
from ridethrough.monitor.shell import Monitor, tcp_link
from ridethrough.ups.notices import Notice, NotifyFlag
from tests.support.fake_upsd import FakeUpsd
from tests.support.vloop import run_virtual


@dataclass
class Output:
    """Writes down everything the monitor wants done, with the time."""

    happened: list[tuple[float, str]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    walls: list[str] = field(default_factory=list)
    flag_fails: bool = False

    def _note(self, what: str) -> None:
        self.happened.append((round(asyncio.get_running_loop().time(), 1), what))

    def notice(self, notice: Notice, flags: NotifyFlag) -> None:
        self._note(f"{notice.type} exec" if NotifyFlag.EXEC in flags else f"{notice.type}")

    def wall(self, text: str) -> None:
        self.walls.append(text)

    def log(self, level: Level, text: str) -> None:
        self.lines.append(f"{level}: {text}")

    def decision(self, decision: LogDecision) -> None:
        self.lines.append(f"{decision.level}: {decision}")

    async def powerdownflag(self) -> None:
        self._note("flag")
        if self.flag_fails:
            raise OSError("read-only file system")

    async def shutdown(self) -> None:
        self._note("shutdown")

    @property
    def whats(self) -> list[str]:
        return [what for _, what in self.happened]


def line(
    server: FakeUpsd, role: Role = Role.PRIMARY, password: str = "secret", value: int = 1
) -> MonitorLine:
    system = f"{server.ups}@127.0.0.1:{server.port}"
    return MonitorLine(server.ups, "127.0.0.1", server.port, value, "mon", Secret(password), role, system, 3)


def play(
    script: Callable[[FakeUpsd, Monitor, Output], Awaitable[None]],
    *,
    server: FakeUpsd | None = None,
    role: Role = Role.PRIMARY,
    password: str = "secret",
    value: int = 1,
    conf: UpsmonConf | None = None,
    output: Output | None = None,
) -> tuple[FakeUpsd, Output]:
    """Run a monitor beside a script that moves the server; the monitor is stopped when the script ends."""
    server, output = server or FakeUpsd(), output or Output()

    async def world() -> None:
        await server.start()
        lines = (line(server, role, password, value),)
        monitor = Monitor(replace(conf or UpsmonConf(), monitors=lines), tcp_link, output)
        running = asyncio.create_task(monitor.run())
        try:
            await script(server, monitor, output)
        finally:
            monitor.stop()
            await running
            await server.stop()

    run_virtual(world())
    return server, output


async def seconds(number: float) -> None:
    await asyncio.sleep(number)
