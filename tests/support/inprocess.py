# SPDX-License-Identifier: GPL-2.0-or-later
"""Our server with our own drivers in it, on a thread of the test's process: no start-up to wait for."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ridethrough.app.serving import ServerConfig, Serving
from ridethrough.config.models import Listen, UpsConf, UpsdConf, UpsdUsers, UpsSection
from ridethrough.drivers.base import Context
from ridethrough.drivers.registry import make_source
from ridethrough.drivers.source import OnView, Source
from ridethrough.ups.state import Freshness
from tests.support.ports import LOOPBACK
from tests.support.wait import wait_until

START_S = 20.0


@dataclass
class InProcess:
    """A running server; `said` is what it and its drivers wrote to the log."""

    port: int = 0
    said: list[str] = field(default_factory=list)
    sources: Mapping[str, Source] = field(default_factory=dict)

    def target(self, ups: str) -> str:
        """`ups@host:port` for command lines."""
        return f"{ups}@{LOOPBACK}:{self.port}"

    def values(self, ups: str) -> dict[str, str]:
        """What the driver has to say, without the driver's own variables."""
        snapshot = self.sources[ups].view.snapshot
        return {
            name: variable.value
            for name, variable in snapshot.variables.items()
            if not name.startswith("driver.")
        }


@contextlib.contextmanager
def dummies_in_process(files: Mapping[str, Path]) -> Iterator[InProcess]:
    """Serve a dummy-ups (mode dummy-once) over each file, by name, and wait until all have data."""
    first = next(iter(files.values()))
    sections = tuple(
        UpsSection(name, "dummy-ups", str(path), options={"mode": "dummy-once"})
        for name, path in files.items()
    )
    ups = UpsConf(sections=sections)
    config = ServerConfig(ups, UpsdConf(listen=(Listen(LOOPBACK, 0, 1),)), UpsdUsers())
    running = InProcess()
    context = Context(first.parent, first.parent, lambda level, text: running.said.append(f"{level}: {text}"))

    def make(section: UpsSection, on_view: OnView) -> Source:
        return make_source(section, ups, context, on_view)

    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        stop = asyncio.Event()
        listening = threading.Event()

        async def serve() -> None:
            serving = Serving(config, make, context.log)
            try:
                await serving.start()
                running.port = serving.listener.bound[0][1]
                running.sources = serving.sources
                listening.set()
                await stop.wait()
            finally:
                await serving.close()

        thread = threading.Thread(target=runner.run, args=(serve(),), daemon=True)
        thread.start()
        try:
            assert listening.wait(START_S), f"the server did not start: {running.said}"
            sources = tuple(running.sources.values())
            wait_until(
                lambda: all(source.view.freshness is Freshness.FRESH for source in sources),
                START_S,
                f"all dummies' data; they said {running.said}",
            )
            yield running
        finally:
            loop.call_soon_threadsafe(stop.set)
            thread.join(START_S)
