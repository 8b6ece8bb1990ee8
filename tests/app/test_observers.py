# SPDX-License-Identifier: GPL-2.0-or-later
"""The observers of ridethrough.toml become what the supervisor runs."""

from __future__ import annotations

from ridethrough.app.observers import specs
from ridethrough.config.ridethrough import parse_ridethrough


def test_observers_are_run_in_order() -> None:
    """A name and a list of words each."""
    conf, _ = parse_ridethrough(
        b'[[observer]]\nname = "journal"\ncommand = ["ridethrough", "events", "--follow"]\n'
        b'[[observer]]\nname = "page"\ncommand = ["page"]\n'
    )
    assert [(spec.name, spec.argv) for spec in specs(conf)] == [
        ("journal", ("ridethrough", "events", "--follow")),
        ("page", ("page",)),
    ]
