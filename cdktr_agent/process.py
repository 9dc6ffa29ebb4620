"""One attempt as a process: its environment, its program, its pipes.

Spawning is `os.posix_spawn` and nothing else: a fork of a Python process costs a hundred times
more as it grows. That call has no working directory, so the supervisor, which has a single thread,
goes there and comes back. Knows no slots, no results and no time.
"""

from __future__ import annotations

import errno
import math
import os
import signal
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Final, NamedTuple

import msgspec

from cdktr_agent.custody import Held
from cdktr_agent.local import Hold
from cdktr_agent.spool import Spool
from cdktr_common.catalogue.values import RunContext, TaskSpec

NOT_FOUND: Final = 127
NOT_EXECUTABLE: Final = 126

PAYLOAD_IN_ENV: Final = 32 << 10
"""A payload up to this size is also given as CDKTR_PAYLOAD."""

_OWN: Final = (
    *("RUN_ID", "WORKFLOW", "TASK_ID", "ATTEMPT", "FENCE", "IDEMPOTENCY_KEY", "EVENT"),
    *("PAYLOAD", "PAYLOAD_FILE", "AGENT", "LEASE_S"),
)

_DEFAULT_SIGNALS: Final = (
    *(signal.SIGPIPE, signal.SIGXFSZ, signal.SIGHUP),
    *(signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGCHLD),
)
"""Those that may be ignored here (Python ignores two, nohup one); exec resets only handlers."""

_DEFAULT_PATH: Final = os.defpath.encode()

TRANSIENT: Final = (
    *(errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.ENOSPC, errno.EDQUOT),
)
"""The machine has no room for a process or its payload now; not the task's fault."""


class CannotStart(Exception):
    """The program of a task cannot be started; the task has failed with `code`."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Shared:
    """What all attempts of one run share here: the environment so far and the payload's file."""

    def __init__(
        self, base: Mapping[bytes, bytes], run: str, context: RunContext, path: str
    ) -> None:
        self.workflow = context.workflow
        self.workdir = context.workdir
        self.users = 0
        self._file: str | None = None
        env = dict(base)
        env.update((os.fsencode(k), os.fsencode(v)) for k, v in context.env.items())
        env[b"CDKTR_RUN_ID"] = run.encode()
        env[b"CDKTR_WORKFLOW"] = os.fsencode(context.workflow)
        env[b"CDKTR_EVENT"] = os.fsencode(context.event or "")
        if context.payload is not None:
            body = msgspec.json.encode(context.payload)
            self._file = path
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            try:
                with open(fd, "wb") as file:
                    file.write(body)
            except OSError:
                self.discard()
                raise
            env[b"CDKTR_PAYLOAD_FILE"] = os.fsencode(path)
            if len(body) <= PAYLOAD_IN_ENV and b"\0" not in body:
                env[b"CDKTR_PAYLOAD"] = body
        self.env = env

    def discard(self) -> None:
        """The last attempt has ended."""
        if self._file is not None:
            with suppress(FileNotFoundError):
                os.unlink(self._file)


def base_environment(aid: str) -> dict[bytes, bytes]:
    """The agent's own environment without what is meant for the agent alone, or for the task it
    may have been started by."""
    env = dict(os.environb)
    env.pop(b"NOTIFY_SOCKET", None)
    for name in _OWN:
        env.pop(b"CDKTR_" + name.encode(), None)
    env[b"CDKTR_AGENT"] = aid.encode()
    return env


class Plan(NamedTuple):
    """A program about to be started: all that can be done before a slot is free."""

    path: bytes
    argv: list[str]
    env: dict[bytes, bytes]
    ends: tuple[int, int]  # where the task will write
    actions: tuple[tuple[int, int, int], ...]


class Attempt:
    """An attempt from when it is made ready until it is over."""

    __slots__ = (
        "ended_ts",
        "exited",
        "fds",
        "held",
        "kill_at",
        "pid",
        "plan",
        "shared",
        "spec",
        "spool",
        "started_ts",
        "status",
        "stuck",
        "why",
    )

    def __init__(self, held: Held, shared: Shared) -> None:
        self.held = held
        self.spec = held.spec
        self.shared = shared
        self.started_ts = 0.0
        self.ended_ts = 0.0
        self.pid = 0
        self.fds = [-1, -1]  # where stdout and stderr are read; -1 once at their end
        self.spool: Spool
        self.plan: Plan | None = None
        self.exited = False  # has the main process ended?
        self.status = 0  # its exit code, once it has
        self.why = ""  # why it is being ended, when that is our doing
        self.kill_at = 0.0  # when KILL follows TERM; 0: it is not being ended
        self.stuck = False  # does it outlive even KILL?


