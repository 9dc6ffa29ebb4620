"""The network process's dealings with its supervisor: attach, talk, and watch over its tasks.

The connection ends when the supervisor does, and another one is started. One that holds its lock
and does not answer is frozen: that is said, and what outlives its lease is ended from here. Decides
nothing about tasks; the core does.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from functools import partial

import msgspec

from cdktr_agent import local
from cdktr_agent.core import Core
from cdktr_agent.guard import Guard, reap
from cdktr_agent.instructions import EndTrees
from cdktr_agent.link import Link
from cdktr_agent.shipper import Shipper
from cdktr_agent.turns import become_subreaper
from cdktr_common import __version__, cli
from cdktr_common.errors import ProtocolError
from cdktr_common.loop import Loop, clock
from cdktr_common.settings import Settings

LOOK_S = 0.5
"""Between two looks at what a supervisor that never answered has running."""

LEAVE_S = 10.0
"""How long a supervisor that was told to leave may need."""


class Attachment:
    """See the module text. `start`: where tasks run that name no directory, and their umask."""

    def __init__(
        self,
        settings: Settings,
        directory: str,
        start: tuple[str, int],
        core: Core,
        shipper: Shipper,
        loop: Loop,
        log: cli.Log,
    ) -> None:
        self._settings = settings
        self._cwd, self._umask = start
        self._core = core
        self._shipper = shipper
        self._loop = loop
        self._log = log
        self._link = Link(directory, core.identity.aid)
        self._guard = Guard(core.identity.aid, f"{directory}/renewed")
        self._attached_at = 0.0
        self._outdated = False
        self.leaving = False
        self._was_stuck = False
        self._succeeds = False  # is the next one the successor of one that died under us?
        become_subreaper()

    def attach(self) -> None:
        """To the supervisor that runs, or a new one; tries until it is done."""
        try:
            opened = self._link.open()
        except OSError as fault:
            self._log("warning", f"no supervisor can be started: {fault}")
            self._loop.later(LOOK_S, self.attach)
            return
        self._core.attaching(self._link.supervisor()[1], clock())
        if not opened or self._link.line is None:
            self._loop.later(0.1, self.attach)
            return
        self._attached_at = clock()
        self._loop.watch(self._link.line.sock, self._news)
        settings = self._settings
        limit = settings.spool_limit_mb << 20
        attach = local.Attach(
            settings.max_executors, self._cwd, limit, settings.stop_grace_s, self._umask
        )
        self._link.line.put([attach])

    def _news(self) -> None:
        line = self._link.line
        if line is None:
            return
        now = clock()
        try:
            messages = local.news.decode_lines(line.take())
        except msgspec.DecodeError:
            pid = self._link.supervisor()[0] or "unknown"
            text = "the supervisor that owns this agent's tasks is of another version"
            raise ProtocolError("version", f"{text}: SIGTERM (pid {pid}) ends it") from None
        for message in messages:
            self._core.heard(now)
            if isinstance(message, local.Ended):
                self._core.ended(message)
            elif isinstance(message, local.Progress):
                self._core.progressed(message)
            elif isinstance(message, local.Wrote):
                self._shipper.grown(message.names)
            elif isinstance(message, local.State):
                self._outdated = message.version != __version__
                if self._succeeds:
                    self._succeeds = False
                    self._say(*self._guard.end_strangers(self._link.supervisor()[0]))
                self._core.supervisor_state(message)
                self._shipper.grown(message.spools)
        if line.closed:
            self._gone(line)

    def _gone(self, line: local.Line) -> None:
        self._loop.unwatch(line.sock)
        self._link.close()
        self._core.supervisor_gone()
        self._succeeds = True
        if self.leaving:
            self._loop.stop()
            return
        self._log("warning", "the supervisor is gone; starting another")
        # One that ends as soon as it is started must not make this a busy loop.
        self._loop.later(0.0 if clock() - self._attached_at > 1.0 else 0.5, self.attach)

    def tell(self, messages: Sequence[local.Local]) -> None:
        """Say this, if anybody is there."""
        for message in messages:
            if isinstance(message, local.Renew):
                self._guard.renewed(message.sent_at)
        line = self._link.line
        if line is None:
            return
        line.put(messages)
        if not line.idle:
            self._loop.later(0.002, partial(self.tell, []))

    def replace_outdated(self) -> None:
        """A supervisor of another version stays until it has nothing to do."""
        if self._outdated and not self._core.watch.held and not self._core.results:
            self._outdated = False
            self._log("info", "the supervisor is of another version; replacing it")
            self.tell([local.Quit()])

    def leave(self) -> None:
        """End the supervisor, and then the loop."""
        self.leaving = True
        self.tell([local.Quit()])
        if self._link.line is None:
            self._loop.stop()
        self._loop.later(LEAVE_S, self._loop.stop)

    # One that does not answer

    def watch(self) -> None:
        """Look after it; called every `LOOK_S`."""
        reap()
        stuck = self._core.watch.stuck(clock())
        if stuck != self._was_stuck:
            self._was_stuck = stuck
            pid = self._link.supervisor()[0]
            if stuck:
                text = "the supervisor does not answer: nothing is renewed, nothing fetched"
                self._log("warning", text, pid=pid)
            else:
                self._log("info", "the supervisor answers again", pid=pid)
        if not self._core.boot:  # also before it counts as stuck: what is overdue has no time
            found, left = self._guard.end_overdue(self._link.supervisor()[0])
            self._say(found, left)

    def end(self, trees: EndTrees) -> None:
        """Their leases are over."""
        found, left = self._guard.end(trees.holds, self._link.supervisor()[0], trees.all)
        self._say(found, left)
        if left:
            self._loop.later(LOOK_S, partial(self.end, trees))

    def _say(self, found: int, left: int) -> None:
        if found:
            self._log("warning", f"ended {found} processes of tasks nobody may run any more")
        if left:
            self._log("warning", f"{left} processes cannot be ended")

    def kill(self) -> None:
        """It does not answer, and what it runs has to end now: its successor sees to that."""
        pid = self._link.supervisor()[0]
        if pid:
            self._log("warning", "killing the supervisor, which does not answer", pid=pid)
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
