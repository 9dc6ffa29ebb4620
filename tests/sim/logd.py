"""logd of the simulation: its real marks and plans over a simulated table.

A turn is the one of `cdktr_logd.service`: look up what memory has forgotten, plan, commit rows,
answer. A commit is whole or not at all; a database that gives up may have made the last one
durable all the same.
"""

from __future__ import annotations

from typing import Any

from cdktr_common.catalogue.logd import LogAppend, LogAppended
from cdktr_logd import core
from tests.sim.ledger import Ledger
from tests.sim.world import Network, Process, World

MARKS_KEPT = 3
"""So few that streams are forgotten and looked up again."""


class Logd(Process):
    """See the module text."""

    host = "L"

    def __init__(self, world: World, net: Network, ledger: Ledger) -> None:
        super().__init__(world, "L")
        self.net = net
        self.ledger = ledger
        self.rows: list[core.Row] = []
        self.full = False
        self.gives_up = False
        self.dies_after_commit = False
        self.check_marks = True
        self._marks = core.Marks(MARKS_KEPT)
        self._inbox: list[tuple[Any, LogAppend]] = []
        self._turning = False

    def start(self) -> None:
        """Take over from the table how far everything is stored."""
        self.alive = True
        self.dies_after_commit = False
        self._inbox, self._turning = [], False
        self._remember()
        self.world.tell("L", f"serves, {len(self.rows)} rows")

    def _remember(self) -> None:
        edge = max(0, len(self.rows) - MARKS_KEPT)
        horizon = max((row.ts for row in self.rows[:edge]), default=0.0)
        recent = {_key(row): None for row in self.rows[edge:]}
        self._marks.load(self._lookup(recent), horizon)

    def _lookup(self, keys: Any) -> list[tuple[core.StreamKey, core.Mark]]:
        found: dict[core.StreamKey, core.Mark] = {}
        for row in self.rows:
            key = _key(row)
            if key in keys:
                before = found.get(key, core.Mark(0, False, row.ts))
                end = max(before.offset, row.off + row.size)
                first = min(before.ts, row.ts)
                found[key] = core.Mark(end, before.ended or row.ended, first)
        return list(found.items())

    def arrive(self, envelope: Any, request: LogAppend) -> None:
        """Output has come over the network."""
        self._inbox.append((envelope, request))
        if not self._turning:
            self._turning = True
            self.later(0.01, self._turn)

    def _turn(self) -> None:
        self._turning = False
        appends, self._inbox = self._inbox, []
        if self.full:
            self._refuse(appends, "disk_full")
            return
        chunks = [chunk for _, append in appends for chunk in append.chunks]
        unknown = self._marks.unknown(chunks)
        if unknown:
            self._marks.learn(self._lookup(unknown))
        plan = core.Plan(self._marks, len(self.rows))
        touched = [plan.add(append.chunks) for _, append in appends]
        if self.gives_up:
            self.gives_up = False
            if self.world.dice.random() < 0.5:
                self._store(plan.rows)
            self._remember()
            self._refuse(appends, "reopened")
            return
        self._store(plan.rows)
        if self.dies_after_commit:
            self.die()
            return
        plan.commit()
        for (envelope, append), keys in zip(appends, touched, strict=True):
            self._answer(envelope, append, LogAppended(marks=plan.marks_of(keys)))

    def _store(self, rows: list[core.Row]) -> None:
        for row in rows:
            data = row.text.encode() if row.text is not None else row.bytes or b""
            if len(data) or not self.check_marks:
                self.ledger.store(_key(row), row.off, data)
            self.rows.append(row)

    def _refuse(self, appends: list[tuple[Any, LogAppend]], reason: str) -> None:
        nothing = core.Plan(self._marks, len(self.rows))
        for envelope, append in appends:
            keys = {(c.run, c.task, c.n, c.stream): None for c in append.chunks}
            marks = nothing.marks_of(keys)
            self._answer(envelope, append, LogAppended(marks=marks, refused=reason))

    def _answer(self, envelope: Any, append: LogAppend, reply: LogAppended) -> None:
        peer, connection = envelope
        self.net.send("L", peer.host, peer, peer.answered, connection, append.id, reply)


def _key(row: core.Row) -> core.StreamKey:
    return (row.run, row.task, row.n, row.stream)
