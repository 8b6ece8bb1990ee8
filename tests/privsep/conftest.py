# SPDX-License-Identifier: GPL-2.0-or-later
"""Real helpers for tests: started as asked, and surely ended."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from ridethrough.privsep.config import HelperConfig
from tests.support.helper_core import SELF, Core, Start


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts helpers, and ends them."""
    started: list[Core] = []

    def starter(**options: Any) -> Core:
        python = options.pop("python", sys.executable)
        core = Core(HelperConfig(**{"run_as_user": SELF, **options}), python)
        started.append(core)
        return core

    yield starter
    for core in started:
        core.end()
