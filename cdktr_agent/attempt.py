"""One attempt as the supervisor knows it, from when it is made ready until it is over.

Only what is remembered: who starts it, reads it and ends it stands elsewhere.
"""

from __future__ import annotations

from typing import Any

from cdktr_agent.custody import Held
from cdktr_agent.environment import Looked, Shared
from cdktr_agent.masking import Masker, Secrets
from cdktr_agent.places import Place
from cdktr_agent.programs import Program
from cdktr_agent.spool import Spool
from cdktr_agent.steps import Course


class Attempt:
    """See the module text."""

    __slots__ = (
        "captured",
        "course",
        "direct",
        "ended_ts",
        "ends",
        "env",
        "exited",
        "fault",
        "fds",
        "gathered",
        "held",
        "kill_at",
        "late_step",
        "looked",
        "main_ran",
        "maskers",
        "notes",
        "outputs",
        "pid",
        "pids",
        "place",
        "program",
        "progress",
        "result",
        "root",
        "secrets",
        "shared",
        "signalled",
        "spec",
        "special",
        "spool",
        "started_ts",
        "status",
        "stop_signal",
        "stuck",
        "why",
    )

    def __init__(self, held: Held, shared: Shared) -> None:
        self.held = held
        self.spec = spec = held.spec
        self.shared = shared
        self.special = bool(
            spec.pre or spec.post or spec.script is not None or spec.capture or spec.files
            or spec.sealed or spec.sealed_files or spec.dotenv or shared.dotenv or shared.sealed
            or spec.container
        )  # fmt: skip
        self.started_ts = 0.0
        self.ended_ts = 0.0
        self.spool: Spool
        self.place: Place | None = None
        self.root = "."  # where its program was started, when it has artifacts
        # Its programs
        self.course = Course(spec) if spec.pre or spec.post else None
        self.env: dict[bytes, bytes] = {}
        self.program: Program | None = None
        self.pid = 0  # of the one that runs
        self.direct = False  # without the shell that it was meant for?
        self.pids: set[int] = set()  # of all that were started
        self.main_ran = False  # has the task itself been started?
        self.late_step = False  # is that one being ended for its own time-out?
        self.exited = False  # has the last one ended?
        self.status = 0  # its exit code, once it has
        # Its output
        self.fds = [-1, -1]  # where stdout and stderr are read; -1 once at their end
        self.ends = [-1, -1]  # where the task writes; -1 once it alone can
        self.looked: Looked | None = None
        self.secrets: Secrets | None = None
        self.maskers: tuple[Masker, Masker] | None = None
        self.captured: bytearray | None = None  # what the task itself writes to stdout
        self.progress: float | None = None
        self.outputs: dict[str, Any] = {}
        self.result: str | None = None
        self.gathered = False  # is what it gave brought in?
        self.fault = ""  # what was wrong with it
        self.notes: list[str] = []  # what else is to be said of it
        # Its end
        self.stop_signal = 15
        self.signalled = 0  # the first signal that it was sent to end it
        self.why = ""  # why it is being ended, when that is our doing
        self.kill_at = 0.0  # when KILL follows TERM; 0: it is not being ended
        self.stuck = False  # does it outlive even KILL?

    @property
    def at_main(self) -> bool:
        """Is it the task itself that runs, and no step before or after it?"""
        return self.course is None or self.course.part.kind == "main"

    @property
    def workdir(self) -> str | None:
        """Where its programs start, if it says so."""
        spec = self.spec
        named = spec.workdir or self.shared.workdir
        if named or not (spec.files or spec.sealed_files) or self.place is None:
            return named
        return self.place.path
