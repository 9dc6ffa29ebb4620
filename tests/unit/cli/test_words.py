"""Facts of time and events in words."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from cdktr_cli.ctl.events import line
from cdktr_cli.words import sentence
from cdktr_common.catalogue.facts import FACTS

NOON = 1769860800.0
ETL = {"workflow": "etl", "schedule": "3f9a01c2"}


@pytest.mark.parametrize(
    ("fact", "said"),
    [
        ({"type": "event.fired", "event": "e"}, "'e' has no listener"),
        (
            {"type": "event.fired", "event": "e", "runs": ["r1", "r2"], "workflows": ["a", "b"]},
            "'e' started a as r1, b as r2",
        ),
        (
            {
                "type": "event.fired",
                "event": "run.failed",
                "held": [{"workflow": "a", "listener": 0, "due_ts": NOON}],
                "passed": {"b": "paused"},
                "cause": "r0",
                "deferred": "d1",
            },
            "'run.failed' a holds it in a window to 2026-01-31T12:00:00Z; b not started: paused; "
            "by the end of r0; told before as d1",
        ),
        (
            {"type": "event.deferred", "event": "e", "deferred": "d1", "due_ts": NOON},
            "'e' is to be fired 2026-01-31T12:00:00Z as d1",
        ),
        (
            {"type": "event.deferred", "workflow": "etl", "deferred": "d1", "due_ts": NOON},
            "etl is to start 2026-01-31T12:00:00Z as d1",
        ),
        ({"type": "event.dropped", "deferred": "d1", "reason": "no"}, "d1 will not be: no"),
        (
            {"type": "event.dropped", "workflow": "etl", "listener": 0, "reason": "paused"},
            "what etl held in a window starts nothing: paused",
        ),
        (
            {"type": "tick.recorded", **ETL, "state": "fired", "due_ts": NOON, "run": "r1"},
            "etl/3f9a01c2 due 2026-01-31T12:00:00Z: fired as r1",
        ),
        (
            {"type": "tick.recorded", **ETL, "state": "late", "due_ts": NOON, "run": "r1",
             "late_s": 65.0},
            "etl/3f9a01c2 due 2026-01-31T12:00:00Z: fired late by 1m05s as r1",
        ),
        (
            {"type": "tick.recorded", **ETL, "state": "coalesced", "from_ts": NOON - 120.5,
             "due_ts": NOON, "count": 3, "into_ts": NOON + 60},
            "etl/3f9a01c2 3 due from 2026-01-31T11:57:59.500000Z to 2026-01-31T12:00:00Z: "
            "coalesced into the one due 2026-01-31T12:01:00Z",
        ),
        (
            {"type": "tick.recorded", **ETL, "state": "missed", "due_ts": NOON, "reason": "why"},
            "etl/3f9a01c2 due 2026-01-31T12:00:00Z: missed: why",
        ),
        (
            {"type": "schedule.closed", **ETL, "until_ts": NOON},
            "etl/3f9a01c2 has ended, all told up to 2026-01-31T12:00:00Z",
        ),
        (
            {"type": "workflow.paused", "workflow": "etl", "paused": True, "reason": "by ada"},
            "etl is paused: by ada",
        ),
        ({"type": "workflow.paused", "paused": False}, "every workflow goes on"),
        ({"type": "run.ended", "run": "r1"}, ""),
    ],
)  # fmt: skip
def test_sentences(fact: dict[str, Any], said: str) -> None:
    assert sentence(fact)[0] == said


@pytest.mark.parametrize("kind", FACTS)
def test_every_fact_has_a_line_and_what_is_told_is_not_said_again(kind: Any) -> None:
    fact = msgspec.json.decode(kind.example)
    shown = line(fact)
    for key in sentence(fact)[1]:
        assert f" {key}=" not in shown


def test_the_id_of_a_request_is_no_key_to_be_shown() -> None:
    fact = {
        "type": "event.fired",
        "seq": 5,
        "ts": NOON,
        "event": "e",
        "key": "id:3dd15b1a430bb912-2",
    }
    assert line(fact).endswith("'e' has no listener")


def test_what_is_not_told_stands_beside_it_and_cannot_steer_a_terminal() -> None:
    fact = {"type": "event.fired", "seq": 5, "ts": NOON, "event": "\x1b[2J", "key": "k", "chain": 2}
    assert line(fact) == (
        "       5  2026-01-31T12:00:00.000Z  event.fired         '\\x1b[2J' has no listener  key=k "
        "chain=2"
    )
