# SPDX-License-Identifier: GPL-2.0-or-later
"""What upssched and upsschedctl ask of a running `ridethrough serve`, if one runs."""

from __future__ import annotations

import os
from typing import Any

from ridethrough.config.paths import statepath

CONTROL_SOCKET = "ridethrough.sock"
TIMEOUT_S = 5.0
DRY_RUN = "note: ridethrough serve runs without --armed: it only says which scripts it would run"


class Refused(Exception):
    """A service is there and does not do it; the text says why.  Its timers are the ones that count."""


def ask(verb: str, **args: object) -> dict[str, Any] | None:
    """The reply of the running service; None if none runs (a socket left by a crash counts as none).

    Raises `Refused`.
    """
    path = statepath(os.environ) / CONTROL_SOCKET
    if not os.path.lexists(path):
        return None
    # Imported only now: without a service its json is not needed, and upssched starts at every notice.
    from ridethrough.control.client import ControlClient, ControlError, NotRunning  # noqa: PLC0415

    try:
        return ControlClient(path, TIMEOUT_S).ask(verb, **args)
    except NotRunning:
        return None
    except ControlError as error:
        raise Refused(str(error)) from None
