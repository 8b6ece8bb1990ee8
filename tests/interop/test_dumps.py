# SPDX-License-Identifier: GPL-2.0-or-later
"""Definition files through all of NUT and all of ours: what upsc shows in the end is the same, line by line.

C: dummy-ups, upsd and upsc as processes, twenty devices to a server.  Ours: the same stages, in this process.
"""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ridethrough.cli import upsc
from tests.support import cnut
from tests.support.inprocess import dummies_in_process
from tests.support.odd_dumps import ODD_DUMPS

pytestmark = pytest.mark.cnut

TO_A_SERVER = 20
RECORDED = Path(__file__).resolve().parents[3] / "shared" / "data" / "ddl"
Captured = pytest.CaptureFixture[bytes]
DUMPS = sorted(RECORDED.glob("*.dev"))
NOT_ASCII = re.compile(rb"[\x80-\xff]")
BARE_ALARM = re.compile(rb"^ups\.alarm:[ \t\r]*$", re.MULTILINE)


def lines(shown: bytes) -> list[bytes]:
    """The lines of upsc, without what a driver says of itself."""
    return [line for line in shown.splitlines() if not line.startswith(b"driver.")]


def shown_by_c(tmp_path: Path, files: dict[str, bytes]) -> dict[str, list[bytes]]:
    """What C's three programs make of the files."""
    texts = {name: data.decode("utf-8", "surrogateescape") for name, data in files.items()}
    with cnut.c_upsd(tmp_path, texts) as server, ThreadPoolExecutor(4) as pool:
        done = pool.map(lambda name: cnut.c_tool("upsc", server.target(name)), files)
        return {name: lines(one.stdout) for name, one in zip(files, done, strict=True)}


def shown_by_ours(tmp_path: Path, files: dict[str, bytes], captured: Captured) -> dict[str, list[bytes]]:
    """What ours make of them."""
    paths = {name: tmp_path / f"{name}.dev" for name in files}
    for name, path in paths.items():
        path.write_bytes(files[name])
    shown = {}
    with dummies_in_process(paths) as running:
        for name in files:
            captured.readouterr()
            assert upsc.main(["upsc", running.target(name)]) == 0
            shown[name] = lines(captured.readouterr().out)
    return shown


def test_odd_files_come_out_alike(tmp_path: Path, capfdbinary: Captured) -> None:
    """Twenty small files of odd shapes: the same lines in the same order."""
    files = {f"odd{number:02}": text for number, text in enumerate(ODD_DUMPS)}
    assert len(files) == TO_A_SERVER
    theirs = shown_by_c(tmp_path, files)
    ours = shown_by_ours(tmp_path, files, capfdbinary)
    for name, text in files.items():
        # C makes device.model of ups.model with its backslashes doubled; ours is a plain copy.
        both = [
            [line for line in shown if b"\\" not in line or not line.startswith(b"device.")]
            for shown in (ours[name], theirs[name])
        ]
        assert both[0] == both[1], text
        assert len(both[0]) > 3, text


@pytest.mark.slow
@pytest.mark.skipif(not DUMPS, reason="no ../shared")
@pytest.mark.timeout(240)
def test_recorded_dumps_come_out_alike(tmp_path: Path, capfdbinary: Captured) -> None:
    """Each dump of the device dump library shows the same lines, but for what is listed.

    Only ours keeps what is not ASCII.  After a bare `ups.alarm:` C 2.8.0 shows the value of the line before
    it as an alarm; ours shows none.
    """
    batches = [DUMPS[first : first + TO_A_SERVER] for first in range(0, len(DUMPS), TO_A_SERVER)]

    def play(number: int) -> dict[str, list[bytes]]:
        directory = tmp_path / str(number)
        directory.mkdir()
        data = {f"n{number}-{at:02}": path.read_bytes() for at, path in enumerate(batches[number])}
        return shown_by_c(directory, data)

    with ThreadPoolExecutor(3) as pool:
        theirs = {name: shown for part in pool.map(play, range(len(batches))) for name, shown in part.items()}
    paths = {
        f"n{number}-{at:02}": path for number, part in enumerate(batches) for at, path in enumerate(part)
    }
    files = {name: path.read_bytes() for name, path in paths.items()}
    ours = shown_by_ours(tmp_path, files, capfdbinary)
    assert len(ours) == len(theirs) == len(DUMPS)
    differ, alarms = [], 0
    for name, data in files.items():
        own, other = [NOT_ASCII.sub(b"", line) for line in ours[name]], theirs[name]
        if BARE_ALARM.search(data) and own != other:
            alarms += 1
            other = [line for line in other if not line.startswith(b"ups.alarm:")]
        if own != other:
            differ.append((paths[name].name, sorted(set(own) ^ set(other))))
    assert differ == []
    assert alarms <= 2
