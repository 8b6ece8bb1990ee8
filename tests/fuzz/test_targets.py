# SPDX-License-Identifier: GPL-2.0-or-later
"""Every fuzz driver runs, and holds for the inputs of one seed; `./dev fuzz` goes on from there."""

from __future__ import annotations

import importlib.util
import random
import time
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SECONDS = 0.3
SEED = 1
DRIVERS = sorted(path.stem.removeprefix("fuzz_") for path in HERE.glob("fuzz_*.py"))


@pytest.mark.parametrize("name", DRIVERS)
def test_driver_holds_for_a_while(name: str) -> None:
    """No input of the first tenths of a second breaks a promise; what it was stands in the failure."""
    spec = importlib.util.spec_from_file_location("fuzz_runner", HERE / "__main__.py")
    assert spec is not None
    assert spec.loader is not None
    runner = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(runner)
    fuzz = runner.drivers(HERE)[name]
    assert fuzz(random.Random(f"{SEED}:{name}"), time.monotonic() + SECONDS) > 0


def test_there_is_a_driver_for_each_reader() -> None:
    """What comes from outside is read by code that some driver feeds."""
    assert {"client", "config", "control", "driver_socket", "hid", "server", "wire"} <= set(DRIVERS)
