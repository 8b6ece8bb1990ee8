# SPDX-License-Identifier: GPL-2.0-or-later
"""The benchmarks run, and their figures are what they say."""

from __future__ import annotations

import re
import subprocess

import pytest

from bench import _docs
from bench._figures import ms, percentile, table
from tools.imports import ROOT


def test_percentiles() -> None:
    """A percentile is one of the values: half, and all but a hundredth, do not exceed it."""
    values = [float(number) for number in range(100, 0, -1)]
    assert percentile(values, 0.5) == 50.0
    assert percentile(values, 0.99) == 99.0
    assert percentile(values, 1.0) == 100.0
    assert percentile([7.0], 0.0) == percentile([7.0], 0.99) == 7.0
    assert percentile([1.0, 2.0, 3.0], 0.5) == 2.0


def test_a_table_is_markdown_with_straight_columns() -> None:
    """It can be copied into the docs as it is."""
    text = table(("what", "ms"), [("a", ms(0.0123)), ("longer", ms(1.0))])
    assert text == "| what   | ms     |\n| ------ | ------ |\n| a      | 12.3   |\n| longer | 1000.0 |"


@pytest.mark.slow
@pytest.mark.parametrize(("name", "count"), [("dev", 1), ("reaction", 2)])
def test_a_benchmark_prints_its_table(name: str, count: int) -> None:
    """`./dev bench NAME` ends well, with figures."""
    done = subprocess.run(
        [ROOT / "dev", "bench", name, str(count)], capture_output=True, text=True, check=False, timeout=50
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"^\| .* \| \d+\.\d ", done.stdout, re.MULTILINE), done.stdout


def test_what_was_measured_goes_between_its_marks() -> None:
    """Everything else on the page stays; a page without the marks is named."""
    parts = [
        f"<!-- measured: {name} -->\n{text}\n<!-- /measured -->\n"
        for name, text in (("a", "old"), ("b", "kept"))
    ]
    page = "".join(["# Title\n", *parts])
    assert _docs.replaced(page, "a", "| new |\n") == page.replace("old", "| new |")
    assert _docs.replaced(page, "b", "x") == page.replace("kept", "x")
    with pytest.raises(ValueError, match="no lines '<!-- measured: c -->'"):
        _docs.replaced(page, "c", "x")


@pytest.mark.slow
@pytest.mark.cnut
def test_startup_measures_both_sides() -> None:
    """`./dev bench startup` prints a line for each call, whatever the machine is busy with."""
    done = subprocess.run(
        [ROOT / "dev", "bench", "startup", "3"], capture_output=True, text=True, check=False, timeout=50
    )
    assert done.returncode in (0, 1), done.stderr
    rows = re.findall(r"^\| up\w+[^|]*\|[^|]*\| +([\d.]+) +\| +([\d.]+) +\|", done.stdout, re.MULTILINE)
    assert len(rows) == 12, done.stdout
