"""Which runs of each workflow are in work, and which wait for them to end.

Part of the state: changed by facts about runs alone, through `lifecycle`. Whether a run has to wait
is decided elsewhere (`overlap`); this only knows who does, and how many there are: that is wanted
every second, and must not need a look at each. Pure.
"""

from __future__ import annotations

from collections import Counter, OrderedDict

from cdktr_principal.state.records import Run


class Admission:
    """By id of workflow: `active` runs, and `queued` ones in the order in which they came; how many
    of the active ones are `running`. `totals` are of all workflows, by the same words."""

    def __init__(self) -> None:
        self.running: Counter[str] = Counter()
        self.totals: Counter[str] = Counter()
        self.active: dict[str, OrderedDict[str, Run]] = {}
        self.queued: dict[str, OrderedDict[str, Run]] = {}

    def created(self, run: Run) -> None:
        """It is in work, or waits."""
        where = self.queued if run.queued else self.active
        where.setdefault(run.workflow, OrderedDict())[run.id] = run
        self.totals["queued" if run.queued else "active"] += 1

    def admitted(self, run: Run) -> None:
        """It need not wait any longer."""
        self._take("queued", self.queued, run)
        self.created(run)

    def started(self, run: Run) -> None:
        """Something of it is at work."""
        self.running[run.workflow] += 1
        self.totals["running"] += 1

    def ended(self, run: Run) -> None:
        """It is in work no more."""
        self._take("active", self.active, run)
        self._take("queued", self.queued, run)
        if run.started_ts is not None:
            self.totals["running"] -= 1
            self.running[run.workflow] -= 1
            if not self.running[run.workflow]:
                del self.running[run.workflow]

    def _take(self, word: str, where: dict[str, OrderedDict[str, Run]], run: Run) -> None:
        runs = where.get(run.workflow)
        if runs is not None and runs.pop(run.id, None) is not None:
            self.totals[word] -= 1
            if not runs:
                del where[run.workflow]

    def busy(self, workflow: str) -> int:
        """Runs of the workflow that are in work."""
        return len(self.active.get(workflow, ()))

    def next(self, workflow: str) -> Run | None:
        """The queued run that has waited longest, if there is a place for it."""
        runs = self.queued.get(workflow)
        run = next(iter(runs.values())) if runs else None
        if run is None or ((most := run.plan.max_active_runs) and self.busy(workflow) >= most):
            return None
        return run
