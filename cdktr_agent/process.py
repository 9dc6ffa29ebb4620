"""One attempt as processes: what it is furnished with, its programs, its pipes.

Spawning is `os.posix_spawn` and nothing else: a fork of a Python process costs a hundred times
more as it grows. That call has no working directory, so the supervisor, which has a single thread,
goes there and comes back. Knows no slots, no results and no time.
"""

from __future__ import annotations

import errno
import os
import signal
from typing import Final

from cdktr_agent import direct, environment
from cdktr_agent.attempt import Attempt
from cdktr_agent.environment import TRANSIENT, Looked, Unfit
from cdktr_agent.masking import Masker, Secrets
from cdktr_agent.places import Places
from cdktr_agent.programs import (
    NOT_EXECUTABLE,
    NOT_FOUND,
    CannotStart,
    Program,
    Programs,
    interpreter_fault,
)
from cdktr_agent.steps import SHELL, Part, argv_of
from cdktr_common.catalogue.values import StepSpec, TaskSpec

_DEFAULT_SIGNALS: Final = (
    *(signal.SIGPIPE, signal.SIGXFSZ, signal.SIGHUP),
    *(signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGCHLD),
)
"""Those that may be ignored here (Python ignores two, nohup one); exec resets only handlers."""


class Spawner:
    """Starts programs for one supervisor."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self.umask = 0o077
        self._null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        self._programs = Programs()
        self._home = -1
        self._away = False
        self.stand_in(os.getcwd())

    def stand_in(self, directory: str) -> None:
        """Tasks without a directory of their own start here."""
        fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        os.fchdir(fd)
        if self._home >= 0:
            os.close(self._home)
        self._home = fd
        self._programs.forget()

    def forget_paths(self) -> None:
        """Look programs up again; called now and then, since directories change."""
        self._programs.forget()

    # Starting

    def prepare(self, attempt: Attempt) -> None:
        """Do what does not need the slot: a waiting task then starts right when one is free.
        Raises as `start` does."""
        if attempt.fds[0] < 0:
            self._open(attempt)
        attempt.program = self._program(attempt, None)

    def _open(self, attempt: Attempt) -> None:
        if attempt.place is None:
            attempt.place = self.places.take()
        attempt.stop_signal = _signal(attempt.spec.stop_signal)
        try:
            for stream in (0, 1):
                attempt.fds[stream], attempt.ends[stream] = os.pipe2(os.O_CLOEXEC)
                os.set_blocking(attempt.fds[stream], False)
        except OSError:
            self.discard(attempt)
            raise

    def start(self, attempt: Attempt) -> None:
        """Start its first program; fills in `pid` and `fds`. Raises CannotStart, or OSError with
        one of `TRANSIENT` when there is no room for a process now. Nothing is left of it then,
        unless it is only this program of several that cannot be started: its pipes are open."""
        try:
            if attempt.special:
                self._furnish(attempt)
            self._go(attempt)
            if attempt.spec.artifacts:
                attempt.root = os.getcwd()
            if attempt.program is None:
                self.prepare(attempt)
            self._spawn(attempt)
        except CannotStart:
            if attempt.course is None or attempt.fds[0] < 0:
                self.discard(attempt)
            raise
        except OSError as fault:
            self.discard(attempt)
            if fault.errno in TRANSIENT:
                raise
            what = f"cannot start: {fault.filename or ''}: {fault.strerror}"
            raise CannotStart(NOT_EXECUTABLE, what) from None
        finally:
            self._come_back()

    def start_next(self, attempt: Attempt, part: Part) -> None:
        """Start another program of it, with the same pipes. Raises as `start` does."""
        try:
            self._go(attempt)
            attempt.program = self._program(attempt, part)
            self._spawn(attempt)
        finally:
            self._come_back()

    def _go(self, attempt: Attempt) -> None:
        workdir = attempt.workdir
        if workdir:
            try:
                os.chdir(workdir)
            except (OSError, ValueError) as fault:
                what = fault.strerror if isinstance(fault, OSError) else fault
                raise CannotStart(NOT_EXECUTABLE, f"workdir {workdir}: {what}") from None
            self._away = True

    def _come_back(self) -> None:
        if self._away:
            os.fchdir(self._home)
            self._away = False

    def _spawn(self, attempt: Attempt) -> None:
        assert attempt.program is not None
        path, argv, env, shell = attempt.program
        attempt.program = None
        attempt.direct = shell is not None
        ours = os.umask(self.umask)  # it is inherited, as the working directory is
        try:
            attempt.pid = os.posix_spawn(
                path,
                argv,
                env,
                file_actions=(
                    (os.POSIX_SPAWN_DUP2, self._null, 0),
                    (os.POSIX_SPAWN_DUP2, attempt.ends[0], 1),
                    (os.POSIX_SPAWN_DUP2, attempt.ends[1], 2),
                ),
                setsid=True,
                setsigmask=(),
                setsigdef=_DEFAULT_SIGNALS,
            )
        except OSError as fault:
            if fault.errno in TRANSIENT:
                raise
            if shell is None:
                code = NOT_FOUND if fault.errno == errno.ENOENT else NOT_EXECUTABLE
                why = interpreter_fault(path) or _explain(fault)
                raise CannotStart(code, f"cannot start {argv[0]}: {why}") from None
            attempt.program = Program(os.fsencode(SHELL[0]), shell, env)
            self._spawn(attempt)
            return
        except ValueError as fault:  # a NUL in an argument
            raise CannotStart(NOT_EXECUTABLE, f"cannot start {argv[0]!r}: {fault}") from None
        finally:
            os.umask(ours)
        attempt.main_ran = attempt.main_ran or attempt.at_main
        if attempt.course is not None:
            attempt.pids.add(attempt.pid)
            if not attempt.course.last:
                return
        self.hand_over(attempt)

    # What it needs

    def _furnish(self, attempt: Attempt) -> None:
        """Its files, and all secrets of all its parts: none of them is found missing later."""
        spec = attempt.spec
        images = [step.image for step in (*spec.pre, *spec.post) if step.image]
        if spec.container is not None or images:
            image = spec.container.image if spec.container is not None else images[0]
            raise CannotStart(NOT_EXECUTABLE, f"image {image}: this agent runs no containers")
        if attempt.place is None:
            attempt.place = self.places.take()
        looked = Looked()
        try:
            for sealed in (attempt.shared.sealed, spec.sealed):
                looked.env(sealed)
            for step in (*spec.pre, *spec.post):
                looked.env(step.sealed)
            environment.write_files(spec, attempt.place, looked)
        except Unfit as fault:
            raise CannotStart(NOT_EXECUTABLE, str(fault)) from None
        attempt.looked = looked
        if secrets := Secrets(looked.values):
            attempt.secrets = secrets
            attempt.maskers = (Masker(secrets), Masker(secrets))
        if spec.capture:
            attempt.captured = bytearray()

    def _program(self, attempt: Attempt, part: Part | None) -> Program:
        """That of a part, by default of the first, with all its variables."""
        if part is None and attempt.course is not None:
            part = attempt.course.part
        what: TaskSpec | StepSpec = attempt.spec if part is None else part.what
        try:
            env = self._environment(attempt, what)
            script = ""
            if what.script is not None:
                assert attempt.place is not None
                script = environment.write_script(attempt.place, what.script)
            argv = argv_of(what, script)
            if what.argv or what.shell or what.script is not None:
                return self._programs.of(argv, env)
            if attempt.special:
                odd = direct.odd(env)
            else:
                odd = attempt.shared.odd or direct.odd(map(os.fsencode, what.env))
            return self._programs.of_command(argv[-1], argv, env, odd, self._away)
        except Unfit as fault:
            raise CannotStart(NOT_EXECUTABLE, str(fault)) from None
        except ValueError as fault:  # text that is no text for the system
            raise CannotStart(NOT_EXECUTABLE, f"cannot start: {fault}") from None

    def _environment(self, attempt: Attempt, what: TaskSpec | StepSpec) -> dict[bytes, bytes]:
        looked = attempt.looked or Looked()
        if not attempt.env:
            assert attempt.place is not None
            held, shared = attempt.held, attempt.shared
            attempt.env = environment.environment(held, shared, attempt.place, looked)
        if isinstance(what, StepSpec):
            return environment.of_step(what, attempt.env, looked)
        return attempt.env

    # Letting go

    def hand_over(self, attempt: Attempt) -> None:
        """Nothing more will be started: from now on only its processes hold its pipes open."""
        out, err = attempt.ends
        if out >= 0:
            os.close(out)
        if err >= 0:
            os.close(err)
        attempt.ends = [-1, -1]

    def discard(self, attempt: Attempt) -> None:
        """Take a preparation back."""
        self.hand_over(attempt)
        for stream in (0, 1):
            if attempt.fds[stream] >= 0:
                os.close(attempt.fds[stream])
                attempt.fds[stream] = -1
        attempt.program = None
        self.clear(attempt)

    def clear(self, attempt: Attempt) -> None:
        """Nobody of it lives: what it was furnished with goes."""
        attempt.env = {}
        attempt.looked = None
        if attempt.place is not None:
            place, attempt.place = attempt.place, None
            self.places.give_back(place)


def _signal(name: str) -> int:
    try:
        return signal.Signals[f"SIG{name.removeprefix('SIG')}"].value
    except KeyError:
        reason = f"stop_signal {name}: there is no such signal"
        raise CannotStart(NOT_EXECUTABLE, reason) from None


def _explain(fault: OSError) -> str:
    if fault.errno == errno.ENOEXEC:
        return "not a program (does the first line of the script begin with #! ?)"
    if fault.errno == errno.E2BIG:
        return "arguments and environment together are too long"
    return fault.strerror or str(fault)
