# SPDX-License-Identifier: GPL-2.0-or-later
"""Requests for an upsd, made by rule: every verb with 0 to n+1 words, odd quoting, and hostile bytes.

They are meant for the UPSes `su700` and `latched`, and for a user `admin` with the password `secret`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

VERBS = (
    *("VER", "NETVER", "PROTVER", "HELP", "STARTTLS", "USERNAME", "PASSWORD", "LOGIN", "LOGOUT", "PRIMARY"),
    *(
        "MASTER",
        "FSD",
        "SET",
        "INSTCMD",
        "GET",
        "LIST",
        "QUIT",
        "REQ",
        "LISTVARS",
        "ver",
        "Get",
        "GETX",
        "GE",
    ),
)
GETS = ("VAR", "TYPE", "DESC", "CMDDESC", "UPSDESC", "NUMLOGINS", "TRACKING", "var", "VARS", "RW")
LISTS = ("UPS", "VAR", "RW", "CMD", "CLIENT", "ENUM", "RANGE", "CLIENTS", "list", "ups", "TYPE")
UPSES = ("su700", "SU700", "nosuch", '""')
NAMES = ("ups.status", "ups.delay.start", "battery.charge", "UPS.LOAD", "no.such", '""')
# Replies that are our own words in ours and C's in C's.
OWN_WORDS = frozenset({"VER", "ver", "HELP"})
ENDS = frozenset({"LOGOUT"})


def counted() -> list[bytes]:
    """Every verb and sub-verb with 0 words, with as many as it needs, and with one more; none logs out."""
    found: dict[str, None] = {}
    for verb in VERBS:
        for count in range(5):
            found[" ".join([verb, *("su700", "ups.status", "x", "y")[:count]])] = None
    for verb, subs in (("GET", GETS), ("LIST", LISTS)):
        for sub in subs:
            found[f"{verb} {sub}"] = None
            for ups in UPSES:
                found[f"{verb} {sub} {ups}"] = None
                for name in NAMES:
                    found[f"{verb} {sub} {ups} {name}"] = None
            found[f"{verb} {sub} su700 ups.status one more"] = None
    return [f"{line}\n".encode() for line in found if line not in OWN_WORDS | ENDS and not _described(line)]


def _described(line: str) -> bool:
    """Descriptions are texts of ours: they are not compared."""
    words = line.split()
    known = len(words) > 3 and words[2].lower() == "su700" and words[3].strip('"') not in ("", "no.such")
    return words[:2] in (["GET", "DESC"], ["GET", "CMDDESC"]) and known


def quoted() -> list[bytes]:
    """A few requests, each written in every odd way that a lexer must take apart."""
    plain = ("GET VAR su700 ups.status", "LIST RW su700", "GET UPSDESC nosuch", "LIST ENUM su700 no.such")
    found = dict.fromkeys(text for line in plain for text in _ways(line.split()))
    # What joins the next line for good would never be answered.
    return [text.encode() for text in found if not text.endswith("\\\n") or text.endswith("\\\\\n")]


def _ways(words: list[str]) -> Iterator[str]:
    for position in range(len(words)):
        for change in _CHANGES:
            changed = [change(word) if at == position else word for at, word in enumerate(words)]
            yield " ".join(changed) + "\n"
    line = " ".join(words)
    yield from (line.replace(" ", gap) + "\n" for gap in ("\t", "  ", " \t ", "\r", "\v", "\f", "=", " = "))
    yield from (
        f"{before}{line}{after}\n" for before, after in product(("", " ", "\t"), ("", " ", "\t", "\r"))
    )
    yield from (line + after for after in (" #\n", "#\n", " # GET\n", ' "\n"\n', " \\\n\n", "\\\n\n", " ;\n"))


def _split(word: str) -> str:
    return f'{word[:2]}"{word[2:]}"'


_CHANGES = (
    lambda word: f'"{word}"',
    lambda word: f"'{word}'",
    lambda word: f'"{word}',
    lambda word: f'{word}"x"',
    lambda word: f'""{word}',
    lambda word: f'"{word} "',
    lambda word: f"\\{word}",
    lambda word: f"{word[:1]}\\{word[1:]}",
    lambda word: f"{word}\\",
    lambda word: f"{word[:2]}\\\n{word[2:]}",
    lambda word: f'"{word[:2]}\n{word[2:]}"',
    lambda word: f'"{word[:2]}\\\n{word[2:]}"',
    lambda word: f"{word[:2]}#{word[2:]}",
    lambda word: f'"{word[:2]}#{word[2:]}"',
    lambda word: f"{word[:2]}={word[2:]}",
    lambda word: f"={word}",
    _split,
)


def hostile() -> list[bytes]:
    """NUL, control and high bytes in every place, long words and lines, floods of words, CRLF, halves."""
    found: list[bytes] = []
    for code in (*range(10), *range(11, 32), 127, 128, 0xA0, 0xC3, 0xE9, 0xFE, 0xFF):
        byte = bytes([code])
        found += [b"GET VAR su" + byte + b"700 ups.status\n", byte + b"PROTVER\n", b"PROTVER" + byte + b"\n"]
        found.append(b"GET VAR su700 " + byte + b"\n")
    for size in (100, 255, 256, 510, 511, 512, 513, 600):
        found += [
            b"GET VAR su700 " + b"x" * size + b"\n",
            b"X" * size + b"\n",
            b"LIST " + b"y " * size + b"\n",
        ]
        found.append(b'GET VAR "' + b"z" * size + b'" ups.status\n')
    found += [b"GET UPSDESC " + "Müller".encode(code) + b"\n" for code in ("utf-8", "latin-1", "utf-16")]
    found += [b"PROTVER\r\n", b"PROTVER\r\nNETVER\r\n", b"PROTVER\rNETVER\n", b"\r\n", b"PROTVER;NETVER\n"]
    found += [b"PROTVER\nNETVER\nGET VAR su700 ups.load\n", b"PROTVER\n" * 40, b"NOSUCH\n" * 40]
    found += [b"GET VAR su700 %s%n%x\n", b"GET VAR ../../etc/passwd x\n", b"GET VAR su700 `id`\n", b"$(id)\n"]
    found += [
        b"\n",
        b" \n",
        b"\t\n",
        b"#\n",
        b"# only a comment\n",
        b"\n\n\n",
        b"\\\n\n",
        b"LOGOUT\n",
        b"logout\n",
    ]
    found += [b"LOGOUT\nPROTVER\n", b"LOGOUT # bye\n", b'"LOGOUT"\n']
    found += [b'"' + b"a" * 20 + b"\n" + b"b" * 20 + b'"\n', b'""\n', b'"" ""\n', b'"\n"\n', b'" "\n']
    return list(dict.fromkeys(found))


def authorised() -> list[bytes]:
    """What an administrator may ask to change, with 0 to n+1 words and values at the edges."""
    lines = [f"SET {' '.join(words)}" for words in _prefixes("VAR", "su700", "ups.delay.start", "30")]
    lines += [f"set {' '.join(words)}" for words in _prefixes("var", "SU700", "ups.delay.start", "30")]
    lines += [f"SET TRACKING {word}" for word in ("ON", "off", "On", '""', "1", "yes", "O N", '"ON"')]
    for ups, name in product(
        ("su700", "nosuch", '""'), ("ups.delay.start", "driver.name", "ups.status", '""')
    ):
        lines += [
            f"SET VAR {ups} {name} {value}" for value in ('""', "30", '"3 0"', "x" * 33, "-1", '"3\\"0"')
        ]
    for ups, name in product(
        ("su700", "nosuch", '""'), ("load.off", "LOAD.OFF", "no.such", '""', "shutdown")
    ):
        lines += [f"INSTCMD {ups} {name}", f"INSTCMD {ups} {name} 5", f'INSTCMD {ups} {name} ""']
    for verb in ("LOGIN", "PRIMARY", "MASTER", "FSD"):
        lines += [
            verb,
            f"{verb} latched",
            f"{verb} LATCHED",
            f"{verb} nosuch",
            f"{verb} latched x",
            f'{verb} ""',
        ]
    login = b"USERNAME admin\nPASSWORD secret\n"
    return [login + f"{line}\n".encode() for line in dict.fromkeys(lines)]


def _prefixes(*words: str) -> list[tuple[str, ...]]:
    return [words[:count] for count in range(len(words) + 1)]
