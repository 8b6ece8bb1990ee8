# SPDX-License-Identifier: GPL-2.0-or-later
"""The runner behind ./dev fuzz."""

from __future__ import annotations

import importlib.util
import io
import random
import re
from pathlib import Path
from types import ModuleType

import pytest

from tests.support.fuzzing import try_inputs

RUNNER = Path(__file__).parent.parent / "fuzz" / "__main__.py"


@pytest.fixture(name="runner")
def load_runner() -> ModuleType:
    """The runner as a module (it is a `__main__`)."""
    spec = importlib.util.spec_from_file_location("fuzz_runner", RUNNER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GOOD = "def fuzz(rng, deadline):\n    return 7\n"
BAD = """
from tests.support.fuzzing import try_inputs

def attempt(value):
    assert value % 50, "it broke"

def fuzz(rng, deadline):
    return try_inputs(rng, deadline + 60, lambda rng: rng.randrange(10**6), attempt)
"""


def test_all_drivers_run_after_a_failure(runner: ModuleType, tmp_path: Path) -> None:
    """A failure is shown with its input and the command that repeats it, and the others still run."""
    (tmp_path / "fuzz_a_bad.py").write_text(BAD)
    (tmp_path / "fuzz_b_good.py").write_text(GOOD)
    out = io.StringIO()
    assert runner.main(["0.1"], tmp_path, out) == 1
    text = out.getvalue()
    assert re.search(r"a_bad +FAILED; repeat it with: \./dev fuzz 0\.1 --seed \d+ --only a_bad", text)
    assert re.search(r"input number \d+: \d+", text)
    assert re.search(r"b_good +ok \(7 inputs\)", text)


def test_seed_repeats_the_failure(runner: ModuleType, tmp_path: Path) -> None:
    """The same seed fails with the same input, also alone."""
    (tmp_path / "fuzz_bad.py").write_text(BAD)
    (tmp_path / "fuzz_good.py").write_text(GOOD)
    inputs = []
    for more in ([], ["--only", "bad"]):
        out = io.StringIO()
        runner.main(["0.1", "--seed", "4711", *more], tmp_path, out)
        inputs += re.findall(r"input number .*", out.getvalue())
    assert len(inputs) == 2
    assert len(set(inputs)) == 1


def test_all_good_is_status_0(runner: ModuleType, tmp_path: Path) -> None:
    """Nothing found is success, and so is having no drivers."""
    assert runner.main(["0.1"], tmp_path, io.StringIO()) == 0
    (tmp_path / "fuzz_good.py").write_text(GOOD)
    assert runner.main(["0.1"], tmp_path, io.StringIO()) == 0


def test_time_is_shared_equally(runner: ModuleType) -> None:
    """Each driver gets its part of the time."""
    deadlines: list[float] = []

    def driver(_rng: random.Random, deadline: float) -> int:
        deadlines.append(deadline)
        return 1

    runner.run({"a": driver, "b": driver}, 100.0, 1, io.StringIO())
    first, second = deadlines
    assert second - first == pytest.approx(50.0, abs=1.0)


def test_unknown_driver_is_named(
    runner: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A misspelt driver is an error, not an empty success."""
    (tmp_path / "fuzz_good.py").write_text(GOOD)
    assert runner.main(["1", "--only", "god"], tmp_path, io.StringIO()) == 2
    assert "there is: good" in capsys.readouterr().err


def test_at_least_one_input_is_tried() -> None:
    """A deadline that has passed still tries one input."""
    tried: list[int] = []
    assert try_inputs(random.Random(1), 0.0, lambda rng: rng.randrange(9), tried.append) == 1
    assert len(tried) == 1


def test_an_input_that_hangs_is_found() -> None:
    """An attempt that does not end is a failure with its input, also inside a regular expression."""
    slow = re.compile(r"(a|a)*b")
    with pytest.raises(TimeoutError, match=r"more than 0\.05 s") as caught:
        try_inputs(random.Random(1), 0.0, lambda rng: "a" * 64, slow.match, limit_s=0.05)
    assert "input number 1: 'aaaa" in "\n".join(caught.value.__notes__)
