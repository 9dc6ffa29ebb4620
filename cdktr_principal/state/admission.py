"""Which runs of each workflow are in work, and which wait for them to end.

Part of the state: changed by facts about runs alone, through `lifecycle`. Whether a run has to wait
is decided elsewhere (`overlap`); this only knows who does. Pure.
"""

from __future__ import annotations

from collections import OrderedDict

from cdktr_principal.state.records import Run


class Admission:
    """By id of workflow: `active` runs, and `queued` ones in the order in which they came."""

    def __init__(self) -> None:
        self.active: dict[str, OrderedDict[str, Run]] = {}
        self.queued: dict[str, OrderedDict[str, Run]] = {}

    def created(self, run: Run) -> None:
        """It is in work, or waits."""
        where = self.queued if run.queued else self.active
        where.setdefault(run.workflow, OrderedDict())[run.id] = run

    def admitted(self, run: Run) -> None:
        """It need not wait any longer."""
        self._take(self.queued, run)
        self.created(run)

    def ended(self, run: Run) -> None:
        """It is in work no more."""
        self._take(self.active, run)
        self._take(self.queued, run)

    @staticmethod
    def _take(where: dict[str, OrderedDict[str, Run]], run: Run) -> None:
        runs = where.get(run.workflow)
        if runs is not None:
            runs.pop(run.id, None)
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
