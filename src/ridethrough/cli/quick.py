# SPDX-License-Identifier: GPL-2.0-or-later
"""The start of the tools that people and scripts call again and again: `upsc`'s everyday questions, answered
before the rest of the program is even loaded.

The stubs that `ridethrough link` writes call `start`.
Whatever is not plain here (an option, an error, an odd byte in a reply) is left to the whole program, which
asks anew; so this file has no wording of its own, and prints byte for byte what the whole program prints.
It imports built-in modules only, and not even `__future__`: each module costs a part of a millisecond.
"""

import _socket
import posix
import sys
import time

TYPE_CHECKING = False  # A module less than typing's.
if TYPE_CHECKING:
    from collections.abc import Callable

WAIT_S = 1.0  # For all that happens here; the whole program then waits as long as it was told to.
MAX_BYTES = 65536
MAX_LINE_BYTES = 16384
PORT = 3493
VARIABLES = (b"NUT_DEFAULT_CONNECT_TIMEOUT", b"NUT_AUTHCONF_FILE", b"NUT_AUTHCONF_PATH")
NAME = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"
WORD = bytes(byte for byte in range(0x21, 0x7F) if byte not in b'"#\\=')
ODD = bytes(byte for byte in range(0x20) if byte != 0x0A)
_BACKSLASH, _QUOTE, _HASH = b"\0", b"\1", b"\2"  # Stand for what was escaped; ODD bytes, so never in a reply.


def start(name: str) -> None:
    """Be the program `name`; never returns."""
    words = sys.argv[1:]
    try:
        status = _quickly(name, words)
    except KeyboardInterrupt:
        status = 130
    except BrokenPipeError:
        status = 0
    if status is not None:
        posix._exit(status)  # Nothing is open or buffered, and to take the interpreter down is a millisecond.
    from ridethrough.cli.main import main  # noqa: PLC0415 - the point of this file

    sys.exit(main([name, *words]))


def _quickly(name: str, words: list[str]) -> int | None:
    """The exit status, or None if the whole program has to do it."""
    if sys.getfilesystemencoding() != "utf-8":
        return None
    if name == "upssched":
        from ridethrough.cli.quick_upssched import handle  # noqa: PLC0415 - upsc does without it

        return handle(words)
    if name in ("upscmd", "upsrw"):
        from ridethrough.cli.quick_lists import handle as listed  # noqa: PLC0415

        return listed(name, words)
    return upsc(words) if name == "upsc" else None


def upsc(words: list[str]) -> int | None:
    """Run upsc with these words; the exit status, or None if the whole program has to."""
    asked = question(words)
    if asked is None or not plain_surroundings(posix.environ):
        return None
    option, host, port, query = asked
    reply = fetch(host, port, query)
    output = None if reply is None else shown(option, query, reply)
    return None if output is None else written(output)


def written(output: bytes) -> int | None:
    """Write to standard output; the exit status, or None if the whole program has to say what is wrong."""
    try:
        while output:
            output = output[posix.write(1, output) :]
    except BrokenPipeError:
        raise
    except OSError:
        return None
    return 0


def plain_surroundings(env: dict[bytes, bytes]) -> bool:
    """Whether neither a variable nor a nutauth.conf (see `client_auth`) changes what upsc does."""
    if any(name in env for name in VARIABLES):
        return False
    home = env.get(b"HOME")
    places = [home + b"/.config/nut/nutauth.conf", home + b"/.nutauth.conf"] if home else []
    return not any(map(there, [*places, (env.get(b"NUT_CONFPATH") or b"/etc/nut") + b"/nutauth.conf"]))


def there(path: bytes) -> bool:
    """Whether there is a file (or anything else) of this name that we can see."""
    try:
        posix.stat(path)
    except OSError:
        return False
    return True


def question(words: list[str]) -> tuple[str, bytes, int, bytes] | None:
    """A command line as option, host, port and query (`GET VAR su ups.status`); None if it isn't plain."""
    option = words[0] if words and words[0] in ("-l", "-L", "-c") else ""
    rest = words[1:] if option else words
    if len(rest) > (1 if option else 2) or any(word[:1] in ("-", "") for word in rest):
        return None
    ups, place = "", "localhost"
    if option in ("-l", "-L"):
        place = rest[0] if rest else place
    elif rest:
        ups, at, there = rest[0].partition("@")
        place = there if at else place
    else:
        return None
    host, colon, port = place.partition(":")
    name = rest[1] if len(rest) > 1 else ""
    if not port and not colon:
        port = str(PORT)
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and 0 < int(port) < 65536):
        return None
    if not host or (not ups and option not in ("-l", "-L")) or (len(rest) > 1 and "." not in name):
        return None
    if len(ups + name) > 500 or any(not _made_of(NAME, word) for word in (host, ups, name)):
        return None
    words = ["LIST", "CLIENT" if option == "-c" else "VAR", ups]
    if name:
        words = ["GET", "VAR", ups, name]
    elif not ups:
        words = ["LIST", "UPS"]
    return option, host.encode(), int(port), " ".join(words).encode()


