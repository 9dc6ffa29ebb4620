"""What is said of an event besides its runs, for people and for programs."""

from __future__ import annotations

import time
from typing import Any

import pytest

from cdktr_cli import told

RUN = {"run": "k3f9x2mq7a", "workflow": "etl"}
NOON = 1769860800.0
HELD = {"workflow": "etl", "listener": 1, "due_ts": NOON}


@pytest.fixture(autouse=True)
def zone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(told.time, "localtime", time.gmtime)


@pytest.mark.parametrize(
    ("answer", "event", "said"),
    [
        ({"runs": [RUN]}, "e", []),
        ({}, "e\x1b", ["no workflow listens to 'e\\x1b'"]),
        ({}, None, []),
        ({"listeners": 1, "passed": {"etl": "paused"}}, "e", ["etl was not started: paused"]),
        (
            {"listeners": 1, "held": [HELD]},
            "e",
            ["etl holds it in a window, to end on 2026-01-31 at 12:00:00"],
        ),
        (
            {"listeners": 1, "duplicate": True},
            "e",
            ["came before, and the window in which it waited has ended"],
        ),
        (
            {"deferred": "d7k2x9", "due_ts": NOON},
            "e",
            [
                "is to be fired on 2026-01-31 at 12:00:00, as d7k2x9: cdktr-ctl pending",
                "no workflow listens to 'e' now",
            ],
        ),
        (
            {"deferred": "d7k2x9", "due_ts": NOON},
            None,
            ["is to start on 2026-01-31 at 12:00:00, as d7k2x9: cdktr-ctl pending"],
        ),
        (
            {"deferred": "d7k2x9", "due_ts": NOON, "duplicate": True},
            "e",
            ["is to be fired on 2026-01-31 at 12:00:00, as d7k2x9: cdktr-ctl pending"],
        ),
        (
            {"deferred": "d7k2x9", "duplicate": True, "runs": [RUN]},
            "e",
            ["was put off before, as d7k2x9, and has been fired"],
        ),
        (
            {"deferred": "d7k2x9", "duplicate": True, "dropped": "came by mail"},
            "e",
            ["was put off before, as d7k2x9, and will not be fired: came by mail"],
        ),
        (
            {"deferred": "d7k2x9", "duplicate": True, "dropped": "no workflow 'w'"},
            None,
            ["was put off before, as d7k2x9, and will not be started: no workflow 'w'"],
        ),
    ],
)
def test_sentences(answer: dict[str, Any], event: str | None, said: list[str]) -> None:
    assert list(told.sentences(answer, event)) == said


def test_fields_of_a_result_are_there_when_there_is_something_to_tell() -> None:
    assert told.fields({"runs": [RUN], "listeners": 1}, True) == {}
    assert told.fields({}, True) == {"listeners": 0}
    assert told.fields({}, False) == {}
    assert told.fields({"listeners": 2, "held": [HELD], "passed": {"a": "paused"}}, True) == {
        "held": [{"workflow": "etl", "listener": 1, "due": "2026-01-31T12:00:00.000Z"}],
        "passed": {"a": "paused"},
    }
    assert told.fields({"deferred": "d7k2x9", "dropped": "not now"}, True) | {"due": None} == {
        "listeners": 0, "deferred": "d7k2x9", "due": None, "dropped": "not now",
    }  # fmt: skip


def test_a_document_has_every_field() -> None:
    assert told.document({"deferred": "d7k2x9", "due_ts": NOON}) == {
        "listeners": 0, "held": [], "passed": {}, "deferred": "d7k2x9",
        "due": "2026-01-31T12:00:00.000Z", "dropped": None,
    }  # fmt: skip
