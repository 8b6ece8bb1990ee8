# SPDX-License-Identifier: GPL-2.0-or-later
"""`upssched` for everyday notices: a plain upssched.conf, scripts that end well, a daemon that answers.

It does what `schedule.notice` does.  What is not plain is left to that: all of it, or what is left to do.
That is so for every fault in the file, for the start of the timer daemon, and for a script that fails or
takes long.  It imports built-in modules only, see `quick`.
"""

import _socket
import posix
import time

from ridethrough.cli.quick import WORD, there

MAX_FILE_BYTES = 65536
MAX_LINE_BYTES = 1000
MAX_TEXT_BYTES = 12_000
A_MONTH_S = 31 * 24 * 3600
SCRIPT_S = 1.0  # A script that runs for longer can wait for the whole program to be loaded, too.
ANSWER_S = 5.0
LOUDNESS = (b"NUT_DEBUG_LEVEL", b"NUT_DEBUG_SYSLOG", b"NUT_DEBUG_PID")  # Say more, or elsewhere.
SIGPIPE = 13
SCRIPT = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./:@%+,-"
TYPES = frozenset(
    b"ONLINE ONBATT LOWBATT FSD COMMOK COMMBAD SHUTDOWN SHUTDOWN_HOSTSYNC REPLBATT NOCOMM NOPARENT CAL "
    b"NOTCAL OFF NOTOFF BYPASS NOTBYPASS ECO NOTECO ALARM NOTALARM OVER NOTOVER TRIM NOTTRIM BOOST NOTBOOST "
    b"OTHER NOTOTHER SUSPEND_TIMEJUMP_UNEXPECTED SUSPEND_STARTING SUSPEND_FINISHED".split()
)
VERBS = {  # verb -> fewest and most words behind it, and its word on PIPEFN
    b"EXECUTE": (1, 1, b""),
    b"START-TIMER": (2, 2, b"START"),
    b"START-TIMER-SHARED": (2, 2, b"START-SHARED"),
    b"CANCEL-TIMER": (1, 2, b"CANCEL"),
    b"CANCEL-TIMER-MATCHED": (1, 2, b"CANCEL-MATCHED"),
}
Rule = tuple[bytes, bytes, bytes, bytes, bytes]
"""Notify type, UPS, verb, name of timer or command, and seconds or command or nothing."""


def handle(words: list[str]) -> int | None:
    """Carry a notice out; the exit status, or None if nothing was done and the whole program has to."""
    env = posix.environ
    kind, ups = env.get(b"NOTIFYTYPE", b""), env.get(b"UPSNAME")
    if len(words) > 1 or any(word.startswith("-") for word in words) or not kind or ups is None:
        return None
    text = words[0].encode("utf-8", "surrogateescape") if words else env.get(b"NOTIFYMSG", b"")
    if (
        any(name in env for name in LOUDNESS)
        or len(text) > MAX_TEXT_BYTES
        or any(b < 0x20 or b == 0x7F for b in text)
    ):
        return None
    if (kind + ups).translate(None, WORD) or len(kind + ups) > MAX_LINE_BYTES:
        return None
    conf = read(_contents((env.get(b"NUT_CONFPATH") or b"/etc/nut") + b"/upssched.conf"))
    if conf is None:
        return None
    settings, rules = conf
    meant = [rule for rule in rules if rule[0] == kind.upper() and rule[1] in (b"*", ups)]
    run = _Run(settings, {b"NOTIFYTYPE": kind, b"UPSNAME": ups, b"NOTIFYMSG": text})
    for done, rule in enumerate(meant):
        if not run.carry_out(rule):
            if run.child is None and run.silent is None and done == 0:
                return None
            from ridethrough.cli.upssched import go_on  # noqa: PLC0415 - only now is it needed

            notice = [part.decode("utf-8", "surrogateescape") for part in (kind, ups, text)]
            done += run.child is not None
            return go_on((notice[0], notice[1], notice[2]), done, run.child, run.silent)
    return 0


def read(data: bytes) -> tuple[dict[bytes, bytes], list[Rule]] | None:
    """The settings and AT lines of upssched.conf; None unless every line of it is plain and without fault."""
    settings: dict[bytes, bytes] = {}
    rules: list[Rule] = []
    for line in data.split(b"\n"):
        body = line.partition(b"#")[0]  # Without quotes and escapes before it, a # begins a comment.
        words = body.split()
        if body.translate(None, WORD + b" \t") or len(body) > MAX_LINE_BYTES:
            return None
        if not words:
            continue
        name, values = words[0], words[1:]
        if name == b"AT" and len(settings) == 3:
            rule = _rule(values)
            if rule is None or rule in rules:
                return None
            rules.append(rule)
        elif name in (b"CMDSCRIPT", b"PIPEFN", b"LOCKFN") and name not in settings and len(values) == 1:
            settings[name] = values[0]
            if not values[0].startswith(b"/"):
                return None
        else:
            return None
    if len(settings) < 3 or settings[b"CMDSCRIPT"].translate(None, SCRIPT) or len(data) > MAX_FILE_BYTES:
        return None
    return settings, rules


