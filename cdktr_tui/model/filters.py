"""What people type to see some of the rows: `state:failed wf:etl-* since:24h "disk full" !/x\\d/`.

Words are told apart by blanks, and all must be true of a row. `key:value` is about a field, several
values with commas are any of them; `"a text"` or a bare word stands somewhere in the row, whatever
its case; `/re/` is found there; `!` before any of these turns it round. What the principal and the
recorder can do of it is asked of them (`asked`); all of it is held against every row, since facts
bring rows that nobody asked for. Pure: what time it is is given.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from contextlib import nullcontext
from difflib import get_close_matches
from fnmatch import translate
from typing import Any, Final, NamedTuple

from cdktr_common import durations, moments
from cdktr_common.catalogue.base import Fact
from cdktr_common.catalogue.values import RunRow, RunState, WorkflowRow
from cdktr_tui.model.expression import Expression, Guard
from cdktr_tui.model.terms import Fault, Term, read

WORDS: Final[dict[str, tuple[RunState, ...]]] = {
    "pending": ("PENDING",), "queued": ("PENDING",), "running": ("RUNNING",),
    "done": ("COMPLETED",), "completed": ("COMPLETED",), "failed": ("FAILED",),
    "cancelled": ("CANCELLED",), "canceled": ("CANCELLED",),
    "active": ("PENDING", "RUNNING"), "ended": ("COMPLETED", "FAILED", "CANCELLED"),
}  # fmt: skip
"""What may stand after `state:`."""

OF_RUNS: Final = {
    "state": "state", "wf": "wf", "workflow": "wf", "event": "event", "agent": "agent",
    "since": "since", "until": "until", "run": "run",
}  # fmt: skip
OF_EVENTS: Final = {
    "type": "type", "wf": "wf", "workflow": "wf", "run": "run", "task": "task", "agent": "agent",
    "event": "event", "since": "since", "until": "until", "reason": "reason",
}  # fmt: skip
OF_WORKFLOWS: Final = {
    "state": "state", "wf": "wf", "workflow": "wf", "event": "event", "file": "file",
}  # fmt: skip
"""Keys, and what they mean."""

STANDS: Final[dict[str, Callable[[WorkflowRow], bool]]] = {
    "paused": lambda row: row.paused, "broken": lambda row: bool(row.broken),
    "running": lambda row: row.running > 0, "queued": lambda row: row.queued > 0,
    "failed": lambda row: bool(row.last) and row.last[-1].state == "FAILED",
    "never": lambda row: not row.last, "cron": lambda row: bool(row.schedule),
    "event": lambda row: bool(row.events),
}  # fmt: skip
"""What may stand after `state:` of a workflow."""

_GLOB: Final = re.compile(r"[*?\[]")

Test = Callable[[Any], bool]


class Filter(NamedTuple):
    """`asked` are fields of `run.list` and of `history.list`."""

    text: str = ""
    tests: tuple[Test, ...] = ()
    asked: Mapping[str, Any] = {}
    agents: tuple[tuple[bool, frozenset[str]], ...] = ()
    sought: tuple[Expression, ...] = ()

    @property
    def late(self) -> bool:
        """An expression took too long: not all rows were held against it."""
        return any(one.late for one in self.sought)

    def fits(self, row: RunRow | WorkflowRow | Fact, on: Collection[str] = ()) -> bool:
        """Is it true of a row? `on`: the agents that attempts of a run are known to be on."""
        for negated, wanted in self.agents:
            if wanted.isdisjoint(on) is not negated:
                return False
        return all(test(row) for test in self.tests)


ALL: Final = Filter()

LATE: Final = "the expression takes too long: not all rows were held against it"


def of_runs(text: str, now: float, guard: Guard = nullcontext) -> Filter:
    """A filter of runs. Raises Fault."""
    terms = list(read(text, OF_RUNS))
    agents = tuple((term.negated, frozenset(term.values)) for term in terms if term.key == "agent")
    others = [term for term in terms if term.key != "agent"]
    tests, sought = _tests(others, lambda term: _run_test(term, now), _run_words, guard)
    return Filter(text, tests, _asked(terms, now), agents, sought)


def of_workflows(text: str, guard: Guard = nullcontext) -> Filter:
    """A filter of workflows. Raises Fault."""
    terms = list(read(text, OF_WORKFLOWS))
    tests, sought = _tests(terms, _workflow_test, _workflow_words, guard)
    return Filter(text, tests, sought=sought)


def of_events(text: str, now: float, guard: Guard = nullcontext) -> Filter:
    """A filter of facts. Raises Fault."""
    terms = list(read(text, OF_EVENTS))
    tests, sought = _tests(terms, lambda term: _event_test(term, now), event_words, guard)
    asked = _asked(terms, now)
    told: dict[str, Any] = {name: asked[name] for name in ("since_ts", "until_ts") if name in asked}
    for term in terms:
        one = term.values[0] if len(term.values) == 1 and not term.negated else ""
        if term.key == "type" and one:
            told["kind"] = _kind(one)
            # The recorder knows a workflow by the topic of its runs, where other facts are not.
            if told["kind"].startswith(("run.", "task.")) and "workflow" in asked:
                told["workflow"] = asked["workflow"]
        elif term.key == "run" and one and not _GLOB.search(one):
            told["run"] = one
    return Filter(text, tests, told, sought=sought)


def _tests(
    terms: list[Term], test: Callable[[Term], Test], words: Callable[[Any], str], guard: Guard
) -> tuple[tuple[Test, ...], tuple[Expression, ...]]:
    """What is held against a row, and the expressions in it."""
    tests: list[Test] = []
    sought: list[Expression] = []
    for term in terms:
        if term.key == "/":
            sought.append(_expression(term, guard))
            tests.append(_turned(_found(sought[-1], words), term))
        else:
            tests.append(_turned(test(term), term))
    return tuple(tests), tuple(sought)


def _expression(term: Term, guard: Guard) -> Expression:
    try:
        return Expression(term.values[0], re.IGNORECASE, guard)
    except ValueError as fault:
        raise Fault(f"/{term.values[0]}/: {fault}", term.at) from None


def _found(one: Expression, words: Callable[[Any], str]) -> Test:
    return lambda row: one.within(words(row))


def _turned(test: Test, term: Term) -> Test:
    return (lambda row: not test(row)) if term.negated else test


def _run_test(term: Term, now: float) -> Test:
    match term.key:
        case "state":
            return _of_state(term)
        case "wf":
            like = _like(term.values)
            return lambda row: like(row.workflow) or row.name in term.values
        case "event":
            like_event = _like(term.values)
            return lambda row: row.event is not None and like_event(row.event)
        case "run":
            like_run = _like(term.values)
            return lambda row: row.run.startswith(term.values) or like_run(row.run)
        case "since" | "until":
            return _of_time(term, now, "created_ts")
    return _of_text(term, _run_words)


def _workflow_test(term: Term) -> Test:
    match term.key:
        case "state":
            _check(term, STANDS)
            tests = [STANDS[value.lower()] for value in term.values]
            return lambda row: any(test(row) for test in tests)
        case "wf" | "file":
            name, like = ("workflow" if term.key == "wf" else "file"), _like(term.values)
            return lambda row: like(getattr(row, name)) or row.name in term.values
        case "event":
            like_event = _like(term.values)
            return lambda row: any(like_event(event) for event in row.events)
    return _of_text(term, _workflow_words)


def _event_test(term: Term, now: float) -> Test:
    match term.key:
        case "type":
            like = _like(tuple(_kind(value) for value in term.values))
            return lambda fact: like(tag(fact))
        case "wf":
            like_workflow = _like(term.values)
            return lambda fact: any(like_workflow(name) for name in workflows(fact))
        case "run" | "task" | "agent" | "event" | "reason":
            name, like_value = term.key, _like(term.values)
            return lambda fact: like_value(getattr(fact, name, None) or "")
        case "since" | "until":
            return _of_time(term, now, "ts")
    return _of_text(term, event_words)


def _kind(value: str) -> str:
    return value if "." in value or "*" in value else f"{value}.*"


def _of_state(term: Term) -> Test:
    _check(term, WORDS)
    words = {value.lower() for value in term.values}
    states = {state for word in words - {"queued"} for state in WORDS[word]}
    return lambda row: row.state in states or ("queued" in words and row.queued)


def _check(term: Term, known: Collection[str]) -> None:
    for value in term.values:
        if value.lower() not in known:
            near = get_close_matches(value.lower(), known, 1)
            hint = f", did you mean {near[0]}" if near else f"; there are {' '.join(known)}"
            raise Fault(f"no state {value}{hint}", term.at)


def cause(row: RunRow) -> str:
    """What has started a run."""
    if row.parent:
        return "task"
    if row.tick is not None:
        return "time"
    return "event" if row.event is not None else "hand"


def _of_time(term: Term, now: float, name: str) -> Test:
    ts = _time(term, now)
    if term.key == "since":
        return lambda row: getattr(row, name) >= ts
    return lambda row: getattr(row, name) <= ts


def _time(term: Term, now: float) -> float:
    try:
        return now - durations.seconds(term.values[0])
    except ValueError:
        pass
    try:
        return moments.moment(term.values[0], now, past=True)
    except ValueError:
        raise Fault(
            f"{term.key}: is 24h, 14:30 or 2026-01-31, not {term.values[0]}", term.at
        ) from None


def _of_text(term: Term, words: Callable[[Any], str]) -> Test:
    text = term.values[0].lower()
    return lambda row: text in words(row).lower()


def _run_words(row: RunRow) -> str:
    return " ".join((row.run, row.workflow, row.name, row.event or "", row.reason, row.parent))


def _workflow_words(row: WorkflowRow) -> str:
    return " ".join((row.workflow, row.name, row.description, row.file, row.schedule, *row.events))


def event_words(fact: Fact) -> str:
    """What there is to be read of a fact."""
    told = (getattr(fact, name, None) for name in fact.__struct_fields__)
    return " ".join([tag(fact), *(each for each in told if isinstance(each, str))])


def tag(fact: Fact) -> str:
    """The type of a fact, as on the wire."""
    return str(fact.__struct_config__.tag)


def workflows(fact: Fact) -> Collection[str]:
    """The workflows that a fact is about."""
    one = getattr(fact, "workflow", None)
    return (one,) if one else getattr(fact, "workflows", ())


def _like(values: Collection[str]) -> Callable[[str], bool]:
    words = {value for value in values if not _GLOB.search(value)}
    globs = [re.compile(translate(value)).match for value in values if _GLOB.search(value)]
    if not globs:
        return words.__contains__
    return lambda text: text in words or any(match(text) for match in globs)


def _asked(terms: list[Term], now: float) -> dict[str, Any]:
    """What others can do of it: never less than all of it."""
    asked: dict[str, Any] = {}
    for term in terms:
        if term.key == "state" and not term.negated:
            states = {state for value in term.values for state in WORDS[value.lower()]}
            if "states" in asked:
                states &= set(asked["states"])
            asked["states"] = sorted(states)
        elif term.key in ("since", "until") and not term.negated:
            name, ts = f"{term.key}_ts", _time(term, now)
            least = max if term.key == "since" else min
            asked[name] = least(ts, asked.get(name, ts))
        elif term.key in ("wf", "event", "agent") and not term.negated and len(term.values) == 1:
            asked.setdefault("workflow" if term.key == "wf" else term.key, term.values[0])
    return asked
