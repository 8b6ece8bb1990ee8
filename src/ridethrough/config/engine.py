# SPDX-License-Identifier: GPL-2.0-or-later
"""The one engine behind the six files: lines into entries, entries through a table into values.

A file's module holds a table `directive -> Directive(field, converter, arity, usage)`, and no walking.
Files with passwords are *guarded*: a word of theirs is repeated only if it resembles a known one.
In them a line whose quote ran over the line's end is dropped, for it may have taken in a password.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from ridethrough.config.echo import did_you_mean, nearest, shown
from ridethrough.config.problems import Problems
from ridethrough.wire.words import FILE_LIMITS, Line, WordStream

MAX_FILE_BYTES = 1024 * 1024
_RESEMBLES = 0.75
_FEW = 8


class Refused(Exception):
    """A value that a converter cannot use. The text never holds the value of a password."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def tell(self, problems: Problems, line: int, name: str, usage: str) -> None:
        """Note it as an error of the directive `name`."""
        problems.error(line, f"{name}: {self.message}", self.hint or f"write: {usage}")


class Obsolete(Refused):
    """A directive that NUT no longer has; it is ignored with a warning."""

    def tell(self, problems: Problems, line: int, name: str, usage: str) -> None:
        """Note it as a warning."""
        problems.warn(line, f"{name}: {self.message}", self.hint)


@dataclass(frozen=True, slots=True)
class Entry:
    """The words of one logical line; there is at least one. `line` is where it began."""

    words: tuple[str, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Site:
    """Where a converter stands: it warns through this, and asks it what of the user's words it may repeat."""

    problems: Problems
    line: int
    guarded: bool = False

    def warn(self, message: str, hint: str = "") -> None:
        """Note that the value is used, but probably not meant so."""
        self.problems.warn(self.line, message, hint)

    def show(
        self, word: str, known: Mapping[str, object] | tuple[str, ...] = (), instead: str = "this word"
    ) -> str:
        """The word in quotes if it may be repeated here, else `instead`."""
        if self.guarded and nearest(word, known, _RESEMBLES) is None:
            return instead
        return shown(word, instead)


Convert = Callable[[tuple[str, ...], Site], Any]


class Keep(Enum):
    """What becomes of a directive that stands more than once."""

    LAST = auto()
    EACH = auto()
    KEYED = auto()


@dataclass(frozen=True, slots=True)
class Directive:
    """How one directive is read.

    `convert` gets the `least` to `most` words behind the directive; with `Keep.KEYED` it gives (key, value).
    `exact`: words beyond `most` are an error, since ignoring them would change what the line means.
    """

    field: str
    convert: Convert
    usage: str
    least: int = 1
    most: int = 1
    keep: Keep = Keep.LAST
    exact: bool = False
    any_case: bool = False


@dataclass(slots=True)
class Sheet:
    """What has been read so far: values by field name, and the line of each for later questions."""

    problems: Problems
    guarded: bool = False
    values: dict[str, Any] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)

    def line(self, name: str) -> int:
        """The line on which a field was set last; 0 if it was not."""
        return self.lines.get(name, 0)

    def take(self, name: str, directive: Directive, args: tuple[str, ...], line: int) -> None:
        """Read one directive; whatever is wrong becomes a problem, and the value stays as it was."""
        site = Site(self.problems, line, self.guarded)
        if args[:1] == ("=",) and directive.least:
            self.problems.error(line, f"{name} takes no '='", f"write: {directive.usage}")
            return
        if len(args) < directive.least or (directive.exact and len(args) > directive.most):
            count = f"{len(args)} value" if len(args) == 1 else f"{len(args)} values"
            message = f"{name} has {count}, not {directive.least}"
            self.problems.error(line, message, f"write: {directive.usage}")
            return
        if len(args) > directive.most:
            site.warn(
                f"words behind the values of {name} are ignored",
                f'text with blanks stands in "quotes": {directive.usage}',
            )
        try:
            value = directive.convert(args[: directive.most], site)
        except Refused as refused:
            refused.tell(self.problems, line, name, directive.usage)
            return
        self._store(name, directive, value, line)

    def _store(self, name: str, directive: Directive, value: Any, line: int) -> None:
        into = directive.field
        if directive.keep is Keep.EACH:
            self.values.setdefault(into, []).append(value)
            self.lines.setdefault(into, line)
            return
        place = into
        if directive.keep is Keep.KEYED:
            key, value = value
            place, name = f"{into}/{key}", f"{name} {key}"
            self.values.setdefault(into, {})[key] = value
        else:
            self.values[into] = value
        if place in self.lines:
            self.problems.warn(
                line,
                f"{name} stands on line {self.lines[place]} already; this one counts",
                "remove one of them",
            )
        self.lines[place] = line