def _rule(values: list[bytes]) -> Rule | None:
    if len(values) < 4:
        return None
    kind, ups, verb, name, *rest = values
    least, most, _ = VERBS.get(verb, (0, 0, b""))
    if kind.upper() not in TYPES or not least <= 1 + len(rest) <= most:
        return None
    more = rest[0] if rest else b""
    if verb.startswith(b"START"):
        if not more.isdigit() or len(more) > 9 or int(more) > A_MONTH_S:
            return None
        more = b"%d" % int(more)
    return kind.upper(), ups, verb, name, more


class _Run:
    """One notice's way through the AT lines."""

    def __init__(self, settings: dict[bytes, bytes], notice: dict[bytes, bytes]) -> None:
        self._settings = settings
        self._notice = notice  # Type, UPS and text, in this order.
        self.child: tuple[int, str, float] | None = None
        """A script that the whole program is to wait for: process id, command, when it began."""
        self.silent: tuple[int, int] | None = None
        """PIPEFN (device, inode) of a timer daemon that has the line of this rule, and does not answer."""

    def carry_out(self, rule: Rule) -> bool:
        """Do what an AT line says.  False if the whole program has to do it, or to wait for `child`."""
        _, _, verb, name, more = rule
        if verb == b"EXECUTE":
            return self._script(b"Executing command: " + name, name)
        line = request(verb, [name, more, *self._notice.values()])
        pipefn = self._settings[b"PIPEFN"]
        try:
            place = posix.lstat(pipefn)
            answer = _told(pipefn, line)
        except FileNotFoundError:
            # No daemon, so no timer: a cancel has nothing to do but its command.
            if verb.startswith(b"START") or there(self._settings[b"LOCKFN"]):
                return False
            return not more or self._script(b"Cancel " + name + b", event: " + more, more)
        except TimeoutError:
            self.silent = place.st_dev, place.st_ino
            return False
        except OSError:
            return False
        return answer == b"OK\n"

    def _script(self, text: bytes, command: bytes) -> bool:
        """Run CMDSCRIPT and wait for its end."""
        script = self._settings[b"CMDSCRIPT"]
        began = time.monotonic()
        try:
            env = {**posix.environ, **self._notice}
            pid = posix.posix_spawn(script, [script, command], env, setsigdef=[SIGPIPE])
        except OSError:
            return False
        _log(text)
        pause = 0.0005
        while time.monotonic() - began < SCRIPT_S:
            # What did not end well is left as it is: the whole program collects it, and says so.
            flags = posix.WEXITED | posix.WNOHANG | posix.WNOWAIT
            ended = posix.waitid(posix.P_PID, pid, flags)
            if ended is not None and (ended.si_code, ended.si_status) == (posix.CLD_EXITED, 0):
                posix.waitpid(pid, 0)
                return True
            if ended is not None:
                break
            time.sleep(pause)
            pause = min(2 * pause, 0.005)
        self.child = pid, command.decode(), began
        return False


def _told(pipefn: bytes, line: bytes) -> bytes:
    """The timer daemon's answer to a line; b"" if it is ending, and has not taken it.  Raises OSError."""
    link = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    link.settimeout(ANSWER_S)
    try:
        link.connect(pipefn)
    except TimeoutError:
        raise OSError("the queue is full") from None  # Not told yet: the whole program tries again.
    answer = b""
    link.settimeout(min(30.0, ANSWER_S + len(line) / 100.0))  # See `schedule.pipe.patience_s`.
    try:
        link.sendall(line)
        while not answer.endswith(b"\n") and len(answer) < MAX_FILE_BYTES:
            data = link.recv(4096)
            if not data:
                return b""
            answer += data
    finally:
        link.close()
    return answer


def _log(text: bytes) -> None:
    import syslog  # noqa: PLC0415 - who has nothing to say does without it

    syslog.openlog("upssched", syslog.LOG_PID, syslog.LOG_DAEMON)
    syslog.syslog(syslog.LOG_INFO, text.decode())
    try:
        posix.write(2, b"upssched: " + text + b"\n")
    except OSError:
        return  # A log that can't be written never stops anything.


def request(verb: bytes, words: list[bytes]) -> bytes:
    """The line for the timer daemon (see `schedule.messages`)."""
    return b" ".join([VERBS[verb][2], *map(_quoted, words)]) + b"\n"


def _quoted(word: bytes) -> bytes:
    return b'"' + word.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"#", b"\\#") + b'"'


def _contents(path: bytes) -> bytes:
    """A file's bytes; b"" if it can't be read (and that is no plain upssched.conf)."""
    try:
        number = posix.open(path, posix.O_RDONLY | posix.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return posix.read(number, MAX_FILE_BYTES + 1)
    except OSError:
        return b""
    finally:
        posix.close(number)
