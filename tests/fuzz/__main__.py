# SPDX-License-Identifier: GPL-2.0-or-later
"""`./dev fuzz SECONDS`: feed random input to everything that has a driver here.

A driver is a module `fuzz_*.py` in this directory with `fuzz(rng, deadline) -> int`: it tries inputs made
with `rng` until `time.monotonic()` reaches `deadline`, returns how many, and lets a failure through.
`tests.support.fuzzing.try_inputs` is the loop that most drivers need.
"""

from __future__ import annotations

import argparse
import importlib.util
import random
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TextIO

HERE = Path(__file__).resolve().parent
Driver = Callable[[random.Random, float], int]


def drivers(directory: Path) -> dict[str, Driver]:
    """Load the drivers of a directory; their names are those of the modules without `fuzz_`."""
    found: dict[str, Driver] = {}
    for path in sorted(directory.glob("fuzz_*.py")):
        spec = importlib.util.spec_from_file_location(f"tests.fuzz.{path.stem}", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module  # dataclasses look their module up there
        spec.loader.exec_module(module)
        found[path.stem.removeprefix("fuzz_")] = module.fuzz
    return found


def run(found: dict[str, Driver], seconds: float, seed: int, out: TextIO) -> bool:
    """Run all drivers, each with an equal part of the time that is left; return whether all held."""
    end = time.monotonic() + seconds
    held = True
    for number, (name, fuzz) in enumerate(found.items()):
        now = time.monotonic()
        deadline = now + max(0.0, end - now) / (len(found) - number)
        # Each driver has its own chance, so that one can be repeated alone with the same seed.
        rng = random.Random(f"{seed}:{name}")
        try:
            count = fuzz(rng, deadline)
        except Exception:
            held = False
            print(
                f"{name:20} FAILED; repeat it with: ./dev fuzz {seconds:g} --seed {seed} --only {name}",
                file=out,
            )
            traceback.print_exc(file=out)
        else:
            print(f"{name:20} ok ({count} inputs)", file=out)
        out.flush()
    return held


def main(argv: Sequence[str], directory: Path = HERE, out: TextIO | None = None) -> int:
    """Run the command line; 0 if everything held, 1 if something failed, 2 for a wrong call."""
    out = out or sys.stdout
    parser = argparse.ArgumentParser(prog="./dev fuzz")
    parser.add_argument("seconds", type=float, help="how long, for all drivers together")
    parser.add_argument("--seed", type=int, help="repeat a run")
    parser.add_argument("--only", metavar="NAME", help="run one driver")
    options = parser.parse_args(argv)
    found = drivers(directory)
    if options.only is not None:
        if options.only not in found:
            print(f"./dev fuzz: no driver '{options.only}'; there is: {', '.join(found)}", file=sys.stderr)
            return 2
        found = {options.only: found[options.only]}
    if not found:
        print("./dev fuzz: there is nothing to fuzz yet", file=out)
        return 0
    seed = random.SystemRandom().randrange(2**32) if options.seed is None else options.seed
    print(f"seed {seed}", file=out)
    return 0 if run(found, options.seconds, seed, out) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