def fetch(host: bytes, port: int, query: bytes) -> bytes | None:
    """The server's whole reply to one query; None if it doesn't come at once."""
    deadline = time.monotonic() + WAIT_S
    end = b"\nEND " + query + b"\n"

    def whole(reply: bytes) -> bool:
        return reply.endswith(end) or not reply.startswith(b"BEGIN ")

    try:
        link = connected(host, port, deadline)
        if link is None:
            return None
        reply = answer(link, query + b"\n", whole, deadline)
        leave(link)
    except OSError:
        return None
    return reply


def connected(host: bytes, port: int, deadline: float) -> _socket.socket | None:
    """A connection to the server, or None."""
    try:
        for family, kind, number, _, place in _socket.getaddrinfo(host, port, 0, _socket.SOCK_STREAM):
            link = _socket.socket(family, kind, number)
            try:
                link.settimeout(max(0.001, deadline - time.monotonic()))
                link.connect(place)
            except OSError:
                link.close()
                continue
            return link
    except (OSError, UnicodeError):
        pass
    return None


def answer(
    link: _socket.socket, asked: bytes, whole: "Callable[[bytes], bool]", deadline: float
) -> bytes | None:
    """What the server answers, once it is `whole`; None if it doesn't come in time.  Raises OSError."""
    link.sendall(asked)
    reply = b""
    while not (reply.endswith(b"\n") and whole(reply)):
        left = deadline - time.monotonic()
        if left <= 0 or len(reply) > MAX_BYTES:
            return None
        link.settimeout(left)
        # C's upsd writes a list line by line, and the kernel holds each until the last is acknowledged:
        # at once if we ask for it, after 40 ms else.
        if sys.platform == "linux":
            link.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_QUICKACK, 1)
        data = link.recv(MAX_BYTES)
        if not data:
            return None
        reply += data
    return reply


def leave(link: _socket.socket) -> None:
    """End the connection."""
    try:
        link.settimeout(0)
        link.send(b"LOGOUT\n")
    except OSError:
        pass  # The server has gone first: there is nobody to say good-bye to.
    link.close()


def shown(option: str, query: bytes, reply: bytes) -> bytes | None:
    """What upsc prints for a reply; None if there is anything unusual about it."""
    if not reply.endswith(b"\n") or len(reply) > MAX_BYTES or reply.translate(None, ODD) != reply:
        return None
    lines = reply[:-1].split(b"\n")
    verb, _, asked = query.partition(b" ")
    head = asked + b" "
    if max(map(len, lines)) > MAX_LINE_BYTES:
        return None
    if verb == b"GET":
        value = unquoted(lines[0][len(head) :])
        good = len(lines) == 1 and lines[0].startswith(head) and value is not None
        return value + b"\n" if good and value is not None else None
    if len(lines) < 2 or lines[0] != b"BEGIN " + query or lines[-1] != b"END " + query:
        return None
    rows: dict[bytes, bytes] = {}
    clients: list[bytes] = []
    for line in lines[1:-1]:
        name, blank, quoted = line[len(head) :].partition(b" ")
        value = unquoted(quoted)
        if not line.startswith(head) or not name or name.translate(None, WORD):
            return None
        if option == "-c" and not blank:
            clients.append(name)
        elif option != "-c" and value is not None:
            rows[name] = value
        else:
            return None
    if option in ("-l", "-c"):
        return b"".join(name + b"\n" for name in rows or clients)
    return b"".join(name + b": " + value + b"\n" for name, value in rows.items())


def unquoted(text: bytes) -> bytes | None:
    """What `"..."` holds, without its escapes; None for any other text.  There must be no ODD byte in it."""
    if len(text) < 2 or text[:1] != b'"' or text[-1:] != b'"':
        return None
    inner = text[1:-1]
    if b"\\" in inner:
        inner = inner.replace(b"\\\\", _BACKSLASH).replace(b'\\"', _QUOTE).replace(b"\\#", _HASH)
    if b"\\" in inner or b'"' in inner or b"#" in inner:
        return None
    return inner.replace(_BACKSLASH, b"\\").replace(_QUOTE, b'"').replace(_HASH, b"#")


def _made_of(letters: bytes, word: str) -> bool:
    return word.isascii() and not word.encode().translate(None, letters)
