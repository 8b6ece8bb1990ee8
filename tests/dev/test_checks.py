# SPDX-License-Identifier: GPL-2.0-or-later
"""What ./dev check finds."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tools import check, docs_drift, generated, imports, sizes

SPDX_DOC = '# SPDX-License-Identifier: GPL-2.0-or-later\n"""A room."""\n'


@pytest.fixture(name="tree")
def small_tree(tmp_path: Path) -> Path:
    """A tree with the real contracts and a few rooms; the modules that the contracts name are empty."""
    shutil.copy(imports.ROOT / ".importlinter", tmp_path)
    rooms = ("", "wire", "ups", "monitor", "schedule", "app", "sim", "cli")
    for room in rooms:
        package = tmp_path / "src" / "ridethrough" / room
        package.mkdir(parents=True, exist_ok=True)
        (package / "__init__.py").write_text(SPDX_DOC)
    contracts = imports.read_contracts()
    for name in contracts.sections():
        for module in contracts[name].get("source_modules", "").split():
            _, room, *rest = module.split(".")
            if room in rooms and rest:
                add(tmp_path, "/".join((room, *rest)), "")
    return tmp_path


def add(tree: Path, module: str, text: str) -> None:
    """Write a module of a room."""
    path = tree / "src" / "ridethrough" / f"{module}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    package = path.parent
    while package != tree / "src" / "ridethrough" and not (package / "__init__.py").exists():
        (package / "__init__.py").write_text(SPDX_DOC)
        package = package.parent
    path.write_text(SPDX_DOC + text)


def test_rooms_that_keep_the_contract_pass(tree: Path) -> None:
    """Imports downwards are fine, and rooms that are not built yet are named."""
    add(tree, "monitor/core", "import ridethrough.ups\n")
    add(tree, "cli/sim", "import ridethrough.sim\nimport time\n")
    passed, text = imports.check(tree)
    assert passed, text
    assert text.startswith("not there yet: ")
    assert "ridethrough.battery" in text


@pytest.mark.parametrize(
    ("module", "text", "complaint"),
    [
        (
            "wire/words",
            "import ridethrough.ups\n",
            "ridethrough.wire is not allowed to import ridethrough.ups",
        ),
        ("monitor/core", "import ridethrough.schedule\n", "ridethrough.monitor is not allowed to import"),
        ("ups/status", "import time\n", "ridethrough.ups is not allowed to import time"),
        ("ups/status", "from pathlib import Path\n", "ridethrough.ups is not allowed to import pathlib"),
        ("app/compose", "import ridethrough.sim\n", "ridethrough.app.compose -> ridethrough.sim"),
        ("attic/__init__", "", "ridethrough.attic"),
    ],
    ids=["upwards", "sideways", "clock", "files", "simulator", "unknown room"],
)
def test_breaches_of_the_contract_fail(tree: Path, module: str, text: str, complaint: str) -> None:
    """An import against the contract, and a room that it doesn't know, are failures."""
    add(tree, module, text)
    passed, report = imports.check(tree)
    assert not passed
    assert complaint in report


def test_impurity_by_way_of_another_room_fails(tree: Path) -> None:
    """A pure module may not reach the clock through what it imports either."""
    add(tree, "wire/clock", "import time\n")
    add(tree, "ups/status", "import ridethrough.wire.clock\n")
    passed, report = imports.check(tree)
    assert not passed
    assert "ridethrough.ups is not allowed to import time" in report


def test_misspelt_module_of_a_real_room_fails(tree: Path) -> None:
    """A pure module that was renamed does not drop out of the contract silently."""
    path = tree / ".importlinter"
    path.write_text(path.read_text().replace("ridethrough.wire\n", "ridethrough.wire.wrods\n"))
    passed, report = imports.check(tree)
    assert not passed
    assert "ridethrough.wire.wrods" in report


def test_sizes_names_what_is_too_long(tmp_path: Path) -> None:
    """A function of 71 lines and a file of 401 are named with their place, one less of each passes."""
    (tmp_path / "src").mkdir()
    (tmp_path / "tests").mkdir()
    code = tmp_path / "src" / "a.py"
    code.write_text("\n\ndef long():\n" + "    x = 1\n" * 69)
    assert sizes.check(tmp_path) == []
    code.write_text("\n\ndef long():\n" + "    x = 1\n" * 70)
    (tmp_path / "tests" / "b.py").write_text("x = 1\n" * 401)
    assert sizes.check(tmp_path) == [
        "src/a.py:3: long has 71 lines, allowed are 70",
        "tests/b.py: 401 lines, allowed are 400; divide it",
    ]


def test_functions_of_tests_may_be_long(tmp_path: Path) -> None:
    """A test that tells a story is not cut short."""
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "a.py").write_text("def test_story():\n" + "    x = 1\n" * 99)
    assert sizes.check(tmp_path) == []


def test_docs_drift_is_found_and_mended(tmp_path: Path) -> None:
    """A generated part that is out of date is named, and rewriting leaves everything else alone."""
    page = tmp_path / "docs" / "deep" / "page.md"
    page.parent.mkdir(parents=True)
    page.write_text("before\n<!-- generated: fact -->\nold\n<!-- /generated -->\nafter\n")
    generators = {"fact": lambda: "new\nlines"}
    assert docs_drift.check(tmp_path, generators) == [
        "docs/deep/page.md: a generated part is out of date; './dev docs' rewrites it"
    ]
    assert docs_drift.write(tmp_path, generators) == ["docs/deep/page.md"]
    assert page.read_text() == ("before\n<!-- generated: fact -->\nnew\nlines\n<!-- /generated -->\nafter\n")
    assert docs_drift.check(tmp_path, generators) == []
    assert docs_drift.write(tmp_path, generators) == []


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("<!-- generated: fact -->\n", "page.md:1: this generated part is not closed"),
        ("\n<!-- /generated -->\n", "page.md:2: this ends a generated part that was never opened"),
        ("<!-- generated: fiction -->\n<!-- /generated -->\n", "page.md:1: nothing generates 'fiction'"),
    ],
)
def test_wrong_marks_are_found(tmp_path: Path, text: str, complaint: str) -> None:
    """Marks that don't fit would hide drift, so they are failures."""
    (tmp_path / "page.md").write_text(text)
    (problem,) = docs_drift.check(tmp_path, {"fact": lambda: "new"})
    assert problem.startswith(complaint)


def test_generators_of_the_project_work() -> None:
    """The tables of rooms and of commands hold what they should."""
    assert "`monitor`" in generated.rooms()
    assert "| `./dev fuzz SECONDS` | " in generated.dev_commands()


def test_all_failures_are_shown() -> None:
    """A failed check doesn't hide the ones after it."""
    lines: list[str] = []
    checks = {
        "first": lambda: (False, "bad\nworse"),
        "second": lambda: (True, "a remark"),
        "third": lambda: (False, "sad"),
    }
    assert not check.run(checks, lines.append)
    assert lines == [
        "first    FAILED",
        "    bad\n    worse",
        "second   ok (a remark)",
        "third    FAILED",
        "    sad",
    ]
