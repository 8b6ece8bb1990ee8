# SPDX-License-Identifier: GPL-2.0-or-later
"""How a row's value is shown: its text, and the type and rights of its variable."""

from __future__ import annotations

import contextlib

from ridethrough.drivers.hid.asks import Wanting
from ridethrough.drivers.hid.rows import Context, Flags, Row
from ridethrough.ups.variables import Variable, VarKind


def formatted(row: Row, value: float) -> str:
    """A value without a conversion, as the row's format prints it."""
    return (row.format or "%f") % value


def described(name: str, value: str, row: Row | None, context: Context) -> Variable:
    """A variable with the type and the rights that its row says."""
    if row is None:
        return Variable(name, value)
    writable = Flags.RW in row.flags
    kind = VarKind.NONE
    if Flags.STRING in row.flags:
        kind = VarKind.STRING
    elif Flags.NUMBER in row.flags:
        kind = VarKind.NUMBER
    choices: tuple[str, ...] = ()
    if writable and Flags.ENUM in row.flags and row.convert is not None:
        with contextlib.suppress(Wanting):  # then nothing is offered yet
            choices = row.convert.choices(context)
    return Variable(name, value, writable, kind, row.length if kind is VarKind.STRING else 0, choices)
