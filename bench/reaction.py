# SPDX-License-Identifier: GPL-2.0-or-later
"""`./dev bench reaction [N]`: from the loss of the mains to the notice of the monitor.

A `serve` process of its own (dry-run) watches a simulated UPS.
N times (50 unless told otherwise) the mains is switched off over the control socket.
The clock stops when the ONBATT notice arrives on another connection there, having passed driver, server and
monitor.  The way back (ONLINE) is measured as well.
"""

from __future__ import annotations

import queue
import sys
import threading
import time
from pathlib import Path

from bench._figures import ms, percentile, table
from ridethrough.app.places import SOCKET_NAME
from ridethrough.control.client import ControlClient, ControlError
from tests.support.house import home

LIMIT_S = 10.0
PAUSE_S = 0.25  # After three changes of status in a row the monitor polls every 0.2 s (POKE_GAP_S).
Notices = queue.SimpleQueue[tuple[str, float]]


def listen(client: ControlClient, notices: Notices) -> None:
    """Put every notice and its time of arrival into the queue, until the service ends."""
    try:
        for event in client.events(("notice",), replay=0):
            notices.put((event["type"], time.perf_counter()))
    except ControlError:
        return


def reaction(client: ControlClient, notices: Notices, mains: str, wanted: str) -> float:
    """Switch the mains; seconds until the notice is here.  Raises queue.Empty if it does not come."""
    time.sleep(PAUSE_S)
    began = time.perf_counter()
    client.ask("sim", what="mains", value=mains, ups="sim")
    while True:
        kind, at = notices.get(timeout=LIMIT_S)
        if kind == wanted:
            return at - began


def measure(socket: Path, count: int) -> dict[str, list[float]]:
    """The reactions to both changes."""
    notices: Notices = queue.SimpleQueue()
    found: dict[str, list[float]] = {"ONBATT": [], "ONLINE": []}
    with ControlClient(socket) as client, ControlClient(socket) as events:
        threading.Thread(target=listen, args=(events, notices), daemon=True).start()
        client.ask("status")
        for number in range(count + 1):  # The first of each only warms up.
            for mains, wanted in (("off", "ONBATT"), ("on", "ONLINE")):
                took = reaction(client, notices, mains, wanted)
                if number:
                    found[wanted].append(took)
    return found


def main(count: int) -> int:
    """Measure and print."""
    with home() as house, house.serving():
        found = measure(house.state / SOCKET_NAME, count)
    rows = [
        (
            f"mains {'lost' if kind == 'ONBATT' else 'back'} -> {kind}",
            *(ms(percentile(values, p)) for p in (0.5, 0.99)),
        )
        for kind, values in found.items()
    ]
    print(table((f"reaction (n={count})", "p50 ms", "p99 ms"), rows))
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 50))
