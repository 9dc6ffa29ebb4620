"""Where the other programs are: beside this one, else on PATH. They are found as git finds its
commands, by name, so that any `cdktr-foo` becomes `cdktr foo`, and a checkout, an installed
environment and a directory of zipapps each stay with their own kind.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator

BUILT_IN = {
    "principal": "the daemon that decides: workflows, runs, agents",
    "agent": "the daemon that runs tasks",
    "logd": "the daemon that records output and history",
    "cron": "start workflows by time; next, range, lint, diff, audit, forecast",
    "watch": "fire an event for every file that comes or changes",
    "http": "webhooks from outside become events",
    "tui": "look at everything live, and act on it; also `cdktr ui`",
    "trigger": "fire an event or start a workflow",
    "run": "run one command on some agent",
    "ctl": "look at runs, tasks, agents; why, cancel, drain",
    "logs": "output of tasks: query, tail, --raw",
    "sql": "read-only SQL over history and output",
    "check": "all faults of workflow files",
}
"""Programs of the project that the front door also offers as commands."""


def find(name: str) -> list[str] | None:
    """How to call program `cdktr-NAME`, or None."""
    for directory in (*_beside(), *os.get_exec_path()):
        for file in (f"cdktr-{name}", f"cdktr-{name}.pyz"):
            path = os.path.join(directory, file)
            if not os.path.isfile(path):
                continue
            if os.access(path, os.X_OK):
                return [path]
            if file.endswith(".pyz"):
                return [sys.executable, path]
    return None


def _beside() -> Iterator[str]:
    called = shutil.which(sys.argv[0]) or sys.argv[0]
    yield os.path.dirname(os.path.abspath(called))
    yield os.path.dirname(os.path.realpath(called))


def all_names() -> list[str]:
    """What can be called as `cdktr NAME` besides the built-in commands."""
    names = set(BUILT_IN)
    for directory in (*_beside(), *os.get_exec_path()):
        try:
            files = os.listdir(directory)
        except OSError:
            continue
        names.update(
            file.removeprefix("cdktr-").removesuffix(".pyz")
            for file in files
            if file.startswith("cdktr-")
        )
    return sorted(names)