class Spawner:
    """Starts programs for one supervisor."""

    def __init__(self) -> None:
        self._null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        self._found: dict[tuple[bytes, str], bytes] = {}
        self._home = -1
        self._cwd = ""
        self.stand_in(os.getcwd())

    def stand_in(self, directory: str) -> None:
        """Tasks without a directory of their own start here."""
        fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        os.fchdir(fd)
        if self._home >= 0:
            os.close(self._home)
        self._home, self._cwd = fd, directory

    def forget_paths(self) -> None:
        """Look programs up again; called now and then, since directories change."""
        self._found.clear()

    def prepare(self, attempt: Attempt) -> None:
        """Do what does not need the slot: a waiting task then starts right when one is free.
        Raises as `start` does."""
        spec = attempt.spec
        argv = spec.argv if spec.argv else ["/bin/sh", "-c", spec.command or ""]
        try:
            env = self._environment(attempt)
            path = self._find(argv[0], env.get(b"PATH", _DEFAULT_PATH))
        except ValueError as fault:  # text that is no text for the system
            raise CannotStart(NOT_EXECUTABLE, f"cannot start {argv[0]!r}: {fault}") from None
        out, out_end = os.pipe2(os.O_CLOEXEC)
        try:
            err, err_end = os.pipe2(os.O_CLOEXEC)
        except OSError:
            os.close(out)
            os.close(out_end)
            raise
        os.set_blocking(out, False)
        os.set_blocking(err, False)
        attempt.fds = [out, err]
        actions = (
            (os.POSIX_SPAWN_DUP2, self._null, 0),
            (os.POSIX_SPAWN_DUP2, out_end, 1),
            (os.POSIX_SPAWN_DUP2, err_end, 2),
        )
        attempt.plan = Plan(path, argv, env, (out_end, err_end), actions)

    def start(self, attempt: Attempt) -> None:
        """Start the program; fills in `pid` and `fds`. Raises CannotStart, or OSError with one of
        `TRANSIENT` when there is no room for a process now."""
        workdir = attempt.spec.workdir or attempt.shared.workdir
        try:
            if workdir:
                _go(workdir)
            if attempt.plan is None:
                self.prepare(attempt)
            self._spawn(attempt)
        except (CannotStart, OSError):
            discard(attempt)
            raise
        finally:
            if workdir:
                os.fchdir(self._home)

    def _spawn(self, attempt: Attempt) -> None:
        assert attempt.plan is not None
        path, argv, env, ends, actions = attempt.plan
        try:
            attempt.pid = os.posix_spawn(
                path,
                argv,
                env,
                file_actions=actions,
                setsid=True,
                setsigmask=(),
                setsigdef=_DEFAULT_SIGNALS,
            )
        except OSError as fault:
            if fault.errno in TRANSIENT:
                raise
            code = NOT_FOUND if fault.errno == errno.ENOENT else NOT_EXECUTABLE
            raise CannotStart(code, f"cannot start {argv[0]}: {_explain(fault)}") from None
        except ValueError as fault:  # a NUL in an argument
            raise CannotStart(NOT_EXECUTABLE, f"cannot start {argv[0]!r}: {fault}") from None
        os.close(ends[0])
        os.close(ends[1])
        attempt.plan = None

    def _environment(self, attempt: Attempt) -> dict[bytes, bytes]:
        spec = attempt.spec
        env = attempt.shared.env.copy()
        for name, value in spec.env.items():
            env[os.fsencode(name)] = os.fsencode(value)
        # After the task's own: nothing may pose as another attempt.
        task = os.fsencode(spec.task)
        env[b"CDKTR_TASK_ID"] = task
        env[b"CDKTR_ATTEMPT"] = b"%d" % spec.n
        env[b"CDKTR_FENCE"] = b"%d" % spec.fence
        env[b"CDKTR_IDEMPOTENCY_KEY"] = env[b"CDKTR_RUN_ID"] + b"/" + task
        endless = math.isinf(attempt.held.deadline)
        env[b"CDKTR_LEASE_S"] = b"none" if endless else b"%g" % spec.lost_after_s
        return env

    def _find(self, name: str, path: bytes) -> bytes:
        """The file that `name` means for a task with that PATH, seen from where we stand."""
        if "/" in name:
            return os.fsencode(name)
        known = self._found.get((path, name))
        if known is not None:
            return known
        end = b"/" + os.fsencode(name)
        denied = False
        for directory in path.split(b":"):
            candidate = (directory or b".") + end
            if os.path.isfile(candidate):
                if os.access(candidate, os.X_OK):
                    if directory.startswith(b"/"):  # else it depends on where we stand
                        self._found[(path, name)] = candidate
                    return candidate
                denied = True
        if denied:
            raise CannotStart(NOT_EXECUTABLE, f"cannot start {name}: not executable")
        raise CannotStart(NOT_FOUND, f"cannot start {name}: no such program in PATH")


def discard(attempt: Attempt) -> None:
    """Take a preparation back."""
    if attempt.plan is not None:
        for fd in (*attempt.fds, *attempt.plan.ends):
            os.close(fd)
        attempt.fds = [-1, -1]
        attempt.plan = None


def _go(workdir: str) -> None:
    try:
        os.chdir(workdir)
    except (OSError, ValueError) as fault:
        what = fault.strerror if isinstance(fault, OSError) else fault
        raise CannotStart(NOT_EXECUTABLE, f"workdir {workdir}: {what}") from None


def _explain(fault: OSError) -> str:
    if fault.errno == errno.ENOEXEC:
        return "not a program (does the first line of the script begin with #! ?)"
    if fault.errno == errno.E2BIG:
        return "arguments and environment together are too long"
    return fault.strerror or str(fault)


def identity(spec: TaskSpec | Hold) -> Iterable[bytes]:
    """What the environment of every process of this attempt holds, unless it was removed."""
    return (
        b"CDKTR_RUN_ID=" + spec.run.encode(),
        b"CDKTR_TASK_ID=" + os.fsencode(spec.task),
        b"CDKTR_ATTEMPT=%d" % spec.n,
        b"CDKTR_FENCE=%d" % spec.fence,
    )
