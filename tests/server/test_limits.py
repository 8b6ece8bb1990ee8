# SPDX-License-Identifier: GPL-2.0-or-later
"""MAXCONN against the limit of open files: raised where that may be, said where it may not."""

from __future__ import annotations

import resource

import pytest

from ridethrough.server.limits import RESERVED_DESCRIPTORS, default_maxconn, make_room

INF = resource.RLIM_INFINITY


@pytest.mark.parametrize(
    ("limits", "maxconn", "room", "raised"),
    [
        ((1024, 4096), None, 960, None),
        ((1024, 4096), 100, 100, None),
        ((1024, 4096), 2000, 2000, (2064, 4096)),
        ((1024, INF), 5000, 5000, (5064, INF)),
        ((INF, INF), 5000, 5000, None),
        ((INF, INF), None, 65536, None),
        ((1024, 4096), 9000, 4032, (4096, 4096)),
        ((10, 10), 9000, 1, None),
    ],
)
def test_room(
    limits: tuple[int, int],
    maxconn: int | None,
    room: int,
    raised: tuple[int, int] | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As many clients as asked for, or as the hard limit allows; the fewer are said with what to do."""
    done: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits)
    monkeypatch.setattr(resource, "setrlimit", lambda _, new: done.append(new))
    got, warning = make_room(maxconn)
    assert got == room
    assert done == ([] if raised is None else [raised])
    assert bool(warning) == (maxconn is not None and room < maxconn)
    if warning:
        assert "LimitNOFILE" in warning


def test_a_limit_that_may_not_be_raised_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel that says no costs the clients beyond the old limit, and a line."""

    def no(_: int, new: tuple[int, int]) -> None:
        raise ValueError("not allowed to raise maximum limit")

    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 4096))
    monkeypatch.setattr(resource, "setrlimit", no)
    assert make_room(2000)[0] == 1024 - RESERVED_DESCRIPTORS == default_maxconn()
