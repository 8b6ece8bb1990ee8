# SPDX-License-Identifier: GPL-2.0-or-later
"""C upslog and ours at the same C server write the same lines."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support import cnut
from tests.support.procs import started
from tests.support.wait import wait_until

pytestmark = pytest.mark.cnut

DEV = "ups.status: OL CHRG\nups.load: 12\nbattery.charge: 100\nups.contacts: caf\udce9 50%\n"
OURS = [sys.executable, "-m", "ridethrough.cli.main", "upslog"]
WAIT_S = 20.0
# C upslog 2.8.0 knows no %t and no -N.
FORMATS = (
    "%HOST% %UPSHOST% %% [%VAR ups.status%] %VAR ups.load% %VAR battery.charge%",
    "%VAR ups.contacts% %VAR no.such.thing% %VAR nodot% %VAR%",
    "%upshost% %VARIABLE ups.load% %WHAT% %PID is lonely",
    "%TIME @Y% %TIME century @C%",
)


def first_line(program: list[str], ups: str, form: str, log: Path, state: Path) -> bytes:
    """The first line that it writes into a file."""
    return line_of(
        program, ["-s", ups, "-l", str(log), "-f", form, "-i", "1", "-F", "-u", "root"], log, state
    )


def line_of(program: list[str], words: list[str], log: Path, state: Path) -> bytes:
    """The same for any command line."""
    env = {**cnut.c_environment(state, state), "LC_ALL": "C.UTF-8"}
    words = [*program, *words]
    with started(words, env=env, name=program[-1]):
        wait_until(lambda: log.exists() and b"\n" in log.read_bytes(), WAIT_S, f"a line of {program[-1]}")
        return log.read_bytes().partition(b"\n")[0]


def test_same_lines(tmp_path: Path) -> None:
    """For each format, valid or not, the bytes are the same; also for a UPS that the server does not have."""
    with cnut.c_upsd(tmp_path, {"su": DEV}) as server:
        for number, form in enumerate(FORMATS):
            for ups in (server.target("su"), server.target("nobody")):
                name = f"{number}-{ups.partition('@')[0]}"
                of_c = first_line(["upslog"], ups, form, tmp_path / f"c-{name}", server.statepath)
                ours = first_line(OURS, ups, form, tmp_path / f"ours-{name}", server.statepath)
                assert ours == of_c, form


def test_same_lines_without_a_server(tmp_path: Path) -> None:
    """Without a server both write NA and go on."""
    with cnut.state_directory() as state:
        of_c = first_line(["upslog"], "su@127.0.0.1:1", "%VAR ups.load% x", tmp_path / "c", state)
        assert (
            first_line(OURS, "su@127.0.0.1:1", "%VAR ups.load% x", tmp_path / "o", state) == of_c == b"NA x"
        )


def test_same_lines_in_the_old_way(tmp_path: Path) -> None:
    """UPS, file, seconds and a format of several words: the same bytes, the blank at the end among them."""
    with cnut.c_upsd(tmp_path, {"su": DEV}) as server:
        lines: list[bytes] = []
        for program in (["upslog"], OURS):
            log = tmp_path / f"old-{len(lines)}"
            words = ["-F", "-u", "root", server.target("su"), str(log), "1", "[%VAR", "ups.load%]", "x"]
            lines.append(line_of(program, words, log, server.statepath))
    assert lines == [b"[12] x "] * 2
