# SPDX-License-Identifier: GPL-2.0-or-later
"""The file that keeps a maintenance over a restart: what it holds, and what is not believed."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ridethrough.app import upkeep
from ridethrough.app.upkeep import Record, Untrusted, Upkeep, boot_id, decoded, encoded, read, write
from ridethrough.monitor.maintenance import LONGEST_S, MAX_REASON, MAX_WHO, of
from ridethrough.monitor.messages import Maintenance

ALICE = of(3600, 1000, "16:30", "alice", "new battery", even_fsd=True)
RECORD = Record("boot-1", ALICE)
TEXT = st.text(max_size=MAX_WHO)


@settings(max_examples=60)
@given(
    st.floats(0, 1e9),
    st.floats(1, LONGEST_S - 1),
    TEXT,
    TEXT,
    st.text(max_size=MAX_REASON),
    st.booleans(),
    TEXT,
)
def test_what_is_written_is_read(
    since: float, lasts_s: float, until: str, who: str, reason: str, even_fsd: bool, boot: str
) -> None:
    """Every maintenance survives, whatever its words are."""
    record = Record(boot, Maintenance(since, since + lasts_s, until, who, reason, even_fsd))
    assert decoded(encoded(record)) == record


@settings(max_examples=100)
@given(
    st.binary(max_size=200)
    | st.recursive(st.none() | st.integers(), st.lists).map(lambda x: json.dumps(x).encode())
)
def test_nonsense_is_none(data: bytes) -> None:
    """Bytes of anybody give one exception and no maintenance."""
    with pytest.raises(Untrusted):
        decoded(data)


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2},
        {"boot": 7},
        {"until": 1000.0},
        {"until": 1000.0 + LONGEST_S + 1},
        {"until": float("nan")},
        {"until": "soon"},
        {"who": "x" * (MAX_WHO + 1)},
        {"even_fsd": 1},
        {"more": True},
    ],
    ids=str,
)
def test_a_changed_field_is_no_maintenance(change: dict[str, object]) -> None:
    """An end that is none, a day that is too long, a missing or a strange field: not believed."""
    fields = json.loads(encoded(RECORD))
    assert decoded(json.dumps(fields).encode()) == RECORD
    with pytest.raises(Untrusted):
        decoded(json.dumps({**fields, **change}).encode())
    missing = {key: value for key, value in fields.items() if key not in change}
    if len(missing) < len(fields):
        with pytest.raises(Untrusted):
            decoded(json.dumps(missing).encode())


def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    """Mode 0600, written in one step, removed without a trace."""
    path = tmp_path / "maintenance.json"
    assert read(path) is None
    path.with_name(".maintenance.json.new").write_text("left by a crash")
    write(path, RECORD)
    assert path.stat().st_mode & 0o777 == 0o600
    assert read(path) == RECORD
    write(path, None)
    write(path, None)
    assert os.listdir(tmp_path) == []


def spoil_link(path: Path) -> None:
    path.rename(path.with_name("other"))
    path.symlink_to("other")


def spoil_mode(path: Path) -> None:
    path.chmod(0o620)


def spoil_kind(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def spoil_text(path: Path) -> None:
    path.write_text("{")
    path.chmod(0o600)


def spoil_size(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b" " * 10_000)


def spoil_owner(path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    os.chown(path, 12345, 12345)


SPOILERS = [spoil_link, spoil_mode, spoil_kind, spoil_text, spoil_size, spoil_owner]


@pytest.mark.parametrize("spoil", SPOILERS, ids=lambda spoil: spoil.__name__)
def test_a_file_of_somebody_else_is_no_maintenance(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    """What another could have written protects nobody from a shutdown; it is said and put away."""
    path = tmp_path / "maintenance.json"
    write(path, RECORD)
    spoil(path)
    said = list[str]()
    kept = Upkeep(path, lambda level, text: said.append(f"{level}: {text}"), lambda: "boot-1")
    kept.resume(1001)
    assert kept.current is None
    assert len(said) == 1
    assert said[0].startswith(f"critical: {path} is not taken, there is no maintenance: ")
    assert not os.path.lexists(path)


def resumed(tmp_path: Path, now: float, boot: str) -> tuple[Maintenance | None, list[str]]:
    path, said = tmp_path / "maintenance.json", list[str]()
    write(path, RECORD)
    kept = Upkeep(path, lambda level, text: said.append(f"{level}: {text}"), lambda: boot)
    kept.resume(now)
    return kept.current, said


def test_it_goes_on_after_a_restart(tmp_path: Path) -> None:
    """The same boot: as it was, with nothing to say but by the monitor."""
    assert resumed(tmp_path, 2000, "boot-1") == (ALICE, [])


def test_a_reboot_ends_it(tmp_path: Path) -> None:
    """Another boot has another clock: over, told here, and handed on as over so that a notice tells it."""
    found, said = resumed(tmp_path, 50, "boot-2")
    assert found is not None
    assert (found.who, found.until) == ("alice", 50)
    assert said == ["critical: this host was started anew: the maintenance of alice until 16:30 is over"]
    assert resumed(tmp_path, 50, "")[1] == said, "a system that names no boot can't tell: over"


def test_a_time_that_has_not_come_is_none(tmp_path: Path) -> None:
    """A file from the future of this very boot was not written by us."""
    found, said = resumed(tmp_path, 900, "boot-1")
    assert found is None
    assert "begins in the future" in said[0]


def keeping(path: Path | None, boot: str, *orders: Maintenance | None) -> list[str]:
    """Keep these one after the other; gives what was said."""
    said = list[str]()

    async def main() -> None:
        kept = Upkeep(path, lambda level, text: said.append(f"{level}: {text}"), lambda: boot)
        for order in orders:
            kept.keep(order)
            assert kept.current == order
        await asyncio.to_thread(kept.close)
        await asyncio.sleep(0)

    asyncio.run(main())
    return said


def test_the_last_order_is_what_stays(tmp_path: Path) -> None:
    """On, changed, off in one moment: whichever thread writes last, the file is that of the last order."""
    path = tmp_path / "maintenance.json"
    assert keeping(path, "boot-1", ALICE, None, ALICE) == []
    assert read(path) == RECORD
    assert keeping(path, "boot-1", ALICE, None) == []
    assert not path.exists()


def test_a_full_disk_is_said_and_stops_nothing(tmp_path: Path) -> None:
    """The maintenance is on all the same; only a restart forgets it."""
    path = tmp_path / "gone" / "maintenance.json"
    (said,) = keeping(path, "boot-1", ALICE)
    assert said.startswith(f"error: {path} can't be written")


def test_a_disk_that_hangs_costs_few_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dead disk is said; the monitor never waits for it."""
    healed = threading.Event()
    monkeypatch.setattr(upkeep, "CLOSE_LIMIT_S", 0.04)

    def hang(path: Path, record: Record | None) -> None:
        healed.wait(10)

    monkeypatch.setattr(upkeep, "write", hang)
    said = keeping(tmp_path / "maintenance.json", "boot-1", *[ALICE, None] * 5)
    healed.set()
    assert len(said) == 10 - upkeep.MAX_WRITERS
    assert "the disk does not answer" in said[0]


def test_without_a_boot_nothing_is_kept(tmp_path: Path) -> None:
    """A clock that nobody can name again is worth nothing after a restart: it is said."""
    path = tmp_path / "maintenance.json"
    (said,) = keeping(path, "", ALICE)
    assert "a restart of the service ends the maintenance" in said
    assert not path.exists()


def test_a_simulation_leaves_no_file(tmp_path: Path) -> None:
    """Without a path only this process remembers."""
    assert keeping(None, "boot-1", ALICE, None) == []
    kept = Upkeep(None, lambda level, text: None)
    kept.resume(5)
    assert kept.current is None


def test_the_name_of_this_boot(tmp_path: Path) -> None:
    """What the kernel says, or nothing."""
    (tmp_path / "boot_id").write_text("abc\n")
    assert boot_id(tmp_path / "boot_id") == "abc"
    assert boot_id(tmp_path / "none") == ""
