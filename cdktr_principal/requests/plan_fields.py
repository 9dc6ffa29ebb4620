"""The fields of a task of a plan that came by wire: the same limits that the loaders state.

Each check raises `Refused` at the first thing that is wrong, in words that follow on the task's
name. What tasks are to one another is in `plans`. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from cdktr_common.catalogue.values import Container, Retry, Step, TaskPlan
from cdktr_principal.language.data import (
    MAX_FILES,
    MAX_FILES_BYTES,
    MAX_GLOBS,
    MAX_OUTPUTS,
    artifact_problem,
    file_and_directory,
    file_problem,
)
from cdktr_principal.language.fields import (
    LABEL,
    MAX_COMMAND,
    MAX_DESCRIPTION,
    MAX_ENV,
    MAX_LOSSES,
    MAX_NAME,
    MAX_PATH,
    MAX_TIMEOUT_S,
    MIN_LOST_AFTER_S,
    SET_BY_CDKTR,
    VARIABLE,
    is_one_line,
)
from cdktr_principal.language.policies import (
    MAX_MOUNTS,
    MAX_POOL,
    MAX_POOLS,
    MAX_RETRIES,
    MAX_SLOTS,
    SIGNALS,
)
from cdktr_principal.language.running import MAX_SCRIPT, MAX_STEPS
from cdktr_principal.requests.sizes import check_size
from cdktr_principal.state.demand import is_new

MAX_WORDS: Final = 2000
"""Tags, paths, networks: words of one list."""


class Refused(Exception):
    """What is wrong; `code` is that of the answer."""

    def __init__(self, what: str, code: str = "invalid") -> None:
        super().__init__(what)
        self.code = code


def check_fields(task: TaskPlan) -> None:
    """All of a task but its place among others. Raises Refused. A plan may have thousands of tasks
    that say little, so what is not said is not looked at."""
    _what_runs(task)
    if task.env:
        check_env(task.env)
    if task.name or task.description or task.tags or task.dotenv or task.workdir is not None:
        check_texts(task.name, task.description, task.tags, task.dotenv, task.workdir)
    if task.timeout_s is not None:
        check_length("a time-out", task.timeout_s, zero=False)
    if task.lost_after_s is not None:
        check_length("lost_after_s", task.lost_after_s, least=MIN_LOST_AFTER_S)
    if not 1 <= task.max_losses <= MAX_LOSSES:
        check_range("max_losses", task.max_losses, 1, MAX_LOSSES)
    if task.labels and any(not LABEL.fullmatch(label) for label in task.labels):
        raise Refused("a label is 1 to 100 letters, digits, _.:=/@+-")
    if task.priority or task.slots != 1 or task.pools:
        check_range("priority", task.priority, 0, 9)
        check_range("slots", task.slots, 1, MAX_SLOTS)
        _pools(task.pools)
    if task.tolerated and task.tolerated is not True:
        _codes("tolerated", task.tolerated)
    if task.retry is not None:
        _retry(task.retry)
    if is_new(task):
        _new(task)


def _new(task: TaskPlan) -> None:
    """What few tasks say."""
    check_length("stop_grace_s", task.stop_grace_s)
    if task.stop_signal not in SIGNALS:
        raise Refused(f"stop_signal is one of {', '.join(SIGNALS)}")
    _files(task)
    for which, steps in (("pre", task.pre), ("post", task.post)):
        if len(steps) > MAX_STEPS:
            raise Refused(f"{which} has more than {MAX_STEPS:,} steps", "too_large")
        for step in steps:
            _step(which, step, task.container is not None)
    if task.container is not None:
        _container(task.container)


def _what_runs(task: TaskPlan) -> None:
    kinds = [task.command, task.script, task.group, task.call]
    count = 4 - kinds.count(None) + task.noop + (task.argv is not None and task.script is None)
    if count > 1 or (count == 0 and task.container is None):
        raise Refused("give one of argv, command, script, group, call, noop")
    ours = task.noop or task.group is not None or task.call is not None
    if ours and (task.pools or task.slots != 1 or task.exclusive):
        raise Refused("slots, exclusive and pools mean nothing where no agent runs anything")
    _program(task.argv, task.command, task.script, task.shell)


def _program(
    argv: list[str] | None, command: str | None, script: str | None, shell: list[str]
) -> None:
    if argv is not None and (not argv or not argv[0]):
        raise Refused("argv is empty")
    if shell and command is None and script is None:
        raise Refused("shell means nothing without command or script")
    words = [*(argv or ()), *shell, command or "", script or ""]
    if sum(map(len, words)) > MAX_COMMAND + (0 if script is None else MAX_SCRIPT):
        raise Refused("the command is too long", "too_large")
    if "\0" in "".join(words):
        raise Refused("a NUL byte in command or env")
    if (command is not None and not command.strip()) or (script is not None and not script.strip()):
        raise Refused("the command is empty")


def check_env(env: Mapping[str, str]) -> None:
    """Names and values of variables. Raises Refused."""
    for name, value in env.items():
        if name in SET_BY_CDKTR or not VARIABLE.fullmatch(name):
            raise Refused(f"'{name[:40]}' is no name for env")
        if "\0" in value:
            raise Refused("a NUL byte in command or env")
    if sum(len(name) + len(value) + 2 for name, value in env.items()) > MAX_ENV:
        raise Refused(f"env has more than {MAX_ENV:,} bytes", "too_large")


def check_texts(
    name: str, description: str, tags: list[str], dotenv: list[str], workdir: str | None
) -> None:
    """What people read, and paths. Raises Refused."""
    if len(name) > MAX_NAME or len(description) > MAX_DESCRIPTION:
        raise Refused("name or description is too long", "too_large")
    if not is_one_line(name):
        raise Refused("a name is one line without control characters")
    _words("tags", tags)
    _words("dotenv", dotenv)
    if workdir is not None and (not workdir or "\0" in workdir or len(workdir) > MAX_PATH):
        raise Refused("no such working directory can be")


def _words(what: str, words: list[str]) -> None:
    if len(words) > MAX_WORDS or any(len(word) > MAX_PATH for word in words):
        raise Refused(f"{what} is too long", "too_large")
    if any(not word or not is_one_line(word) for word in words):
        raise Refused(f"{what}: words of one line, without control characters")


def check_length(
    what: str, seconds: float | None, least: float = 0.0, *, zero: bool = True
) -> None:
    """A time. Raises Refused."""
    if seconds is None or (least <= seconds <= MAX_TIMEOUT_S and (zero or seconds > 0)):
        return
    begin = f"{least:g} s" if zero else f"over {least:g} s,"
    raise Refused(f"{what} is {begin} up to 366 days", "bad_field")


def check_range(what: str, value: float, least: float, most: float) -> None:
    """A number. Raises Refused."""
    if not least <= value <= most:
        raise Refused(f"{what} is {least} to {most}, not {value}", "bad_field")


def _codes(what: str, codes: Iterable[int]) -> None:
    if any(not 1 <= code <= 255 for code in codes):
        raise Refused(f"{what}: exit codes are 1 to 255", "bad_field")


def _retry(retry: Retry) -> None:
    check_range("limit of retry", retry.limit, 0, MAX_RETRIES)
    check_range("backoff of retry", retry.backoff, 1, 100)
    check_range("jitter of retry", retry.jitter, 0, 1)
    check_length("delay_s of retry", retry.delay_s)
    check_length("max_delay_s of retry", retry.max_delay_s, zero=False)
    if retry.max_delay_s is not None and retry.max_delay_s < retry.delay_s:
        raise Refused("max_delay_s of retry is less than delay_s", "bad_field")
    _codes("on_exit_codes of retry", retry.on_exit_codes)


def _pools(pools: Mapping[str, int]) -> None:
    if len(pools) > MAX_POOLS:
        raise Refused(f"more than {MAX_POOLS} pools", "too_large")
    for name, amount in pools.items():
        if not LABEL.fullmatch(name):
            raise Refused("the name of a pool is 1 to 100 letters, digits, _.:=/@+-")
        check_range(f"how much of pool {name}", amount, 1, MAX_POOL)


def _files(task: TaskPlan) -> None:
    if len(task.files) > MAX_FILES or len(task.artifacts) > MAX_GLOBS:
        raise Refused(f"more than {MAX_FILES} files or {MAX_GLOBS} artifacts", "too_large")
    if sum(len(text.encode()) for text in task.files.values()) > MAX_FILES_BYTES:
        raise Refused(f"files have more than {MAX_FILES_BYTES:,} bytes", "too_large")
    for name in task.files:
        problem = file_problem(name)
        if problem:
            raise Refused(f"the name of file '{name[:60]}' {problem}")
    both = file_and_directory(task.files)
    if both is not None:
        raise Refused(f"file '{both[0][:60]}' is the directory of {both[1][:60]}")
    for glob in task.artifacts:
        problem = artifact_problem(glob)
        if problem:
            raise Refused(f"artifact '{glob[:60]}' {problem}")
    if len(task.outputs) > MAX_OUTPUTS:
        raise Refused(f"more than {MAX_OUTPUTS} outputs", "too_large")
    for name in task.outputs:
        if not VARIABLE.fullmatch(name):
            raise Refused(f"'{name[:40]}' is not the name of an output")


def _step(which: str, step: Step, contained: bool) -> None:
    kinds = [step.command, step.script, step.argv if step.script is None else None]
    count = sum(kind is not None for kind in kinds)
    if count > 1 or (count == 0 and not (contained or step.image)):
        raise Refused(f"a step of {which}: give one of argv, command, script")
    try:
        _program(step.argv, step.command, step.script, step.shell)
        check_env(step.env)
        check_texts(step.name, "", [], [], None)
        check_length("a time-out", step.timeout_s, zero=False)
    except Refused as fault:
        raise Refused(f"a step of {which}: {fault}", fault.code) from None


def _container(container: Container) -> None:
    if not container.image or not is_one_line(container.image):
        raise Refused("a container needs an image")
    if len(container.mounts) > MAX_MOUNTS:
        raise Refused(f"more than {MAX_MOUNTS} mounts", "too_large")
    texts: list[Any] = [container.image, container.cpus, container.memory]
    if any(len(text) > MAX_PATH for text in texts):
        raise Refused("what a container says is too long", "too_large")
    check_size("mounts", container.mounts)
    _words("networks", container.networks)
    if sum(map(len, container.entrypoint)) > MAX_COMMAND or any(
        "\0" in word for word in container.entrypoint
    ):
        raise Refused("no such entrypoint can be")
