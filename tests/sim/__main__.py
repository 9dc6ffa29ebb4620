"""`python -m tests.sim`: plays scenarios and judges them. The first that is violated is shortened
and told, with the command that plays it again; the exit code is 1 then."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter

from tests.sim import disk, mechanisms, runner, scenario, shrink


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.sim", description=__doc__)
    parser.add_argument("--seeds", type=int, default=2000, help="how many (2000)")
    parser.add_argument("--from", type=int, default=0, dest="first", help="the first one (0)")
    parser.add_argument("--seed", type=int, help="this one only, with its story")
    parser.add_argument("--keep", help="only these faults (0,2) and runs (r1) of it")
    parser.add_argument("--story", action="store_true", help="the whole story, not only its end")
    parser.add_argument(
        "--without", choices=mechanisms.MECHANISMS, help="what keeps the promises, switched off"
    )
    args = parser.parse_args()
    machines = disk.SimulatedOs()
    off = [args.without] if args.without else []
    with disk.mounted(machines), mechanisms.without(*off):
        if args.seed is not None:
            return _one(args.seed, args.keep, args.story, machines)
        return _many(args.first, args.seeds, args.without, machines)


def _one(seed: int, parts: str | None, whole: bool, machines: disk.SimulatedOs) -> int:
    played = scenario.draw(seed)
    if parts is not None:
        played = shrink.keep(played, parts)
    print(*shrink.tell(played, machines, 100_000 if whole else shrink.LINES), sep="\n")
    return 1 if runner.play(played, machines).violation else 0


def _many(first: int, count: int, without: str | None, machines: disk.SimulatedOs) -> int:
    runner.freeze_memory()
    counts: Counter[str] = Counter()
    began = time.process_time()
    hours = 0.0
    for seed in range(first, first + count):
        outcome = runner.play(scenario.draw(seed), machines)
        counts.update(outcome.counts)
        hours += outcome.seconds / 3600
        if outcome.violation:
            print(*failure(seed, machines, without), sep="\n")
            return 1
    took = time.process_time() - began
    print(f"{count} seeds, {hours:.1f} simulated hours, {took:.1f} s: nothing violated")
    print(", ".join(f"{what} {number}" for what, number in sorted(counts.items())))
    return 0


def failure(seed: int, machines: disk.SimulatedOs, without: str | None = None) -> list[str]:
    """The shortest story of a seed that is violated, and how to play it again."""
    whole = scenario.draw(seed)
    part = shrink.shrink(whole, machines)
    off = f" --without {without}" if without else ""
    command = f"python -m tests.sim --seed {seed} --keep {shrink.kept(whole, part)}{off}"
    return [*shrink.tell(part, machines), f"seed {seed}; play it again: {command}"]


if __name__ == "__main__":
    sys.exit(main())
