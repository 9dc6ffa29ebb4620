"""make bench: CDKTR beside its peers and the limits of this machine, in one run.

Usage: bench [options]

Options:
  --quick         One round with fewer tasks: about two minutes.
  --only PARTS    Of w1,w2,w3,w4,w5,w6,w7,w8,w9,w10,w11,w12,restart,check; default: all.
  --peers NAMES   Only these peers, by the beginning of their names, in lower case, commas between.
  --rounds N      Rounds, each with every peer [default: 3].

Rounds are interleaved over the peers, so that a slow minute of the machine touches all, and the raw
limit is taken right before and after each figure. Results: bench/results/latest.{json,md}.
"""

from __future__ import annotations

import json
import platform
import statistics
import sys
import time
from pathlib import Path

import docopt

from bench import alone
from bench.common import home
from bench.figures import US, Figures, plot, tables
from bench.machine import CDKTR, PEERS, Runner, adapter, compiler_missing, prepare, spawn_limit

RESULTS = Path(__file__).parent / "results"


class Bench:
    """One run with its options."""

    def __init__(self, quick: bool) -> None:
        self.quick = quick
        self.figures = Figures()

    def size(self, n: int) -> int:
        return max(n // 5, 50) if self.quick else n

    def throughput(self, runner: Runner, slots: int) -> None:
        """W1."""
        n = self.size(runner.w1)
        took = self.bracketed(runner, "w1", slots, n)
        if took is None:
            return
        seconds, limit = took
        self.figures.add(f"W1 {slots} slots, tasks/s", runner.name, n / seconds)
        self.figures.add(f"W1 {slots} slots, tasks/s", "raw limit", limit)
        self.figures.add(f"W1 {slots} slots, share of raw", runner.name, n / seconds / limit)
        if n < 10_000:
            self.figures.notes.append(f"W1 of {runner.name}: {n:,} tasks, not 10,000")

    def chain(self, runner: Runner) -> None:
        """W2."""
        took = adapter(runner, "w2", 2, 100)
        if took:
            self.figures.add("W2 ms a hop", runner.name, took["s"] / took["n"] * 1e3)

    def fan(self, runner: Runner) -> None:
        """W3."""
        took = self.bracketed(runner, "w3", 2, 500)
        if took is not None:
            seconds, limit = took
            self.figures.add("W3 s", runner.name, seconds)
            self.figures.add("W3 share of raw", runner.name, 502 / seconds / limit)

    def latency(self, runner: Runner) -> None:
        """W4."""
        took = adapter(runner, "w4", 2, self.size(200))
        if took:
            ms = sorted(took["ms"])
            self.figures.add("W4 p50 ms", runner.name, statistics.median(ms))
            self.figures.add("W4 p95 ms", runner.name, ms[int(len(ms) * 0.95)])

    def bracketed(
        self, runner: Runner, workload: str, slots: int, n: int
    ) -> tuple[float, float] | None:
        """Seconds, and the better of the limits taken before and after."""
        before = spawn_limit(slots)
        took = adapter(runner, workload, slots, n)
        if took is None:
            return None
        return took["s"], max(before, spawn_limit(slots))

    def round(self, runners: list[Runner], parts: set[str]) -> None:
        """Every runner once in each workload."""
        for part in ("w1", "w2", "w3", "w4"):
            for runner in runners:
                if part not in parts or part not in runner.workloads:
                    continue
                say(f"{part} {runner.name}")
                if part == "w1":
                    self.throughput(runner, 2)
                    self.throughput(runner, 8)
                else:
                    {"w2": self.chain, "w3": self.fan, "w4": self.latency}[part](runner)


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def check(runners: list[Runner], figures: Figures) -> None:
    """Who does not run every task once and in order, loses its figures."""
    for runner in list(runners):
        if runner.adapter.endswith("xargs.py"):
            continue
        result = adapter(runner, "check", 2, 20) or {"ran": False}
        wrong = [key for key, value in result.items() if value is False]
        if wrong:
            figures.notes.append(f"{runner.name} failed the check of {', '.join(wrong)}: left out")
            runners.remove(runner)


def main(argv: list[str]) -> int:
    options = docopt.docopt(__doc__ or "", argv=argv)
    bench = Bench(options["--quick"])
    every = "w1,w2,w3,w4,w5,w6,w7,w8,w9,w10,w11,w12,restart,check"
    parts = set((options["--only"] or every).split(","))
    names = tuple((options["--peers"] or "").split(","))
    fault = compiler_missing()
    if fault:
        print(fault, file=sys.stderr)
        return 1
    runners = [CDKTR]
    for peer in PEERS:
        if not peer.name.lower().startswith(names):
            continue
        missing = prepare(peer)
        if missing:
            say(f"without {peer.name}: {missing}")
            bench.figures.notes.append(f"{peer.name} did not take part: {missing}")
        else:
            runners.append(peer)
    if "check" in parts:
        check(runners, bench.figures)
    rounds = 1 if bench.quick else int(options["--rounds"])
    for number in range(rounds):
        say(f"round {number + 1} of {rounds}")
        bench.round(runners, parts)
        for part, measure in alone.PARTS.items():
            if part in parts:
                say(f"{part} {US}")
                measure(bench.figures, bench.quick)
    report(bench.figures, rounds, bench.quick)
    return 0


def report(figures: Figures, rounds: int, quick: bool) -> None:
    """Print, and keep."""
    stamp = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    kind = "quick, " if quick else ""
    head = (
        f"# Benchmark of {stamp}\n\n{kind}{rounds} round(s); Python {platform.python_version()}\n\n"
    )
    bars = "\n".join(
        plot(figures, what) for what in ("W1 2 slots, tasks/s", "W2 ms a hop", "W4 p50 ms")
    )
    text = head + tables(figures) + ("\n```\n" + bars + "```\n" if bars.strip() else "")
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "latest.md").write_text(text)
    samples = [
        {"what": what, "who": who, "samples": values}
        for (what, who), values in figures.samples.items()
    ]
    (RESULTS / "latest.json").write_text(json.dumps({"when": stamp, "figures": samples}, indent=1))
    print(text)
    print(f"kept in {RESULTS}; environments of the peers in {home()}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
