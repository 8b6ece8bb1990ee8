# SPDX-License-Identifier: GPL-2.0-or-later
"""What must hold for every file of the tree: the licence line, and no path of somebody's machine."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

SPDX = "# SPDX-License-Identifier: GPL-2.0-or-later"
CODE = ("src", "tests", "tools", "bench")

MACHINE_PATH = re.compile(rb"(?<![\w.$}])/(?:work|root|home/[\w.-]+|tmp/[\w.-]+)(?![\w-])")
# Files that show such paths for a reason: {beginning of the path: the reason}.
PATHS_ALLOWED = {
    "tools/tree.py": "says what a machine path is",
    "tests/dev/test_tree.py": "tests this",
    "examples/": "configurations as people write them",
    "tests/guides/": "configurations as people write them",
}
UNTRACKED = {".git", ".venv", ".venv-turn", "__pycache__", "dist", "build", "htmlcov"}


def tracked_files(root: Path) -> Iterator[Path]:
    """Yield the files that belong to the tree: as git sees it, or without git all but what is built."""
    if (root / ".git").exists():
        command = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        result = subprocess.run(command, capture_output=True, check=True)
        names = [os.fsdecode(name) for name in result.stdout.split(b"\0") if name]
        yield from (root / name for name in names if (root / name).is_file())
        return
    for directory, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in UNTRACKED and not name.endswith("_cache")]
        yield from (Path(directory) / name for name in names)


def licence_problems(root: Path) -> list[str]:
    """Return one line for each Python file that does not begin with the licence line."""
    problems = []
    for top in CODE:
        for path in sorted((root / top).rglob("*.py")):
            lines = path.read_text("utf-8").splitlines()[:2]
            if SPDX not in lines[:1] and not (lines[:1] and lines[0].startswith("#!") and SPDX in lines):
                problems.append(f"{path.relative_to(root)}: the first line must be '{SPDX}'")
    return problems


def path_problems(root: Path) -> list[str]:
    """Return one line for each line of the tree that holds a path of somebody's machine."""
    problems = []
    for path in sorted(tracked_files(root)):
        name = str(path.relative_to(root))
        if name.startswith(tuple(PATHS_ALLOWED)) or path.is_symlink():
            continue
        data = path.read_bytes()
        if b"\0" in data:
            continue  # not text
        for number, line in enumerate(data.splitlines(), 1):
            if found := MACHINE_PATH.search(line):
                problems.append(f"{name}:{number}: path of one machine: {found[0].decode()}")
    return problems
