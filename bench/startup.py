"""W8: commands as whole processes, installed and as zipapps, beside `python -c pass` of the same
Python. Warm: the median of many. Cold: the caches of the disk dropped (if that is allowed) and, for
a zipapp, what it had unpacked removed."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.figures import Figures
from bench.system import system

ROOT = Path(__file__).parents[1]
TIMES = 20


def start_up(figures: Figures, quick: bool) -> None:
    """The trigger against a running principal; the front door's help."""
    build = subprocess.run(
        [sys.executable, str(ROOT / "build" / "shiv" / "build"), "cdktr", "cdktr-trigger"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    python = sys.executable
    with (
        system("principal") as running,
        tempfile.TemporaryDirectory(prefix="cdktr-bench-", dir="/tmp") as shiv_root,
    ):
        (Path(running.directory) / "workflows" / "etl.yaml").write_text(
            "events: [bench]\ntasks:\n  t: {command: 'true', labels: [nowhere]}\n"
        )
        environ = {**running.environ, "SHIV_ROOT": shiv_root, "PYTHONPATH": str(ROOT)}
        commands = {
            "python -c pass": [python, "-c", "pass"],
            "cdktr-trigger installed": [python, str(ROOT / "bin" / "cdktr-trigger"), "bench"],
            "cdktr --help installed": [python, str(ROOT / "bin" / "cdktr"), "--help"],
        }
        if build.returncode == 0:
            commands |= {
                "cdktr-trigger zipapp": [python, str(ROOT / "dist" / "cdktr-trigger.pyz"), "bench"],
                "cdktr --help zipapp": [python, str(ROOT / "dist" / "cdktr.pyz"), "--help"],
            }
        else:
            figures.notes.append("W8: no zipapps could be built")
        measure(figures, commands, environ, Path(shiv_root))


def measure(
    figures: Figures,
    commands: dict[str, list[str]],
    environ: dict[str, str],
    shiv_root: Path,
) -> None:
    for name, argv in commands.items():
        shutil.rmtree(shiv_root, ignore_errors=True)
        if not drop_caches():
            figures.notes.append("W8 cold: the caches of the disk could not be dropped")
        figures.add("W8 cold ms", name, once(argv, environ))
        once(argv, environ)
    samples: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(TIMES):
        for name, argv in commands.items():  # interleaved: a slow moment touches all
            samples[name].append(once(argv, environ))
    for name, values in samples.items():
        figures.add("W8 warm ms", name, statistics.median(values))
    base = statistics.median(samples["python -c pass"])
    for name, values in samples.items():
        figures.add("W8 times python -c pass", name, statistics.median(values) / base)


def once(argv: list[str], environ: dict[str, str]) -> float:
    """Milliseconds of a process, from before its start until it has been waited for."""
    quiet = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 1, 2)]
    began = time.perf_counter()
    pid = os.posix_spawn(argv[0], argv, environ, file_actions=quiet)
    _, status = os.waitpid(pid, 0)
    took = (time.perf_counter() - began) * 1e3
    assert os.waitstatus_to_exitcode(status) == 0, argv
    return took


def drop_caches() -> bool:
    try:
        os.sync()
        Path("/proc/sys/vm/drop_caches").write_text("1\n")
    except OSError:
        return False
    return True
