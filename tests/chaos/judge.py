"""The judge: compares what clients were told and what CDKTR says with what tasks really did.

Every measure is a count, and all but the stated exceptions must be 0. A finding names the run, so
that its story can be told. It knows the promise and nothing of how it is kept.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Final

from tests.chaos.history import History, Task
from tests.chaos.ledger import DROPPED, Execution, difference, printed, with_gaps
from tests.chaos.load import WORKFLOWS, of_event, wrong_end

MARGIN_S: Final = 2.0
"""How long after a whole freeze or kill has healed an overlap is still its doing."""

MEASURES: Final = {
    "lost": "acknowledged runs lost",
    "keys": "keys with more than one run",
    "refused": "refused triggers that ran all the same",
    "never": "runs that never ended",
    "end": "runs with a wrong end",
    "overlap": "two executions of one task at the same time",
    "twice": "attempts started twice",
    "stale": "stale results accepted",
    "hollow": "results accepted of executions that did not come to that end",
    "order": "tasks started before what they depend on had ended",
    "lines_lost": "output lines lost",
    "lines_doubled": "output lines doubled",
    "lines_disordered": "output lines out of order, or never written",
    "readers": "readers that missed or doubled something",
    "record": "facts lost, doubled or rewritten",
    "store": "corrupt stores",
    "survivors": "surviving processes",
    "died": "programs that died unasked",
    "stuck": "faults not got over",
    "clients": "wrong answers to clients",
}
"""What is counted; each must be 0."""


class Judge:
    """See the module text."""

    def __init__(self, history: History) -> None:
        self._history = history
        self.findings: dict[str, list[str]] = {name: [] for name in MEASURES}
        self.counts: dict[str, int] = dict.fromkeys(MEASURES, 0)
        self.excused: list[str] = []
        self.accused: set[str] = set()
        self.checked: dict[str, int] = defaultdict(int)

    def find(self, measure: str, text: str, run: str | None = None, count: int = 1) -> None:
        """Note something wrong."""
        self.counts[measure] += count
        self.findings[measure].append(text)
        if run is not None:
            self.accused.add(run)

    def judge(self) -> None:
        """Everything that follows from the history."""
        self._triggers()
        for run in self._history.runs:
            self._run(run)
        for fact in self._history.facts:
            if fact["type"] == "task.crashed":
                self.checked[f"lost by {fact.get('cause', 'supervisor')}"] += 1
            elif fact["type"] in ("task.released", "task.stale"):
                self.checked[fact["type"]] += 1
        for executions in self._history.executions.values():
            self._overlaps(executions)
        for task in self._history.attempts:
            self._results(task)
            self._output(task)

    # Triggers

    def _triggers(self) -> None:
        history = self._history
        for operation in history.operations:
            self.checked["triggers acknowledged"] += operation.acknowledged
            self.checked["triggers refused"] += operation.refused
            if operation.unlike:
                self.find("keys", f"{operation} was also told {operation.unlike}")
            ran = history.keys.get(operation.key, set())
            event = WORKFLOWS[operation.what].event
            most = len(of_event(event)) if event else 1
            if len(ran) > most:
                self.find("keys", f"{operation} ran as {sorted(ran)}", next(iter(ran)))
            if operation.refused and ran:
                self.find("refused", f"{operation} ran as {sorted(ran)}", next(iter(ran)))
            if operation.acknowledged:
                self._kept(operation.runs, ran, repr(operation))
        self.checked["keys"] = len({operation.key for operation in history.operations})

    def _kept(self, told: list[str], ran: set[str], text: str) -> None:
        history = self._history
        for run in told:
            state = history.ended.get(run, {}).get("state")
            if run not in history.runs or (state == "COMPLETED" and run not in ran):
                self.find("lost", f"{text}: {run} is {state}", run)

    def _run(self, run: str) -> None:
        history = self._history
        ended = history.ended.get(run)
        self.checked["runs"] += 1
        if ended is None:
            self.find("never", f"{run} of {history.workflow(run)} has not ended", run)
            return
        self.checked[f"runs {ended['state']}"] += 1
        cancelled = run in history.cancelled
        wrong = wrong_end(history.workflow(run), ended, history.losses(run), cancelled)
        if wrong:
            self.find("end", f"{run} of {history.workflow(run)}: {wrong}", run)
        if history.recorded and history.recorded.get(run) != ended["state"]:
            self.find("record", f"logd has {run} as {history.recorded.get(run)}", run)

    # Executions and results

    def _overlaps(self, executions: list[Execution]) -> None:
        fences: dict[int, int] = defaultdict(int)
        for execution in executions:
            self.checked["executions"] += 1
            fences[execution.start.fence] += 1
            mark = execution.overlapped
            if mark is None:
                continue
            text = f"{execution.name}: {execution} found it locked by {mark.holder}"
            if self._excuse(mark.holder, executions, mark.at):
                self.excused.append(text)
            else:
                self.find("overlap", text, execution.start.run)
        for fence, times in fences.items():
            if fence and times > 1:
                self.find("twice", f"{executions[0].name} fence {fence}: {times} times",
                          executions[0].start.run)  # fmt: skip

    def _excuse(self, holder: tuple[str, ...], executions: list[Execution], at: float) -> bool:
        """Was the agent of the older one frozen or killed whole while it ran?"""
        older = [e for e in executions if len(holder) > 1 and str(e.start.fence) == holder[1]]
        if not older:
            return False
        begun, agent = older[0].start.at, older[0].start.agent
        return any(
            injected.fault.whole and injected.fault.target == agent
            and injected.began_boot < at and injected.healed_boot + MARGIN_S > begun
            for injected in self._history.injected
        )  # fmt: skip

    def _results(self, task: Task) -> None:
        history = self._history
        run, name = task
        accepted = history.accepted.get(task, [])
        executions = history.executions.get(task, [])
        self.checked["results accepted"] += len(accepted)
        if len(accepted) > 1:
            self.find("stale", f"{task}: {len(accepted)} results accepted", run)
        job = WORKFLOWS[history.workflow(run)].jobs[name]
        for result in accepted[:1]:
            n, state = result["n"], result["state"]
            later = [execution for execution in executions if execution.start.n > n]
            if later and state != "CANCELLED":
                self.find("stale", f"{task}: attempt {n} accepted, and then {later}", run)
            own = [execution for execution in executions if execution.start.n == n]
            whole = any(execution.ended_at for execution in own)
            good = (
                state == ("FAILED" if job.code else "COMPLETED") and result.get("code") == job.code
            )
            if state == "COMPLETED" and not (whole and good):
                self.find("hollow", f"{task}: attempt {n} {state} {result['code']}: {own}", run)
        self._dependencies(run, job, executions)

    def _dependencies(self, run: str, job: Any, executions: list[Execution]) -> None:
        for parent in job.depends:
            ends = [e.ended_at for e in self._history.executions.get((run, parent), [])]
            first = min((end for end in ends if end is not None), default=float("inf"))
            for execution in executions:
                if execution.start.at < first:
                    self.find("order", f"{execution.name} before {parent}: {execution}", run)

    # Output

    def _output(self, task: Task) -> None:
        history = self._history
        run, name = task
        job = WORKFLOWS[history.workflow(run)].jobs[name]
        for n, facts in history.attempts[task].items():
            ended = [fact for fact in facts if fact["type"] == "task.ended"]
            whole = any(fact["state"] in ("COMPLETED", "FAILED") and fact.get("code") == job.code
                        for fact in ended)  # fmt: skip
            for stream in ("stdout", "stderr"):
                expected = printed(run, name, n, job.lines, stream)
                stored = history.output.get((run, name, n, stream), b"")
                if DROPPED.search(stored):
                    self.checked["streams that say what was dropped of them"] += 1
                    stored = with_gaps(expected, stored)
                if not whole:
                    expected = expected[: len(stored)]
                self.checked["lines of output"] += stored.count(b"\n")
                self._compare(f"{task} attempt {n} {stream}", run, expected, stored)
                torn = history.torn.get((run, name, n, stream))
                if torn:
                    self.find("lines_doubled", f"{task} attempt {n} {stream}: {torn}", run)

    def _compare(self, what: str, run: str, expected: bytes, stored: bytes) -> None:
        found = difference(expected, stored)
        if not found:
            return
        text = f"{what}: {found}, {len(stored)} of {len(expected)} bytes"
        for measure, count in (
            ("lines_lost", found.lost),
            ("lines_doubled", found.doubled),
            ("lines_disordered", found.disordered + found.foreign),
        ):
            if count:
                self.find(measure, text, run, count)

    @property
    def guilty(self) -> bool:
        """Is any count that must be 0 another number?"""
        return any(self.counts.values())
