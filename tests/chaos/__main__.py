"""`python -m tests.chaos`: one campaign with progress on stderr and its table on stdout.

    python -m tests.chaos --minutes 10 --seed 7 --write docs/reliability.md

It runs itself again in namespaces of its own where the machine allows it, so that networks, disks
and processes are its own and gone with it. Exit code 1 if any count that must be 0 is not; then
the directory is kept, and what is wrong is told with the story of each run concerned.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shlex
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos import report
from tests.chaos.campaign import Campaign, run
from tests.chaos.ground import INSIDE, as_init, isolated, isolating
from tests.chaos.judge import MEASURES, Judge

STORIES = 3


def arguments(argv: list[str]) -> argparse.Namespace:
    """See --help."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--write", type=Path, help="document whose table is replaced")
    parser.add_argument("--json", type=Path, help="file for the counts")
    parser.add_argument("--shared", action="store_true", help="no namespaces even if allowed")
    parser.add_argument("--keep", action="store_true", help="keep the directory in any case")
    return parser.parse_args(argv)


def main() -> int:
    """Here, or again inside."""
    options = arguments(sys.argv[1:])
    if isolated():
        return as_init(lambda: campaign(options))
    if options.seed is None:
        options.seed = random.SystemRandom().randrange(1, 1_000_000)
    words = None if options.shared else isolating()
    if words is None:
        say("this machine allows no namespaces: no cut cables and no full disks this time")
        return campaign(options)
    os.environ[INSIDE] = "1"
    again = [sys.executable, "-m", "tests.chaos", *sys.argv[1:], "--seed", str(options.seed)]
    os.execvp(words[0], [*words, *again])


def say(text: str) -> None:
    """Progress."""
    print(text, file=sys.stderr, flush=True)


def campaign(options: argparse.Namespace) -> int:
    """Run, judge, tell."""
    directory = Path(tempfile.mkdtemp(prefix="chaos", dir="/tmp"))
    say(f"seed {options.seed}, {directory}")
    began = time.time()
    done, judge = run(directory, options.seed, options.minutes * 60, say)
    command = f"make chaos MINUTES={options.minutes:g} SEED={options.seed}"
    text = report.table(done, judge, command, time.time() - began)
    print(text, flush=True)
    if options.json:
        counts = {**judge.counts, "faults": len(done.nemesis.injected), **judge.checked}
        options.json.write_text(json.dumps(counts))
    if judge.guilty:
        accuse(done, judge, command)
    elif options.write:
        report.write(options.write, text)
    if judge.guilty or options.keep:
        done.cluster.ground.keep_disks()
        say(f"kept: {directory}")
    else:
        done.cluster.ground.release_disks()
        shutil.rmtree(directory, ignore_errors=True)
    return 1 if judge.guilty else 0


def accuse(done: Campaign, judge: Judge, command: str) -> None:
    """What is wrong, with the stories of the first runs concerned, and how to look further."""
    for measure, findings in judge.findings.items():
        for text in findings[:10]:
            say(f"WRONG  {MEASURES[measure]}: {text}")
    for accused in sorted(judge.accused)[:STORIES]:
        say(f"\nThe story of {accused}:")
        for line in done.history.story(accused)[:60]:
            say(f"  {line}")
    for injected in done.nemesis.injected:
        fault = injected.fault
        say(f"fault {fault.number}: {fault.kind}, {fault.target}, from boottime "
            f"{injected.began_boot:.3f} to {injected.healed_boot:.3f}")  # fmt: skip
    home = shlex.quote(str(done.cluster.home))
    say(f"\nLook further with:\n  grep RUN {home}/principal/journal/*.jsonl")
    say(f"  CDKTR_HOME={home} cdktr-principal &  CDKTR_HOME={home} cdktr-ctl show RUN")
    say(f"  grep RUN {done.directory}/ledger/ledger; tail {done.directory}/*.err")
    say(f"Again: {command}")


if __name__ == "__main__":
    sys.exit(main())
