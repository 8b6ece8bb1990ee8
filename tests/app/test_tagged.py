# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of ridethrough.app.tagged."""

from __future__ import annotations

import syslog

import pytest

from ridethrough.app import tagged
from ridethrough.app.bus import Bus


def test_what_upssched_does_is_found_under_its_tag(monkeypatch: pytest.MonkeyPatch) -> None:
    """`journalctl -t upssched`, as guides have it, shows the timers of `serve`, and nothing else of it."""
    opened: list[str] = []
    said: list[tuple[int, str]] = []
    monkeypatch.setattr(syslog, "openlog", lambda tag, *_: opened.append(tag))
    monkeypatch.setattr(syslog, "syslog", lambda priority, text: said.append((priority, text)))
    bus = Bus(lambda: 0.0)
    bus.listen(tagged.listener(lambda deed: deed()))
    bus.log("info", "upssched: New timer: onbatt (30 seconds)")
    bus.log("warning", "upssched: timer x is not\nstarted")
    bus.log("error", "another stage")
    bus.tell("ran", host="here", what="CMDSCRIPT", command="onbatt", status=3)
    bus.tell("ran", host="here", what="CMDSCRIPT", command="onbatt", status=0)
    bus.tell("ran", host="here", what="NOTIFYCMD", command="x", status=3)
    assert opened == ["upssched"]
    assert said == [
        (syslog.LOG_INFO, "New timer: onbatt (30 seconds)"),
        (syslog.LOG_WARNING, "timer x is not started"),
        (syslog.LOG_WARNING, "exec_cmd(CMDSCRIPT 'onbatt') returned 3"),
    ]
