# SPDX-License-Identifier: GPL-2.0-or-later
"""A program around a USB link, to be run under umockdev: it asks for one report all the time, and tells all.

    python link_probe.py REPORT_ID LENGTH POLL_S

Each line is an object with `at` (time.monotonic), `what` and `text`.  Lines of input: `string N`, `set HEX`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time

from ridethrough.drivers.transport.base import TransportError
from ridethrough.drivers.transport.identity import UsbDevice, wanted
from ridethrough.drivers.transport.link import UsbLink


def tell(what: str, text: str = "") -> None:
    print(json.dumps({"at": time.monotonic(), "what": what, "text": text}), flush=True)


class Told:
    def on_opened(self, device: UsbDevice, descriptor: bytes) -> None:
        tell("opened", f"{device} {len(descriptor)}")

    def on_input(self, report: bytes) -> None:
        tell("input", report.hex())

    def on_fresh(self) -> None:
        tell("fresh")

    def on_stale(self, words: str) -> None:
        tell("stale", words)


async def obey(link: UsbLink, line: str) -> None:
    verb, _, text = line.partition(" ")
    try:
        if verb == "string":
            tell("string", await link.string(int(text)))
        else:
            await link.set_feature(bytes.fromhex(text))
            tell("set", text)
    except TransportError as error:
        tell(error.fault, error.words)


async def listen(link: UsbLink) -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    while line := await reader.readline():
        await obey(link, line.decode().strip())


async def main(report_id: int, length: int, poll_s: float) -> None:
    link = UsbLink("ups", wanted(()), lambda device: True, Told(), log=tell)
    tasks = [asyncio.ensure_future(link.run()), asyncio.ensure_future(listen(link))]
    while not tasks[1].done():
        with contextlib.suppress(TransportError):
            report = await link.get_feature(report_id, length)
            tell("report", report.hex())
        await asyncio.sleep(poll_s)
    tasks[0].cancel()
    await asyncio.wait(tasks)
    await link.close()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
