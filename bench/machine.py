"""The limits of the machine, taken right beside each figure, and the environments of the peers."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final, NamedTuple

from bench.common import home

HERE: Final = Path(__file__).parent


class Runner(NamedTuple):
    """A peer: its adapter, what it needs, how many tasks it gets in W1, and what it can do."""

    name: str
    adapter: str
    packages: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    w1: int = 10_000
    workloads: tuple[str, ...] = ("w1", "w2", "w3", "w4")


CDKTR: Final = Runner("CDKTR", "cdktr.py")
PEERS: Final = (
    Runner("make -j", "peers/make_j.py", programs=("make",)),
    Runner("xargs -P", "peers/xargs.py", programs=("xargs",), workloads=("w1", "w4")),
    Runner(
        "GNU parallel", "peers/parallel.py", programs=("parallel",), w1=1_000,
        workloads=("w1", "w4"),
    ),
    Runner("HyperQueue", "peers/hyperqueue_.py", packages=("hyperqueue==0.27.0",)),
    Runner("Dask", "peers/dask_.py", packages=("distributed==2026.8.0",), w1=3_000),
    Runner(
        "huey on Redis", "peers/huey_.py", packages=("huey==3.5.4", "redis==8.1.0"),
        programs=("redis-server",), w1=3_000,
    ),
)  # fmt: skip


def python_of(runner: Runner) -> str:
    """The interpreter of a runner's own environment."""
    if not runner.packages:
        return sys.executable
    return str(home() / "venv" / Path(runner.adapter).stem / "bin" / "python")


def prepare(runner: Runner) -> str | None:
    """Make the runner's environment; None, or why it cannot take part."""
    missing = [program for program in runner.programs if shutil.which(program) is None]
    if missing:
        return f"{', '.join(missing)} is not installed"
    python = Path(python_of(runner))
    wanted = "\n".join(runner.packages)
    stamp = python.parent / "packages.txt"
    if not runner.packages or (stamp.exists() and stamp.read_text() == wanted):
        return None
    print(f"installing {', '.join(runner.packages)} in {python.parent.parent}", file=sys.stderr)
    commands = (
        [sys.executable, "-m", "venv", str(python.parent.parent)],
        [str(python), "-m", "pip", "install", "-qq", "--disable-pip-version-check",
         *runner.packages],
    )  # fmt: skip
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            return f"{' '.join(command[-2:])} failed: {done.stderr.strip()[-200:]}"
    stamp.write_text(wanted)
    return None


def compiler_missing() -> str | None:
    """Build the C program; None, or why not."""
    program = home() / "bin" / "spawn"
    program.parent.mkdir(parents=True, exist_ok=True)
    source = HERE / "limits" / "spawn.c"
    if program.exists() and program.stat().st_mtime > source.stat().st_mtime:
        return None
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return "no C compiler: the limit of the machine cannot be taken (Debian: gcc libc6-dev)"
    subprocess.run([compiler, "-O2", "-o", str(program), str(source)], check=True)
    return None


def spawn_limit(slots: int, n: int = 1500) -> float:
    """Starts a second of /bin/true from C, `slots` at a time: the better of one loop and two."""
    program = str(home() / "bin" / "spawn")
    best = 0.0
    for loops in (1, 2):
        each = [program, str(n // loops), str(max(1, slots // loops))]
        running = [subprocess.Popen(each, stdout=subprocess.PIPE) for _ in range(loops)]
        best = max(best, sum(float(loop.communicate()[0]) for loop in running))
    return best


def adapter(runner: Runner, workload: str, slots: int, n: int) -> dict[str, Any] | None:
    """One measurement in a process of its own; None when it failed."""
    command = [python_of(runner), str(HERE / runner.adapter), workload, str(slots), str(n)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=True)
        result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (subprocess.SubprocessError, ValueError, IndexError) as fault:
        errors = (getattr(fault, "stderr", None) or "").strip().splitlines()
        print(f"{runner.name} {workload}: {fault} {errors[-1:]}", file=sys.stderr)
        return None
    return result
