# SPDX-License-Identifier: GPL-2.0-or-later
"""The stamp of a SHUTDOWNCMD: what is remembered over a kill, and what is not believed."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

import pytest

from ridethrough.app.commands import CommandOutput
from ridethrough.app.stamp import FILE_NAME, Stamp, clear_unless_stopping
from ridethrough.config.model_upsmon import UpsmonConf
from ridethrough.monitor.shutdown import ASK_AGAIN_S
from ridethrough.privsep.config import HelperConfig
from ridethrough.privsep.dry import DryHelper
from ridethrough.privsep.errors import HelperRefused


def stamp_in(directory: Path, said: list[str], boot: str = "boot-1") -> Stamp:
    return Stamp(directory / FILE_NAME, lambda level, text: said.append(f"{level}: {text}"), lambda: boot)


def test_what_was_written_is_read_in_the_same_boot_only(tmp_path: Path) -> None:
    """Another boot has another clock, and after ASK_AGAIN_S the host may be ordered down again."""
    said: list[str] = []
    asyncio.run(stamp_in(tmp_path, said).write(1000.0))
    assert stamp_in(tmp_path, said).read(1010.0) == 1000.0
    assert stamp_in(tmp_path, said).read(999.0 + ASK_AGAIN_S) == 1000.0
    assert stamp_in(tmp_path, said).read(1000.0 + ASK_AGAIN_S) is None
    assert stamp_in(tmp_path, said).read(900.0) is None
    assert stamp_in(tmp_path, said, "boot-2").read(1010.0) is None
    assert stamp_in(tmp_path, said, "").read(1010.0) is None
    stamp_in(tmp_path, said).remove()
    assert stamp_in(tmp_path, said).read(1010.0) is None
    assert said == []


@pytest.mark.parametrize("text", ["", "boot-1", "boot-1 x", "boot-1 1000 2", "\xff 1000", "boot-1 nan"])
def test_a_broken_stamp_is_no_stamp(tmp_path: Path, text: str) -> None:
    """In doubt the host can be shut down."""
    (tmp_path / FILE_NAME).write_bytes(text.encode("latin-1"))
    (tmp_path / FILE_NAME).chmod(0o600)
    assert stamp_in(tmp_path, []).read(1010.0) is None


def test_a_stamp_that_others_could_have_written_is_none(tmp_path: Path) -> None:
    """Writable by the group, or a link: nobody may keep this host up with it."""
    said: list[str] = []
    path = tmp_path / FILE_NAME
    path.write_text("boot-1 1000\n")
    path.chmod(0o664)
    assert stamp_in(tmp_path, said).read(1010.0) is None
    path.rename(tmp_path / "other")
    os.chmod(tmp_path / "other", 0o600)
    path.symlink_to(tmp_path / "other")
    assert stamp_in(tmp_path, said).read(1010.0) is None
    assert len(said) == 2


def test_a_directory_that_can_not_be_written_costs_a_line(tmp_path: Path) -> None:
    """The shutdown goes on without its stamp."""
    said: list[str] = []
    asyncio.run(stamp_in(tmp_path / "none", said).write(1000.0))
    assert len(said) == 1
    assert "can't be written: No such file or directory; going on without it" in said[0]


def test_without_a_thread_the_shutdown_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host at its limit of threads is shut down, without a stamp."""
    said: list[str] = []

    def full(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", full)
    asyncio.run(stamp_in(tmp_path, said).write(1000.0))
    assert "can't start new thread; going on without it" in said[0]


def test_shutdowncmd_leaves_a_stamp_and_a_refused_one_does_not(tmp_path: Path) -> None:
    """Before the helper is asked; and never in a dry run."""
    conf = UpsmonConf(shutdowncmd="/bin/true")
    present: list[bool] = []

    class Willing(DryHelper):
        async def shutdown(self) -> None:
            present.append((tmp_path / FILE_NAME).exists())
            await super().shutdown()

    async def main() -> None:
        helper = Willing(HelperConfig(shutdowncmd="/bin/true"), lambda _: None)
        dry = CommandOutput(conf, helper, lambda *_: None, dry=True, stamp=stamp_in(tmp_path, []))
        await dry.shutdown()
        helper.rearm()
        output = CommandOutput(conf, helper, lambda *_: None, stamp=stamp_in(tmp_path, []))
        await output.shutdown()
        assert (tmp_path / FILE_NAME).exists()
        with pytest.raises(HelperRefused):
            await output.shutdown()
        assert not (tmp_path / FILE_NAME).exists()

    asyncio.run(main())
    assert present == [False, True, True]


def test_the_flag_of_a_shutdown_under_way_is_left_until_the_host_has_survived_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A monitor started behind its SHUTDOWNCMD must not take away what has the UPS switched off."""
    said: list[str] = []
    cleared: list[str] = []

    async def clear() -> None:
        cleared.append("flag")

    async def main(age_s: float, down: bool) -> bool:
        stamp = stamp_in(tmp_path, said)
        now = asyncio.get_running_loop().time()
        monkeypatch.setattr(stamp, "read", lambda _: now - age_s if age_s else None)
        task = await clear_unless_stopping(stamp, lambda *words: said.append(words[1]), clear, lambda: down)
        if task is not None:
            assert cleared == []
            await task
        return task is not None

    assert not asyncio.run(main(0.0, False))
    assert cleared == ["flag"]
    cleared.clear()
    assert asyncio.run(main(ASK_AGAIN_S - 0.05, False))
    assert cleared == ["flag"]
    assert "it is not run again, and POWERDOWNFLAG stays" in said[0]
    cleared.clear()
    assert asyncio.run(main(ASK_AGAIN_S - 0.05, True))
    assert cleared == []
