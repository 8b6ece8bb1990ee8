# SPDX-License-Identifier: GPL-2.0-or-later
"""Play worlds of seeds: `python -m ridethrough.sim.play 4711` shows one, `--count 1000` looks at many.

The exit status is 1 if a promise was broken.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Final

from ridethrough.sim import promises
from ridethrough.sim.draw import draw
from ridethrough.sim.world import World

BLOCK: Final = 50


@dataclass(frozen=True, slots=True)
class Broken:
    """A seed whose world breaks promises, and the words."""

    seed: int
    words: tuple[str, ...]

    def __str__(self) -> str:
        lines = "\n".join(f"  {word}" for word in self.words)
        return f"seed {self.seed}; to see it: python -m ridethrough.sim.play {self.seed}\n{lines}"


def play(seed: int) -> World:
    """The world of a seed, played to its end."""
    world = World(draw(seed))
    world.run()
    return world


def judge(seed: int) -> Broken | None:
    """What a seed's world breaks; an exception in it is a broken promise, too."""
    try:
        words = promises.kept(play(seed))
    except Exception as error:
        words = [f"{type(error).__name__}: {error}"]
    return Broken(seed, tuple(words)) if words else None


def judge_block(first: int, count: int) -> list[Broken]:
    """The same for `count` seeds in a row."""
    return [broken for seed in range(first, first + count) if (broken := judge(seed)) is not None]


def judge_many(first: int, count: int, jobs: int) -> Iterator[Broken]:
    """The same in several processes; the broken ones come in the order of their seeds."""
    blocks = [(begin, min(BLOCK, first + count - begin)) for begin in range(first, first + count, BLOCK)]
    if jobs <= 1:
        for begin, size in blocks:
            yield from judge_block(begin, size)
        return
    # Not forked: whoever calls may have threads.
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
        for found in pool.map(judge_block, *zip(*blocks, strict=True)):
            yield from found


def main(argv: Sequence[str] | None = None) -> int:
    """Print the trace of one seed, or the broken ones of many."""
    parser = argparse.ArgumentParser(prog="python -m ridethrough.sim.play", description=__doc__)
    parser.add_argument("seed", type=int)
    parser.add_argument("--count", type=int, default=1, help="so many seeds, from this one on; no traces")
    parser.add_argument("--jobs", type=int, default=1, help="in so many processes")
    options = parser.parse_args(argv)
    if options.count == 1:
        world = play(options.seed)
        print(world.scenario)
        for line in world.trace:
            print(line)
        words = promises.kept(world)
        print("\n".join(words) or "all promises were kept")
        return 1 if words else 0
    began = time.monotonic()
    number = 0
    for broken in judge_many(options.seed, options.count, options.jobs):
        number += 1
        print(broken, flush=True)
    rate = options.count / (time.monotonic() - began)
    print(f"{options.count} worlds, {number} with broken promises, {rate:.0f} worlds a second")
    return 1 if number else 0


if __name__ == "__main__":
    sys.exit(main())
