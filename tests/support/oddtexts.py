# SPDX-License-Identifier: GPL-2.0-or-later
"""Odd texts for NUT's lexer: some that people thought of, and some from a generator that never varies.

Most lines begin with a variable's name and a colon, so that they mean something in a definition file as well.
A text stays below 500 bytes: a C driver reads its socket in pieces of 512, and drops a piece with an error.
"""

from __future__ import annotations

import random
from typing import Final

BY_HAND: Final[tuple[bytes, ...]] = (
    # quotes
    b'x.a: "one word"\n',
    b'x.a: "" x.b ""\n',
    b'x.a: "a""b"\n',
    b'x.a: "a"b"c"\n',
    b'x.a: a"b c"d\n',
    b'x.a: a"b\nx.b: "c"\n',
    b'"x.a:" "b"\n',
    b'"x.a": b\n',
    b'x.a: "never closed\nx.b: c\n',
    b'x.a: "spans\nlines" end\nx.b: c\n',
    b'x.a: "  outer  blanks  " z\n',
    b'x.a: "\ttabs\tinside\t"\n',
    b"x.a: 'single quotes'\n",
    b'x.a: "\n',
    b'x.a: """\nx.b: c\n',
    # escapes
    b"x.a: a\\ b c\n",
    b"x.a: \\a\\b\\n\\t\\0\n",
    b"x.a: \\\\ \\\\\\\\\n",
    b'x.a: \\"a\\" "b\\"c"\n',
    b'x.a: "a\\\\" b\n',
    b'x.a: "a\\\\\\"b" c\n',
    b"x.a: \\# \\= \\ \n",
    b"x.a: end\\",
    b'x.a: "end\\',
    b"x.a: \\\x01\\\x7f\\\t|\n",
    b'x.a: \\"open b\n',
    # comments
    b"x.a: b # c d\nx.b: e\n",
    b"x.a: b#c d\nx.b: e\n",
    b"# x.a: b\n#\n##\n \t# x\nx.b: c\n",
    b"x.a: # \\\nx.b: c\n",
    b"# joined? \\\nx.b: c\n",
    b'# "quote\nx.b: c\n',
    b'x.a: "b#c" d\n',
    b'x.a: "b\\#c" d\n',
    b"#",
    b"x.a: b #",
    # =
    b"x.a: a=b\n",
    b"x.a: a = b\n",
    b"x.a: =\n",
    b"x.a: == === a==b\n",
    b"x.a: a= =b\n",
    b'x.a: a="b c"=d\n',
    b"x.a=b\n",
    b"= x.a: b\n",
    b"x.a: a\\=b \\==\n",
    b'x.a: "a=b"=c\n',
    # joined lines
    b"x.a: one \\\ntwo\nx.b: c\n",
    b"x.a: one\\\ntwo\nx.b: c\n",
    b"x.a: one\\\n two\\\n\\\nthree\n",
    b'x.a: "one\\\ntwo" three\n',
    b"x.a\\\n: b\n",
    b"\\\nx.a: b\n",
    b"\\\n\\\n\\\n\nx.a: b\n",
    b"x.a: b\\\r\nx.b: c\r\n",
    b"x.a: b \\ \nx.b: c\n",
    # ends of lines, blanks
    b"x.a: b\r\nx.b: c\r\n",
    b"x.a: b\rx.b: c\r",
    b"x.a: b\n\rx.b: c\n\r",
    b"x.a: b\vc\fd\n",
    b"\n\n\n\nx.a: b\n\n\n",
    b"   x.a:   b   c   \n",
    b"\tx.a:\tb\t\tc\t",
    b"x.a:\n",
    b"x.a: b",
    b"x.a: b\\\n",
    b"",
    b" ",
    # bytes that are no text
    b"x.a: b\x00c d\n",
    b"x.a: \x00\n",
    b"\x00x.a: b\n",
    b"x.a: b\x01\x02\x1b[31mc\x08\n",
    b"x.a: b\x7fc\n",
    b'x.a: "b\x00c"\n',
    b"x.a: b\x00\nx.b: c\n",
    b"x.a: caf\xc3\xa9 b\n",
    b"x.a: \xff\xfe \xe4\n",
    b"x.a: \xc2\xa0b \xc2\x85 c\n",
    b"\xef\xbb\xbfx.a: b\n",
    b'x.a: "\xe2\x80\x9cb\xe2\x80\x9d"\n',
    # sizes (below both limits)
    b"x.a: " + b"w" * 480 + b"\n",
    b'x.a: "' + b"q " * 230 + b'" b\n',
    b"x.a:" + b" w" * 31 + b"\n",
    b"x.a: " + b"\\\\" * 200 + b"\n",
    b"x.a: " + b"=" * 28 + b"\n",
    b"x." + b"n" * 100 + b": b\n",
    # shells, other formats
    b"x.a: $HOME `id` $(id) ; | & > <\n",
    b"x.a: %s%n%d {b} [c] (d)\n",
    b"x.a: {\"b\": [1, 2], 'c': null}\n",
    b"x.a: <b c='d'/>\n",
    b"x.a: b, c; d: e\n",
    b"x.a: C:\\Windows\\nul\n",
    b"x.a: \\\\server\\share\n",
    b"x.a: http://h/p?q=r&s=t#f\n",
    b"x.a : b\n",
    b"x.a:b\n",
    b":x.a: b\n",
    b"x.a:: b\n",
)
PIECES: Final = (
    *(b"a bc def g1 0 -7 3.5 OL : , ; ' / x.y".split()),
    *(b" ", b"  ", b"\t", b" ", b"\n", b"\n", b"\r\n", b"\\\n"),
    *(b'"', b'"', b'""', b"\\", b'\\"', b"\\\\", b"\\#", b"#", b" # ", b"=", b" = ", b"\\="),
    *(b"\x00", b"\x01", b"\x1f", b"\x7f", b"\x80", b"\xff", b"\xc3\xa9", b"\v", b"\f"),
)
GENERATED: Final = 150


def generated(seed: int) -> bytes:
    """A text of up to six lines that begin well and go on anyhow."""
    rng = random.Random(seed)
    lines = []
    for number in range(rng.randint(1, 6)):
        pieces = rng.choices(PIECES, k=rng.randint(1, 14))
        lines.append(b"x.v%d: " % number + b"".join(pieces))
    return b"\n".join(lines) + rng.choice((b"\n", b"\n", b""))


ODD_TEXTS: Final = (*BY_HAND, *(generated(seed) for seed in range(GENERATED)))
