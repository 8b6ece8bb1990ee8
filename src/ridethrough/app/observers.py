# SPDX-License-Identifier: GPL-2.0-or-later
"""The observers of ridethrough.toml, as what `supervise` runs."""

from __future__ import annotations

from ridethrough.app.supervise import ChildSpec
from ridethrough.config.ridethrough import RidethroughConf


def specs(conf: RidethroughConf) -> tuple[ChildSpec, ...]:
    """What to run beside the core, in the order of the file."""
    return tuple(ChildSpec(observer.name, observer.command) for observer in conf.observers)
