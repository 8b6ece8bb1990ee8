# SPDX-License-Identifier: GPL-2.0-or-later
"""`upsschedctl`: timers by hand, in a running `ridethrough serve` or else in the stand-alone upssched."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

from ridethrough.cli import running
from ridethrough.config.paths import confpath
from ridethrough.schedule.core import CancelTimer, StartTimer
from ridethrough.schedule.journal import Journal, printable
from ridethrough.schedule.notice import NoConfiguration, Run, load
from ridethrough.schedule.rules import BadSeconds, read_seconds, script_names

USAGE = """\
usage: upsschedctl list                  the timers that run
       upsschedctl start NAME SECONDS    start a timer; when it runs out, CMDSCRIPT runs with NAME
       upsschedctl cancel NAME           cancel all timers of this name
"""


def main(argv: Sequence[str]) -> int:
    """Run the command `argv[1:]`; gives the exit status."""
    words = list(argv[1:])
    if words[:1] in (["-h"], ["--help"]):
        print(USAGE, end="")
        return 0
    if not words or (words[0], len(words)) not in (("list", 1), ("start", 3), ("cancel", 2)) or "" in words:
        print(USAGE, end="", file=sys.stderr)
        return 1
    seconds = 0.0
    if words[0] == "start":
        try:
            seconds, note = read_seconds(words[2])
        except BadSeconds as bad:
            return _fail(str(bad))
        if note:
            print(f"upsschedctl: {note}", file=sys.stderr)
    name = words[1] if len(words) > 1 else ""
    args: dict[str, object] = {"name": name} if name else {}
    if words[0] == "start":
        args["seconds"] = seconds
    try:
        reply = running.ask(f"timers.{words[0]}", **args)
    except running.Refused as why:
        return _fail(str(why))
    if reply is not None:
        return _answered(reply, words[0], name, seconds)
    return _alone(words[0], name, seconds)


def _answered(reply: dict[str, Any], verb: str, name: str, seconds: float) -> int:
    if verb == "start":
        if reply.get("armed") is False:
            print(f"upsschedctl: {running.DRY_RUN}", file=sys.stderr)
        return _started(name, seconds)
    if verb == "cancel":
        count = reply.get("cancelled", 0)
        return _cancelled(name, count if isinstance(count, int) else 0)
    timers = reply.get("timers")
    rows = [timer for timer in timers if isinstance(timer, dict)] if isinstance(timers, list) else []
    return _show(
        [
            (str(row.get("name")), row.get("left_s"), str(row.get("types")), str(row.get("upses")))
            for row in rows
        ]
    )


def _alone(verb: str, name: str, seconds: float) -> int:
    journal = Journal()
    try:
        conf = load(str(confpath(os.environ)), journal)
    except NoConfiguration as error:
        return _fail(str(error))
    run = Run(conf, dict(os.environ), journal, keep_stderr=False)
    if verb == "start":
        if name not in script_names(conf.rules):
            known = ", ".join(script_names(conf.rules)) or "none"
            print(
                f"upsschedctl: note: no AT line names {printable(name)}; they name: {known}", file=sys.stderr
            )
        return _started(name, seconds) if run.send(StartTimer(name, seconds)) else 1
    rows = run.pending()
    if rows is None and run.failed:
        return 1
    timers = rows or []
    if verb == "list":
        return _show([(row[0], row[2], row[3], row[4]) for row in timers if len(row) > 4])
    count = sum(row[0] == name for row in timers)
    if count and not run.send(CancelTimer(name)):
        return 1
    return _cancelled(name, count)


def _started(name: str, seconds: float) -> int:
    print(f"timer {printable(name)} started; CMDSCRIPT runs with {printable(name)} in {seconds:g} seconds")
    return 0


def _cancelled(name: str, count: int) -> int:
    if not count:
        return _fail(f"no timer {name} is running")
    print(f"timer {printable(name)} cancelled" + (f" ({count} of this name)" if count > 1 else ""))
    return 0


def _show(timers: list[tuple[str, object, str, str]]) -> int:
    if not timers:
        print("no timer is running")
    for name, left, types, upses in timers:
        behind = " ".join(filter(None, (types, upses))) or "by hand"
        seconds = f"{float(left):.0f}" if isinstance(left, int | float | str) else "?"
        print(f"{printable(name)}\t{seconds} s left\t{printable(behind)}")
    return 0


def _fail(text: str) -> int:
    print(f"upsschedctl: {printable(text)}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv))
