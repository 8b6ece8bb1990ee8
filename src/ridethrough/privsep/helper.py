# SPDX-License-Identifier: GPL-2.0-or-later
"""The privileged helper: the one part of Ridethrough that stays root.  It is told numbers, never commands.

Run as `python3 -I -S -B -X utf8 helper.py SOCKET CONFIG`: an inherited AF_UNIX SOCK_SEQPACKET descriptor, and
a JSON file (or the descriptor of one) owned by this user and writable by it alone.  Nothing else is read, and
nothing of `ridethrough` imported.  It ends when the core has closed the socket and the children that have a
time limit are done.  TERM, INT and HUP do nothing: at the host's end systemd sends TERM to all processes at
once, and the core may still need a flag written.  What may be slow has its own thread, so that a dead disk or
network file system can't hold up SHUTDOWN.  SHUTDOWNCMD outlives this process and the reader of its output.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import re
import select
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

VERSION = 1
MAX_MESSAGE, MAX_TEXT, MAX_TAIL, MAX_CONFIG = 32768, 1024, 4096, 1 << 20  # bytes
MAX_THREADS = 256  # with more (a past child's background may hold its pipe open) output is thrown away
WALL_LIMIT_S, KILL_AFTER_S, REPLY_LIMIT_S = 10.0, 5.0, 10.0
MAGIC, CAPSULE = b"upsmon-shutdown-file", "killpower.capsule"  # NUT's text in POWERDOWNFLAG; our file's name
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
LANES = {"file": (1, 16), "notify": (16, 64), "action": (16, 64)}  # how many run, how many wait
NOTICE = {"NOTIFYTYPE": "type", "UPSNAME": "ups", "NOTIFYMSG": "text"}
VERBS: dict[int, tuple[str, tuple[str, ...]]] = {
    1: ("SHUTDOWN", ()), 2: ("NOTIFYCMD", ("type", "ups", "text")), 4: ("ACTION", ("number",)),
    3: ("CMDSCRIPT", ("name", "type", "ups", "text")), 5: ("KILLPOWER", ("names",)), 6: ("PING", ()),
    7: ("WRITE_POWERDOWNFLAG", ()), 8: ("CLEAR_POWERDOWNFLAG", ()), 9: ("WALL", ("text",)),
}  # fmt: skip
TEXTS = ("shutdowncmd", "notifycmd", "cmdscript", "powerdownflag", "capsule_directory")
KEYS = {*TEXTS, "cmdscript_names", "notify_limit_s", "actions", "capsules", "environment", "run_as"}
UPS = r"([A-Za-z0-9_.][A-Za-z0-9_.:@%+,\[\]-]*)?"  # also several, with commas, as a shared timer has them
PATTERNS = {"type": re.compile("([A-Z_]{1,40}(,[A-Z_]{1,40})*)?"), "ups": re.compile(UPS)}
PLAIN = re.compile(r"[A-Za-z0-9_./:@%+, -]+")  # a command of such characters is no shell text
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class Refused(Exception):
    """A request that is not obeyed; its words go back to the core."""


def reply(sock: socket.socket, request: int, state: str, text: str = "", status: int | None = None) -> None:
    message = {"v": VERSION, "id": request, "state": state, "exit": status, "text": text}
    # Only the other threads wait for a slow core.  One that is gone, or never reads, loses its replies.
    if threading.current_thread() is not threading.main_thread():
        select.select([], [sock], [], REPLY_LIMIT_S)
    with contextlib.suppress(OSError):
        sock.send(json.dumps(message).encode("ascii"), socket.MSG_DONTWAIT)


def check(key: str, value: object) -> Any:
    """Return the value of a request's field, made harmless; Refused says what is wrong with it."""
    if key == "number" and type(value) is int:
        return str(value) if 0 <= value < 1 << 31 else "out of range"
    if key == "names" and isinstance(value, list) and 0 < len(value) <= 64:
        return [check("ups", name) for name in value]
    if key in ("number", "names") or not isinstance(value, str):
        raise Refused(f"field {key!r} has the wrong type or size")
    size, most = len(value.encode("utf-8", "surrogateescape")), MAX_TEXT if key == "text" else 256
    if size > most:
        raise Refused(f"field {key!r} has {size} bytes, and may have {most}")
    if key in PATTERNS and not PATTERNS[key].fullmatch(value):
        raise Refused(f"{value!a} is no valid {key}")
    return CONTROL.sub(lambda match: " " if match[0] in "\t\r\n" else "?", value)


