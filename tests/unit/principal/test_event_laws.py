"""Random events, windows, pauses, restarts and reloads against a page that says what comes of them.

The page knows nothing of facts, tables or alarms: it keeps lists and looks through all of them.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from cdktr_common.catalogue import facts as f
from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.values import Listener
from cdktr_principal.decisions import deferred, events, pauses
from cdktr_principal.decisions.alarms import Alarms
from tests.unit.principal.test_events import load, same_everywhere
from tests.unit.principal.world import World

WORKFLOWS = "vw"
KINDS: list[dict[str, Any]] = [
    {}, {"debounce_s": 5.0}, {"throttle_s": 7.0}, {"batch_s": 6.0}, {"batch_size": 2},
    {"batch_s": 8.0, "batch_size": 3},
]  # fmt: skip
LISTENERS = st.builds(
    lambda pattern, kind, cond: Listener(event=pattern, cond=cond, **kind),
    st.sampled_from(["a", "*", "[ab]"]),
    st.sampled_from(KINDS),
    st.sampled_from(["", "event.payload % 3 != 0"]),
)
NAMES = st.sampled_from(["a", "a", "b", "c"])
SECONDS = st.integers(1, 9)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("fire"), NAMES),
        st.tuples(st.just("fire"), NAMES),
        st.tuples(st.just("later"), NAMES, SECONDS),
        st.tuples(st.just("take back"), st.integers(0, 9)),
        st.tuples(st.just("wait"), SECONDS),
        st.tuples(st.just("load"), st.sampled_from(WORKFLOWS), LISTENERS),
        st.tuples(st.sampled_from(["pause", "resume"]), st.sampled_from(WORKFLOWS)),
        st.tuples(st.just("restart")),
    ),
    max_size=40,
)


class Promise:
    """What has come of all that was told: `runs`, each a workflow and its payload."""

    def __init__(self) -> None:
        self.now = 0.0
        self.listeners: dict[str, Listener] = {}
        self.paused: set[str] = set()
        self.windows: dict[str, tuple[float, float, list[int]]] = {}
        self.quiet: dict[str, float] = {}
        self.later: list[tuple[float, str, int]] = []
        self.runs: list[tuple[str, Any]] = []

    def fire(self, name: str, payload: int) -> None:
        for workflow, listener in sorted(self.listeners.items()):
            wanted = fnmatchcase(name, listener.event) and (not listener.cond or payload % 3)
            if wanted and workflow not in self.paused:
                self.heard(workflow, listener, payload)

    def heard(self, workflow: str, listener: Listener, payload: int) -> None:
        first, _, held = self.windows.get(workflow, (self.now, 0.0, []))
        if listener.debounce_s:
            end = min(self.now + listener.debounce_s, first + 10 * listener.debounce_s)
            self.windows[workflow] = first, end, [payload]
        elif listener.batch_s or listener.batch_size:
            end = first + (listener.batch_s or 86_400.0)
            self.windows[workflow] = first, end, [*held, payload]
            if len(held) + 1 == listener.batch_size:
                self.close(workflow)
        elif self.now >= self.quiet.get(workflow, 0.0):
            self.quiet[workflow] = self.now + listener.throttle_s
            self.runs.append((workflow, payload))

    def close(self, workflow: str) -> None:
        held = self.windows.pop(workflow)[2]
        if workflow not in self.paused:
            batch = not self.listeners[workflow].debounce_s
            self.runs.append((workflow, held if batch else held[-1]))

    def load(self, workflow: str, listener: Listener) -> None:
        if self.listeners.get(workflow) != listener:
            if workflow in self.windows:
                self.close(workflow)
            self.quiet.pop(workflow, None)
        self.listeners[workflow] = listener

    def wait(self, seconds: float) -> None:
        self.now += seconds
        for workflow, _ in sorted(self.windows.items(), key=lambda each: each[1][1]):
            if self.windows[workflow][1] <= self.now:
                self.close(workflow)
        due = sorted((each for each in self.later if each[0] <= self.now), key=lambda each: each[0])
        for each in due:
            self.later.remove(each)
            self.fire(*each[1:])


def play(world: World, promise: Promise, steps: list[tuple[Any, ...]]) -> None:
    for number, (what, *words) in enumerate(steps):
        at = world.at()
        if what == "fire":
            promise.fire(words[0], number)
            request = p.EventFire(event=words[0], payload=number)
            events.event_fire(world.core, None, request, at)
        elif what == "later":
            promise.later.append((promise.now + words[1], words[0], number))
            request = p.EventFire(event=words[0], payload=number, delay_s=words[1])
            events.event_fire(world.core, None, request, at)
        elif what == "take back" and promise.later:
            del promise.later[words[0] % len(promise.later)]
            names = list(world.core.state.deferred.waiting)
            taken = p.EventCancel(deferred=names[words[0] % len(names)])
            deferred.cancel(world.core, None, taken, at)
        elif what == "load":
            promise.load(*words)
            load(world, *words)
        elif what == "pause":
            promise.paused.add(words[0])
            pauses.pause(world.core, None, p.WorkflowPause(workflow=words[0]), at)
        elif what == "resume":
            promise.paused.discard(words[0])
            pauses.resume(world.core, None, p.WorkflowResume(workflow=words[0]), at)
        elif what == "wait":
            promise.wait(words[0])
            world.pass_time(words[0])
        elif what == "restart":
            world.restart()
        world.turn()
        state, session = world.core.state, world.core.session
        assert all(place in session.windows for place in state.windows.open)
        assert all(name in session.deferred for name in state.deferred.waiting)
        assert len(session.windows) + len(session.deferred) == (
            len(state.windows.open) + len(state.deferred.waiting)
        )


def _of(workflow: str, runs: list[tuple[str, Any]]) -> list[Any]:
    return [payload for name, payload in runs if name == workflow]


@settings(max_examples=150, deadline=None)
@given(LISTENERS, LISTENERS, STEPS)
def test_whatever_happens_each_event_starts_what_the_page_says(
    v: Listener, w: Listener, steps: list[tuple[Any, ...]]
) -> None:
    world, promise = World(), Promise()
    play(world, promise, [("load", "v", v), ("load", "w", w), *steps])
    same_everywhere(world)
    play(world, promise, [("wait", 100), ("wait", 100_000)])
    runs = [(run.workflow, run.payload) for run in world.core.state.runs.values()]
    for workflow in WORKFLOWS:  # of two windows that end together either may be the first
        assert _of(workflow, runs) == _of(workflow, promise.runs)
    assert not world.core.state.windows.open and not world.core.state.deferred.waiting
    asked = [fact.deferred for fact in world.facts if isinstance(fact, f.EventDeferred)]
    ended = [fact for fact in world.facts if isinstance(fact, f.EventFired | f.EventDropped)]
    assert sorted(asked) == sorted(fact.deferred for fact in ended if fact.deferred)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["set", "later", "drop", "take"]),
            st.sampled_from("abc"),
            st.integers(0, 20),
        ),
        max_size=60,
    )
)
def test_alarms_ring_as_a_look_at_all_of_them_says(steps: list[tuple[str, str, int]]) -> None:
    alarms: Alarms[str] = Alarms()
    known: dict[str, float] = {}
    for what, name, when in steps:
        if what == "set" or (what == "later" and when > known.get(name, -1)):
            known[name] = when
        if what == "drop":
            known.pop(name, None)
        if what in ("set", "later"):
            getattr(alarms, what)(name, when)
        elif what == "drop":
            alarms.drop(name)
        else:
            rung = list(alarms.take(when))
            assert [known[each] for each in rung] == sorted(v for v in known.values() if v <= when)
            assert set(rung) == {each for each, due in known.items() if due <= when}
            known = {each: due for each, due in known.items() if due > when}
        assert alarms.next() == min(known.values(), default=None) and len(alarms) == len(known)


def test_alarms_that_are_moved_and_dropped_leave_nothing_behind() -> None:
    alarms: Alarms[str] = Alarms()
    for n in range(10_000):
        alarms.set("later", n)
        alarms.set("sooner", -n)
        alarms.drop("sooner")
        alarms.set(str(n), n)
        alarms.drop(str(n))
    assert len(alarms._heap) <= 70 and len(alarms._placed) <= 70
