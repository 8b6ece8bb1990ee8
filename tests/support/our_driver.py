# SPDX-License-Identifier: GPL-2.0-or-later
"""Our own drivers as processes, in directories of their own."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.cnut import section_text
from tests.support.procs import Process, started
from tests.support.wait import wait_until

START_S = 20.0


def command(driver: str) -> list[str]:
    """The beginning of its command line."""
    return [sys.executable, "-m", "ridethrough.cli.main", driver]


def environment(conf: Path, state: Path) -> dict[str, str]:
    """Turns it to private directories."""
    return {"NUT_CONFPATH": str(conf), "NUT_STATEPATH": str(state), "NUT_ALTPIDPATH": str(state)}


@dataclass(frozen=True, slots=True)
class OurDriver:
    """A running one: `socket` is its driver socket; rewrite `dev_file` to change its data."""

    name: str
    socket: Path
    dev_file: Path
    confpath: Path
    statepath: Path
    process: Process


def write_section(conf: Path, name: str, dev: str, section: Sequence[str] = ()) -> Path:
    """An ups.conf with one dummy-ups over a file with the text `dev`; gives the file."""
    conf.mkdir()
    dev_file = conf / f"{name}.dev"
    dev_file.write_bytes(dev.encode("utf-8", "surrogateescape"))
    (conf / "ups.conf").write_text(section_text(name, dev_file, section))
    return dev_file


@contextlib.contextmanager
def our_dummy_ups(
    tmp_path: Path,
    name: str,
    dev: str,
    statepath: Path,
    *,
    section: Sequence[str] = (),
    options: Sequence[str] = ("-u", "root", "-FF"),
) -> Iterator[OurDriver]:
    """Start our dummy-ups `name` over a file with the text `dev`, and wait until it listens."""
    conf = tmp_path / f"our-driver-{name}"
    dev_file = write_section(conf, name, dev, section)
    argv = [*command("dummy-ups"), "-a", name, *options]
    with started(argv, env=environment(conf, statepath), name=f"our dummy-ups {name}") as process:
        process.wait_output("listening on", START_S)
        yield OurDriver(name, statepath / f"dummy-ups-{name}", dev_file, conf, statepath, process)


def wait_gone(path: Path) -> None:
    """Wait until a file has gone."""
    wait_until(lambda: not path.exists(), START_S, f"{path} to go away")
