"""Which runs of each workflow are in work, and which wait for them to end.

Part of the state: changed by facts about runs alone, through `lifecycle`. Whether a run has to wait
is decided elsewhere (`overlap`); this only knows who does, and how many there are: that is wanted
every second, and must not need a look at each. Pure.
"""

from __future__ import annotations

from collections import OrderedDict

from cdktr_principal.state.records import Run


class Admission:
    """By id of workflow: `active` runs, and `queued` ones in the order in which they came; how many
    of the active ones are `running`. Of all workflows together: `in_work`, `waiting`, `begun`."""

    def __init__(self) -> None:
        self.active: dict[str, OrderedDict[str, Run]] = {}
        self.queued: dict[str, OrderedDict[str, Run]] = {}
        self.running: dict[str, int] = {}
        self.in_work = self.waiting = self.begun = 0

    def created(self, run: Run) -> None:
        """It is in work, or waits."""
        if run.queued:
            self.queued.setdefault(run.workflow, OrderedDict())[run.id] = run
            self.waiting += 1
        else:
            self.active.setdefault(run.workflow, OrderedDict())[run.id] = run
            self.in_work += 1

    def admitted(self, run: Run) -> None:
        """It need not wait any longer."""
        _take(self.queued, run)
        self.waiting -= 1
        self.created(run)

    def started(self, run: Run) -> None:
        """Something of it is at work."""
        self.running[run.workflow] = self.running.get(run.workflow, 0) + 1
        self.begun += 1

    def ended(self, run: Run) -> None:
        """It is in work no more."""
        if run.queued:
            _take(self.queued, run)
            self.waiting -= 1
        else:
            _take(self.active, run)
            self.in_work -= 1
        if run.started_ts is not None:
            self.begun -= 1
            left = self.running[run.workflow] - 1
            if left:
                self.running[run.workflow] = left
            else:
                del self.running[run.workflow]

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


def _take(where: dict[str, OrderedDict[str, Run]], run: Run) -> None:
    runs = where[run.workflow]
    del runs[run.id]
    if not runs:
        del where[run.workflow]
