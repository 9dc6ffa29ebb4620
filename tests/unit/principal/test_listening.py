"""Who listens: the tables against a look at every workflow."""

from __future__ import annotations

from fnmatch import fnmatchcase

from hypothesis import given, settings
from hypothesis import strategies as st

from cdktr_common.catalogue.values import Listener, Plan
from cdktr_principal.state.listening import Listening
from tests.unit.principal.world import plan

NAMES = st.sampled_from(
    ["", "a", "ab", "a.b", "a/b/c", "run.completed", "run.failed", "running", "[x]", "a*"]
)
PATTERNS = st.one_of(
    NAMES,
    st.sampled_from(["*", "a*", "?", "a?b", "[ab]*", "[!a]", "run.*", "r*", "run*", "[", "*b"]),
)
PLANS = st.builds(
    lambda events, patterns: plan(
        "t", events=events, listeners=[Listener(event=pattern) for pattern in patterns]
    ),
    st.lists(PATTERNS, max_size=2),
    st.lists(PATTERNS, max_size=3),
)


def is_like(pattern: str, event: str) -> bool:
    """What the catalogue says of a pattern."""
    if event.startswith("run.") and not pattern.startswith("run."):
        return False
    return fnmatchcase(event, pattern)


def numbers(of: Plan, event: str) -> tuple[int | None, ...]:
    whole = [None] if event in of.events else []
    return (*whole, *(n for n, each in enumerate(of.listeners) if is_like(each.event, event)))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("xyz"), st.none() | PLANS), max_size=8), NAMES)
def test_those_are_found_that_a_look_at_every_workflow_finds(
    changes: list[tuple[str, Plan | None]], event: str
) -> None:
    listening, plans = Listening(), dict.fromkeys("xyz")
    for workflow, now in changes:
        listening.change(workflow, plans[workflow], now)
        plans[workflow] = now  # type: ignore[assignment]
        wanted = {w: numbers(p, event) for w, p in sorted(plans.items()) if p is not None}
        found = listening.of(event)
        assert dict(found) == {w: heard for w, heard in wanted.items() if heard}
        assert [workflow for workflow, _ in found] == sorted(dict(found))
    for workflow, before in plans.items():
        listening.change(workflow, before, None)
    assert listening == Listening()


def test_a_glob_is_no_burden_for_events_that_begin_otherwise() -> None:
    listening = Listening()
    for i in range(5000):
        pattern = Listener(event=f"files/{i}/*")
        listening.change(f"w{i}", None, plan("t", listeners=[pattern]))
    looked = sum(len(listening.near(f"files/{i}/x")) for i in range(0, 5000, 100))
    assert looked == 50
