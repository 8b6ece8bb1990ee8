# SPDX-License-Identifier: GPL-2.0-or-later
"""Limits on sizes: a file has at most 400 lines, a function at most 70."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 70

FILE_LIMITED = ("src", "tests", "tools", "bench")
FUNCTION_LIMITED = ("src", "tools")


def long_functions(source: str) -> Iterator[tuple[int, str, int]]:
    """Yield (line, name, lines) of every function that is too long, its docstring included."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > MAX_FUNCTION_LINES:
                yield node.lineno, node.name, lines


def check(root: Path) -> list[str]:
    """Return one line for each file or function below `root` that is too long."""
    problems = []
    for top in FILE_LIMITED:
        for path in sorted((root / top).rglob("*.py")):
            source = path.read_text("utf-8")
            name = path.relative_to(root)
            lines = len(source.splitlines())
            if lines > MAX_FILE_LINES:
                problems.append(f"{name}: {lines} lines, allowed are {MAX_FILE_LINES}; divide it")
            if top in FUNCTION_LIMITED:
                try:
                    problems += [
                        f"{name}:{line}: {function} has {count} lines, allowed are {MAX_FUNCTION_LINES}"
                        for line, function, count in long_functions(source)
                    ]
                except SyntaxError as error:
                    problems.append(f"{name}:{error.lineno}: this is no Python: {error.msg}")
    return problems