def with_argument(command: str | None, directive: str, argument: str) -> list[str]:
    """Return the argv for `command` and one more word, never shell text; sh runs scripts without #! too."""
    command = (command or "").strip()
    if not command:
        raise Refused(f"no {directive} is configured")
    if PLAIN.fullmatch(command):
        return ["/bin/sh", "-c", '"$@"', "sh", *command.split(), argument]
    # After a separator the argument would be a command's name; such a script still finds it in $1.
    script = command if command[-1] in ";&|({" else f'{command} "$1"'
    return ["/bin/sh", "-c", script, "sh", argument]


def put_file(path: str, data: bytes, mode: int) -> None:
    """Write a file so that after a power cut it is there whole, or not at all; no link is followed."""
    folder, name = os.path.split(path)
    temporary = f".{name}.{os.urandom(6).hex()}"
    at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        with open(os.open(temporary, flags, mode, dir_fd=at), "wb", buffering=0) as file:
            file.write(data)
            os.fsync(file.fileno())
        os.rename(temporary, name, src_dir_fd=at, dst_dir_fd=at)
        os.fsync(at)
    finally:
        with contextlib.suppress(OSError):  # Renamed, if all went well.
            os.unlink(temporary, dir_fd=at)
        os.close(at)


def change_flag(path: str, wanted: bool) -> None:
    """Write POWERDOWNFLAG, or clear a stale one; what is not NUT's own file (or empty) is left alone."""
    if not path.startswith("/"):
        raise Refused(f"POWERDOWNFLAG {path!r} is not an absolute path")
    if known := os.path.lexists(path):
        head = b"not a file"
        if stat.S_ISREG(os.lstat(path).st_mode):
            with open(os.open(path, os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
                head = file.read(len(MAGIC))
        if head not in (MAGIC, b""):
            raise Refused(f"POWERDOWNFLAG {path} holds something that is not NUT's; it is left alone")
    if wanted:
        put_file(path, MAGIC, 0o644)
    elif known:
        os.unlink(path)


def read_config(where: str) -> dict[str, Any]:
    """Return the checked configuration; Refused or OSError if it can't be trusted or understood."""
    fd = int(where) if where.isdecimal() else os.open(where, os.O_NOFOLLOW | os.O_NONBLOCK)
    info = os.fstat(fd)
    if not stat.S_ISREG(info.st_mode) or info.st_uid != os.geteuid() or info.st_mode & 0o022:
        raise Refused(f"configuration {where}: must be a file of uid {os.geteuid()}, writable by it alone")
    data = os.pread(fd, MAX_CONFIG + 1, 0)
    os.close(fd)
    try:
        c = json.loads(data)
        uid, gid, groups, home = c["run_as"] or (0, 0, [], {})
        good = set(c) == KEYS and all(type(number) is int for number in (uid, gid, *groups))
        good = good and len(data) <= MAX_CONFIG and type(c["notify_limit_s"]) in (int, float)
        lists = [
            [c[key] for key in TEXTS if c[key] is not None],
            c["cmdscript_names"],
            *c["actions"].values(),
        ]
        lists += [[*c["environment"].values()], [*home.values()]]
        good = good and all(type(words) is list and all(type(w) is str for w in words) for words in lists)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        good = False
    if not good:
        raise Refused(f"configuration {where}: not the JSON object that this helper knows")
    return dict(c)


class Helper:
    """Reads requests in the main thread; a small pool of threads for each kind of deed does the rest."""

    def __init__(self, sock: socket.socket, config: dict[str, Any]) -> None:
        self.sock, self.config, self.open, self.shut_down = sock, config, True, False
        self.slots = {lane: threading.Semaphore(most) for lane, (most, _) in LANES.items()}
        self.room = {lane: threading.Semaphore(most + queue) for lane, (most, queue) in LANES.items()}
        uid, gid, groups, home = config["run_as"] or (0, 0, [], {})
        user: dict[str, Any] = {"user": uid, "group": gid, "extra_groups": groups}
        self.user = user if config["run_as"] else {}
        self.environment = {"PATH": PATH, "LANG": "C.UTF-8", **config["environment"]}
        self.user_environment = self.environment | home
        self.reply = functools.partial(reply, sock)
        self.reply(0, "done", "ready", 0)

    def receive(self) -> None:
        """Read and obey one message.  Nothing that it holds may raise out of here."""
        request = 0
        try:
            data = self.sock.recv(MAX_MESSAGE + 1)
        except ConnectionResetError:
            return  # It only says that replies stay unread; requests may still be in the queue.
        if not data:  # The end, or an empty message.
            poll = select.poll()
            poll.register(self.sock, 0)
            self.open = not poll.poll(0)
            return
        try:
            message = json.loads(data.decode("ascii")) if len(data) <= MAX_MESSAGE else None
            if not isinstance(message, dict) or message.get("v") != VERSION:
                raise Refused(f"not a JSON object of version {VERSION} and at most {MAX_MESSAGE} bytes")
            if type(message.get("id")) is int and 0 < message["id"] < 1 << 53:
                request = message["id"]
            if not request or type(message.get("verb")) is not int or message["verb"] not in VERBS:
                raise Refused("no id, or a verb this helper does not know")
            name, fields = VERBS[message["verb"]]
            if set(message) != {"v", "id", "verb", *fields}:
                raise Refused(f"{name} has exactly the fields: {' '.join(fields) or 'none'}")
            self.obey(request, name, {key: check(key, message[key]) for key in fields})
        except Refused as why:
            self.reply(request, "refused", str(why))
        except Exception as error:  # No message, and no defect in here, may cost the host its shutdown.
            self.reply(request, "refused", f"can't be done: {type(error).__name__}: {error}"[:MAX_TEXT])

    def obey(self, request: int, verb: str, f: dict[str, Any]) -> None:
        """Turn a checked request into a deed, or say why not."""
        config, flag, limit_s = self.config, self.config["powerdownflag"], self.config["notify_limit_s"]
        env = self.user_environment | {word: f[key] for word, key in NOTICE.items() if key in f}
        if verb in ("NOTIFYCMD", "CMDSCRIPT", "WALL") and not self.user and os.geteuid() == 0:
            raise Refused(f"{verb}: there is no RUN_AS_USER, and root is not guessed")
        if verb == "PING":
            self.reply(request, "done", "ready", 0)
        elif verb == "SHUTDOWN":
            self.shutdown(request)
        elif verb in ("NOTIFYCMD", "CMDSCRIPT"):
            if verb == "CMDSCRIPT" and f["name"] not in config["cmdscript_names"]:
                raise Refused(f"{f['name']!a} is not among the names of upssched.conf")
            argv = with_argument(config[verb.lower()], verb, f.get("name", f["text"]))
            self.admit(request, "notify", lambda: run(argv, env, self.user, limit_s))
        elif verb == "WALL":  # On its standard input: root's wall takes an argument for the name of a file.
            self.admit(request, "notify", lambda: run(["wall"], env, self.user, WALL_LIMIT_S, f["text"]))
        elif verb == "ACTION":
            if not (action := config["actions"].get(f["number"])):
                raise Refused(f"action {f['number']} is not in the plan's table")
            self.admit(request, "action", lambda: run(action, self.environment, {}, limit_s))
        elif verb == "KILLPOWER":
            if not config["capsule_directory"] or not set(f["names"]) <= set(config["capsules"]):
                raise Refused("no directory for the killpower capsule, or no entry for one of these UPSes")
            path, table = os.path.join(config["capsule_directory"], CAPSULE), config["capsules"]
            data = json.dumps({"v": VERSION, "ups": {name: table[name] for name in f["names"]}}).encode()
            self.admit(request, "file", lambda: put_file(path, data, 0o600))
        elif not flag:
            raise Refused("no POWERDOWNFLAG is configured")
        else:
            self.admit(request, "file", lambda: change_flag(flag, verb == "WRITE_POWERDOWNFLAG"))

    def shutdown(self, request: int) -> None:
        """Start SHUTDOWNCMD, once, from the main thread: it waits for nobody's queue."""
        if self.shut_down:
            raise Refused("SHUTDOWNCMD was run already; it is run once")
        if not (self.config["shutdowncmd"] or "").strip():
            raise Refused("no SHUTDOWNCMD is configured: this host can't be shut down")
        argv = ["/bin/sh", "-c", self.config["shutdowncmd"]]
        # Our standard error, and SIGPIPE ignored: a log that nobody reads any more must not end it.
        io: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": 2, "restore_signals": False}
        process = subprocess.Popen(argv, env=self.environment, start_new_session=True, **io)
        self.shut_down = True
        self.reply(request, "started")
        threading.Thread(target=lambda: self.reply(request, "done", "", process.wait()), daemon=True).start()

    def admit(self, request: int, lane: str, deed: Callable[[], tuple[int, str] | None]) -> None:
        def work() -> None:
            with self.slots[lane]:
                self.reply(request, "started")
                try:
                    status, text = deed() or (0, "")
                except Exception as error:
                    status, text = (127 if isinstance(error, FileNotFoundError) else 126), str(error)
            self.room[lane].release()
            self.reply(request, "done", text, status)

        if not self.room[lane].acquire(blocking=False):
            raise Refused(f"{LANES[lane][0]} of this kind run and {LANES[lane][1]} wait; this one is not run")
        threading.Thread(target=work).start()


def run(argv: list[str], env: Any, user: Any, limit_s: float, text: str = "") -> tuple[int, str]:
    """Run a command with `text` as its standard input; return its exit status and its last words."""
    output = subprocess.PIPE if threading.active_count() < MAX_THREADS else subprocess.DEVNULL
    io: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": output, "stderr": subprocess.STDOUT, **user}
    process: subprocess.Popen[Any] = subprocess.Popen(argv, env=env, start_new_session=True, **io)
    tail, note, feed, pipe = bytearray(), "", process.stdin, process.stdout

    def read() -> None:  # goes on after the end of the child: something may write from the background
        while data := os.read(pipe.fileno(), 65536) if pipe else b"":
            tail[:] = (tail + data)[-MAX_TAIL:]

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    with contextlib.suppress(OSError), feed or contextlib.nullcontext():
        os.write(feed.fileno() if feed else -1, text.encode("utf-8", "surrogateescape"))
    for patience, number in ((limit_s, signal.SIGTERM), (KILL_AFTER_S, signal.SIGKILL), (None, 0)):
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience)
            break
        note = f"ended after its limit of {limit_s:g} s; "
        with contextlib.suppress(OSError):
            os.killpg(process.pid, number)
    reader.join(0.2)
    return process.returncode, note + bytes(tail).decode("utf-8", "replace")


def main(socket_fd: str, where: str) -> None:
    vars(subprocess)["_USE_VFORK"] = False  # until its program is loaded, vfork stops all threads
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)  # not SIG_IGN, which the children would inherit
    sock = socket.socket(fileno=int(socket_fd))
    try:
        helper = Helper(sock, read_config(where))
    except (Refused, OSError) as error:
        reply(sock, 0, "refused", str(error))
        sys.exit(2)
    while helper.open:
        helper.receive()


if __name__ == "__main__":
    main(*sys.argv[1:])