def entries(data: bytes, problems: Problems, *, guarded: bool) -> Iterator[Entry]:
    """The logical lines of a file as C NUT reads them; what cannot be read becomes a problem.

    Reads at most MAX_FILE_BYTES. In guarded files a line whose quote runs over the line's end is left out.
    Behind an unescaped # in quotes reading goes on with the next line.
    (C reads the rest of that line as a new one, and trips over it.)
    """
    if len(data) > MAX_FILE_BYTES:
        problems.error(0, f"the file is longer than {MAX_FILE_BYTES} bytes; the rest is not read")
        data = data[:MAX_FILE_BYTES]
    stream, before = WordStream(FILE_LIMITS), 0
    ran_over = 0
    for number, raw in enumerate(data.split(b"\n"), start=1):
        for line in stream.feed(raw + b"\n"):
            yield from _entry(line, before, ran_over, problems, guarded)
            if line.error is not None:
                stream, before = WordStream(FILE_LIMITS), number
                break
        if not stream.pending:
            ran_over = 0
        elif not ran_over and not _joins(raw):
            ran_over = number
    for line in stream.finish():
        yield from _entry(line, before, ran_over, problems, guarded)


def _joins(raw: bytes) -> bool:
    """Whether a backslash at the end joins this physical line to the next on purpose."""
    return (len(raw) - len(raw.rstrip(b"\\"))) % 2 == 1


def _entry(line: Line, before: int, ran_over: int, problems: Problems, guarded: bool) -> Iterator[Entry]:
    """At most one entry; what is wrong is told. `before`: how many lines the stream has not seen."""
    number = line.number + before
    usable = True
    if ran_over:
        problems.error(
            line.quote_line + before if line.quote_line else ran_over,
            'the quote (") opened on this line is not closed on it and takes in what follows',
            'close it with "; if the text is meant to go on, end the line with a backslash',
        )
        usable = not guarded and (line.error is None or "never closed" in line.error)
    elif line.error is not None:
        problems.error(
            number, line.error, 'a text with # in it: "like \\# this"' if line.quote_line else "shorten it"
        )
        usable = False
    elif line.clipped:
        problems.error(number, "the line is too long and was cut off", "shorten it")
        usable = False
    if usable and line.words:
        yield Entry(line.words, number)


def read_directives(
    data: bytes, table: Mapping[str, Directive], problems: Problems, *, guarded: bool
) -> Sheet:
    """Read a file of `DIRECTIVE value ...` lines through its table."""
    sheet = Sheet(problems, guarded)
    for entry in entries(data, problems, guarded=guarded):
        name, args = entry.words[0], entry.words[1:]
        directive = table.get(name)
        if directive is None:
            name, directive = _other_case(name, table)
        if directive is None:
            unknown(problems, entry.line, entry.words[0], table, guarded=guarded)
        else:
            sheet.take(name, directive, args, entry.line)
    return sheet


def _other_case(name: str, table: Mapping[str, Directive]) -> tuple[str, Directive | None]:
    upper = name.upper()
    directive = table.get(upper)
    return (upper, directive) if directive is not None and directive.any_case else (name, None)


def unknown(
    problems: Problems,
    line: int,
    word: str,
    known: Mapping[str, object] | tuple[str, ...],
    *,
    guarded: bool,
    what: str = "directive",
) -> None:
    """Note an unknown directive or field, with what was probably meant."""
    if problems.full:
        problems.warn(line, f"unknown {what}")
        return
    hint = did_you_mean(word, known, _RESEMBLES if guarded else 0.6)
    name = Site(problems, line, guarded).show(word, known, "")
    text = f"unknown {what} {name}".rstrip()
    if not hint and len(known) <= _FEW:
        hint = f"known here: {', '.join(known)}"
    if word.upper() in known or word.lower() in known:
        hint = f"letter case counts here: write {word.upper() if word.upper() in known else word.lower()}"
    problems.warn(line, f"{text}; the line is ignored", hint)
