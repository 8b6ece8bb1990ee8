# SPDX-License-Identifier: GPL-2.0-or-later
"""A small scripted NUT server for tests of clients: it says what the test tells it to say."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field


@dataclass
class FakeUpsd:
    """One UPS, changed by the test at will.  `lines` holds (loop time, request) of all that was asked.

    `error`: the ERR word that answers a reading, e.g. DATA-STALE.  `hang`: read, and never answer.
    `thinks_s`: how long it takes for each answer.
    """

    ups: str = "su700"
    variables: dict[str, str] = field(default_factory=lambda: {"ups.status": "OL", "battery.charge": "100"})
    users: dict[str, str] = field(default_factory=lambda: {"mon": "secret"})
    may_be_primary: bool = True
    knows_primary: bool = True
    may_fsd: bool = True
    others: int = 0
    error: str = ""
    hang: bool = False
    thinks_s: float = 0.0
    lines: list[tuple[float, str]] = field(default_factory=list)
    logged_in: set[asyncio.StreamWriter] = field(default_factory=set)
    port: int = 0
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)
    _server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen; on the same port as before, if it was started before."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close the port and all connections."""
        assert self._server is not None
        self._server.close()
        for writer in list(self._writers):
            writer.close()
        await self._server.wait_closed()

    def asked(self, verb: str) -> list[float]:
        """The times of all requests that begin with `verb`."""
        return [at for at, line in self.lines if line.startswith(verb)]

    def say(self, status: str) -> None:
        """Change ups.status; FSD stays once it is set."""
        latched = "FSD " if self.variables["ups.status"].startswith("FSD") else ""
        self.variables["ups.status"] = latched + status

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        user: dict[str, str] = {}
        try:
            while line := (await reader.readline()).decode().strip():
                self.lines.append((asyncio.get_running_loop().time(), line))
                if self.hang:
                    continue
                if self.thinks_s:
                    await asyncio.sleep(self.thinks_s)
                if line == "LOGOUT":
                    writer.write(b"OK Goodbye\n")
                    break
                writer.write(f"{self._answer(line.split(), user, writer)}\n".encode())
        except ConnectionError:
            pass
        finally:
            self._writers.discard(writer)
            self.logged_in.discard(writer)
            writer.close()

    def _answer(self, words: list[str], user: dict[str, str], writer: asyncio.StreamWriter) -> str:
        match words:
            case ["USERNAME" | "PASSWORD" as what, word]:
                user[what] = word.strip('"')
                return "OK"
            case ["LOGIN", self.ups]:
                if user.get("PASSWORD") != self.users.get(user.get("USERNAME", ""), "\n"):
                    return "ERR ACCESS-DENIED"
                self.logged_in.add(writer)
                return "OK"
            case ["PRIMARY", self.ups]:
                if not self.knows_primary:
                    return "ERR UNKNOWN-COMMAND"
                return "OK PRIMARY-GRANTED" if self.may_be_primary else "ERR ACCESS-DENIED"
            case ["MASTER", self.ups]:
                return "OK MASTER-GRANTED"
            case ["FSD", self.ups]:
                if not self.may_fsd:
                    return "ERR ACCESS-DENIED"
                self.variables["ups.status"] = f"FSD {self.variables['ups.status']}"
                return "OK FSD-SET"
            case ["GET", "NUMLOGINS", self.ups]:
                return f"NUMLOGINS {self.ups} {len(self.logged_in) + self.others}"
            case ["GET", "VAR", self.ups, name]:
                if self.error:
                    return f"ERR {self.error}"
                value = self.variables.get(name)
                return "ERR VAR-NOT-SUPPORTED" if value is None else f'VAR {self.ups} {name} "{value}"'
            case ["GET", _, _, *_] | [_, _]:
                return "ERR UNKNOWN-UPS"
            case _:
                return "ERR UNKNOWN-COMMAND"
