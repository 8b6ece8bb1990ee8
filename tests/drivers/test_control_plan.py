# SPDX-License-Identifier: GPL-2.0-or-later
"""What upsdrvctl decides: limits, order, command lines, attempts, the table of status."""

from __future__ import annotations

import pytest

from ridethrough.config.load import parse_ups
from ridethrough.drivers import control_plan as plan
from ridethrough.drivers.control_plan import Found, Launch, Over, Passed, Place, Task, Wait

TASK = Task("u", "dummy-ups", "u.dev", attempts=3, retry_delay_s=5, start_limit_s=75)


def tasks(text: str) -> tuple[Task, ...]:
    """The tasks of an ups.conf."""
    conf, _ = parse_ups(text.encode())
    return plan.tasks(conf)


def test_limits() -> None:
    """A section's own limits go before the global ones, and those before NUT's defaults."""
    text = """
    maxretry = 3
    [a]
    driver = d
    port = p
    maxretry = 2
    retrydelay = 7
    maxstartdelay = 45
    [b]
    driver = d
    port = p
    """
    a, b = tasks(text)
    assert (a.attempts, a.retry_delay_s, a.start_limit_s) == (2, 7, 45)
    assert (b.attempts, b.retry_delay_s, b.start_limit_s) == (3, 5, 75)
    (c,) = tasks("maxstartdelay = 0\n[c]\ndriver = d\nport = p\n")
    assert c.start_limit_s == plan.MAX_DELAY_S
    assert c.attempts == 1


def test_order_of_shutdown() -> None:
    """The 0s go first, then the 1s; equal ones as in ups.conf; -1 is left out."""
    orders = {"a": 2, "b": 0, "c": -1, "d": 1, "e": 0}
    text = "".join(f"[{n}]\ndriver = d\nport = p\nsdorder = {o}\n" for n, o in orders.items())
    assert [task.ups for task in tasks(text)] == ["a", "b", "c", "d", "e"]
    assert [task.ups for task in plan.shutdown_order(tasks(text))] == ["b", "e", "d", "a"]


def test_command_lines() -> None:
    """The options are those of NUT's upsdrvctl, in its order."""
    assert plan.start_words(TASK, Passed()) == ("-a", "u")
    everything = Passed(debug=2, place=Place.BACKGROUND, chroot="/j", user="nut")
    assert plan.start_words(TASK, everything) == ("-DD", "-B", "-a", "u", "-r", "/j", "-u", "nut")
    assert plan.shutdown_words(TASK, everything) == ("-a", "u", "-k", "-r", "/j", "-u", "nut")
    both = Passed(place=Place.FOREGROUND_WITH_PID_FILE)
    assert plan.start_words(TASK, both) == ("-FF", "-a", "u")


@pytest.mark.parametrize(
    ("passed", "detaches"),
    [
        (Passed(), True),
        (Passed(debug=1), False),
        (Passed(debug=1, place=Place.BACKGROUND), True),
        (Passed(place=Place.FOREGROUND), False),
    ],
)
def test_what_detaches(passed: Passed, detaches: bool) -> None:
    """Only a driver that goes to the background has a start whose end can be waited for."""
    assert passed.detaches is detaches


def test_attempts() -> None:
    """A start that fails is repeated after the delay, as often as maxretry says in all."""
    state, move = plan.begin(TASK)
    assert move == Launch(0, 75)
    state, move = plan.after(state, 1)
    assert move == Launch(5, 75)
    state, move = plan.after(state, -11)
    assert move == Launch(5, 75)
    assert plan.after(state, 1)[1] == Over(ok=False)
    assert plan.after(state, 0)[1] == Over(ok=True)


def test_a_slow_start() -> None:
    """No second driver is started beside one that is still starting; it gets the next attempt's time."""
    state, _ = plan.begin(TASK)
    state, move = plan.after(state, None)
    assert move == Wait(80)
    assert plan.after(state, 0)[1] == Over(ok=True)
    state, move = plan.after(state, None)
    assert move == Wait(80)
    assert plan.after(state, None)[1] == Over(ok=False, still_starting=True)


def test_no_attempt() -> None:
    """maxretry = 0 starts nothing, which is no failure."""
    assert plan.begin(Task("u", "d", "p", attempts=0))[1] == Over(ok=True)


@pytest.mark.parametrize(
    ("text", "pid"),
    [
        ("12\n", 12),
        ("12\n13\n", 12),
        ("", -2),
        ("\n", -2),
        ("x\n", -1),
        ("1\n", -1),
        ("9" * 10, -1),
        ("-4", -1),
    ],
)
def test_pid_files(text: str, pid: int) -> None:
    """A pid, or the number that says why there is none; pid 1 is never a driver."""
    assert plan.pid_of(text) == pid


@pytest.mark.parametrize(
    ("found", "row"),
    [
        (Found(), "u          \t  dummy-ups\tN/A\t-3\tNOT_RESPONSIVE\tN/A\t"),
        (
            Found(7, True, True, "7", True, 'OL "x"'),
            'u          \t  dummy-ups\tRUNNING\t7\tRESPONSIVE\t7\t"OL \\"x\\""',
        ),
        (Found(7), "u          \t  dummy-ups\tSTOPPED\t7\tNOT_RESPONSIVE\tN/A\t"),
        (
            Found(-3, False, True, "8", True, ""),
            'u          \t  dummy-ups\tRUNNING\t-3\tRESPONSIVE\t8\t""',
        ),
    ],
)
def test_rows(found: Found, row: str) -> None:
    """The columns stand under NUT's heading, separated by tabs."""
    assert plan.status_row(TASK, found) == row
    assert plan.STATUS_HEADER == ("UPSNAME    \t     UPSDRV\tRUNNING\tPF_PID\tS_RESPONSIVE\tS_PID\tS_STATUS")
