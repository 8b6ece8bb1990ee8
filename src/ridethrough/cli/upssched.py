# SPDX-License-Identifier: GPL-2.0-or-later
"""`upssched`: upsmon's NOTIFYCMD for AT lines and timers, standing alone (NUT's upssched(8))."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

from ridethrough import __version__
from ridethrough.cli import running
from ridethrough.config.paths import confpath
from ridethrough.schedule import core
from ridethrough.schedule.journal import Journal, printable
from ridethrough.schedule.notice import NoConfiguration, Run, load
from ridethrough.schedule.rules import Cause

USAGE = """\
usage: upssched [-D] [NOTIFYMSG]           run by upsmon as NOTIFYCMD, with NOTIFYTYPE and UPSNAME set
       upssched -l                         list the timers that run
       upssched test [-n] NOTIFYTYPE UPS   say what a notice would do, then do it (-n: only say it)

  -D   more messages; the timer daemon keeps writing to stderr
  -l   list running timers: name, end, seconds left, notify types, UPSes, messages (tabs between them)
  -V   show the version
  -h   show this help

upssched.conf is read from NUT_CONFPATH (now {directory}).
While `ridethrough serve` runs, `test` acts through it, on its timers.
upsschedctl starts, cancels and lists timers by hand.
"""
NOT_BY_HAND = """\
upssched: environment variables UPSNAME and NOTIFYTYPE must be set: upsmon runs this as its NOTIFYCMD
upssched: to try a notice by hand: upssched test ONBATT myups@localhost
"""


def main(argv: Sequence[str]) -> int:
    """Run the command `argv[1:]`; gives the exit status."""
    words = list(argv[1:])
    debug = bool(os.environ.get("NUT_DEBUG_LEVEL", "0").strip("0 "))
    listing = False
    while words and words[0].startswith("-") and len(words[0]) > 1:
        option = words.pop(0)
        if option == "--":
            break
        for letter in option[1:]:
            if letter == "D":
                debug = True
            elif letter == "l":
                listing = True
            elif letter == "V":
                print(f"upssched (Ridethrough {__version__})")
                return 0
            elif letter == "h" or option == "--help":
                print(USAGE.format(directory=confpath(os.environ)), end="")
                return 0
            else:
                print(f"upssched: unknown option {option}; try upssched -h", file=sys.stderr)
                return 1
    if listing:
        return _list()
    if words[:1] == ["test"] and len(words) > 1:
        return _test(words[1:], debug)
    kind, ups = os.environ.get("NOTIFYTYPE"), os.environ.get("UPSNAME")
    if kind is None or ups is None:
        print(NOT_BY_HAND, end="", file=sys.stderr)
        return 1
    text = words[0] if words else os.environ.get("NOTIFYMSG", "")
    return _handle(Cause(kind, ups, text), debug)


def go_on(
    notice: tuple[str, str, str],
    done: int,
    child: tuple[int, str, float] | None,
    silent: tuple[int, int] | None = None,
) -> int:
    """Finish what `quick_upssched` has begun; gives the exit status.

    `notice` is NOTIFYTYPE, UPSNAME and the text; the others are as `Run.handle` takes them.
    """
    return _handle(Cause(*notice), False, done, child, silent)


def _handle(
    cause: Cause,
    debug: bool,
    done: int = 0,
    child: tuple[int, str, float] | None = None,
    silent: tuple[int, int] | None = None,
) -> int:
    journal = Journal()
    try:
        conf = load(str(confpath(os.environ)), journal)
    except NoConfiguration as error:
        journal(str(error), True)
        return 1
    run = Run(conf, dict(os.environ), journal, keep_stderr=debug or journal.keeps_stderr)
    run.handle(cause, done, child, silent)
    return int(run.failed)


def _list() -> int:
    journal = Journal()
    try:
        conf = load(str(confpath(os.environ)), journal)
    except NoConfiguration as error:
        journal(str(error), True)
        return 1
    run = Run(conf, dict(os.environ), journal, keep_stderr=False)
    rows = run.pending()
    if rows is None:
        if not run.failed:
            print("upssched: no timer is running", file=sys.stderr)
        return 1
    for row in rows:
        print("\t".join(printable(field) or '""' for field in row))
    return 0


def _test(words: list[str], debug: bool) -> int:
    only_say = words[0] == "-n"
    words = words[1:] if only_say else words
    if len(words) not in (1, 2):
        print("upssched: write: upssched test [-n] NOTIFYTYPE UPS", file=sys.stderr)
        return 1
    cause = Cause(words[0].upper(), words[1] if len(words) > 1 else "", f"test of {' '.join(words)}")
    if not only_say:
        try:
            reply = running.ask("timers.notice", type=cause.type, ups=cause.ups, text=cause.text)
        except running.Refused as why:
            print(f"upssched: {printable(str(why))}", file=sys.stderr)
            return 1
        if reply is not None:
            return _tested(reply)
    journal = Journal()
    try:
        conf = load(str(confpath(os.environ)), journal)
    except NoConfiguration as error:
        journal(str(error), True)
        return 1
    for line in core.explain(conf, cause):
        print(printable(line), flush=True)
    if only_say:
        return 0
    run = Run(conf, dict(os.environ), journal, keep_stderr=debug or journal.keeps_stderr)
    run.handle(cause)
    return int(run.failed)


def _tested(reply: dict[str, Any]) -> int:
    """Show what the running service has begun to do."""
    for line in reply.get("lines", ()):
        print(printable(str(line)))
    if reply.get("armed") is False:
        print(f"upssched: {running.DRY_RUN}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
