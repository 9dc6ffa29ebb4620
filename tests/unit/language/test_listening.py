"""Which events start a workflow: names, patterns, conditions and windows, and their faults."""

from __future__ import annotations

from typing import Any

import pytest

from cdktr_common.catalogue.values import Listener
from cdktr_principal.language.listening import Listened, heard, problem
from tests.unit.language.reading import bad, good

DO = "\ntasks: {a: {command: x}}"


def of(text: str) -> Listened:
    plan = good(text + DO)
    return Listened(plan.events, plan.listeners)


@pytest.mark.parametrize(
    ("text", "listener"),
    [
        ("events: file.*", {"event": "file.*"}),
        ("events: ['a?']", {"event": "a?"}),
        ("eventTrigger: '[ab]'", {"event": "[ab]"}),
        ("events: {event: a, if: event.payload.n > 1}",
         {"event": "a", "cond": "event.payload.n > 1"}),
        ("events: [{event: a, if: '{{ event.name == \"a\" }}'}]",
         {"event": "a", "cond": 'event.name == "a"'}),
        ("events: {event: a, debounce: 10s}", {"event": "a", "debounce_s": 10.0}),
        ("events: {event: a, throttle: 1h}", {"event": "a", "throttle_s": 3600.0}),
        ("events: {event: a, batch: {size: 5, window: 1m}}",
         {"event": "a", "batch_s": 60.0, "batch_size": 5}),
        ("events: {event: a, batch: {window: 1m}}",
         {"event": "a", "batch_s": 60.0, "batch_size": 1000}),
        ("events: {event: a, batch: 90}", {"event": "a", "batch_s": 90.0, "batch_size": 1000}),
        ("events: run.*", {"event": "run.*"}),
        ("events: {event: run.failed, if: event.payload.workflow == 'x'}",
         {"event": "run.failed", "cond": "event.payload.workflow == 'x'"}),
    ],
)  # fmt: skip
def test_one_listener(text: str, listener: dict[str, Any]) -> None:
    assert of(text) == ([], [Listener(**listener)])


def test_names_are_events_and_the_rest_are_listeners_each_once() -> None:
    found = of("events: [a, b, {event: a}, c*, {event: c*}, run.failed]\neventTrigger: [b, d, c*]")
    assert found == (["a", "b", "run.failed", "d"], [Listener(event="c*")])


def test_no_events() -> None:
    assert of("events:") == ([], [])
    assert of("events: []") == ([], [])


def test_what_is_heard_for_a_list() -> None:
    plan = good("events: [a, {event: b*, if: 'true'}, {event: b*, debounce: 1}]" + DO)
    assert heard(plan) == ["a", "b*"]


@pytest.mark.parametrize(
    ("text", "what", "hint"),
    [
        ("events: {name: a}", "unknown key 'name' in events", "use event"),
        ("events: {if: 'true'}", "the event is missing", "event: its name"),
        ("events: {event: }", "the name of an event is empty", ""),
        ("events: {event: [a, b]}", "the name of an event must be text, not a list", ""),
        ("events: {event: a, if: }", "if is empty", ""),
        ("events: {event: a, if: 1 +}", "if: ", ""),
        ("events: {event: a, if: '1'}", "if: the condition is a whole number, not true or", ""),
        ("events: {event: a, if: '[1 > 0]'}", "if: the condition is a list, not true or", ""),
        ("events: {event: a, if: params.x == 1}", "there is no 'params' here",
         "there are event"),
        ("events: {event: a, if: tasks.a.code == 1}", "there is no 'tasks' here", ""),
        ("events: {event: a, if: run.id == 'a'}", "there is no 'run' here", ""),
        ("events: {event: a, if: secrets.x == 'a'}", "there is no 'secrets' here", ""),
        ("events: {event: a, if: payload.x == 1}", "there is no 'payload'", "write event.payload"),
        ("events: {event: a, if: event.playload == 1}", "event has no 'playload'", "payload?"),
        ("events: {event: a, debounce: 0}", "debounce must be more than 0 and at most 7d", ""),
        ("events: {event: a, throttle: 8d}", "throttle must be more than 0 and at most 7d", ""),
        ("events: {event: a, throttle: x}", "'x' is not a time", ""),
        ("events: {event: a, debounce: 1s, throttle: 1s}", "both debounce and throttle", "keep"),
        ("events: {event: a, batch: {size: 5}}", "batch has no window", "window: how long"),
        ("events: {event: a, batch: {size: 1, window: 1s}}", "size must be a whole number", ""),
        ("events: {event: a, batch: {size: 1001, window: 1s}}", "from 2 to 1000", ""),
        ("events: {event: a, batch: {max: 5, window: 1s}}", "unknown key 'max' in batch", ""),
        ("events: run.complete", "'run.complete' never comes", "did you mean run.completed?"),
        ("events: run.x*", "'run.x*' never comes", "there are run.completed"),
        ("events: '{{ params.x }}'", "is taken as it stands", ""),
        (f"events: [{', '.join(f'e{n}*' for n in range(101))}]", "at most 100 are allowed", ""),
        (f"events: [{', '.join(f'e{n}' for n in range(1001))}]", "at most 1000 are allowed", ""),
    ],
)  # fmt: skip
def test_what_is_no_listener(text: str, what: str, hint: str) -> None:
    (fault,) = bad(text + DO)
    assert what in fault.what
    assert hint in fault.hint
    assert fault.see.startswith("docs/workflow.md#")


def test_a_name_is_as_long_as_it_may_be_fired() -> None:
    name = "ä" * 200
    assert of(f"events: [{name}]\n").events == [name] and problem(Listener(event=name)) is None
    assert "200 are allowed" in bad(f"events: [{name}a]\ntasks: {{a: {{command: x}}}}")[0].what
    assert problem(Listener(event=name + "a")) is not None
